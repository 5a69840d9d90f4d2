/**
 * A surface whose tools are found by a search: what it lists, finds and describes, to clients of both
 * eras. Calls of what was found are in found_tools.test.ts.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defaultTables } from "../../src/app.ts";
import { GatewayError } from "../../src/errors.ts";
import type { SurfaceKind } from "../../src/http/surface_kinds.ts";
import { defaultLimits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  startWithAccess,
} from "../support/access_gateway.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";
import { framesOf } from "../support/http_harness.ts";
import { until } from "../support/wait.ts";

const people = {
  ann: { id: "user:ann", groups: ["all"] },
  reader: { id: "user:rita", groups: ["readers"] },
};
const access = [
  { group: "all", what: "allow" },
  { group: "readers", servers: "mail", tools: "read_*", what: "allow" },
];

const mailTools = [
  {
    name: "send_letter",
    title: "Send a letter",
    description: "Sends a letter to a person.\nThe second line is for those who read on.",
    inputSchema: {
      type: "object",
      properties: { to: { type: "string", description: "The recipient" } },
      required: ["to"],
    },
    outputSchema: { type: "object", properties: { id: { type: "string" } } },
    annotations: { destructiveHint: false },
  },
  {
    name: "read_letter",
    description: "Reads a letter",
    inputSchema: { type: "object" },
    annotations: { readOnlyHint: true },
  },
];
const weatherTools = [
  {
    name: "getForecast",
    description: "Tells tomorrow's temperature 東京の天気予報 of a town",
    inputSchema: { type: "object" },
  },
  { name: "search_tools", description: "A server's own search", inputSchema: { type: "object" } },
];

/** Surfaces with pinned tools: names with and without their server's. */
const pinning = (path: string, prefixed: boolean, pinned: readonly string[]): SurfaceKind => ({
  path,
  surface: path,
  unknown: "there is none",
  resolve: (_name, { servers }) => ({ servers, prefixed, takesForeign: false, search: { pinned } }),
});
const alone = (path: string, server: string): SurfaceKind => ({
  path,
  surface: path,
  unknown: "there is none",
  resolve: (_name, { servers }) => ({
    servers: servers.filter(({ config }) => config.name === server),
    prefixed: false,
    takesForeign: false,
    search: { pinned: [] },
  }),
});

let mail: FakeUpstream;
let weather: FakeUpstream;
let own: AccessGateway;
let clock: TestClock;

beforeEach(async () => {
  clock = createTestClock();
  mail = createFakeUpstream("mail", {
    tools: [...mailTools],
    prompts: [{ name: "greet" }],
    resources: [{ uri: "file:///a", name: "a" }],
  });
  mail.instructions = "Read before you send.";
  weather = createFakeUpstream("weather", { tools: [...weatherTools] });
  own = await startWithAccess({
    servers: { mail, weather },
    access,
    people,
    clock,
    tables: {
      surfaceKinds: [
        ...defaultTables.surfaceKinds,
        pinning("/pins", true, ["mail__read_*"]),
        pinning("/bare", false, ["*_letter"]),
        alone("/alone", "weather"),
      ],
    },
  });
});

afterEach(() => own.close());

type Request = (method: string, params?: JsonObject) => Promise<AccessAnswer>;

/** A client that uses one of the three tools. */
interface Client {
  readonly request: Request;
  use(name: string, args?: JsonObject): Promise<AccessAnswer>;
}

const clients: Readonly<Record<string, (person?: string, path?: string) => Promise<Client>>> = {
  "a client with a session": async (person = "ann", path = "/search/mcp") => {
    const { request } = await own.connect(person, { path });
    return { request, use: (name, args) => request("tools/call", { name, arguments: args }) };
  },
  "a stateless client": (person = "ann", path = "/search/mcp") => {
    const request: Request = (method, params = {}) => own.ask(person, method, params, { path });
    return Promise.resolve({
      request,
      use: (name, args = {}) => request("tools/call", { name, arguments: args }),
    });
  },
};

const namesIn = ({ result }: AccessAnswer): unknown[] =>
  (result?.["tools"] as JsonObject[] | undefined)?.map(({ name }) => name) ?? [];
const hitsOf = ({ result }: AccessAnswer): unknown[] =>
  ((result?.["structuredContent"] as JsonObject | undefined)?.["tools"] as JsonObject[] | undefined)
    ?.map(({ name }) => name) ?? [];
