/** Makes the upstreams of a gateway from its parts. */
import type { ServerConfig } from "../config/config.ts";
import { createCorrectionLog } from "../upstream/catalog/correction_log.ts";
import { createProcessLimit } from "../upstream/mcp/process_limit.ts";
import { createSpares } from "../upstream/stdio/spares.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { createUpstream } from "../upstream/upstream_kinds.ts";
import { identity } from "../version.ts";
import type { GatewayParts } from "./parts.ts";

/** Makes the function that makes upstreams; the bounds on processes are those of all together. */
export function createUpstreams(
  { options, tables, limits, clock, log, events, grants, opened, pins, warden, instance }:
    GatewayParts,
): (server: ServerConfig) => Upstream {
  const { stores: { catalogs, credentials }, sealer } = opened;
  const processLimit = createProcessLimit(limits, clock);
  const shared = {
    runtime: options.runtime,
    limits,
    clock,
    emit: events.emit,
    catalogs,
    processLimit,
    spares: createSpares(limits, clock, processLimit),
    warden,
    digest: sealer.digest,
    credentialStore: credentials,
    grants,
    addSecrets: log.addPassingSecrets,
    identity,
    instance,
  };
  return (server) => {
    const own = log.source(`upstream.${server.name}`);
    const corrections = createCorrectionLog(server.name, own, limits);
    const deps = { ...shared, log: own, corrections, pins: pins.of(server) };
    return createUpstream(server, deps, tables.kinds);
  };
}
