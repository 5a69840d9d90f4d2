/**
 * What happened at each server since the gateway started, from the stream of events: calls,
 * failures, the times of the latest calls and of each minute, restarts, and the last error. Bounded:
 * a row for each configured server, and a fixed number of times in it.
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import { type Limits, msPerMinute } from "../limits.ts";
import type { Events, GatewayEvent } from "./events.ts";
import { type RestartReason, restartReasons } from "./server_events.ts";

/** The history of one server. */
export interface ServerPast {
  readonly calls: number;
  /** Calls that failed, including those whose tool reported an error. */
  readonly failures: number;
  /** The median of the latest calls that were answered; absent: none was. */
  readonly medianMs?: number | undefined;
  /**
   * The median of each of the last minutes, the present one last; null: no call was answered then.
   * Empty if there was none in all of them.
   */
  readonly latencies: readonly (number | null)[];
  /** How often it was started again: after an unexpected end, a failed start, or by command. */
  readonly restarts: number;
  /** The same by what came before the start. */
  readonly restartReasons: Readonly<Record<RestartReason, number>>;
  /** Why it last failed; it stays when the server works again. */
  readonly lastError?: string | undefined;
}

/** The histories of all servers. */
export interface ServerHistory {
  of(server: string): ServerPast;
  /** Forgets all servers but these. */
  keep(names: readonly string[]): void;
}

/** The times of the present minute, and the medians of those before. */
interface Minutes {
  current: number;
  readonly times: number[];
  next: number;
  readonly medians: Map<number, number>;
}

interface Row {
  calls: number;
  failures: number;
  /** A ring: the oldest time is replaced. */
  readonly times: number[];
  next: number;
  readonly minutes: Minutes;
  readonly restarts: Record<RestartReason, number>;
  /** Ends and failed starts that no start has followed yet. */
  readonly owed: Record<RestartReason, number>;
  lastError: string | undefined;
}

const reasons = Object.keys(restartReasons) as readonly RestartReason[];

const noRestarts = () =>
  Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<RestartReason, number>;

const createRow = (): Row => ({
  calls: 0,
  failures: 0,
  times: [],
  next: 0,
  minutes: { current: -1, times: [], next: 0, medians: new Map() },
  restarts: noRestarts(),
  owed: noRestarts(),
  lastError: undefined,
});

/** Outcomes of calls that the server answered, so that their time is its own. */
const answered: ReadonlySet<string> = new Set(["ok", "tool_error"]);

/** What the histories need. */
export interface ServerHistoryDeps {
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: Pick<Limits, "callTimesMax" | "latencyMinutesMax">;
}

/** Follows the events of a stream. */
export function recordServers(
  events: Pick<Events, "read">,
  { clock, limits }: ServerHistoryDeps,
): ServerHistory {
  const minuteNow = () => Math.floor(clock.monotonic() / msPerMinute);
  const rows = new Map<string, Row>();
  const rowOf = (server: string): Row => {
    let row = rows.get(server);
    if (row === undefined) rows.set(server, row = createRow());
    return row;
  };
  events.read((event) => note(event, rowOf, minuteNow, limits));
  return {
    of(server) {
      const row = rows.get(server) ?? createRow();
      const { calls, failures, times, lastError } = row;
      return {
        calls,
        failures,
        medianMs: medianOf(times),
        latencies: latenciesOf(row.minutes, minuteNow(), limits.latencyMinutesMax),
        restarts: reasons.reduce((sum, reason) => sum + row.restarts[reason], 0),
        restartReasons: { ...row.restarts },
        lastError,
      };
    },
    keep(names) {
      for (const name of rows.keys()) if (!names.includes(name)) rows.delete(name);
    },
  };
}

function note(
  event: GatewayEvent,
  rowOf: (server: string) => Row,
  minuteNow: () => number,
  limits: ServerHistoryDeps["limits"],
): void {
  switch (event.type) {
    case "call_ended": {
      if (event.server === undefined) return;
      const row = rowOf(event.server);
      row.calls += 1;
      if (event.failure !== undefined) row.failures += 1;
      if (!answered.has(event.outcome)) return;
      row.times[row.next] = event.ms;
      row.next = (row.next + 1) % limits.callTimesMax;
      noteTime(row.minutes, minuteNow(), event.ms, limits);
      return;
    }
    case "server_starting": {
      const row = rowOf(event.server);
      const reason = reasons.find((one) => row.owed[one] > 0);
      if (reason === undefined) return;
      row.owed[reason] -= 1;
      row.restarts[reason] += 1;
      return;
    }
    case "start_failed": {
      const row = rowOf(event.server);
      row.lastError = event.reason;
      row.owed.start_failed += 1;
      return;
    }
    case "connection_closed": {
      if (event.died === undefined) return;
      const row = rowOf(event.server);
      row.lastError = event.died;
      row.owed[event.cause ?? "exited"] += 1;
      return;
    }
    case "server_restarted":
      rowOf(event.server).restarts.command += 1;
  }
}

function noteTime(
  minutes: Minutes,
  minute: number,
  ms: number,
  { callTimesMax, latencyMinutesMax }: ServerHistoryDeps["limits"],
): void {
  if (minute !== minutes.current) {
    const median = medianOf(minutes.times);
    if (median !== undefined) {
      putWithin(minutes.medians, minutes.current, median, latencyMinutesMax);
    }
    minutes.current = minute;
    minutes.times.length = 0;
    minutes.next = 0;
  }
  minutes.times[minutes.next] = ms;
  minutes.next = (minutes.next + 1) % callTimesMax;
}

function latenciesOf(minutes: Minutes, now: number, minutesMax: number): (number | null)[] {
  const current = medianOf(minutes.times);
  const all = Array.from({ length: minutesMax }, (_, index) => {
    const minute = now - minutesMax + 1 + index;
    return (minute === minutes.current ? current : minutes.medians.get(minute)) ?? null;
  });
  return all.some((median) => median !== null) ? all : [];
}

function medianOf(times: readonly number[]): number | undefined {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[sorted.length >> 1];
}
