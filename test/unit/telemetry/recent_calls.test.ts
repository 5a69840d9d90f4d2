/** What is kept of the latest calls, and what is not done for calls that no page shows. */
import { expect, test } from "bun:test";
import type { JsonObject } from "../../../src/model.ts";
import { keepSourceText } from "../../../src/source_text.ts";
import { createEvents } from "../../../src/telemetry/events.ts";
import { type CallRow, keepRecentCalls } from "../../../src/telemetry/recent_calls.ts";
import { createRing } from "../../../src/telemetry/ring.ts";
import { createTestClock } from "../../support/clock.ts";

function keep() {
  const events = createEvents((thrown) => {
    throw thrown;
  });
  const clock = createTestClock();
  const calls = keepRecentCalls({
    events,
    clock,
    limits: {
      recentCallsMax: 2,
      shownArgumentsCharsMax: 100,
      logNameCharsMax: 10,
      clientTitleCharsMax: 20,
    },
    log: { hide: (text) => text.replaceAll("secret", "…"), toPlain: (value) => value },
  });
  const facts = (call: number, args?: JsonObject) => ({
    call,
    surface: "/mcp",
    method: "tools/call",
    item: `tool-${call}`,
    principal: "anonymous",
    clientInfo: { name: "test", version: "1", more: "x" },
    arguments: args,
  });
  return {
    calls,
    clock,
    begin: (call: number, args?: JsonObject) =>
      events.emit({ type: "call_started", ...facts(call, args) }),
    end: (call: number, result?: JsonObject) =>
      events.emit({ type: "call_ended", ...facts(call), ms: 5, outcome: "ok", result }),
    emit: events.emit,
    facts,
  };
}

test("a call that runs has no time and no outcome yet", () => {
  const { calls, begin, end } = keep();
  const seen: CallRow[] = [];
  const stop = calls.read((call) => void seen.push(calls.toRow(call)));
  begin(1);
  expect(calls.rows()).toMatchObject([{ call: 1, item: "tool-1", client: "test 1" }]);
  expect(calls.rows()[0]?.outcome).toBe(undefined);
  end(1, { content: [] });
  expect(seen.map(({ call, outcome, ms, chars }) => [call, outcome, ms, chars])).toEqual([
    [1, undefined, undefined, undefined],
    [1, "ok", 5, '{"content":[]}'.length],
  ]);
  stop();
  begin(2);
  expect(seen.length).toBe(2);
});

test("a call that began long ago is listed while it runs, and ends on the stream", () => {
  const { calls, begin, end } = keep();
  const ended: number[] = [];
  calls.read(({ call, outcome }) => void (outcome !== undefined && ended.push(call)));
  for (const call of [1, 2, 3, 4]) begin(call);
  expect(calls.rows().map(({ call }) => call)).toEqual([1, 2, 3, 4]);
  end(1);
  expect(ended).toEqual([1]);
  expect(calls.rows().map(({ call }) => call)).toEqual([2, 3, 4]);
  for (const call of [2, 3, 4]) end(call);
  expect(calls.rows().map(({ call }) => call)).toEqual([3, 4]);
});

test("without a reader only a result that has its text is measured", () => {
  const { calls, begin, end } = keep();
  const whole = { content: [{ type: "text", text: "x" }] };
  keepSourceText(whole, JSON.stringify(whole, null, 2));
  begin(1);
  end(1, whole);
  begin(2);
  let isWritten = false;
  end(2, {
    toJSON() {
      isWritten = true;
      return {};
    },
  } as unknown as JsonObject);
  expect(calls.rows().map(({ chars }) => chars)).toEqual([
    JSON.stringify(whole, null, 2).length,
    undefined,
  ]);
  expect(isWritten).toBe(false);
});

test("names are shown in one line, cut, and without secrets", () => {
  const { calls, emit, facts } = keep();
  emit({ type: "call_started", ...facts(1), item: "a secret\nname that is long" });
  expect(calls.rows()[0]?.item).toBe("a … name…");
});

test("switching the arguments off forgets those of calls that still run", () => {
  const { calls, begin, end } = keep();
  calls.showArguments(true);
  for (const call of [1, 2, 3]) begin(call, { n: call });
  const seen: unknown[] = [];
  calls.read((call) => void seen.push(call.arguments));
  calls.showArguments(false);
  end(1);
  expect(seen).toEqual([undefined]);
  expect(calls.rows().map((row) => row.arguments)).toEqual([undefined, undefined]);
});

test("a ring gives its items back in their order, whatever was taken out", () => {
  const ring = createRing<number>(3);
  expect(ring.shift()).toBe(undefined);
  expect([1, 2, 3].map((item) => ring.push(item))).toEqual([undefined, undefined, undefined]);
  expect(ring.push(4)).toBe(1);
  expect(ring.toArray()).toEqual([2, 3, 4]);
  expect(ring.shift()).toBe(2);
  expect(ring.push(5)).toBe(undefined);
  expect(ring.push(6)).toBe(3);
  expect(ring.toArray()).toEqual([4, 5, 6]);
});
