/** The stream of events and its counts: readers, order, and isolation of a broken reader. */
import { describe, expect, test } from "bun:test";
import { countEvents } from "../../../src/telemetry/counts.ts";
import { createEvents, type GatewayEvent } from "../../../src/telemetry/events.ts";

const refused = (code: string): GatewayEvent => ({ type: "request_refused", status: 404, code });

describe("the stream of events", () => {
  test("gives each event to each reader, in order, until the reader leaves", () => {
    const { emit, read } = createEvents(() => {});
    const one: string[] = [];
    const other: string[] = [];
    const leave = read(({ type }) => void one.push(type));
    read(({ type }) => void other.push(type));
    emit(refused("a"));
    leave();
    emit({ type: "server_recovered", server: "x" });
    expect(one).toEqual(["request_refused"]);
    expect(other).toEqual(["request_refused", "server_recovered"]);
  });

  test("a reader that throws affects neither other readers nor the emitter", () => {
    const faults: unknown[] = [];
    const { emit, read } = createEvents((thrown) => void faults.push(thrown));
    const seen: string[] = [];
    read(() => {
      throw new Error("full disk");
    });
    read(({ type }) => void seen.push(type));
    emit(refused("a"));
    expect(seen).toEqual(["request_refused"]);
    expect(faults).toHaveLength(1);
  });
});

describe("the counts", () => {
  test("count each kind of event by its row", () => {
    const events = createEvents(() => {});
    const counts = countEvents(events);
    events.emit(refused("path_unknown"));
    events.emit(refused("path_unknown"));
    events.emit({ type: "dropped", what: "server_output", server: "x" });
    events.emit({ type: "server_state", server: "x", state: "running" });
    expect(counts()).toEqual({
      "dropped.server_output": 1,
      "request_refused.path_unknown": 2,
      "server_state.running": 1,
    });
  });
});
