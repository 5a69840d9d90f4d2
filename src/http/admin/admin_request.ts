/** One request to the admin API, and the rows of its route table, as the endpoints see them. */
import * as v from "valibot";
import type { FetchContext } from "../../runtime/runtime.ts";
import { jsonResponse } from "../respond.ts";
import type { AdminHolder, AdminRight } from "./admin_access.ts";
import { AdminError } from "./admin_errors.ts";
import { dataHeaders } from "./data_headers.ts";

/** A request that the guard let in. */
export interface OpenAdminRequest {
  readonly request: Request;
  readonly fetchContext: FetchContext;
  /** The body as a JSON value of this form, once. Rejects with `invalid` for another form. */
  readBody<Schema extends v.GenericSchema>(schema: Schema): Promise<v.InferOutput<Schema>>;
}

/** A request with a token. */
export interface AdminRequest extends OpenAdminRequest, AdminHolder {
  /** The name in the path, as it was written; "" if its row has none. */
  readonly name: string;
}

/** One row of the route table: a path with a method, and who may use it. */
export type AdminRow =
  & {
    readonly method: "GET" | "POST" | "PUT" | "DELETE";
    readonly path: string;
    /** Its requests are calls, which have events of their own. */
    readonly isCall?: true;
  }
  & (
    | {
      readonly right: Extract<AdminRight, "none">;
      readonly answerOpenly: (request: OpenAdminRequest) => Response | Promise<Response>;
    }
    | {
      readonly right: Exclude<AdminRight, "none">;
      readonly answer: (request: AdminRequest) => Response | Promise<Response>;
    }
  );

/** A response with a JSON value, which no cache keeps. */
export function answerJson(value: unknown, status = 200): Response {
  return jsonResponse(JSON.stringify(value), status, dataHeaders);
}

/** A value in the form of a schema. Throws `invalid` with the first problem and its place. */
export function readForm<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  subject: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const place = path === null ? subject : `"${path}" in ${subject}`;
  throw new AdminError("invalid", `Cannot use ${place}: expected ${issue.message}`);
}
