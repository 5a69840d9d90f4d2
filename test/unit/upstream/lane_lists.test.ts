/** How long the lists of a server are kept: until it says that they changed, or as long as it called them fresh. */
import { expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import type { Freshness, JsonObject } from "../../../src/model.ts";
import { createLaneLists } from "../../../src/upstream/lane_lists.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog, type LogLine } from "../../support/upstream_deps.ts";

/** Lists of a server whose one tool tells how often it was asked. */
function make(tools: JsonObject, freshness?: Freshness) {
  const clock = createTestClock();
  let asked = 0;
  const lists = createLaneLists({
    capabilities: { tools },
    clock,
    limits: { ...defaultLimits, listFreshMsMin: 100 },
    log: createTestLog([]),
    corrections: { add: () => {} },
    request() {
      asked += 1;
      const value = { tools: [{ name: `tool ${asked}` }] };
      return Promise.resolve({ kind: "result", value, freshness });
    },
  });
  const name = async () => (await lists.get("tools"))[0]?.["name"];
  return { clock, lists, name };
}

test("a server that says when its tools change is asked once", async () => {
  const { clock, lists, name } = make({ listChanged: true }, { ttlMs: 1, isShared: false });
  await name();
  await clock.advance(1_000_000);
  expect(await name()).toBe("tool 1");
  lists.forget("tools");
  expect(await name()).toBe("tool 2");
});

test("a server that never says so is asked again when its list is no longer fresh", async () => {
  const { clock, name } = make({}, { ttlMs: 500, isShared: true });
  await name();
  await clock.advance(499);
  expect(await name()).toBe("tool 1");
  await clock.advance(1);
  expect(await name()).toBe("tool 2");
});

test("a list that is stale at once still serves the calls of the next moment", async () => {
  const { clock, name } = make({}, { ttlMs: 0, isShared: false });
  expect(await name()).toBe("tool 1");
  await clock.advance(99);
  expect(await name()).toBe("tool 1");
  await clock.advance(1);
  expect(await name()).toBe("tool 2");
});

test("a server that says nothing of freshness is asked once", async () => {
  const { clock, name } = make({});
  await name();
  await clock.advance(1_000_000);
  expect(await name()).toBe("tool 1");
});

test("what is left of a list's freshness is known, until it is asked for again", async () => {
  const { clock, lists, name } = make({ listChanged: true }, { ttlMs: 500, isShared: true });
  expect(lists.freshness("tools")).toBe(undefined);
  await name();
  await clock.advance(200);
  expect(lists.freshness("tools")).toEqual({ ttlMs: 300, isShared: true });
  await clock.advance(1_000);
  expect(lists.freshness("tools")).toEqual({ ttlMs: 0, isShared: true });
  lists.forget("tools");
  expect(lists.freshness("tools")).toBe(undefined);
});

test("a tool that nobody can use leaves the log a reason", async () => {
  const log: LogLine[] = [];
  const lists = createLaneLists({
    capabilities: { tools: {} },
    clock: createTestClock(),
    limits: defaultLimits,
    log: createTestLog(log),
    request: () =>
      Promise.resolve({ kind: "result", value: { tools: [] }, leftOut: ['"a": why', '"b": why'] }),
  });
  await lists.get("tools");
  expect(log).toMatchObject([
    { severity: "warn", message: "Left 2 items of tools/list out", fields: { first: '"a": why' } },
  ]);
});
