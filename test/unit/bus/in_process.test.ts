/** The bus of one process: at once, in order, to all listeners, within its bound. */
import { describe, expect, test } from "bun:test";
import { createInProcessBus } from "../../../src/bus/in_process.ts";
import { createTestLog } from "../../support/log.ts";

function open(busMessagesMax = 10) {
  const log = createTestLog();
  return { log, bus: createInProcessBus({ limits: { busMessagesMax }, log }) };
}

const ended = (key: string) => ({ key, reason: "the test ended it" });

describe("the bus of one process", () => {
  test("delivers a message to every listener before publish returns, until it unsubscribes", () => {
    const { bus } = open();
    const heard: string[] = [];
    const listener = ({ key }: { readonly key: string }) => void heard.push(key);
    const stops = [
      bus.subscribe("sessionEnded", listener),
      bus.subscribe("sessionEnded", listener),
    ];
    bus.publish("sessionEnded", ended("a"));
    expect(heard).toEqual(["a", "a"]);
    stops[0]?.();
    bus.publish("sessionEnded", ended("b"));
    expect(heard).toEqual(["a", "a", "b"]);
    stops[1]?.();
    bus.publish("sessionEnded", ended("c"));
    expect(heard).toEqual(["a", "a", "b"]);
  });

  test("a listener that throws does not affect the others", () => {
    const { bus, log } = open();
    const heard: string[] = [];
    bus.subscribe("sessionEnded", () => {
      throw new Error("a listener of the test");
    });
    bus.subscribe("sessionEnded", ({ key }) => void heard.push(key));
    bus.publish("sessionEnded", ended("a"));
    bus.publish("sessionEnded", ended("b"));
    expect(heard).toEqual(["a", "b"]);
    expect(log.records.map(({ message }) => message)).toEqual([
      "A listener of the bus failed",
      "A listener of the bus failed",
    ]);
  });

  test("all listeners see the same order, also when one of them publishes", () => {
    const { bus } = open();
    const heard: string[] = [];
    bus.subscribe("sessionEnded", ({ key }) => {
      heard.push(`first ${key}`);
      if (key === "a") bus.publish("sessionEnded", ended("b"));
    });
    bus.subscribe("sessionEnded", ({ key }) => void heard.push(`second ${key}`));
    bus.publish("sessionEnded", ended("a"));
    expect(heard).toEqual(["first a", "second a", "first b", "second b"]);
  });

  test("messages that wait are bounded, and the bus goes on afterwards", () => {
    const { bus, log } = open(3);
    const heard: string[] = [];
    bus.subscribe("sessionEnded", ({ key }) => {
      heard.push(key);
      if (key !== "a") return;
      for (const next of ["b", "c", "d", "e"]) bus.publish("sessionEnded", ended(next));
    });
    bus.publish("sessionEnded", ended("a"));
    expect(heard).toEqual(["a", "b", "c", "d"]);
    expect(log.records.map(({ fields }) => String(fields.fault))).toEqual([
      'Error: Cannot publish "sessionEnded": 3 messages wait already',
    ]);
    bus.publish("sessionEnded", ended("f"));
    expect(heard).toEqual(["a", "b", "c", "d", "f"]);
  });
});
