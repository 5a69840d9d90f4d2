/**
 * The time limits of one peer's open requests, which share one timer. The timer fires at the
 * earliest limit and then checks all requests again, so that neither a request nor a message sets a
 * timer of its own.
 */
import type { Clock } from "../../clock.ts";

/** A request with a time limit. */
export interface TimedRequest {
  /** When its time is up, as far as is known now (monotonic); Infinity if it has no limit. */
  endsAt(): number;
  /** Ends the request because its time is up; has no effect once the request is over. */
  expire(): void;
}

/** The timer of one peer. */
export class RequestTimer {
  private readonly clock: Clock;
  private readonly requests: ReadonlyMap<unknown, TimedRequest>;
  private dueAt = Infinity;
  private cancel: (() => void) | undefined;

  /** `requests` is the live table of open requests. */
  constructor(clock: Clock, requests: ReadonlyMap<unknown, TimedRequest>) {
    this.clock = clock;
    this.requests = requests;
  }

  /** Called when a request with this limit begins or resumes. */
  watch(endsAt: number): void {
    // A timer for an earlier limit checks all requests, including this one.
    if (endsAt >= this.dueAt) return;
    this.stop();
    this.dueAt = endsAt;
    const waitMs = Math.max(0, endsAt - this.clock.monotonic());
    this.cancel = this.clock.after(waitMs, () => this.look());
  }

  /** Stops the timer, because no request is left. */
  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.dueAt = Infinity;
  }

  private look(): void {
    this.stop();
    let next = Infinity;
    const late: TimedRequest[] = [];
    const now = this.clock.monotonic();
    for (const request of this.requests.values()) {
      const endsAt = request.endsAt();
      if (endsAt <= now) late.push(request);
      else next = Math.min(next, endsAt);
    }
    this.watch(next);
    // One timer each, so that the code that waits for one continues before the next expires.
    if (late.length === 1) return late[0]?.expire();
    for (const request of late) this.clock.after(0, () => request.expire());
  }
}
