/** What a request to the admin API changed, for the audit trail: names, and nothing of a secret. */
import { isJsonObject } from "../../json.ts";
import type { OperatorEvent } from "../../telemetry/access_events.ts";
import { decodeName } from "../route_match.ts";
import type { AdminRole } from "./admin_access.ts";
import type { AdminRow } from "./admin_request.ts";

/** A request that was answered. */
export interface AnsweredRequest {
  readonly row: AdminRow;
  /** Absent: it needed no token. */
  readonly role?: AdminRole;
  /** The name in its path, as it was written. */
  readonly name?: string | undefined;
  /** Its body, if it was read. */
  readonly body?: unknown;
}

/** The change that such a request made; undefined: it only read, or its calls say what they did. */
export function changeOf({ row, role, name, body }: AnsweredRequest): OperatorEvent | undefined {
  const { method, path, isCall = false } = row;
  if (method === "GET" || isCall) return undefined;
  const { name: named, principal } = isJsonObject(body) ? body : {};
  return {
    type: "operator_change",
    role,
    method,
    path,
    name: name === undefined ? asText(named) : decodeName(name),
    principal: asText(principal),
  };
}

const asText = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;