const textOf = ({ result }: AccessAnswer): string =>
  (result?.["content"] as { text: string }[] | undefined)?.[0]?.text ?? "";
const three = ["search_tools", "describe_tool", "call_tool"];

for (const [who, open] of Object.entries(clients)) {
  describe(who, () => {
    test("gets three tools in less than 2 KB, and no other", async () => {
      const { request } = await open();
      const { result } = await request("tools/list");
      expect(namesIn({ result } as AccessAnswer)).toEqual(three);
      expect(new TextEncoder().encode(JSON.stringify(result?.["tools"])).length).toBeLessThan(
        2_048,
      );
      const [search, describeTool, call] = result?.["tools"] as JsonObject[];
      expect(search?.["annotations"]).toMatchObject({ readOnlyHint: true });
      expect(describeTool?.["annotations"]).toMatchObject({ readOnlyHint: true });
      expect(call?.["annotations"]).toEqual({
        readOnlyHint: false,
        destructiveHint: true,
        openWorldHint: true,
      });
      expect(mail.opened).toEqual([]);
    });

    test("gets the same list whatever becomes of the servers", async () => {
      const { request } = await open();
      const first = (await request("tools/list")).result;
      mail.lists = { tools: [] };
      weather.broken = new GatewayError("upstream_unavailable");
      expect((await request("tools/list")).result).toEqual(first);
      weather.broken = undefined;
      weather.slow = new Promise(() => {});
      mail.slow = weather.slow;
      expect((await request("tools/list")).result).toEqual(first);
    });

    test("keeps the prompts and resources of the servers", async () => {
      const { request } = await open();
      const prompts = await request("prompts/list");
      expect(prompts.result?.["prompts"]).toMatchObject([{ name: "mail__greet" }]);
      const resources = await request("resources/list");
      expect(resources.result?.["resources"]).toMatchObject([{ uri: "file:///a" }]);
      expect((await request("prompts/get", { name: "mail__greet" })).error).toBe(undefined);
    });

    test("finds tools by what they do, with their servers, best first", async () => {
      const { use } = await open();
      const found = await use("search_tools", { query: "post a letter to someone" });
      expect(found.result?.["structuredContent"]).toEqual({
        tools: [
          {
            name: "mail__send_letter",
            server: "mail",
            description: "Sends a letter to a person. The second line is for those who read on.",
          },
          { name: "mail__read_letter", server: "mail", description: "Reads a letter" },
        ],
      });
      expect(textOf(found).split("\n")[0]).toBe(
        "mail__send_letter: Sends a letter to a person. The second line is for those who read on.",
      );
    });

    test("finds names split at their capitals, parameters, and scripts without spaces", async () => {
      const { use } = await open();
      for (
        const [query, name] of [
          ["forecast", "weather__getForecast"],
          ["recipients", "mail__send_letter"],
          ["天気", "weather__getForecast"],
          ["TOWNS", "weather__getForecast"],
        ]
      ) {
        expect([query, hitsOf(await use("search_tools", { query }))[0]]).toEqual([query, name]);
      }
      expect(hitsOf(await use("search_tools", { query: "天使" }))).toEqual([]);
    });

    test("limits a search to a server and to a number of hits", async () => {
      const { use } = await open();
      const query = "letter search forecast";
      expect(hitsOf(await use("search_tools", { query, server: "weather" })).toSorted())
        .toEqual(["weather__getForecast", "weather__search_tools"]);
      expect(hitsOf(await use("search_tools", { query, limit: 1 })).length).toBe(1);
      const unknown = await use("search_tools", { query, server: "post" });
      expect(unknown.result?.["isError"]).toBe(true);
      expect(textOf(unknown)).toBe('There is no server "post". Servers: mail, weather');
    });

    test("sees the servers with their counts by a search without words", async () => {
      const { use } = await open();
      const servers = await use("search_tools");
      expect(servers.result?.["structuredContent"]).toEqual({
        tools: [],
        servers: [{ name: "mail", tools: 2 }, { name: "weather", tools: 2 }],
      });
      expect(textOf(servers)).toContain("mail: 2");
      expect(hitsOf(await use("search_tools", { query: " ", server: "mail" })))
        .toEqual(["mail__send_letter", "mail__read_letter"]);
    });

    test("learns from an error what is wrong with its search", async () => {
      const { use } = await open();
      for (const args of [{ query: 5 }, { server: {} }, { limit: 0 }, { limit: 1.5 }]) {
        const { result } = await use("search_tools", args as JsonObject);
        expect([args, result?.["isError"]]).toEqual([args, true]);
      }
      expect(textOf(await use("search_tools", { query: "xyzzy" }))).toContain("No tool answers");
    });

    test("reads a definition as the surface would list it, and how to use its server", async () => {
      const { use } = await open();
      const listed = await (await open("ann", "/mcp")).request("tools/list");
      const expected = (listed.result?.["tools"] as JsonObject[])[0];
      const described = await use("describe_tool", { name: "mail__send_letter" });
      const [definition, about] = described.result?.["content"] as { text: string }[];
      expect(JSON.parse(definition?.text ?? "")).toEqual(expected);
      expect(about?.text).toBe('How to use the server "mail":\nRead before you send.');
    });

    test("gets the nearest name in place of an unknown one", async () => {
      const { use } = await open();
      for (const name of ["mail__send_leter", "send_letter"]) {
        const unknown = await use("describe_tool", { name });
        expect(unknown.result?.["isError"]).toBe(true);
        expect(textOf(unknown)).toContain(`There is no tool "${name}".`);
        expect(textOf(unknown)).toContain('Did you mean "mail__send_letter"?');
      }
      expect((await use("describe_tool", {})).result?.["isError"]).toBe(true);
    });

    test("finds and reads nothing that it may not know", async () => {
      const { request, use } = await open("reader");
      expect(namesIn(await request("tools/list"))).toEqual(three);
      const found = await use("search_tools", { query: "letter forecast person" });
      expect(hitsOf(found)).toEqual(["mail__read_letter"]);
      expect((await use("search_tools")).result?.["structuredContent"])
        .toEqual({ tools: [], servers: [{ name: "mail", tools: 1 }] });
      for (const hidden of ["mail__send_letter", "weather__getForecast"]) {
        const absent = hidden.replace(/.$/, "q");
        const one = await use("describe_tool", { name: hidden });
        const other = await use("describe_tool", { name: absent });
        expect(textOf(one).replace(hidden, absent)).toBe(textOf(other));
      }
      const elsewhere = await use("search_tools", { query: "town", server: "weather" });
      expect(textOf(elsewhere)).toBe('There is no server "weather". Servers: mail');
      // What another client found before tells this one nothing.
      await (await open("ann")).use("search_tools", { query: "letter" });
      expect(hitsOf(await use("search_tools", { query: "letter" }))).toEqual(["mail__read_letter"]);
    });

    test("finds a tool as its server lists it now", async () => {
      const { use } = await open();
      expect(hitsOf(await use("search_tools", { query: "umbrella" }))).toEqual([]);
      const [forecast = {}] = weatherTools;
      weather.lists = { tools: [{ ...forecast, description: "Whether you need an umbrella" }] };
      expect(hitsOf(await use("search_tools", { query: "umbrella" })))
        .toEqual(["weather__getForecast"]);
      expect(hitsOf(await use("search_tools", { query: "town" }))).toEqual([]);
    });

    test("learns of servers whose tools are not known in time", async () => {
      const { use } = await open();
      weather.slow = new Promise(() => {});
      let isDone = false;
      const asked = use("search_tools", { query: "letter" });
      void asked.finally(() => isDone = true);
      await until("the answer", () => {
        clock.advance(defaultLimits.firstListMs);
        return isDone;
      });
      const found = await asked;
      expect(hitsOf(found)).toEqual(["mail__read_letter", "mail__send_letter"]);
      expect(textOf(found)).toContain("not known at the moment: weather");
    });

    test("sees pinned tools next to the three, as far as it may know them", async () => {
      const { request } = await open("ann", "/pins/mcp");
      expect(namesIn(await request("tools/list"))).toEqual([...three, "mail__read_letter"]);
      mail.broken = new GatewayError("upstream_unavailable");
      expect(namesIn(await (await open("ann", "/pins/mcp")).request("tools/list")).slice(0, 3))
        .toEqual(three);
    });

    test("gets the three where a server has a tool of their name", async () => {
      const { request, use } = await open("ann", "/bare/mcp");
      expect(namesIn(await request("tools/list")))
        .toEqual([...three, "send_letter", "read_letter"]);
      expect(hitsOf(await use("search_tools", { query: "own search" })))
        .toEqual(["weather__search_tools"]);
      const lonely = await open("ann", "/alone/mcp");
      expect(hitsOf(await lonely.use("search_tools", { query: "own search" })))
        .toEqual(["weather__search_tools"]);
      for (const client of [await open("ann", "/bare/mcp"), lonely]) {
        const called = await client.use("weather__search_tools");
        expect(called.result?.["params"]).toMatchObject({ name: "search_tools" });
      }
    });
  });

  describe(`${who} that means harm`, () => {
    const queries = [
      '"',
      "*",
      "letter OR",
      "NOT letter",
      "letter AND (",
      "NEAR(letter forecast)",
      "name:letter",
      "^letter",
      "letter\u0000forecast",
      "-letter",
      "letter; DROP TABLE tools; --",
      "{name}: letter",
      "'letter' = 'letter'",
      "🌧️ 🇩🇪 👨‍👩‍👧",
      "天".repeat(50),
      "ŀéţţèŕ",
      "%s %n \\",
      "x".repeat(100_000),
      "letter ".repeat(15_000),
      Array.from({ length: 5_000 }, (_, at) => `word${at}`).join(" "),
    ];

    test("gets an answer within bounds to every query", async () => {
      const { use } = await open();
      for (const query of queries) {
        const { result, error } = await use("search_tools", { query });
        expect([query.slice(0, 30), error, result?.["isError"]])
          .toEqual([query.slice(0, 30), undefined, undefined]);
        expect(JSON.stringify(result).length).toBeLessThan(20_000);
      }
      expect(hitsOf(await use("search_tools", { query: "letter" })).length).toBe(2);
    });

    test("finds what its words say, whatever signs are around them", async () => {
      const { use } = await open();
      for (const query of ['"letter"*', "letter OR", "name:letter", "-letter", "(LETTER"]) {
        expect([query, hitsOf(await use("search_tools", { query })).length]).toEqual([query, 2]);
      }
    });
  });
}

