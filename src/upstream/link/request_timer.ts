/**
 * The time limits of the open requests of one peer, which share one timer. It waits for the earliest
 * end and looks again then, so that neither a request nor a flood of messages costs a timer.
 */
import type { Clock } from "../../clock.ts";

/** A request with a time limit. */
export interface TimedRequest {
  /** When its time is up, as far as is known now (monotonic); Infinity: it has no limit now. */
  endsAt(): number;
  /** Its time is up; it has no effect once the request is over. */
  expire(): void;
}

/** Watches over the requests of a peer. */
export class RequestTimer {
  private readonly clock: Clock;
  private readonly requests: ReadonlyMap<unknown, TimedRequest>;
  private dueAt = Infinity;
  private cancel: (() => void) | undefined;

  /** `requests` are the open ones, at any time. */
  constructor(clock: Clock, requests: ReadonlyMap<unknown, TimedRequest>) {
    this.clock = clock;
    this.requests = requests;
  }

  /** A request that ends at this time has begun, or goes on. */
  watch(endsAt: number): void {
    // A timer for an earlier end looks at all requests, also at this one.
    if (endsAt >= this.dueAt) return;
    this.stop();
    this.dueAt = endsAt;
    const waitMs = Math.max(0, endsAt - this.clock.monotonic());
    this.cancel = this.clock.after(waitMs, () => this.look());
  }

  /** No request is left. */
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
    // As timers of their own: what waits for one goes on before the next expires.
    if (late.length === 1) return late[0]?.expire();
    for (const request of late) this.clock.after(0, () => request.expire());
  }
}
