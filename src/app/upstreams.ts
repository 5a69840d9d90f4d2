/** Makes the upstreams of a gateway from its parts. */
import type { ServerConfig } from "../config/config.ts";
import { createCorrectionLog } from "../upstream/catalog/correction_log.ts";
import { createProcessLimit } from "../upstream/mcp/process_limit.ts";
import { createReadTurns } from "../upstream/read_turns.ts";
import { createSpares } from "../upstream/stdio/spares.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { createUpstream } from "../upstream/upstream_kinds.ts";
import { identity } from "../version.ts";
import type { GatewayParts } from "./parts.ts";

/** Makes upstreams. */
export interface Upstreams {
  readonly create: (server: ServerConfig) => Upstream;
  /** The processes of all of them, the starts that wait for a place, and the spare processes. */
  load(): {
    readonly processes: number;
    readonly startsWaiting: number;
    readonly spares: number;
  };
}

/** Makes what makes upstreams; the bounds on processes are those of all together. */
export function createUpstreams(
  { options, tables, limits, clock, log, events, grants, opened, pins, warden, instance }:
    GatewayParts,
): Upstreams {
  const { stores: { catalogs, credentials, budgets }, sealer } = opened;
  const processLimit = createProcessLimit(limits, clock, events.emit);
  const spares = createSpares(limits, clock, processLimit);
  const shared = {
    runtime: options.runtime,
    limits,
    clock,
    emit: events.emit,
    catalogs,
    processLimit,
    spares,
    warden,
    readTurns: createReadTurns({ runtime: options.runtime, limits }),
    digest: sealer.digest,
    credentialStore: credentials,
    budgets,
    grants,
    addSecrets: log.addPassingSecrets,
    identity,
    instance,
  };
  return {
    create(server) {
      const own = log.source(`upstream.${server.name}`);
      const corrections = createCorrectionLog(server.name, own, limits);
      const deps = { ...shared, log: own, corrections, pins: pins.of(server) };
      return createUpstream(server, deps, tables.kinds);
    },
    load() {
      const { running: processes, waiting: startsWaiting } = processLimit.counts();
      return { processes, startsWaiting, spares: spares.count() };
    },
  };
}
