/**
 * The bus of several instances: a message is delivered here at once, as in one process, and to the
 * others by a channel of the engine, which may lose it. So a message only says that something
 * changed. After an outage the rights of all are checked again, because a revocation may be among
 * what was lost.
 */
import * as v from "valibot";
import type { Log } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import type { Bus, BusTopics } from "./bus.ts";

/** What the bus is made from. */
export interface RedisBusOptions {
  /** Delivers to the listeners in this process. */
  readonly local: Bus;
  readonly engine: RedisConnection;
  /** The name of this instance, which does not hear itself. */
  readonly instance: string;
  readonly log: Log;
}

type Forms = { readonly [Topic in keyof BusTopics]: v.GenericSchema<unknown, BusTopics[Topic]> };

const text = v.string();
const messageForms: Forms = {
  sessionEnded: v.object({ key: text, reason: text }),
  accessRevoked: v.object({
    principal: v.optional(text),
    client: v.optional(text),
    reason: text,
  }),
  grantChanged: v.object({ server: text, principal: text, isGranted: v.boolean() }),
};
const letterForm = v.pipe(
  text,
  v.parseJson(),
  v.object({
    from: text,
    topic: v.picklist(["sessionEnded", "accessRevoked", "grantChanged"]),
    message: v.unknown(),
  }),
);

/** Joins the channel of all instances. */
export function createRedisBus({ local, engine, instance, log }: RedisBusOptions): Bus {
  const channel = engine.key("bus");
  const deliver = <Topic extends keyof BusTopics>(topic: Topic, message: unknown): void => {
    const read = v.safeParse(messageForms[topic], message);
    if (read.success) local.publish(topic, read.output as BusTopics[Topic]);
    else log.warn("Cannot read a message of another instance", { topic });
  };
  engine.subscribe(channel, (letter) => {
    const read = v.safeParse(letterForm, letter);
    if (!read.success) return log.warn("Cannot read a message of another instance");
    const { from, topic, message } = read.output;
    if (from !== instance) deliver(topic, message);
  });
  engine.onReturn(() => {
    local.publish("accessRevoked", { reason: "messages of other instances may have been lost" });
  });
  return {
    publish(topic, message) {
      local.publish(topic, message);
      engine.publish(channel, JSON.stringify({ from: instance, topic, message }));
    },
    subscribe: local.subscribe,
  };
}
