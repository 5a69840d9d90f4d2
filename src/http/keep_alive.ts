/**
 * The gateway's own progress notices while a call is silent, since many clients cancel a request
 * after a minute without progress. Only calls with a progress token get them. Values must rise
 * ("Progress" in every revision). The gateway's own values rise by so little that the server's next
 * value is still higher. One timer serves all calls.
 */
import type { Clock } from "../clock.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import type { JsonObject, Notice } from "../model.ts";

/** A call whose client wants progress. */
export interface KeptCall {
  /** Sends the gateway's own progress to the client. */
  readonly send: (notice: Notice) => void;
  /** What the call is doing; the time that it has taken is added. */
  readonly doing: () => string;
}

/** The progress of one call toward its client. */
export interface CallProgress {
  /** The server's progress as it goes to the client. */
  relay(notice: Notice): Notice;
  /** The call is over. */
  stop(): void;
}

/** All calls that are kept alive. */
export interface KeepAlive {
  /** Watches a call from now on, until `stop`. */
  add(call: KeptCall): CallProgress;
  /** Stops the timer. */
  close(): void;
}

/** One call under watch. */
interface Entry extends KeptCall {
  readonly begunAt: number;
  /** When its client last got progress. */
  at: number;
  /** The highest value that its client got. */
  last: number;
  total: unknown;
  /** Whether the gateway has sent a value of its own; the server's next value must be higher. */
  hasOwn: boolean;
}

const method = "notifications/progress";

/** Small next to any unit that a server counts in. */
const step = 1e-6;

/** Makes the watch of one handler. The first call arms its timer; each run looks at all calls. */
export function createKeepAlive(
  clock: Clock,
  { keepAliveMs, keepAliveSweepMs }: Pick<Limits, "keepAliveMs" | "keepAliveSweepMs">,
): KeepAlive {
  const calls = new Set<Entry>();
  let cancelTimer: (() => void) | undefined;

  const arm = (ms: number): void => {
    cancelTimer = clock.after(ms, sweep);
  };
  const sweep = (): void => {
    cancelTimer = undefined;
    const now = clock.monotonic();
    let nextAt = Infinity;
    for (const entry of calls) {
      if (now - entry.at >= keepAliveMs) beat(entry, now);
      nextAt = Math.min(nextAt, entry.at + keepAliveMs);
    }
    // Calls that fall due at about the same time share one run.
    if (nextAt < Infinity) arm(Math.max(nextAt - now, keepAliveSweepMs));
  };
  const beat = (entry: Entry, now: number): void => {
    entry.at = now;
    entry.last = above(entry.last);
    entry.hasOwn = true;
    const seconds = Math.round((now - entry.begunAt) / msPerSecond);
    const params: JsonObject = {
      progress: entry.last,
      ...(entry.total === undefined ? {} : { total: entry.total }),
      message: `${entry.doing()} (${seconds} s)`,
    };
    entry.send({ kind: "notice", method, params });
  };

  return {
    add(call) {
      const now = clock.monotonic();
      const entry: Entry = {
        ...call,
        begunAt: now,
        at: now,
        last: 0,
        total: undefined,
        hasOwn: false,
      };
      calls.add(entry);
      if (cancelTimer === undefined) arm(keepAliveMs);
      return {
        relay(notice) {
          entry.at = clock.monotonic();
          entry.total = notice.params["total"];
          const value = Number(notice.params["progress"]);
          if (!entry.hasOwn || value > entry.last) {
            if (value > entry.last) entry.last = value;
            return notice;
          }
          entry.last = above(entry.last);
          return { ...notice, params: { ...notice.params, progress: entry.last } };
        },
        stop: () => void calls.delete(entry),
      };
    },
    close() {
      calls.clear();
      cancelTimer?.();
    },
  };
}

/**
 * The next value: one step higher, or, for numbers too large for the step, two units of precision.
 */
function above(value: number): number {
  return value + Math.max(step, Math.abs(value) * 2 * Number.EPSILON);
}
