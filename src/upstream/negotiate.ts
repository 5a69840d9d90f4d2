/**
 * How a lane and its server come to terms: what the server is told of the client, the handshake,
 * and the codec spoken afterwards. The one file of this folder that knows the era. MCP lifecycle:
 * `initialize`, then `notifications/initialized`.
 */
import type { StdioServerConfig } from "../config/config.ts";
import { GatewayError } from "../errors.ts";
import type { Caller, Description, JsonObject } from "../model.ts";
import type { UpstreamFacingCodec } from "../protocol/codec.ts";
import {
  decodeInitialize,
  initializeParams,
  relayableCapabilities,
} from "../protocol/legacy/handshake.ts";
import { latestRevision } from "../protocol/legacy/revisions.ts";
import { legacyUpstreamCodec } from "../protocol/legacy/upstream_facing.ts";

/** How servers are spoken to. */
export const upstreamCodec: UpstreamFacingCodec = legacyUpstreamCodec;

/** The part of a catalog's key that stands for how the server is spoken to. */
export const wireKey = latestRevision;

/**
 * What a server is told that its client can do: of a session's client what can be relayed, of the
 * many clients of a shared process nothing; and roots when the operator decides on them.
 */
export function declaredCapabilities(
  config: Pick<StdioServerConfig, "isolation" | "roots">,
  caller: Caller,
): JsonObject {
  const relayed = config.isolation === "shared" ? {} : relayableCapabilities(caller.capabilities);
  if (config.roots === "relay") return relayed;
  const { roots: _, ...others } = relayed;
  return config.roots === "none" ? others : { ...others, roots: {} };
}

/** Shakes hands; rejects with a GatewayError when the server does not, or not as it should. */
export async function handshake(options: {
  readonly request: (method: string, params: JsonObject) => Promise<JsonObject>;
  readonly notify: (method: string, params: JsonObject) => void;
  readonly capabilities: JsonObject;
  readonly identity: { readonly name: string; readonly version: string };
}): Promise<Description> {
  const params = initializeParams(options.capabilities, options.identity);
  const decoded = decodeInitialize(await options.request("initialize", params));
  if (decoded.kind !== "ok") {
    const message = decoded.kind === "invalid" ? decoded.message : undefined;
    throw new GatewayError("bad_upstream_response", message);
  }
  options.notify("notifications/initialized", {});
  return decoded.value.description;
}
