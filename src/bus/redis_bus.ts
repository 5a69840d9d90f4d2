/**
 * The bus of several instances: a message is delivered here at once, as in one process, and to the
 * others by a channel of the engine, which may lose it. So a message only says that something
 * changed, and what instances keep copies of is announced by numbered messages (message_numbers.ts):
 * an instance that missed one looks at everything again.
 */
import * as v from "valibot";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import type { Bus, BusTopics } from "./bus.ts";
import { createMessageNumbers } from "./message_numbers.ts";

/** What the bus is made from. */
export interface RedisBusOptions {
  /** Delivers to the listeners in this process. */
  readonly local: Bus;
  readonly engine: RedisConnection;
  /** The name of this instance, which does not hear itself. */
  readonly instance: string;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "busCheckMs" | "storageRetryMs">;
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
  storeChanged: v.object({
    what: v.picklist(["servers", "grants", "tools"]),
    server: v.optional(text),
    principal: v.optional(text),
  }),
};
const letterForm = v.pipe(
  text,
  v.parseJson(),
  v.object({
    from: text,
    topic: v.picklist(["sessionEnded", "accessRevoked", "grantChanged", "storeChanged"]),
    message: v.unknown(),
    number: v.optional(v.number()),
  }),
);

/** Joins the channel of all instances. */
export function createRedisBus(options: RedisBusOptions): Bus {
  const { local, engine, instance, clock, limits, log } = options;
  const channel = engine.key("bus");
  const send = (topic: keyof BusTopics, message: unknown, number?: number): void =>
    engine.publish(channel, JSON.stringify({ from: instance, topic, message, number }));
  const numbers = createMessageNumbers({
    engine,
    clock,
    limits,
    log,
    onLoss: () => lookAgain(local),
  });
  engine.subscribe(channel, (letter) => {
    const read = v.safeParse(letterForm, letter);
    if (!read.success) return log.warn("Cannot read a message of another instance");
    const { from, topic, message, number } = read.output;
    numbers.heard(number);
    if (from !== instance) deliver(options, topic, message);
  });
  return {
    publish(topic, message) {
      if (topic !== "storeChanged") local.publish(topic, message);
      // The end of a session concerns its owner alone, who finds it in the store as well.
      if (topic === "sessionEnded") return send(topic, message);
      void numbers.next().then((number) => {
        if (number !== undefined) send(topic, message, number);
      });
    },
    subscribe: local.subscribe,
    close: numbers.close,
  };
}

function deliver<Topic extends keyof BusTopics>(
  { local, log }: RedisBusOptions,
  topic: Topic,
  message: unknown,
): void {
  const read = v.safeParse(messageForms[topic], message);
  if (!read.success) return log.warn("Cannot read a message of another instance", { topic });
  const output = read.output as BusTopics[Topic];
  if (topic === "grantChanged") {
    const { server, principal } = output as BusTopics["grantChanged"];
    // Those who hear of the grant find the latest one.
    local.publish("storeChanged", { what: "grants", server, principal });
  }
  local.publish(topic, output);
}

/** Messages were lost: each copy is read again, and the rights of all are checked again. */
function lookAgain(local: Bus): void {
  local.publish("accessRevoked", { reason: "messages of other instances may have been lost" });
  for (const what of ["servers", "grants", "tools"] as const) {
    local.publish("storeChanged", { what });
  }
}
