/** The metrics of a gateway, with what its parts have at the moment. */
import { noDirectory } from "../config/places.ts";
import { toShownState } from "../gateway/server_report.ts";
import { callMethods } from "../gateway/steps/resolve.ts";
import type { SteeredGateway } from "../gateway/surface.ts";
import type { HttpHandler } from "../http/routes.ts";
import type { Stores } from "../store/stores.ts";
import type { Audit } from "../telemetry/audit_trail.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import type { Readings, ServerReading } from "../telemetry/readings.ts";
import type { ServerHistory } from "../telemetry/server_history.ts";
import { identity } from "../version.ts";
import type { GatewayParts } from "./parts.ts";
import type { Upstreams } from "./upstreams.ts";

/** What is asked when the metrics are read. */
export interface MeteredParts {
  readonly parts: GatewayParts;
  readonly gateway: Pick<SteeredGateway, "servers" | "load" | "hasListed">;
  readonly http: Pick<HttpHandler, "load">;
  readonly upstreams: Pick<Upstreams, "load">;
  readonly history: ServerHistory;
  /** Undefined: there is no audit trail. */
  readonly audit: Audit | undefined;
}

/** Begins to count; undefined if the configuration does not want metrics. */
export function openMetrics(metered: MeteredParts): Metrics | undefined {
  const { parts: { options: { config, runtime }, clock, limits, events }, gateway } = metered;
  if (config.metrics !== true) return undefined;
  const startedAt = clock.monotonic();
  const metrics = createMetrics({
    events,
    clock,
    limits,
    methods: callMethods,
    hasListed: gateway.hasListed,
    build: { version: identity.version, runtime: runtime.name },
    read: () => readAll(metered, clock.monotonic() - startedAt),
  });
  metrics.keep(gateway.servers().map(({ config: { name } }) => name));
  return metrics;
}

async function readAll(metered: MeteredParts, uptimeMs: number): Promise<Readings> {
  const { parts, gateway, http, upstreams, audit } = metered;
  const { options: { config, runtime }, opened: { stores }, log } = parts;
  const { processes, startsWaiting, spares } = upstreams.load();
  const { requests, sessions, streams } = http.load();
  return {
    uptimeMs,
    memory: runtime.memory(),
    requests,
    ...gateway.load(),
    storedSessions: await countSessions(stores),
    sessions,
    streams,
    processes,
    startsWaiting,
    spares,
    servers: serversOf(metered),
    files: {
      ...(config.dataDirectory !== noDirectory && { server: log.counts() }),
      ...(audit !== undefined && { audit: audit.counts() }),
    },
  };
}

/** Undefined while the store cannot say. */
async function countSessions({ sessions }: Pick<Stores, "sessions">): Promise<number | undefined> {
  try {
    return await sessions.count();
  } catch {
    return undefined;
  }
}

function serversOf({ gateway, history }: MeteredParts): readonly ServerReading[] {
  return gateway.servers().map((server) => {
    const { config: { name }, status, openCalls } = server;
    const { connections, starting = 0, waiting = 0 } = status;
    const { restartReasons: restarts } = history.of(name);
    const state = toShownState(server);
    return { name, state, connections, starting, openCalls, waiting, restarts };
  });
}