describe("the answer to a search", () => {
  test("stays within its bound however many tools there are and however long they are", async () => {
    mail.lists = {
      tools: Array.from({ length: 300 }, (_, at) => ({
        name: `letter_${at}`,
        description: `letter ${"x".repeat(2_000)}`,
        inputSchema: { type: "object" },
      })),
    };
    const client = await clients["a stateless client"]?.();
    const found = await client?.use("search_tools", { query: "letter", limit: 1_000 });
    if (found === undefined) throw new Error("no client");
    expect(hitsOf(found).length).toBeLessThanOrEqual(defaultLimits.searchHitsMax);
    expect(textOf(found).length).toBeLessThanOrEqual(defaultLimits.searchAnswerCharsMax);
    expect(hitsOf(await client?.use("search_tools", { query: "letter" }) ?? found).length)
      .toBe(defaultLimits.searchHits);
  });
});

describe("a session that listens", () => {
  test("gets notices of changed prompts, and of changed tools only where some are pinned", async () => {
    const heard: Record<string, unknown[]> = {};
    for (const path of ["/search/mcp", "/pins/mcp"]) {
      const session = await own.connect("ann", { path });
      const frames = framesOf(await session.listen());
      const methods: unknown[] = heard[path] = [];
      void (async () => {
        for (;;) methods.push((await frames.message())["method"]);
      })().catch(() => {});
    }
    const changed = (what: string) =>
      ({ kind: "notice", method: `notifications/${what}/list_changed`, params: {} }) as const;
    await until("the watches", () => mail.audiences.size === 2);
    for (const audience of mail.audiences) {
      audience.noticeAll(changed("tools"));
      audience.noticeAll(changed("prompts"));
    }
    await until("the notices", () => {
      clock.advance(defaultLimits.changeDebounceMs);
      return Object.values(heard).every((methods) =>
        methods.includes("notifications/prompts/list_changed")
      );
    });
    await until("the pinned tools", () => heard["/pins/mcp"]?.includes(changed("tools").method));
    expect(heard["/search/mcp"]).not.toContain("notifications/tools/list_changed");
  });

  test("learns from the instructions how tools are found, and not how each server works", async () => {
    const { opened } = await own.connect("ann", { path: "/search/mcp" });
    const { instructions, capabilities } = opened.result ?? {};
    expect(instructions).toContain("search_tools");
    expect(instructions).toContain("mail, weather");
    expect(instructions).not.toContain("Read before you send");
    expect(capabilities).toMatchObject({ tools: { listChanged: true }, prompts: {} });
  });
});
