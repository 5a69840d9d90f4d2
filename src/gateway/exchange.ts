/**
 * Exchanges that are over from the start, and the ending of one whose notices do not matter.
 * Exchanges of calls are made by the upstreams and run through the steps (call_exchange.ts).
 */
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Ending, Exchange, JsonObject, Reply } from "../model.ts";

/** An exchange that is over: its only reply is `reply`. */
export function settledExchange(reply: Reply): Exchange {
  return { read: (sink) => sink?.(reply), answer: () => false, cancel: () => {} };
}

/** An exchange that is over with a result. */
export function resultExchange(value: JsonObject): Exchange {
  return settledExchange({ kind: "result", value });
}

/** An exchange that is over with a failure. */
export function failureExchange(error: GatewayError): Exchange {
  return settledExchange({ kind: "failure", error });
}

/** An exchange that ends as a promise says, or with its failure. */
export function promisedExchange(ending: Promise<Ending>): Exchange {
  let reply: Ending | undefined;
  let reader: ((reply: Reply) => void) | undefined;
  const failed = (thrown: unknown): Ending => ({ kind: "failure", error: toGatewayError(thrown) });
  void ending.catch(failed).then((value) => {
    reply = value;
    reader?.(value);
  });
  return {
    read(sink) {
      reader = sink;
      if (reply !== undefined) sink?.(reply);
    },
    answer: () => false,
    cancel: () => {},
  };
}

/** How an exchange ends: notices before it are passed over, and asks are refused. */
export function endingOf(exchange: Exchange): Promise<Ending> {
  return new Promise((resolve) =>
    exchange.read((reply) => {
      if (reply.kind === "notice") return;
      if (reply.kind !== "ask") return resolve(reply);
      const refusal = new GatewayError("ask_unanswerable").toRpc();
      exchange.answer(reply.id, { kind: "refusal", ...refusal });
    })
  );
}
