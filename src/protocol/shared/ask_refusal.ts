/**
 * Refusals of questions.
 */
import type { GatewayError } from "../../errors.ts";
import type { Answer } from "../../model.ts";

/** An error as the answer to a question. */
export function toRefusal(error: GatewayError): Answer {
  return { kind: "refusal", ...error.toRpc() };
}
