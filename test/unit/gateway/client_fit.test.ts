/**
 * Lists for clients with known limits: which tools they get and under which names, what they can call,
 * and what the operator reads about it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import type { ClientBoundKeys } from "../../../src/config/client_limit_keys.ts";
import { resultExchange } from "../../../src/gateway/exchange.ts";
import { knownClients } from "../../../src/limits/known_clients.ts";
import type { Caller, JsonObject } from "../../../src/model.ts";
import type { ClientLimitedEvent } from "../../../src/telemetry/client_events.ts";
import {
  coreConfig,
  createCoreGateway,
  endOf,
  sessionCaller,
  statelessCaller,
} from "../../support/core_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";
import { createTestLog } from "../../support/log.ts";
import { projectDirectory } from "../../support/spawn_gateway.ts";
import { until } from "../../support/wait.ts";

const tool = (name: string) => ({ name, inputSchema: { type: "object" } });

/** A server with so many tools, which says which one was called. */
function serverOf(name: string, tools: readonly string[]): FakeUpstream {
  const fake = createFakeUpstream(name, { tools: tools.map(tool) });
  fake.reply = ({ params }) =>
    resultExchange({ content: [{ type: "text", text: `${name}: ${params["name"]}` }] });
  return fake;
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `tool_${n}`);
const first = serverOf("first", numbered(60));
const second = serverOf("second", numbered(60));

const named = (caller: Caller, name: string): Caller => ({
  ...caller,
  clientInfo: { name, version: "1" },
});

async function open(fakes: readonly FakeUpstream[], bounds: ClientBoundKeys = {}) {
  const events: ClientLimitedEvent[] = [];
  const log = createTestLog();
  const gateway = await createCoreGateway(fakes, {
    bounds,
    log,
    observe: (event) => void (event.type === "client_limited" && events.push(event)),
  });
  const list = async (caller: Caller, params: JsonObject = {}, surface?: string) => {
    const end = await endOf(gateway, caller, "tools/list", params, undefined, surface);
    if (end.kind !== "result") throw new Error("No list");
    return end;
  };
  const names = async (caller: Caller, surface?: string) =>
    ((await list(caller, {}, surface)).value["tools"] as JsonObject[]).map(({ name }) => name);
  const call = async (caller: Caller, name: unknown) => {
    const end = await endOf(gateway, caller, "tools/call", { name });
    return end.kind === "result"
      ? (end.value["content"] as { text: string }[])[0]?.text
      : end.kind === "failure" && end.error.message;
  };
  return { gateway, events, log, list, names, call };
}

const everyKind: readonly (readonly [string, Caller])[] = [
  ["a client with a session", sessionCaller()],
  ["a client without one", statelessCaller("ann")],
];

for (const [who, caller] of everyKind) {
  describe(who, () => {
    test("gets as many tools as its kind takes, in the order of the configuration", async () => {
      const { names, call } = await open([first, second]);
      const cursor = named(caller, "cursor-vscode");
      const got = await names(cursor);
      expect(got).toEqual([
        ...numbered(60).map((one) => `first__${one}`),
        ...numbered(20).map((one) => `second__${one}`),
      ]);
      // What is not listed can be called.
      expect(await call(cursor, "second__tool_59")).toBe("second: tool_59");
    });

    test("gets all tools if nothing is known of it", async () => {
      const { names, events } = await open([first, second]);
      for (const name of ["my-agent", "", "cursor-like"]) {
        expect((await names(named(caller, name))).length).toBe(120);
      }
      expect((await names(caller)).length).toBe(120);
      expect(events).toEqual([]);
    });

    test("is known behind mcp-remote, and whatever the case of its name", async () => {
      const { names } = await open([first, second]);
      for (const name of ["Cursor", "cursor (via mcp-remote 0.1.37)", "CURSOR-VSCODE"]) {
        expect((await names(named(caller, name))).length).toBe(80);
      }
      expect((await names(named(caller, "Visual Studio Code - Insiders"))).length).toBe(120);
    });

    test("gets long names cut with a hash, and calls by them", async () => {
      const long = `search_all_of_the_documents_that_a_person_has_ever_read`;
      const fake = serverOf("library", [`${long}_once`, `${long}_twice`, "short"]);
      const { names, call, events } = await open([fake, second]);
      const gemini = named(caller, "gemini-cli-mcp-client");
      const [once, twice, short] = await names(gemini) as string[];
      expect([once?.length, twice?.length, short]).toEqual([47, 47, "library__short"]);
      expect(once).toMatch(/^library__search_all_of_the_documents_t_[0-9a-f]{8}$/);
      expect(once === twice).toBe(false);
      expect(await call(gemini, once)).toBe(`library: ${long}_once`);
      expect(await call(gemini, twice)).toBe(`library: ${long}_twice`);
      // Its own whole name is good, too.
      expect(await call(gemini, (await names(caller))[0])).toBe(`library: ${long}_once`);
      expect(events).toMatchObject([{ client: "gemini-cli", limit: "nameCharsMax", affected: 2 }]);
      // Another gateway has not listed anything yet.
      const later = await open([fake, second]);
      expect(await later.call(gemini, twice)).toBe(`library: ${long}_twice`);
      expect(await later.call(gemini, `${once?.slice(0, -8)}00000000`)).toContain("Unknown tool");
    });
  });
}

