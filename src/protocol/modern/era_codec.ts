/** The codec of the stateless era, 2026-07-28: both of its sides. */
import type { Identity, StatelessCodec } from "../codec.ts";
import { createModernClientCodec } from "./client_facing.ts";
import { createModernUpstreamCodec } from "./upstream_facing.ts";

/** Makes the codec of a gateway with this name and version. */
export function createModernCodec(identity: Identity): StatelessCodec {
  return {
    client: createModernClientCodec(identity),
    upstream: createModernUpstreamCodec(identity),
  };
}
