/**
 * The feeding side of an `Exchange`: the code that runs a call puts notices, asks and the ending
 * in, and the reader's sink gets them at once. Without a sink notices wait within a bound and are
 * dropped beyond it; asks and the ending never are (the peer bounds how many asks are open). It
 * owns the time limit of asks, not that of the call.
 */
import type { Clock } from "../clock.ts";
import { errorTable } from "../error_table.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Answer, Ending, Exchange, JsonObject, Notice, Reply } from "../model.ts";

/** What the code that runs the call learns of its reader. */
export interface ExchangeHooks {
  /** The reader gave the call up; the exchange has ended already. */
  cancelled(reason: string): void;
  /** Whether an ask is open: the call's clock stands still meanwhile. */
  asking(open: boolean): void;
  /** The call waits for its client from now on, or does so no longer. */
  resting?(): void;
}

/** A call that waits for its client, which may never return. */
export interface Resting {
  /** Since when (monotonic). */
  readonly since: number;
  /** Gives it up, since others need its place. */
  giveWay(): void;
}

/** The bounds of an exchange. */
export interface ExchangeBounds {
  readonly limits: Pick<Limits, "exchangeRepliesMax" | "exchangeCharsMax" | "askMs">;
  readonly clock: Clock;
}

/** An exchange with the side that feeds it. */
export interface ExchangeSource {
  readonly exchange: Exchange;
  /** False when it was dropped: the exchange has ended, or its reader is too slow. */
  notice(notice: Notice): boolean;
  /**
   * Puts a question to the reader. Resolves with a refusal when no answer comes in time, the call
   * ends, or `signal` withdraws the question.
   */
  ask(method: string, params: JsonObject, signal?: AbortSignal): Promise<Answer>;
  /** Ends the exchange; only the first end counts. */
  end(reply: Ending): void;
  ended(): boolean;
  /** Set while the call waits for its client. */
  resting(): Resting | undefined;
}

const noAnswer = (message: string): Answer => ({
  kind: "refusal",
  code: errorTable.ask_unanswerable.rpc,
  message,
});

/** Makes an exchange. `hooks` are called synchronously and must not throw. */
export function createExchange(bounds: ExchangeBounds, hooks: ExchangeHooks): ExchangeSource {
  return new TwoSided(bounds, hooks);
}

type Sink = ((reply: Reply) => void) | undefined;

/** Both sides in one object, which spares every call a second one. */
class TwoSided implements Exchange, ExchangeSource {
  readonly #bounds: ExchangeBounds;
  readonly #hooks: ExchangeHooks;
  #sink: Sink = undefined;
  /** Replies that came before the reader, and open asks: most calls have none. */
  #waiting: Reply[] | undefined = undefined;
  #asks: Map<string, (answer: Answer) => void> | undefined = undefined;
  #lastAskId = 0;
  #noticesWaiting = 0;
  /** The size of the notices that came since nothing waited last. */
  #charsWaiting = 0;
  #ending: Ending | undefined = undefined;
  #resting: Resting | undefined = undefined;

  constructor(bounds: ExchangeBounds, hooks: ExchangeHooks) {
    this.#bounds = bounds;
    this.#hooks = hooks;
  }

  get exchange(): Exchange {
    return this;
  }

  read(sink: Sink): void {
    this.#sink = sink;
    while (this.#waiting !== undefined && this.#sink !== undefined) {
      const reply = this.#waiting.shift();
      if (this.#waiting.length === 0) this.#waiting = undefined;
      if (reply?.kind === "notice") this.#noticesWaiting--;
      if (reply !== undefined) this.#sink(reply);
    }
  }

  answer(askId: string, answer: Answer): boolean {
    const settle = this.#asks?.get(askId);
    settle?.(answer);
    return settle !== undefined;
  }

  cancel(reason: string): void {
    if (this.#ending !== undefined) return;
    this.end({ kind: "failure", error: new GatewayError("cancelled") });
    this.#hooks.cancelled(reason);
  }

  rest(giveWay: (() => void) | undefined): void {
    this.#resting = giveWay && { since: this.#bounds.clock.monotonic(), giveWay };
    this.#hooks.resting?.();
  }

  notice(notice: Notice): boolean {
    if (this.#ending !== undefined || !this.#hasRoomFor(notice)) return false;
    this.#push(notice);
    return true;
  }

  ask(method: string, params: JsonObject, signal?: AbortSignal): Promise<Answer> {
    if (this.#ending !== undefined) {
      return Promise.resolve(noAnswer("The call it belongs to ended"));
    }
    const { limits, clock } = this.#bounds;
    const asks = this.#asks ??= new Map();
    const id = String(++this.#lastAskId);
    return new Promise((resolve) => {
      const settle = (answer: Answer): void => {
        if (!asks.delete(id)) return;
        cancelTimer();
        signal?.removeEventListener("abort", withdraw);
        if (asks.size === 0) this.#hooks.asking(false);
        resolve(answer);
      };
      const withdraw = () => settle(noAnswer("The question was withdrawn"));
      const cancelTimer = clock.after(
        limits.askMs,
        () => settle(noAnswer("No client answered in time")),
      );
      signal?.addEventListener("abort", withdraw);
      asks.set(id, settle);
      if (asks.size === 1) this.#hooks.asking(true);
      this.#push({ kind: "ask", id, method, params });
    });
  }

  end(reply: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = reply;
    this.#push(reply);
    if (this.#asks === undefined) return;
    for (const settle of [...this.#asks.values()]) settle(noAnswer("The call it belongs to ended"));
  }

  ended(): boolean {
    return this.#ending !== undefined;
  }

  resting(): Resting | undefined {
    return this.#resting;
  }

  /** Only what has to wait is measured: most notices have a reader. */
  #hasRoomFor(notice: Notice): boolean {
    if (this.#sink !== undefined && this.#waiting === undefined) return true;
    const { exchangeRepliesMax, exchangeCharsMax } = this.#bounds.limits;
    if (this.#waiting === undefined) this.#charsWaiting = 0;
    const chars = this.#charsWaiting + JSON.stringify(notice.params).length;
    if (this.#noticesWaiting >= exchangeRepliesMax || chars > exchangeCharsMax) return false;
    this.#charsWaiting = chars;
    return true;
  }

  #push(reply: Reply): void {
    if (this.#sink !== undefined && this.#waiting === undefined) return this.#sink(reply);
    if (reply.kind === "notice") this.#noticesWaiting++;
    (this.#waiting ??= []).push(reply);
  }
}
