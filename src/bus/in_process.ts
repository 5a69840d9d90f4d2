/**
 * The bus of a gateway that is one process. A message is delivered before `publish` returns. A
 * message that a listener publishes waits until all listeners have the one before it, so that all
 * of them see the same order. Only such messages wait, and their number is bounded, which stops
 * listeners that answer each other endlessly.
 */
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Bus, BusTopics } from "./bus.ts";

/** What the bus is made from. */
export interface InProcessBusOptions {
  readonly limits: Pick<Limits, "busMessagesMax">;
  readonly log: Log;
}

type Topic = keyof BusTopics;
type Listener = (message: BusTopics[Topic]) => void;

/** Makes a bus without listeners. */
export function createInProcessBus({ limits, log }: InProcessBusOptions): Bus {
  const listeners = new Map<Topic, Set<Listener>>();
  const waiting: { readonly topic: Topic; readonly message: BusTopics[Topic] }[] = [];
  let isDelivering = false;

  const deliver = (topic: Topic, message: BusTopics[Topic]): void => {
    for (const listener of [...listeners.get(topic) ?? []]) {
      try {
        listener(message);
      } catch (fault) {
        log.error("A listener of the bus failed", { topic, fault });
      }
    }
  };

  return {
    publish(topic, message) {
      if (waiting.length >= limits.busMessagesMax) {
        throw new Error(`Cannot publish "${topic}": ${waiting.length} messages wait already`);
      }
      waiting.push({ topic, message });
      if (isDelivering) return;
      isDelivering = true;
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        deliver(next.topic, next.message);
      }
      isDelivering = false;
    },
    subscribe(topic, listener) {
      const own = listeners.get(topic) ?? new Set();
      // One listener may subscribe twice; each subscription is its own.
      const entry: Listener = (message) => listener(message as BusTopics[typeof topic]);
      listeners.set(topic, own.add(entry));
      return () => void own.delete(entry);
    },
  };
}
