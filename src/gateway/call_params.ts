/** Single params of a call. */
import { GatewayError } from "../errors.ts";
import type { Call } from "../model.ts";

/** A param that must be a string; throws `invalid_params`. */
export function textParam(call: Call, name: string): string {
  const value = call.params[name];
  if (typeof value === "string") return value;
  throw new GatewayError(
    "invalid_params",
    `Cannot run "${call.method}": "${name}" must be a string`,
  );
}
