/** A failure as the answer to a question. */
import type { GatewayError } from "../../errors.ts";
import type { Answer } from "../../model.ts";

/** A refusal in the words of an error. */
export function toRefusal(error: GatewayError): Answer {
  return { kind: "refusal", ...error.toRpc() };
}
