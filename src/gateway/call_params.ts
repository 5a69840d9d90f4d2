/** Single params of a call: read, or changed to what a server calls them. */
import { GatewayError } from "../errors.ts";
import type { Call } from "../model.ts";

/** The same call with another value of a param. */
export function withParam(call: Call, name: string, value: unknown): Call {
  return call.params[name] === value
    ? call
    : { ...call, params: { ...call.params, [name]: value } };
}

/** A param that must be a string; throws `invalid_params`. */
export function textParam(call: Call, name: string): string {
  const value = call.params[name];
  if (typeof value === "string") return value;
  throw new GatewayError(
    "invalid_params",
    `Cannot run "${call.method}": "${name}" must be a string`,
  );
}
