/**
 * Remote servers of every transport and era that write absent values as `null` or `[]`, use page
 * numbers as cursors, or declare nothing and still list tools.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  lineRules,
  type Rule,
  type Rules,
  sessionRules,
  statelessRules,
} from "../fault/hostile_upstream.ts";
import { createRemotes, type Remote, stateless } from "../support/http_upstream.ts";
import { callerOf, drain, toolCall } from "../support/upstream_deps.ts";

const remotes = createRemotes();
afterEach(remotes.closeAll);

/** Results by method. */
type Results = Readonly<Record<string, (params: JsonObject) => JsonObject>>;

/** One way to speak with a remote server: how it gives a result, and what it says first. */
interface Way {
  readonly name: string;
  readonly caller: ReturnType<typeof callerOf>;
  /** A server that answers these methods so, with `"error": null` next to each result. */
  open(results: Results, capabilities: unknown): Promise<Remote>;
}

const serverInfo = { name: "careless", version: null, icons: null };
const answerOf = (result: JsonObject, id: unknown): JsonObject => ({
  jsonrpc: "2.0",
  id,
  result,
  error: null,
});

function overHttp(rules: Rules, results: Results): Rules {
  const own = Object.entries(results).map(([method, result]): [string, Rule] => [
    method,
    (visit) => visit.json(answerOf(result(visit.params), visit.message["id"])),
  ]);
  return { ...rules, ...Object.fromEntries(own) };
}

const initialized = (capabilities: unknown) => () => ({
  protocolVersion: "2025-06-18",
  capabilities,
  serverInfo,
  instructions: null,
});
const ways: readonly Way[] = [
  {
    name: "in a session",
    caller: callerOf("a"),
    open: (results, capabilities) =>
      remotes.open(
        overHttp(sessionRules(), { initialize: initialized(capabilities), ...results }),
        { era: "legacy" },
      ),
  },
  {
    name: "without sessions",
    caller: stateless(),
    open: (results, capabilities) =>
      remotes.open(overHttp(statelessRules(), {
        "server/discover": () => ({
          supportedVersions: ["2026-07-28"],
          capabilities,
          instructions: null,
          resultType: null,
          ttlMs: null,
          _meta: null,
        }),
        ...results,
      })),
  },
  {
    name: "on one stream",
    caller: callerOf("a"),
    open(results, capabilities) {
      const rules = lineRules();
      const all: Results = { initialize: initialized(capabilities), ...results };
      const own = Object.entries(all)
        .map(([method, result]): [string, Rule] => [method, (visit) => {
          visit.status(202);
          rules.line().event({ data: answerOf(result(visit.params), visit.message["id"]) });
        }]);
      return remotes.open({ ...rules, ...Object.fromEntries(own) }, {
        transport: "sse",
        era: "legacy",
      });
    },
  },
];

const tool = (name: string) => ({ name, inputSchema: { type: "object" } });
const namesOf = async (upstream: Upstream, caller: Way["caller"]) =>
  (await upstream.list("tools", caller)).map(({ name }) => name);

for (const { name, caller, open } of ways) {
  describe(`a server ${name}`, () => {
    test("that writes null has empty lists, and its calls keep their other members", async () => {
      const { upstream, deps } = await open({
        "tools/list": () => ({ tools: null, nextCursor: null }),
        "resources/list": () => ({ resources: null }),
        "resources/templates/list": () => ({ resourceTemplates: null }),
        "prompts/list": () => ({ prompts: null }),
        "tools/call": () => ({
          content: null,
          structuredContent: { found: null },
          isError: null,
          _meta: null,
        }),
      }, { tools: [tool("find")], resources: [], prompts: { listChanged: null }, logging: null });
      expect((await upstream.describe(caller)).capabilities)
        .toEqual({ tools: {}, resources: {}, prompts: {} });
      for (const kind of ["tools", "resources", "templates", "prompts"] as const) {
        expect(await upstream.list(kind, caller)).toEqual([]);
      }
      const { end } = await drain(upstream.open(toolCall("find", {}, caller)));
      expect(end).toMatchObject({
        kind: "result",
        value: { content: [], structuredContent: { found: null } },
      });
      expect(end.kind === "result" && "isError" in end.value).toBe(false);
      expect(deps.lines.filter(({ message }) => message.includes("Cannot read"))).toEqual([]);
    });

    test("that uses page numbers as cursors gets each number back as it came", async () => {
      const { server, upstream } = await open({
        "tools/list": ({ cursor }) => {
          const at = typeof cursor === "number" ? cursor : 0;
          return { tools: [tool(`t${at}`)], nextCursor: at < 3 ? at + 1 : "" };
        },
      }, { tools: {} });
      expect(await namesOf(upstream, caller)).toEqual(["t0", "t1", "t2", "t3"]);
      const cursors = server.of("tools/list").map(({ params }) => params["cursor"]);
      expect(cursors.slice(0, 4)).toEqual([undefined, 1, 2, 3]);
    });

    test("that declares nothing is asked for its tools once, and they can be called", async () => {
      const { server, upstream, deps } = await open({
        "tools/list": () => ({ tools: [tool("find")] }),
        "tools/call": () => ({ content: [{ type: "text", text: "found", annotations: null }] }),
      }, []);
      expect((await upstream.describe(caller)).capabilities).toEqual({ tools: {} });
      expect(await namesOf(upstream, caller)).toEqual(["find"]);
      const { end } = await drain(upstream.open(toolCall("find", {}, caller)));
      expect(end).toMatchObject({ value: { content: [{ type: "text", text: "found" }] } });
      expect(server.of("tools/list").length).toBe(1);
      for (const method of ["prompts/list", "resources/list", "resources/templates/list"]) {
        expect(server.of(method)).toEqual([]);
      }
      expect(deps.lines.filter(({ severity }) => severity === "warn")).toMatchObject([
        {
          message:
            'Server "remote" declares no capabilities, but lists tools; the gateway uses them',
        },
      ]);
    });

    test("that declares nothing and has nothing is asked only once", async () => {
      const { server, upstream } = await open({}, null);
      server.rules["tools/list"] = server.rules["other"] as Rule;
      expect((await upstream.describe(caller)).capabilities).toEqual({});
      expect(await namesOf(upstream, caller)).toEqual([]);
      expect(await namesOf(upstream, caller)).toEqual([]);
      expect(server.of("tools/list").length).toBe(1);
    });
  });
}
