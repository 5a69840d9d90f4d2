/**
 * Which era a POST belongs to, decided once, on arrival. The body decides: a revision in `_meta`
 * claims the stateless era. Headers alone never make a message stateless, but they may make it
 * invalid. Follows "Backward Compatibility" of the Streamable HTTP transport, 2026-07-28.
 */
import { GatewayError } from "../errors.ts";
import { isJsonObject } from "./jsonrpc.ts";
import { envelopeKeys, hasClaim } from "./modern/envelope.ts";
import { headerNames } from "./modern/http_wire.ts";
import { modernRevision } from "./modern/revision.ts";

/** The two eras: handshake and sessions, or stateless. */
export type Era = "legacy" | "modern";

/** The era of a parsed body. Throws if it belongs to neither. */
export function classify(value: unknown, headers: Headers): Era {
  if (Array.isArray(value)) {
    if (value.some((item) => isJsonObject(item) && hasClaim(item.params))) {
      throw new GatewayError(
        "invalid_request",
        `Cannot take a batch of requests of ${modernRevision}: send each by itself`,
      );
    }
    return "legacy";
  }
  // Both eras refuse a body that is no message in the same way.
  if (!isJsonObject(value) || typeof value.method !== "string") return "legacy";
  if (hasClaim(value.params)) return "modern";
  const named = headers.get(headerNames.revision)?.trim();
  if (named !== modernRevision) return "legacy";
  if (value.id === undefined) return "modern";
  if (value.method === "initialize") {
    throw new GatewayError(
      "header_mismatch",
      `Header ${headerNames.revision} says ${modernRevision}, which has no handshake`,
    );
  }
  throw new GatewayError(
    "envelope_invalid",
    `Cannot take the request: params._meta must hold "${envelopeKeys.revision}" and ` +
      `"${envelopeKeys.capabilities}"`,
  );
}
