/**
 * How the lists of a server are read page by page, and how long they are kept: until it says that they
 * changed, or as long as it called them fresh.
 */
import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import type { Freshness, JsonObject } from "../../../src/model.ts";
import { createCorrectionLog } from "../../../src/upstream/catalog/correction_log.ts";
import { createServerLists } from "../../../src/upstream/mcp/lists.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog, type LogLine } from "../../support/upstream_deps.ts";

/** Lists of a server whose one tool tells how often it was asked. */
function make(tools: JsonObject, freshness?: Freshness) {
  const clock = createTestClock();
  let asked = 0;
  const lists = createServerLists({
    server: "notes",
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

test("skills are asked for again however their server announces its lists", async () => {
  const clock = createTestClock();
  let asked = 0;
  const said: { freshness?: Freshness } = {};
  const lists = createServerLists({
    server: "notes",
    capabilities: {
      resources: { listChanged: true },
      extensions: { "io.modelcontextprotocol/skills": {} },
    },
    clock,
    limits: { ...defaultLimits, listFreshMsMin: 100 },
    log: createTestLog([]),
    corrections: { add: () => {} },
    request() {
      asked += 1;
      const value = { skills: [{ uri: `skill://s${asked}/SKILL.md` }] };
      return Promise.resolve({ kind: "result", value, ...said });
    },
  });
  const uri = async () => (await lists.get("skills"))[0]?.["uri"];
  expect(await uri()).toBe("skill://s1/SKILL.md");
  await clock.advance(99);
  expect(await uri()).toBe("skill://s1/SKILL.md");
  await clock.advance(1);
  said.freshness = { ttlMs: 500, isShared: true };
  expect(await uri()).toBe("skill://s2/SKILL.md");
  await clock.advance(499);
  expect(await uri()).toBe("skill://s2/SKILL.md");
  await clock.advance(1);
  expect(await uri()).toBe("skill://s3/SKILL.md");
});

/** Lists of a server whose pages a test writes; the last one is repeated for ever. */
function paged(pages: readonly JsonObject[], capabilities: JsonObject = { tools: {} }) {
  const asked: unknown[] = [];
  const timeouts: unknown[] = [];
  const log: LogLine[] = [];
  const lists = createServerLists({
    corrections: { add: () => {} },
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
      message: 'Stopped reading tools/list of server "notes": its pages repeat',
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
  const lists = createServerLists({
    corrections: { add: () => {} },
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

/** What a server's lists become, and what the log says, when they are read several times. */
async function read(
  pages: readonly (readonly JsonObject[])[],
  { times = 1, limits = {} }: { times?: number; limits?: Partial<Limits> } = {},
) {
  const lines: LogLine[] = [];
  const log = createTestLog(lines);
  const all = { ...defaultLimits, ...limits };
  const corrections = createCorrectionLog("careless", log, all);
  let tools: readonly JsonObject[] = [];
  for (let time = 0; time < times; time++) {
    const lists = createServerLists({
      server: "careless",
      capabilities: { tools: {} },
      clock: createTestClock(),
      limits: all,
      log,
      corrections,
      request(_method, { cursor = "0" }) {
        const at = Number(cursor);
        const nextCursor = at + 1 < pages.length ? String(at + 1) : undefined;
        return Promise.resolve({
          kind: "result",
          value: { tools: pages[at], nextCursor },
          corrections: at === 0 ? [{ item: "item 1", reason: "left out: null" }] : [],
        });
      },
    });
    tools = await lists.get("tools");
  }
  return { tools, messages: lines.map(({ severity, message }) => `${severity}: ${message}`) };
}

const lost = { type: "object", properties: { a: { $ref: "#/$defs/A" } } };
const plain = { inputSchema: { type: "object" } };

test("each correction is logged once with its server, item and reason", async () => {
  const { tools, messages } = await read([
    [{ name: "a", ...plain, outputSchema: lost }, { name: "b", ...plain, outputSchema: lost }],
    [{ name: "a", inputSchema: {} }, { name: "c", ...plain }, { name: "x".repeat(3_000) }],
  ], { times: 3 });
  expect(tools).toEqual([{ name: "a", ...plain }, { name: "b", ...plain }, {
    name: "c",
    ...plain,
  }]);
  const start = 'warn: Corrected tools/list of server "careless":';
  expect(messages).toEqual([
    `${start} "item 1": left out: null`,
    `${start} "a": left out: another one has the same name`,
    expect.stringMatching(/"x+…: left out: its name has more than 2048 characters$/),
    `${start} "a", "b": left out its output schema, which cannot be compiled: ` +
    '/properties/a/$ref is "#/$defs/A", expected a reference to one schema of its document',
  ]);
});

test("a server that does everything wrong does not fill the log", async () => {
  const careless = (name: string, at: number) => ({
    name,
    ...plain,
    outputSchema: { type: "object", properties: { a: { type: `type ${at % 8}` } } },
  });
  const page = Array.from({ length: 500 }, (_, at) => careless(`t${at}`, at));
  const { tools, messages } = await read([page], { times: 2 });
  expect(tools.map((tool) => Object.keys(tool).length)).toEqual(page.map(() => 2));
  // The first, one for each of the eight reasons, and one about the rest.
  expect(messages.length).toBe(1 + 8 + 1);
  expect(messages[1]).toMatch(/"t0", "t8",(?: "t\d+",){7} "t72" and 15 more: left out/);
  expect(messages.at(-1)).toContain("Corrected 301 more items of tools/list");
});

test("a long list of tools lets other work in between", async () => {
  const schema = {
    type: "object",
    properties: Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`p${at}`, lost])),
    $defs: { A: {} },
  };
  const turns: number[] = [];
  let now = 0;
  const lists = createServerLists({
    server: "careless",
    capabilities: { tools: {} },
    // Each look at the clock is a millisecond later.
    clock: {
      ...createTestClock(),
      monotonic: () => now++,
      after(ms, run) {
        turns.push(ms);
        queueMicrotask(run);
        return () => {};
      },
    },
    limits: { ...defaultLimits, readTurnMs: 10 },
    log: createTestLog([]),
    corrections: { add: () => {} },
    request: () =>
      Promise.resolve({
        kind: "result",
        value: {
          tools: Array.from({ length: 100 }, (_, at) => ({ name: `t${at}`, inputSchema: schema })),
        },
      }),
  });
  expect((await lists.get("tools")).length).toBe(100);
  expect(turns.length).toBeGreaterThan(5);
});

test("a tool whose input schema cannot be compiled says so, and keeps what goes into headers", async () => {
  const inputSchema = {
    type: "object",
    properties: {
      region: { type: "string", "x-mcp-header": "Region", minLength: 1 },
      deep: { type: "object", properties: { id: { type: "integer", "x-mcp-header": "Id" } } },
      query: { type: "any" },
    },
    required: ["region"],
  };
  const { tools } = await read([[{ name: "a", description: "Finds things.", inputSchema }]]);
  expect(tools).toEqual([{
    name: "a",
    description:
      "Finds things.\n\nNote: the gateway replaced this tool's input schema, because it " +
      'cannot be compiled: /properties/query/type is "any", expected a type of JSON Schema, or a ' +
      `list of some. The server's schema was: ${JSON.stringify(inputSchema)}`,
    inputSchema: {
      type: "object",
      properties: {
        region: { type: "string", "x-mcp-header": "Region" },
        deep: { type: "object", properties: { id: { type: "integer", "x-mcp-header": "Id" } } },
      },
    },
  }]);
});

test("a skill with more files than a server may name is left out, and no other one", async () => {
  const skill = (name: string, count: number) => ({
    uri: `skill://${name}/SKILL.md`,
    frontmatter: { name },
    resources: Array.from({ length: count }, (_, at) => ({ uri: `skill://${name}/${at}` })),
  });
  const corrections: string[] = [];
  const lists = createServerLists({
    server: "notes",
    capabilities: { extensions: { "io.modelcontextprotocol/skills": {} } },
    clock: createTestClock(),
    limits: { ...defaultLimits, skillFilesMax: 5 },
    log: createTestLog([]),
    corrections: { add: (_, all) => corrections.push(...all.map(({ reason }) => reason)) },
    request() {
      const skills = [skill("one", 3), skill("two", 3), skill("three", 2)];
      return Promise.resolve({ kind: "result", value: { skills } });
    },
  });
  const kept = await lists.get("skills");
  expect(kept.map(({ uri }) => uri)).toEqual(["skill://one/SKILL.md", "skill://three/SKILL.md"]);
  expect(corrections).toEqual(["left out: the skills have more than 5 files"]);
});
