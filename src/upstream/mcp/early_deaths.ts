/**
 * Processes that die after they were ready. If the calls of one scope end its processes, other
 * scopes are not affected, so each scope has its own backoff: the first death costs no wait, further
 * ones in a row cost growing waits, and a scope whose process lives long enough starts a new row. A
 * shared server has one scope. restart_policy.ts handles failed starts.
 */
import { putWithin } from "../../bounded.ts";
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Emit } from "../../telemetry/events.ts";
import {
  type BackoffLimits,
  createRestartBackoff,
  type RestartBackoff,
} from "./restart_backoff.ts";

/** The scope of a process; undefined where all share it. */
export type ProcessScope = string | undefined;

/** What became of one process that was ready. */
export interface ProcessLife {
  ready(): void;
  /** It has ended; `died` says why if the gateway did not stop it. */
  ended(died: string | undefined): void;
}

/** The early deaths of one server's processes. */
export interface EarlyDeaths {
  /** The error for calls of a scope while it gets no process; undefined when it does. */
  refusal(scope: ProcessScope): GatewayError | undefined;
  /** A start begins. */
  begin(scope: ProcessScope): ProcessLife;
  /** Whether the process that all share has died again and again, and none is up. */
  isLoop(): boolean;
  /** Why some scopes get no process now, for the operator. */
  problem(): string | undefined;
  forget(scope: string): void;
}

/** The limits of one server's record. */
export type EarlyDeathLimits =
  & BackoffLimits
  & Pick<Limits, "restartsMax" | "provenMs" | "crashingScopesMax">;

/** The deaths in a row of one scope's processes. */
interface Row {
  readonly backoff: RestartBackoff;
  deaths: number;
  reason: string;
  lastDeathAt: number;
}

/** Makes the record of one server: no process has died. */
export function createEarlyDeaths(
  server: string,
  { limits, clock, emit }: {
    readonly limits: EarlyDeathLimits;
    readonly clock: Clock;
    readonly emit: Emit;
  },
): EarlyDeaths {
  const rows = new Map<ProcessScope, Row>();
  /** Processes alive that have lived for a while: what dies next to them has a cause of its own. */
  const proven = new Map<ProcessScope, number>();

  const count = (scope: ProcessScope, change: 1 | -1): void => {
    const now = (proven.get(scope) ?? 0) + change;
    if (now > 0) proven.set(scope, now);
    else proven.delete(scope);
  };
  const rowOf = (scope: ProcessScope): Row => {
    const known = rows.get(scope);
    if (known !== undefined && !known.backoff.isOver()) return known;
    const backoff = createRestartBackoff(limits, clock);
    return { backoff, deaths: 0, reason: "", lastDeathAt: -Infinity };
  };
  const note = (scope: ProcessScope, reason: string): void => {
    const row = rowOf(scope);
    row.deaths++;
    row.reason = reason;
    row.lastDeathAt = clock.monotonic();
    // The scope that has been quiet for longest is first, and gives way.
    putWithin(rows, scope, row, limits.crashingScopesMax);
    const { deaths } = row;
    if (deaths === 1) return;
    const delayMs = row.backoff.failed();
    emit({
      type: "deaths_in_a_row",
      server,
      reason,
      deaths,
      isForAll: scope === undefined,
      isLoop: deaths >= limits.restartsMax,
      isChange: deaths === limits.restartsMax,
      retryAfterMs: Math.ceil(delayMs),
    });
  };

  return {
    refusal(scope) {
      const row = rows.get(scope);
      const waitMs = Math.ceil(row?.backoff.waitMs() ?? 0);
      if (row === undefined || waitMs <= 0) return undefined;
      const whose = scope === undefined ? "" : " for this client";
      return new GatewayError(
        "upstream_unavailable",
        `Cannot start server "${server}"${whose}: ${row.reason} soon after it was ready, ` +
          `${row.deaths} times in a row; it may be tried again in ${waitMs} ms`,
        { data: { server, outcome: "not_sent", retryAfterMs: waitMs } },
      );
    },
    begin(scope) {
      const begunAt = clock.monotonic();
      rows.get(scope)?.backoff.begin();
      let isOver = false;
      let isProven = false;
      let cancelProof = () => {};
      const prove = () => {
        isProven = true;
        count(scope, 1);
      };
      return {
        ready() {
          if (isOver) return;
          cancelProof = clock.after(limits.provenMs, prove);
          rows.get(scope)?.backoff.succeeded();
        },
        ended(died) {
          isOver = true;
          cancelProof();
          if (isProven) count(scope, -1);
          // Those that ran side by side die of one cause: it counts once.
          const isSameCause = begunAt < (rows.get(scope)?.lastDeathAt ?? -Infinity);
          if (died === undefined || proven.has(scope) || isSameCause) return;
          note(scope, died);
        },
      };
    },
    isLoop() {
      const row = rows.get(undefined);
      return row !== undefined && row.deaths >= limits.restartsMax && !row.backoff.isUp();
    },
    problem() {
      const waiting = [...rows].filter(([, { backoff }]) => backoff.dueMs() > 0);
      const last = waiting.at(-1)?.[1];
      if (last === undefined) return undefined;
      const { reason, deaths } = last;
      if (rows.has(undefined)) return `${reason} soon after it was ready, ${deaths} times in a row`;
      const clients = waiting.length === 1 ? "one client" : `${waiting.length} clients`;
      return `${reason} soon after it was ready, in processes of ${clients} alone`;
    },
    forget: (scope) => void rows.delete(scope),
  };
}
