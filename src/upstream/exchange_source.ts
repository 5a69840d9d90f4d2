/**
 * The feeding side of an `Exchange`: the code that runs a call puts notices, asks and the ending
 * in, and the reader's sink gets them at once. Without a sink notices wait within a bound and are
 * dropped beyond it; asks and the ending never are (the peer bounds how many asks are open). It
 * owns the time limit of asks, not that of the call.
 */
import type { Clock } from "../clock.ts";
import { errorTable, GatewayError } from "../errors.ts";
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
  readonly limits: Pick<Limits, "exchangeRepliesMax" | "askMs">;
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
  const { limits, clock } = bounds;
  const waiting: Reply[] = [];
  let sink: ((reply: Reply) => void) | undefined;
  const openAsks = new Map<string, (answer: Answer) => void>();
  let lastAskId = 0;
  let noticesWaiting = 0;
  let end: Ending | undefined;
  let resting: Resting | undefined;

  const push = (reply: Reply): void => {
    if (sink !== undefined && waiting.length === 0) return sink(reply);
    if (reply.kind === "notice") noticesWaiting++;
    waiting.push(reply);
  };

  const read = (next: typeof sink): void => {
    sink = next;
    while (sink !== undefined) {
      const reply = waiting.shift();
      if (reply === undefined) return;
      if (reply.kind === "notice") noticesWaiting--;
      sink(reply);
    }
  };

  const finish = (reply: Ending): void => {
    if (end !== undefined) return;
    end = reply;
    push(reply);
    for (const settle of [...openAsks.values()]) settle(noAnswer("The call it belongs to ended"));
  };

  const ask = (method: string, params: JsonObject, signal?: AbortSignal): Promise<Answer> => {
    if (end !== undefined) return Promise.resolve(noAnswer("The call it belongs to ended"));
    const id = String(++lastAskId);
    return new Promise((resolve) => {
      const settle = (answer: Answer): void => {
        if (!openAsks.delete(id)) return;
        cancelTimer();
        signal?.removeEventListener("abort", withdraw);
        if (openAsks.size === 0) hooks.asking(false);
        resolve(answer);
      };
      const withdraw = () => settle(noAnswer("The question was withdrawn"));
      const cancelTimer = clock.after(
        limits.askMs,
        () => settle(noAnswer("No client answered in time")),
      );
      signal?.addEventListener("abort", withdraw);
      openAsks.set(id, settle);
      if (openAsks.size === 1) hooks.asking(true);
      push({ kind: "ask", id, method, params });
    });
  };

  return {
    exchange: {
      read,
      answer(askId, answer) {
        const settle = openAsks.get(askId);
        settle?.(answer);
        return settle !== undefined;
      },
      cancel(reason) {
        if (end !== undefined) return;
        finish({ kind: "failure", error: new GatewayError("cancelled") });
        hooks.cancelled(reason);
      },
      rest(giveWay) {
        resting = giveWay && { since: clock.monotonic(), giveWay };
        hooks.resting?.();
      },
    },
    notice(notice) {
      if (end !== undefined || noticesWaiting >= limits.exchangeRepliesMax) return false;
      push(notice);
      return true;
    },
    ask,
    end: finish,
    ended: () => end !== undefined,
    resting: () => resting,
  };
}