describe("what the operator reads", () => {
  test("is one line for each kind of client on each surface", async () => {
    const { names, events, log } = await open([first, second], {
      clientLimits: { cursor: { toolsMax: 50 } },
    });
    for (const scope of ["a", "b", "c"]) await names(named(sessionCaller(scope), "cursor"));
    await names(named(statelessCaller(), "cursor-vscode"));
    await names(named(sessionCaller("d"), "cursor"), "/servers/first");
    expect(events).toEqual([
      {
        ...{ type: "client_limited", surface: "/mcp", client: "cursor", limit: "toolsMax" },
        ...{ most: 50, tools: 120, affected: 70 },
      },
      {
        ...{ type: "client_limited", surface: "/servers/first", client: "cursor" },
        ...{ limit: "toolsMax", most: 50, tools: 60, affected: 10 },
      },
    ]);
    const lines = log.records.filter(({ message }) => message.includes("takes fewer tools"));
    expect(lines.map(({ severity }) => severity)).toEqual(["WARN", "WARN"]);
    expect(JSON.stringify(lines[0])).toContain("/profiles/{name}/mcp");
    expect(JSON.stringify(lines[0])).toContain("/search/mcp");
  });
});

describe("what the configuration says", () => {
  const cursor = named(sessionCaller(), "cursor");

  test("counts instead of what is known", async () => {
    const counts = async (clientLimits: ClientBoundKeys["clientLimits"], name = "cursor") =>
      (await (await open([first, second], { clientLimits })).names(named(cursor, name))).length;
    expect(await counts({ cursor: { toolsMax: 100 } })).toBe(100);
    expect(await counts({ cursor: { toolsMax: false } })).toBe(120);
    expect(await counts({ cursor: false })).toBe(120);
    expect(await counts({ cursor: {} })).toBe(80);
    // A row is named by its kind, or by what its clients call themselves.
    expect(await counts({ "cursor-*": { toolsMax: 7 } }, "cursor-vscode")).toBe(7);
    expect(await counts({ windsurf: { toolsMax: 7 } })).toBe(80);
    // The first that matches counts.
    expect(await counts({ "*": { toolsMax: 30 }, cursor: { toolsMax: 40 } })).toBe(30);
    expect(await counts({ "my-*": { toolsMax: 9 } }, "My-Agent")).toBe(9);
  });

  test("counts from the reload on, and clients hear that lists changed", async () => {
    const { gateway, names } = await open([first, second]);
    const heard: string[] = [];
    gateway.watch("/mcp", cursor, {
      notice: ({ method }) => void heard.push(method),
      ask: () => Promise.reject(new Error("none")),
    }, () => []);
    expect((await names(cursor)).length).toBe(80);
    await gateway.reconfigure(
      coreConfig([first, second], { bounds: { clientLimits: { cursor: { toolsMax: 3 } } } }),
    );
    expect((await names(cursor)).length).toBe(3);
    const changed = "notifications/tools/list_changed";
    expect(await until("the change", () => heard.includes(changed))).toBe(true);
  });

  test("makes a list that no other client may have from a cache", async () => {
    const fresh = { ttlMs: 60_000, isShared: true };
    const fake = serverOf("fresh", numbered(90));
    fake.freshness = () => fresh;
    const { list } = await open([fake]);
    expect((await list(statelessCaller())).freshness).toEqual(fresh);
    expect((await list(named(statelessCaller(), "cursor"))).freshness).toEqual({
      ...fresh,
      isShared: false,
    });
  });

  test("leaves no second page of a list that is limited", async () => {
    const many = serverOf("many", numbered(1_500));
    const { list } = await open([many]);
    const whole = await list(sessionCaller());
    const cursorOfAll = whole.value["nextCursor"];
    expect(typeof cursorOfAll).toBe("string");
    const limited = await list(cursor);
    expect((limited.value["tools"] as unknown[]).length).toBe(80);
    expect(limited.value["nextCursor"]).toBe(undefined);
    expect((await list(cursor, { cursor: cursorOfAll })).value["tools"]).toEqual([]);
  });
});

test("every row stands in the documentation", () => {
  const page = readFileSync(join(projectDirectory, "docs/clients.md"), "utf8");
  const shown = new Map(
    [...page.matchAll(/^\| `([\w-]+)` +\|[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)]
      .map(([, id, ...cells]) => [id, cells.map((cell) => cell.replaceAll(/[ ,]/g, ""))]),
  );
  for (const { id, toolsMax, nameCharsMax, resultCharsMax } of knownClients) {
    const known = [toolsMax, nameCharsMax, resultCharsMax];
    expect([id, shown.get(id)]).toEqual([id, known.map((one) => String(one ?? ""))]);
  }
});

test("every row has a limit and a name of its own", () => {
  const ids = knownClients.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { id, names, toolsMax, nameCharsMax, resultCharsMax } of knownClients) {
    expect([id, toolsMax ?? nameCharsMax ?? resultCharsMax] as unknown[]).not.toContain(undefined);
    expect(names.map((name) => name.toLowerCase())).toEqual([...names]);
  }
});
