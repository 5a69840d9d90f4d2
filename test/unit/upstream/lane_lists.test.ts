/**
 * How the lists of a server are read page by page, and how long they are kept: until it says that they
 * changed, or as long as it called them fresh.
 */
import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
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
    server: "notes",
    capabilities: { tools },
    clock,
    limits: { ...defaultLimits, listFreshMsMin: 100 },
    log: createTestLog([]),
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
    server: "notes",
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

/** Lists of a server whose pages a test writes; the last one is repeated for ever. */
function paged(pages: readonly JsonObject[], capabilities: JsonObject = { tools: {} }) {
  const asked: unknown[] = [];
  const timeouts: unknown[] = [];
  const log: LogLine[] = [];
  const lists = createLaneLists({
    server: "notes",
    capabilities,
    clock: createTestClock(),
    limits: defaultLimits,
    log: createTestLog(log),
    request(_method, { cursor }, timeoutMs) {
      const value = pages[Math.min(asked.length, pages.length - 1)] ?? {};
      asked.push(cursor);
      timeouts.push(timeoutMs);
      return Promise.resolve({ kind: "result", value });
    },
  });
  const names = async () => (await lists.get("tools")).map(({ name }) => name);
  return { lists, names, asked, timeouts, log };
}
const page = (name: string, nextCursor?: unknown): JsonObject => ({
  tools: [{ name }],
  nextCursor,
});

test("a cursor goes back as it came, whether text or number", async () => {
  const { names, asked, log } = paged([page("a", 0), page("b", 25), page("c", "x"), page("d")]);
  expect(await names()).toEqual(["a", "b", "c", "d"]);
  expect(asked).toEqual([undefined, 0, 25, "x"]);
  expect(log).toEqual([]);
});

const repeated: [string, JsonObject[], unknown[], string[]][] = [
  ["by the same cursor", [page("a", "x"), page("b", "x")], [undefined, "x"], ["a", "b"]],
  ["by the same number", [page("a", 1), page("b", 1)], [undefined, 1], ["a", "b"]],
  ["by another cursor each time", [page("a", 1), page("a", 2)], [undefined, 1], ["a"]],
  [
    "in a circle",
    [page("a", 1), page("b", 2), page("a", 3)],
    [undefined, 1, 2],
    ["a", "b"],
  ],
];
for (const [how, pages, cursors, expected] of repeated) {
  test(`pages that repeat ${how} end the list, and a warning names the server`, async () => {
    const { names, asked, log } = paged(pages);
    expect(await names()).toEqual(expected);
    expect(asked).toEqual(cursors);
    expect(log).toMatchObject([{
      severity: "warn",
      message: 'Stopped reading tools/list of server "notes": its pages come round again',
    }]);
  });
}

test("an empty page in between ends nothing", async () => {
  const empty = (nextCursor: unknown) => ({ tools: [], nextCursor });
  const { names, log } = paged([page("a", 1), empty(2), empty(3), page("b")]);
  expect(await names()).toEqual(["a", "b"]);
  expect(log).toEqual([]);
});

test("a server that declares nothing is asked for its tools once, and they are used", async () => {
  const { lists, names, asked, timeouts, log } = paged([page("a")], {});
  expect(await lists.declared()).toEqual({ tools: {} });
  expect(await names()).toEqual(["a"]);
  expect(await lists.all()).toMatchObject({ prompts: [], resources: [], templates: [] });
  expect(asked.length).toBe(1);
  expect(timeouts).toEqual([defaultLimits.undeclaredListMs]);
  expect(log).toMatchObject([{ severity: "warn", fields: { tools: 1 } }]);
  expect(log[0]?.message).toContain('"notes" declares no capabilities');
});

test("one that has none, or does not know the request, is asked no more", async () => {
  const empty = paged([{ tools: [] }], { logging: {} });
  for (let at = 0; at < 3; at++) expect(await empty.lists.declared()).toEqual({ logging: {} });
  expect([empty.asked.length, empty.log]).toEqual([1, []]);
  let asked = 0;
  const lists = createLaneLists({
    server: "notes",
    capabilities: {},
    clock: createTestClock(),
    limits: defaultLimits,
    log: createTestLog([]),
    request() {
      asked += 1;
      return Promise.reject(new GatewayError("upstream_error"));
    },
  });
  expect(await lists.declared()).toEqual({});
  expect(await lists.get("tools")).toEqual([]);
  expect(asked).toBe(1);
});

test("one that declares anything that can be listed is asked for nothing else", async () => {
  const { lists, names, asked } = paged([page("a")], { prompts: {} });
  expect(await lists.declared()).toEqual({ prompts: {} });
  expect(await names()).toEqual([]);
  expect(asked).toEqual([]);
});

test("a server that declares nothing may say that its tools changed", async () => {
  const { lists, names } = paged([page("a"), page("b")], {});
  expect(await names()).toEqual(["a"]);
  lists.forget("tools");
  expect(await names()).toEqual(["b"]);
});
