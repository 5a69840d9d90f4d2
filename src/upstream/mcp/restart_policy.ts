/**
 * Decides when a server may be started again after a start that failed (P5): growing pauses with
 * jitter, after several failures in a row `crash_loop` (logged as an error, retried slowly), and no
 * retry after a fault that only a change of the configuration can fix. A process that dies is
 * replaced by the next call of its scope at once, unless its processes die again and again as soon
 * as they are ready (early_deaths.ts). One per upstream; it starts nothing itself.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Log, LogFields } from "../../log.ts";
import type { Emit } from "../../telemetry/events.ts";
import { createEarlyDeaths, type EarlyDeaths, type ProcessScope } from "./early_deaths.ts";
import type { StartFault } from "../link/link.ts";

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
  /** For how long a server that is away is left alone; undefined where it is not. */
  awayMs(): number | undefined;
  /** Why some scopes are allowed no start, though the server starts well. */
  readonly dying: EarlyDeaths["problem"];
  /** The cause of failed starts is gone: the next one is made at once. */
  forgive(): void;
  /** A scope has ended. */
  readonly forget: EarlyDeaths["forget"];
}

/** Creates the restart policy of one server. */
export function createRestartPolicy(
  server: string,
  options: {
    readonly limits: Pick<
      Limits,
      "restartMsMin" | "restartMsMax" | "restartsMax" | "provenMs" | "crashingScopesMax"
    >;
    readonly clock: Clock;
    readonly log: Log;
    readonly emit: Emit;
  },
): RestartPolicy {
  const { limits, clock, emit } = options;
  const earlyDeaths = createEarlyDeaths(server, options);
  let failures = 0;
  let isPermanent = false;
  let isAway = false;
  let lastReason: string | undefined;
  let loginReason: string | undefined;
  let lastFailureAt = -Infinity;
  let notBefore = -Infinity;

  const fail = (reason: string, permanent: boolean, details: LogFields = {}): void => {
    const isKnown = failures >= limits.restartsMax && reason === lastReason;
    lastReason = reason;
    lastFailureAt = clock.monotonic();
    const failed = { type: "start_failed", server, reason, details, isRepeated: isKnown } as const;
    if (permanent) {
      isPermanent = true;
      return emit({ ...failed, next: "failed", failures, isChange: true });
    }
    const delay = Math.min(limits.restartMsMax, limits.restartMsMin * 2 ** failures) *
      (0.5 + clock.random() / 2);
    failures++;
    notBefore = lastFailureAt + delay;
    const retryAfterMs = Math.ceil(delay);
    const next = failures >= limits.restartsMax ? "crash_loop" : "retry";
    emit({ ...failed, next, failures, retryAfterMs, isChange: failures === limits.restartsMax });
  };

  const forgive = (): void => {
    failures = 0;
    isPermanent = false;
    isAway = false;
    lastReason = undefined;
    loginReason = undefined;
    notBefore = -Infinity;
  };

  return {
    forgive,
    refusal(scope) {
      if (isPermanent) {
        const message = `Cannot start server "${server}": ${lastReason}`;
        return new GatewayError("upstream_unavailable", message, {
          data: { server, outcome: "not_sent" },
        });
      }
      const waitMs = Math.ceil(notBefore - clock.monotonic());
      if (waitMs <= 0) return earlyDeaths.refusal(scope);
      return new GatewayError(
        "upstream_unavailable",
        `Cannot start server "${server}": ${lastReason}; it may be tried again in ${waitMs} ms`,
        { data: { server, outcome: "not_sent", retryAfterMs: waitMs } },
      );
    },
    begin(scope) {
      const begunAt = clock.monotonic();
      const life = earlyDeaths.begin(scope);
      return {
        succeeded() {
          life.ready();
          if (failures >= limits.restartsMax) emit({ type: "server_recovered", server });
          forgive();
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
      };
    },
    state() {
      if (isPermanent) return "failed";
      if (loginReason !== undefined) return "needs_login";
      return failures >= limits.restartsMax || earlyDeaths.isLoop() ? "crash_loop" : "well";
    },
    login: () => loginReason,
    problem: () => lastReason,
    awayMs: () => isAway ? Math.max(0, notBefore - clock.monotonic()) : undefined,
    dying: earlyDeaths.problem,
    forget: earlyDeaths.forget,
  };
}
