/**
 * What follows the events of a gateway from its start to its end: counts, the history of each server,
 * metrics and the audit trail. Not here: the log, which is there before (parts.ts).
 */
import { countEvents, type Counts } from "../telemetry/counts.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { recordServers, type ServerHistory } from "../telemetry/server_history.ts";
import { openAudit } from "./open_audit.ts";
import { type MeteredParts, openMetrics } from "./open_metrics.ts";
import type { GatewayParts } from "./parts.ts";

/** The observers of one gateway. */
export interface Observers {
  readonly counts: () => Counts;
  readonly history: ServerHistory;
  /** Begins to collect metrics, if the configuration wants them. */
  meter(metered: Pick<MeteredParts, "gateway" | "http" | "upstreams">): void;
  /** The metrics as text; undefined if none are collected. */
  metrics(): Promise<string> | undefined;
  /** Forgets all servers but these. */
  keep(names: readonly string[]): void;
  /** Writes what waits, within the stop time. */
  close(): Promise<void>;
}

/** Begins to follow the events. */
export async function openObservers(parts: GatewayParts): Promise<Observers> {
  const { events, clock, limits } = parts;
  const audit = await openAudit(parts);
  const history = recordServers(events, { clock, limits });
  let metrics: Metrics | undefined;
  return {
    counts: countEvents(events),
    history,
    meter(metered) {
      metrics = openMetrics({ ...metered, parts, history, audit });
    },
    metrics: () => metrics?.text(),
    keep(names) {
      history.keep(names);
      metrics?.keep(names);
    },
    async close() {
      metrics?.close();
      await audit?.close();
    },
  };
}
