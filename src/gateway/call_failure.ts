/**
 * What an operator wants to know of a call that failed: whose it was, what it was for, and why. The
 * audit step says it of calls that the gateway took, the bindings of those that they refused.
 */
import type { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Caller, CallTarget, JsonObject } from "../model.ts";
import { clientLine, oneLine } from "../one_line.ts";
import type { CallFailure } from "../telemetry/call_events.ts";

/** Why a call failed. */
export interface CallFault {
  readonly code: string;
  readonly reason: string;
  /** The server that caused the failure, if the call did not reach one. */
  readonly server?: string | undefined;
}

/** The failure of a call, as an event has it. */
export function toCallFailure(
  { params, caller }: { readonly params: JsonObject; readonly caller: Pick<Caller, "clientInfo"> },
  { code, reason, server }: CallFault,
  limits: Pick<Limits, "logNameCharsMax" | "clientTitleCharsMax">,
  target: CallTarget = {},
): CallFailure {
  const name = target.name ?? nameIn(params);
  return {
    server: target.server ?? server,
    item: name === undefined ? undefined : oneLine(name, limits.logNameCharsMax),
    client: clientLine(caller.clientInfo, limits.clientTitleCharsMax),
    code,
    reason,
  };
}

/** A failure that is worth a line: not one of a client or gateway that leaves. */
export function toFault(error: GatewayError): CallFault | undefined {
  if (partings.has(error.code)) return undefined;
  const server = error.data?.["server"];
  return {
    code: error.code,
    reason: error.upstream?.message ?? error.message,
    server: typeof server === "string" ? server : undefined,
  };
}

const partings: ReadonlySet<string> = new Set(["cancelled", "draining"]);

/** The name of the called item, as the client wrote it. */
export function nameIn({ name, uri, ref }: JsonObject): string | undefined {
  if (typeof name === "string") return name;
  if (typeof uri === "string") return uri;
  const { name: refName, uri: refUri } = (ref ?? {}) as JsonObject;
  return [refName, refUri].find((one) => typeof one === "string");
}
