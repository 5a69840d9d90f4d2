/**
 * Decides when a server may be started again after a start that failed (P5): growing waits with
 * jitter, after several failures in a row `crash_loop` (logged as an error, retried slowly, one start
 * at a time), and no retry after a fault that only a change of the configuration or an operator can
 * fix. A process that dies is replaced by the next call of its scope at once, unless its processes
 * die again and again (early_deaths.ts). One per upstream; it starts nothing itself.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { LogFields } from "../../log.ts";
import type { Emit } from "../../telemetry/events.ts";
import {
  createEarlyDeaths,
  type EarlyDeathLimits,
  type EarlyDeaths,
  type ProcessScope,
} from "./early_deaths.ts";
import type { StartFault } from "../link/link.ts";
import { createRestartBackoff } from "./restart_backoff.ts";

/** One try to start: it succeeds or fails, or neither when it was abandoned. */
export interface StartAttempt {
  succeeded(): void;
  /** The started process has ended; `died` gives the reason for an unexpected end. */
  ended(died: string | undefined): void;
  failed(
    fault: Pick<StartFault, "reason" | "permanent" | "details" | "isAway" | "wantsLogin">,
  ): void;
  /**
   * The server wants a log-in for this reason, or (undefined) works without; returns whether that is
   * new.
   */
  login(reason: string | undefined): boolean;
  /** The start is over, whatever became of it. */
  over(): void;
}

/** The judge of one upstream's starts. */
export interface RestartPolicy {
  /** The error for calls of a scope while it is allowed no start; undefined when it is. */
  refusal(scope?: ProcessScope): GatewayError | undefined;
  begin(scope?: ProcessScope): StartAttempt;
  state(): "well" | "needs_login" | "crash_loop" | "failed";
  /** Why the server wants a log-in; undefined where it does not. */
  login(): string | undefined;
  /** Why the last start failed, while none went well since. */
  problem(): string | undefined;
  /**
   * How long until the server is started again without a call, after starts that failed; undefined:
   * it starts well, or it is not started without a call.
   */
  retryMs(): number | undefined;
  /** Why some scopes are allowed no start, though the server starts well. */
  readonly dying: EarlyDeaths["problem"];
  /** The cause of failed starts is gone: the next one is made at once. */
  forgive(): void;
  /** A scope has ended. */
  readonly forget: EarlyDeaths["forget"];
}

/** What a restart policy works with. */
export interface RestartPolicyOptions {
  readonly limits: EarlyDeathLimits;
  readonly clock: Clock;
  readonly emit: Emit;
}

/**
 * Creates the restart policy of one server. `isProgram`: each failure is retried without a call; of
 * a remote server only its absence is, since one that answers has refused the gateway.
 */
export function createRestartPolicy(
  server: string,
  options: RestartPolicyOptions,
  isProgram = true,
): RestartPolicy {
  const { limits, clock, emit } = options;
  const earlyDeaths = createEarlyDeaths(server, options);
  const backoff = createRestartBackoff(limits, clock);
  let failures = 0;
  let underWay = 0;
  let isPermanent = false;
  let isAway = false;
  let lastReason: string | undefined;
  let loginReason: string | undefined;
  let lastFailureAt = -Infinity;

  const isLoop = (): boolean => failures >= limits.restartsMax;
  const fail = (reason: string, permanent: boolean, details: LogFields = {}): void => {
    const isRepeated = isLoop() && reason === lastReason;
    lastReason = reason;
    lastFailureAt = clock.monotonic();
    const failed = { type: "start_failed", server, reason, details, isRepeated } as const;
    if (permanent) {
      isPermanent = true;
      return emit({ ...failed, next: "failed", failures, isChange: true });
    }
    const retryAfterMs = Math.ceil(backoff.failed());
    failures++;
    const next = isLoop() ? "crash_loop" : "retry";
    emit({ ...failed, next, failures, retryAfterMs, isChange: failures === limits.restartsMax });
  };
  const forget = (): void => {
    failures = 0;
    isPermanent = false;
    isAway = false;
    lastReason = undefined;
    loginReason = undefined;
  };
  const refused = (why: string, retryAfterMs?: number): GatewayError =>
    new GatewayError("upstream_unavailable", `Cannot start server "${server}": ${why}`, {
      data: { server, outcome: "not_sent", ...(retryAfterMs !== undefined && { retryAfterMs }) },
    });

  return {
    forgive() {
      forget();
      backoff.reset();
    },
    refusal(scope) {
      if (isPermanent) return refused(String(lastReason));
      const waitMs = Math.ceil(backoff.waitMs());
      if (waitMs > 0) {
        return refused(`${lastReason}; it may be tried again in ${waitMs} ms`, waitMs);
      }
      if (isLoop() && underWay > 0) {
        return refused(`${lastReason}; it is being tried again`, limits.restartMsMin);
      }
      return earlyDeaths.refusal(scope);
    },
    begin(scope) {
      const begunAt = clock.monotonic();
      const life = earlyDeaths.begin(scope);
      backoff.begin();
      underWay++;
      return {
        succeeded() {
          life.ready();
          if (isLoop()) emit({ type: "server_recovered", server });
          backoff.succeeded();
          forget();
        },
        ended: life.ended,
        failed({ reason, permanent, details, isAway: away = false, wantsLogin }) {
          isAway = away;
          loginReason = wantsLogin === true ? reason : undefined;
          // Starts that run side by side fail for one cause: it counts once.
          if (begunAt < lastFailureAt && !permanent) lastReason = reason;
          else fail(reason, permanent, details);
        },
        login(reason) {
          const isNew = reason !== loginReason;
          loginReason = reason;
          return isNew;
        },
        over: () => void (underWay -= 1),
      };
    },
    state() {
      if (isPermanent) return "failed";
      if (loginReason !== undefined) return "needs_login";
      return isLoop() || earlyDeaths.isLoop() ? "crash_loop" : "well";
    },
    login: () => loginReason,
    problem: () => lastReason,
    retryMs() {
      const isOwn = failures > 0 && !isPermanent && loginReason === undefined;
      return isOwn && (isProgram || isAway) ? backoff.dueMs() : undefined;
    },
    dying: earlyDeaths.problem,
    forget: earlyDeaths.forget,
  };
}
