/** The codec of the handshake era, 2024-11-05 to 2025-11-25: both of its sides. */
import type { Identity, SessionCodec } from "../codec.ts";
import { createLegacyClientCodec } from "./client_facing.ts";
import { legacyUpstreamCodec } from "./upstream_facing.ts";

/** Makes the codec of a gateway with this name and version. */
export function createLegacyCodec(identity: Identity): SessionCodec {
  return { client: createLegacyClientCodec(identity), upstream: legacyUpstreamCodec };
}
