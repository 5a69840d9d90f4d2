/** How an answer is read, in success (response.ts) or failure (refusal.ts). */
import type { Limits } from "../../limits.ts";
import type { SecurityContext } from "../../outgoing/authorization.ts";
import { parseJson } from "../../protocol/jsonrpc.ts";
import type { Projection } from "./projection.ts";
import type { Operation } from "./service.ts";

/** What is known about an answer before it arrives. */
export interface Reading {
  readonly operation: Pick<
    Operation,
    "method" | "produces" | "outputSchema" | "projection" | "readOnly"
  >;
  readonly limits: Limits;
  /** The credentials sent to the API, which must not come back in a message. */
  readonly shown: SecurityContext;
  /** Headers of the configuration, which may contain secrets too. */
  readonly headers: Readonly<Record<string, string>>;
  readonly errorMessages: readonly Projection[];
}

/** A text as JSON; undefined if it is none, or nests too deep. */
export function parseBody(text: string, limits: Limits): { readonly value: unknown } | undefined {
  try {
    return { value: parseJson(text.replace(/^\ufeff/, ""), limits, false) };
  } catch {
    return undefined;
  }
}
