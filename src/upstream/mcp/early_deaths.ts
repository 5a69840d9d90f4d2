/**
 * Processes that die as soon as they are ready. If the calls of one scope end its processes, other
 * scopes are not affected, so each scope has its own backoff: the first early death costs no pause,
 * further ones in a row cost growing pauses with jitter, and a process that lives long enough ends
 * the row. A shared server has one scope. restart_policy.ts handles failed starts.
 */
import { putWithin } from "../../bounded.ts";
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";

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
  /** Whether the process that all share dies again and again. */
  isLoop(): boolean;
  /** Why some scopes get no process now, for the operator. */
  problem(): string | undefined;
  forget(scope: string): void;
}

interface Row {
  deaths: number;
  reason: string;
  lastDeathAt: number;
  notBefore: number;
}

/** Makes the record of one server: no process has died. */
export function createEarlyDeaths(
  server: string,
  { limits, clock, log }: {
    readonly limits: Pick<
      Limits,
      "restartMsMin" | "restartMsMax" | "restartsMax" | "provenMs" | "crashingScopesMax"
    >;
    readonly clock: Clock;
    readonly log: Log;
  },
): EarlyDeaths {
  const rows = new Map<ProcessScope, Row>();
  /** Processes alive that have lived long enough: what dies beside them has a cause of its own. */
  const proven = new Map<ProcessScope, number>();
  const waitMsOf = ({ notBefore }: Row): number => Math.ceil(notBefore - clock.monotonic());

  const count = (scope: ProcessScope, change: 1 | -1): void => {
    const now = (proven.get(scope) ?? 0) + change;
    if (now > 0) proven.set(scope, now);
    else proven.delete(scope);
  };

  const note = (scope: ProcessScope, reason: string): void => {
    const now = clock.monotonic();
    const deaths = (rows.get(scope)?.deaths ?? 0) + 1;
    const backoffMs = deaths === 1 ? 0 : Math.min(
      limits.restartMsMax,
      limits.restartMsMin * 2 ** (deaths - 1),
    ) * (0.5 + clock.random() / 2);
    // The scope that has been quiet for longest is first, and gives way.
    const row: Row = { deaths, reason, lastDeathAt: now, notBefore: now + backoffMs };
    putWithin(rows, scope, row, limits.crashingScopesMax);
    if (deaths === 1) return;
    const isLoud = scope === undefined && deaths === limits.restartsMax;
    const say = isLoud ? log.error : deaths > limits.restartsMax ? log.debug : log.warn;
    say(
      `Server "${server}" ended soon after it was ready, ${deaths} times in a row` +
        (scope === undefined ? "" : "; only the client that uses this process has to wait"),
      { reason, retryAfterMs: Math.ceil(backoffMs) },
    );
  };

  return {
    refusal(scope) {
      const row = rows.get(scope);
      const waitMs = row === undefined ? 0 : waitMsOf(row);
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
      let isOver = false;
      let isProven = false;
      let cancelProof = () => {};
      const prove = () => {
        isProven = true;
        count(scope, 1);
        rows.delete(scope);
      };
      return {
        ready() {
          if (!isOver) cancelProof = clock.after(limits.provenMs, prove);
        },
        ended(died) {
          isOver = true;
          cancelProof();
          if (isProven) count(scope, -1);
          // Those that ran side by side die of one cause: it counts once.
          const isSameCause = begunAt < (rows.get(scope)?.lastDeathAt ?? -Infinity);
          if (died === undefined || isProven || proven.has(scope) || isSameCause) return;
          note(scope, died);
        },
      };
    },
    isLoop: () => (rows.get(undefined)?.deaths ?? 0) >= limits.restartsMax,
    problem() {
      const waiting = [...rows].filter(([, row]) => waitMsOf(row) > 0);
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
