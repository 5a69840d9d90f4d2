/**
 * What happened at each server since the gateway started, from the stream of events: calls,
 * failures, the times of the latest calls, restarts, and the last error. Bounded: a row for each
 * configured server, and a fixed number of times in it.
 */
import type { Limits } from "../limits.ts";
import type { Events, GatewayEvent } from "./events.ts";

/** The history of one server. */
export interface ServerPast {
  readonly calls: number;
  /** Calls that failed, including those whose tool reported an error. */
  readonly failures: number;
  /** The median of the latest calls that were answered; absent: none was. */
  readonly medianMs?: number | undefined;
  /** How often it was started again: after an unexpected end, a failed start, or by command. */
  readonly restarts: number;
  /** Why it last failed; it stays when the server works again. */
  readonly lastError?: string | undefined;
}

/** The histories of all servers. */
export interface ServerHistory {
  of(server: string): ServerPast;
  /** Forgets all servers but these. */
  keep(names: readonly string[]): void;
}

interface Row {
  calls: number;
  failures: number;
  /** A ring: the oldest time is replaced. */
  readonly times: number[];
  next: number;
  restarts: number;
  /** Ends and failed starts that no start has followed yet. */
  owed: number;
  lastError: string | undefined;
}

const createRow = (): Row => ({
  calls: 0,
  failures: 0,
  times: [],
  next: 0,
  restarts: 0,
  owed: 0,
  lastError: undefined,
});

/** Outcomes of calls that the server answered, so that their time is its own. */
const answered: ReadonlySet<string> = new Set(["ok", "tool_error"]);

/** Follows the events of a stream. */
export function recordServers(
  events: Pick<Events, "read">,
  { callTimesMax }: Pick<Limits, "callTimesMax">,
): ServerHistory {
  const rows = new Map<string, Row>();
  const rowOf = (server: string): Row => {
    let row = rows.get(server);
    if (row === undefined) rows.set(server, row = createRow());
    return row;
  };
  events.read((event) => note(event, rowOf, callTimesMax));
  return {
    of(server) {
      const { calls, failures, times, restarts, lastError } = rows.get(server) ?? createRow();
      return { calls, failures, medianMs: medianOf(times), restarts, lastError };
    },
    keep(names) {
      for (const name of rows.keys()) if (!names.includes(name)) rows.delete(name);
    },
  };
}

function note(event: GatewayEvent, rowOf: (server: string) => Row, timesMax: number): void {
  switch (event.type) {
    case "call_ended": {
      if (event.server === undefined) return;
      const row = rowOf(event.server);
      row.calls += 1;
      if (event.failure !== undefined) row.failures += 1;
      if (!answered.has(event.outcome)) return;
      row.times[row.next] = event.ms;
      row.next = (row.next + 1) % timesMax;
      return;
    }
    case "server_starting": {
      const row = rowOf(event.server);
      if (row.owed === 0) return;
      row.owed -= 1;
      row.restarts += 1;
      return;
    }
    case "start_failed": {
      const row = rowOf(event.server);
      row.lastError = event.reason;
      row.owed += 1;
      return;
    }
    case "connection_closed": {
      if (event.died === undefined) return;
      const row = rowOf(event.server);
      row.lastError = event.died;
      row.owed += 1;
      return;
    }
    case "server_restarted":
      rowOf(event.server).restarts += 1;
  }
}

function medianOf(times: readonly number[]): number | undefined {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[sorted.length >> 1];
}
