/**
 * The time that one call may take, and what ended it: the client, or a timeout of the gateway.
 * Turns a fault into the error that the client gets (case P4). Not here: pauses between retries.
 */
import type { Clock } from "../clock.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import type { RequestFault } from "../runtime/runtime.ts";
import type { Failures } from "./failure.ts";

/** What bounds one call. */
export interface Deadline {
  /** Aborts when the client or a clock gives the call up. */
  readonly signal: AbortSignal;
  /** Whether there is so much time left. */
  allows(ms: number): boolean;
  /** The head of the answer is there; its body may take until the end of the whole time. */
  headCame(): void;
  /** Stops the clocks. */
  end(): void;
  /**
   * The error for what was thrown by the request or its body; `wasSent`: an earlier attempt of the
   * same call may have reached the server.
   */
  explain(thrown: unknown, wasSent?: boolean): GatewayError;
}

/** Starts the clocks; `totalMs` of 0 is no bound. */
export function createDeadline(
  { totalMs, headMs, repeatable, clock, failures, signal }: {
    readonly totalMs: number;
    readonly headMs: number;
    /** Of others the message says when their effect is unknown. */
    readonly repeatable: boolean;
    readonly clock: Clock;
    readonly failures: Failures;
    readonly signal: AbortSignal;
  },
): Deadline {
  const cutter = new AbortController();
  const ends = clock.monotonic() + (totalMs === 0 ? headMs : Math.min(totalMs, headMs));
  let lateAfter: number | undefined;
  const cutLate = (ms: number) => () => {
    lateAfter = ms;
    cutter.abort();
  };
  const cut = () => cutter.abort();
  if (signal.aborted) cut();
  signal.addEventListener("abort", cut);
  const clearHead = clock.after(headMs, cutLate(headMs));
  const clearTotal = totalMs === 0 ? () => {} : clock.after(totalMs, cutLate(totalMs));

  return {
    signal: cutter.signal,
    allows: (ms) => clock.monotonic() + ms < ends,
    headCame: clearHead,
    end() {
      clearHead();
      clearTotal();
      signal.removeEventListener("abort", cut);
    },
    explain(thrown, wasSent = false) {
      if (thrown instanceof GatewayError) return thrown;
      if (signal.aborted) return new GatewayError("cancelled", undefined, { cause: thrown });
      if (!isRequestFault(thrown)) return toGatewayError(thrown);
      const isSent = wasSent || thrown.sent;
      const more = { cause: thrown, data: { outcome: isSent ? "unknown" : "not_sent" } };
      const effect = isSent && !repeatable ? "; whether the call took effect is unknown" : "";
      if (lateAfter !== undefined) {
        return failures.create(
          "upstream_timeout",
          `did not answer within ${lateAfter} ms${effect}`,
          more,
        );
      }
      return thrown.kind === "forbidden"
        ? failures.create(
          "address_forbidden",
          "leads to a private address, and the URL is not the operator's own",
          more,
        )
        : failures.create(
          "upstream_unavailable",
          `cannot be reached: ${thrown.message}${effect}`,
          more,
        );
    },
  };
}

/** Whether the platform threw this for a request. */
export function isRequestFault(thrown: unknown): thrown is RequestFault {
  return thrown instanceof Error && "kind" in thrown && "sent" in thrown;
}
