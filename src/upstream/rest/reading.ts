/** How an answer is understood, whether it went well (response.ts) or not (refusal.ts). */
import type { Limits } from "../../limits.ts";
import type { SecurityContext } from "../../outgoing/authorization.ts";
import { parseJson } from "../../protocol/jsonrpc.ts";
import type { Projection } from "./projection.ts";
import type { Operation } from "./service.ts";

/** What there is to know of an answer before it comes. */
export interface Reading {
  readonly operation: Pick<
    Operation,
    "method" | "produces" | "outputSchema" | "projection" | "readOnly"
  >;
  readonly limits: Limits;
  /** What was shown to the API: it must not come back in a message. */
  readonly shown: SecurityContext;
  /** Of the configuration, which may hold secrets as well. */
  readonly headers: Readonly<Record<string, string>>;
  readonly errorMessages: readonly Projection[];
}

/** A text as JSON; undefined for one that is none, or nests too deep. */
export function parseBody(text: string, limits: Limits): { readonly value: unknown } | undefined {
  try {
    return { value: parseJson(text.replace(/^\ufeff/, ""), limits, false) };
  } catch {
    return undefined;
  }
}
