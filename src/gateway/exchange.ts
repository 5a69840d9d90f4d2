/**
 * Small exchanges that the gateway makes itself: one that is settled from the start, one whose
 * upstream is still being looked up, and one whose replies are renamed on their way. Exchanges of
 * real calls are made by the upstreams.
 */
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Exchange, JsonObject, Reply } from "../model.ts";

/** An exchange that is over: its only reply is `reply`. */
export function settledExchange(reply: Reply): Exchange {
  return { next: () => Promise.resolve(reply), answer: () => false, cancel: () => {} };
}

/** An exchange that is over with a result. */
export function resultExchange(value: JsonObject): Exchange {
  return settledExchange({ kind: "result", value });
}

/** An exchange that is over with a failure. */
export function failureExchange(error: GatewayError): Exchange {
  return settledExchange({ kind: "failure", error });
}

/**
 * An exchange whose real one is still being found. A cancel before it is found ends it as
 * `cancelled` and the real one, should it appear, is cancelled at once.
 */
export function deferredExchange(find: () => Promise<Exchange>): Exchange {
  let found: Exchange | undefined;
  let cancelled: string | undefined;
  const finding = find().then(
    (exchange) => {
      if (cancelled !== undefined) exchange.cancel(cancelled);
      return (found = exchange);
    },
    (thrown) => (found = failureExchange(toGatewayError(thrown))),
  );
  let stop: (reply: Reply) => void = () => {};
  const stopped = new Promise<Reply>((resolve) => (stop = resolve));
  return {
    next() {
      if (found !== undefined) return found.next();
      return Promise.race([finding.then((exchange) => exchange.next()), stopped]);
    },
    answer: (askId, answer) => found?.answer(askId, answer) ?? false,
    cancel(reason) {
      if (found !== undefined) return found.cancel(reason);
      cancelled ??= reason;
      stop({ kind: "failure", error: new GatewayError("cancelled") });
    },
  };
}

/** The same exchange with each reply changed; a change that throws fails the call. */
export function mappedExchange(
  exchange: Exchange,
  change: (reply: Reply) => Reply | Promise<Reply>,
): Exchange {
  let last: Reply | undefined;
  return {
    async next() {
      if (last !== undefined) return last;
      const reply = await exchange.next();
      const changed = await Promise.resolve(reply).then(change).catch((thrown): Reply => ({
        kind: "failure",
        error: toGatewayError(thrown),
      }));
      if (changed.kind !== "notice" && changed.kind !== "ask") last = changed;
      return changed;
    },
    answer: (askId, answer) => exchange.answer(askId, answer),
    cancel: (reason) => exchange.cancel(reason),
  };
}
