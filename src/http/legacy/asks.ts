/**
 * Questions put to the client of one session (sampling, elicitation, roots) and their answers,
 * which arrive by later POSTs. An answer counts only in the session that was asked (D5): ids are
 * unguessable and looked up nowhere else. Every question has a deadline and ends with the call or
 * session it belongs to; the gateway then sends the client a cancellation.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Answer, RequestId } from "../../model.ts";
import type { WireMessage } from "../../protocol/codec.ts";
import { toRefusal } from "../../protocol/shared/ask_refusal.ts";
import { type Message, notificationText, requestText } from "../../protocol/jsonrpc.ts";

/** Sends a message to the client as long as it is wanted; false if it cannot be sent. */
export type SendToClient = (text: string, isWanted: () => boolean) => boolean;

/** A question under way. */
export interface OpenAsk {
  readonly answer: Promise<Answer>;
  /** The answer is no longer needed. */
  withdraw(reason: string): void;
}

/** The questions of one session. */
export interface Asks {
  open(wire: WireMessage, send: SendToClient): OpenAsk;
  /** Takes a client's response; false when it answers no open question. */
  deliver(message: Extract<Message, { kind: "response" | "error" }>): boolean;
  isOpen(id: RequestId | undefined): boolean;
  /** How many wait for their answer. */
  count(): number;
  withdrawAll(reason: string): void;
}

/** Makes the questions of one session. */
export function createAsks(limits: Limits, clock: Clock): Asks {
  // Each run has its own, so that a late answer to an earlier run matches no question of this one.
  const prefix = crypto.randomUUID();
  const pending = new Map<
    RequestId,
    { settle(answer: Answer): void; withdraw(why: string): void }
  >();
  let asked = 0;

  const open = (wire: WireMessage, send: SendToClient): OpenAsk => {
    const id = `${prefix}-${asked++}`;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const settle = (answer: Answer): void => {
      cancelTimer();
      pending.delete(id);
      resolve(answer);
    };
    const withdraw = (reason: string): void => {
      if (!pending.has(id)) return;
      settle(toRefusal(new GatewayError("ask_unanswerable", `Cannot wait for input: ${reason}`)));
      send(notificationText("notifications/cancelled", { requestId: id, reason }), () => true);
    };
    const cancelTimer = clock.after(
      limits.askMs,
      () => withdraw("the client did not answer in time"),
    );
    pending.set(id, { settle, withdraw });
    const isSent = pending.size <= limits.sessionCallsMax &&
      send(requestText(id, wire.method, wire.params), () => pending.has(id));
    if (!isSent) settle(toRefusal(new GatewayError("ask_unanswerable")));
    return { answer: promise, withdraw };
  };

  return {
    open,
    deliver(message) {
      const ask = message.id === undefined ? undefined : pending.get(message.id);
      ask?.settle(
        message.kind === "response"
          ? { kind: "answer", value: message.result }
          : { kind: "refusal", ...message.error },
      );
      return ask !== undefined;
    },
    isOpen: (id) => id !== undefined && pending.has(id),
    count: () => pending.size,
    withdrawAll(reason) {
      for (const { withdraw } of [...pending.values()]) withdraw(reason);
    },
  };
}
