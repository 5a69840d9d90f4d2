/**
 * How the gateway detects the dialect of a remote server, and how it calls a server without
 * sessions: headers with each request, one connection for all, and a listen request for notices.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { HttpServerConfig } from "../../src/config/config.ts";
import type { JsonObject } from "../../src/model.ts";
import {
  echo,
  type EventStream,
  lineRules,
  type Rule,
  type Rules,
  sessionRules,
  statelessRules,
  type Visit,
} from "../fault/hostile_upstream.ts";
import { createRemotes, stateless } from "../support/http_upstream.ts";
import {
  callerOf,
  callTool,
  drain,
  failTool,
  toolCall,
  watchScope,
} from "../support/upstream_deps.ts";
import { until, within } from "../support/wait.ts";

const remotes = createRemotes();
const { open } = remotes;
afterEach(remotes.closeAll);

const modern = stateless();
const names = (visits: readonly Visit[]) => visits.map(({ verb, method }) => method || verb);
const refusal = (data: JsonObject) => ({ code: -32022, message: "Unsupported version", data });

describe("detecting the dialect of a remote server", () => {
  const legacy: Record<string, Rule> = {
    "a page that is not found": (visit) =>
      visit.status(404, { "content-type": "text/html" }, "<p>no"),
    "an unknown method, by status": (visit) => visit.error(404, { code: -32601, message: "no" }),
    "an unknown method": (visit) => visit.error(200, { code: -32601, message: "no" }),
    "a request outside of any session": (visit) =>
      visit.error(400, { code: -32000, message: "Bad Request: Server not initialized" }, null),
    "a bad request without a word": (visit) => visit.status(400),
    "a version of its own era": (visit) =>
      visit.error(400, refusal({ supported: ["2025-11-25"], requested: "2026-07-28" })),
    "no such HTTP method": (visit) => visit.status(405),
    "a refused media type": (visit) => visit.status(415),
    "a page": (visit) => visit.status(200, { "content-type": "text/html" }, "<p>hello"),
    "invalid params": (visit) => visit.error(200, { code: -32602, message: "Invalid params" }),
    "a fault over it": (visit) => visit.error(500, { code: -32603, message: "no" }, null),
    "a fault without a word": (visit) => visit.status(502),
  };

  test("any refusal of the newer era leads to the older one", async () => {
    for (const [name, rule] of Object.entries(legacy)) {
      const { server, upstream } = await open({ ...sessionRules(), "server/discover": rule });
      expect([name, await callTool(upstream, "echo", { n: 1 }, modern)]).toEqual([
        name,
        '{"n":1}',
      ]);
      expect(names(server.visits).slice(0, 2)).toEqual(["server/discover", "initialize"]);
    }
  });

  test("a server that breaks the connection at the newer era's probe gets a handshake", async () => {
    const { server, upstream } = await open({
      ...sessionRules(),
      "server/discover": (visit) => visit.cut(),
    });
    expect(await callTool(upstream, "echo", { n: 1 }, modern)).toBe('{"n":1}');
    expect(server.of("initialize").length).toBe(1);
  });

  test("an error that is not about eras is reported, and no other era is tried", async () => {
    const rules: Record<string, Rule> = {
      "401": (visit) => visit.status(401),
      "403": (visit) => visit.error(403, { code: -32601, message: "no" }),
      "429": (visit) => visit.status(429),
      "silence": () => {},
      "mirrored headers": (visit) => visit.error(400, { code: -32020, message: "mismatch" }),
      "capabilities": (visit) =>
        visit.error(400, {
          code: -32021,
          message: "needs",
          data: { requiredCapabilities: { roots: {} } },
        }),
      "only versions of the newer era": (visit) =>
        visit.error(400, refusal({ supported: ["2027-01-01"], requested: "2026-07-28" })),
    };
    for (const [name, rule] of Object.entries(rules)) {
      const { server, upstream } = await open(
        { ...sessionRules(), "server/discover": rule },
        { startTimeoutMs: 300 },
      );
      const error = await failTool(upstream, "echo", {}, modern);
      expect([name, error.data["reason"]]).toEqual([name, "upstream_unavailable"]);
      expect([name, server.of("initialize")]).toEqual([name, []]);
    }
  });

  test("a faulty first answer is not remembered: the next call finds the newer era", async () => {
    let times = 0;
    const rules = statelessRules();
    const discover = rules["server/discover"];
    const { server, upstream } = await open({
      ...rules,
      "server/discover": (visit) => ++times === 1 ? visit.status(500) : discover?.(visit),
    });
    await failTool(upstream, "echo", {}, modern);
    // The next start has to wait a little.
    await until("it starts", async () => {
      const { end } = await drain(upstream.open(toolCall("echo", {}, modern)));
      return end.kind === "result";
    });
    // Once it was asked in the older way, too, since that might have been the fault.
    expect(server.of("initialize").length).toBe(1);
  });

  test("a stateless server that answers the handshake with its own revision is detected", async () => {
    const { server, upstream } = await open({
      ...statelessRules(),
      initialize: (visit) => visit.result({ protocolVersion: "2026-07-28", capabilities: {} }),
    });
    expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
    expect(server.of("initialize").length).toBe(1);
  });

  test("its trial begins with the newer era, which costs an older server one answer", async () => {
    for (
      const [rules, expected] of [
        [statelessRules(), ["server/discover"]],
        [sessionRules(), ["server/discover", "initialize"]],
      ] as const
    ) {
      const { server, upstream } = await open(rules);
      await upstream.trial();
      expect(names(server.visits).slice(0, expected.length)).toEqual([...expected]);
      expect(upstream.status()).toMatchObject({ problem: undefined, tools: expect.any(Number) });
    }
  });

  test("a server that lists the very version it refuses is asked once more", async () => {
    let times = 0;
    const rules = statelessRules();
    const discover = rules["server/discover"];
    const { server, upstream } = await open({
      ...rules,
      "server/discover": (visit) =>
        ++times === 1
          ? visit.error(400, refusal({ supported: ["2026-07-28"], requested: "2026-07-28" }))
          : discover?.(visit),
    });
    expect(await callTool(upstream, "echo", { n: 1 }, modern)).toBe('{"n":1}');
    expect(names(server.visits).slice(0, 2)).toEqual(["server/discover", "server/discover"]);
    expect(server.of("initialize")).toEqual([]);
  });

  test("a server of the newer era is detected by its refusal of an older client", async () => {
    const withoutWords: Rule = (visit) => visit.status(404);
    const initialize: Rule[] = [
      (visit) => visit.error(404, { code: -32601, message: "Method not found" }),
      (visit) => visit.error(400, refusal({ supported: ["2026-07-28"], requested: "2025-11-25" })),
      (visit) => visit.error(400, { code: -32602, message: "Invalid _meta" }),
      withoutWords,
    ];
    for (const rule of initialize) {
      const { server, upstream } = await open({ ...statelessRules(), initialize: rule });
      expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
      // Who answers in JSON-RPC is not looked for at another transport.
      expect(server.of("GET").length).toBe(rule === withoutWords ? 1 : 0);
      expect(server.of("server/discover").length).toBe(1);
      // What was found out is known from then on.
      expect(await callTool(upstream, "echo", { n: 2 }, callerOf("b"))).toBe('{"n":2}');
      expect(server.of("initialize").length).toBe(1);
    }
  });

  test("a server of both eras is called in its client's era", async () => {
    const older = sessionRules();
    const newer = statelessRules();
    const both: Rules = { ...older, "server/discover": newer["server/discover"] ?? (() => {}) };
    both["tools/call"] = (visit) =>
      (visit.session === undefined ? newer : older)["tools/call"]?.(visit);
    const { server, upstream } = await open(both);
    await callTool(upstream, "echo", {}, callerOf("a"));
    await callTool(upstream, "echo", {}, modern);
    const [first, second] = server.of("tools/call");
    expect(first?.headers["mcp-protocol-version"]).toBe("2025-11-25");
    expect(second?.headers["mcp-protocol-version"]).toBe("2026-07-28");
  });

  test("a pinned era is the only one that is tried", async () => {
    const legacyOnly = await open(sessionRules(), { era: "modern" });
    await failTool(legacyOnly.upstream, "echo");
    expect(legacyOnly.server.of("initialize")).toEqual([]);
    const pinned = await open(sessionRules(), { era: "legacy" });
    expect(await callTool(pinned.upstream, "echo", { n: 1 }, modern)).toBe('{"n":1}');
    expect(pinned.server.of("server/discover")).toEqual([]);
  });

  test("a URL without an MCP server fails with the status of its answer", async () => {
    const notFound: Rule = (visit) => visit.status(404);
    const { upstream } = await open({
      GET: notFound,
      other: notFound,
      notification: notFound,
      answer: notFound,
    });
    const error = await failTool(upstream, "echo");
    expect(error.message).toContain('"remote"');
    expect(error.message).toContain("404");
  });

  test("a JSON-RPC error for the first message reaches the client in the server's own words", async () => {
    const elsewhere: Rule = (visit) =>
      visit.error(404, { code: -32601, message: "MCP is elsewhere" });
    const { upstream } = await open({ GET: (visit) => visit.status(404), other: elsewhere });
    const error = await failTool(upstream, "echo");
    expect(error.message).toContain(
      'it refused its first message; the server said: "MCP is elsewhere"',
    );
  });
});

describe("detecting the transport of a remote server", () => {
  test("a server that takes no POST at its URL is reached over its event stream", async () => {
    for (const status of [400, 404, 405]) {
      const rules = lineRules();
      let isAtOldUrl = true;
      const { server, upstream } = await open({
        ...rules,
        initialize(visit) {
          if (visit.path === "/mcp") return visit.status(status);
          isAtOldUrl = false;
          rules["initialize"]?.(visit);
        },
      });
      expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
      expect(isAtOldUrl).toBe(false);
      expect(server.of("tools/call")[0]?.path).toBe("/messages?key=1");
    }
  });

  test("a configured transport is the only one tried", async () => {
    const transports: [HttpServerConfig["transport"], string[]][] = [
      ["sse", ["GET"]],
      ["streamable", ["initialize", "server/discover"]],
    ];
    for (const [transport, expected] of transports) {
      const notFound: Rule = (visit) => visit.status(404);
      const { server, upstream } = await open({
        GET: notFound,
        other: notFound,
        notification: notFound,
        answer: notFound,
      }, { transport, era: transport === "sse" ? "legacy" : "auto" });
      await failTool(upstream, "echo");
      expect(names(server.visits)).toEqual(expected);
    }
  });
});

describe("a remote server without sessions", () => {
  test("each request has its method and name in headers, and no session", async () => {
    const rules = statelessRules();
    const { server, upstream } = await open({
      ...rules,
      "server/discover"(visit) {
        const hints = { resultType: "complete", ttlMs: 0, cacheScope: "private" };
        visit.result({ supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ...hints }, {
          "mcp-session-id": "unwanted",
        });
      },
    });
    await callTool(upstream, "wörk", {}, modern);
    await upstream.close();
    for (const { headers, method, params, session } of server.visits) {
      expect(headers["mcp-protocol-version"]).toBe("2026-07-28");
      expect(headers["mcp-method"]).toBe(method);
      expect(session).toBe(undefined);
      expect(params["_meta"]).toMatchObject({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      });
    }
    expect(server.of("tools/call")[0]?.headers["mcp-name"]).toBe("=?base64?d8O2cms=?=");
    expect(server.visits.every(({ verb }) => verb === "POST")).toBe(true);
  });

  test("a call is cancelled by closing its stream only", async () => {
    const { server, upstream } = await open({
      ...statelessRules(),
      "tools/call": (visit) => void visit.stream(),
    });
    const exchange = upstream.open(toolCall("hang", {}, modern));
    const [call] = await until("the call is there", () => {
      const found = server.of("tools/call");
      return found.length > 0 && found;
    });
    exchange.cancel("changed my mind");
    await within("the stream to be closed", call?.gone ?? Promise.resolve());
    await callOther();
    expect(names(server.visits)).not.toContain("notifications/cancelled");

    async function callOther() {
      server.rules["tools/call"] = (visit) => visit.result(echo(visit));
      await callTool(upstream, "echo", {}, modern);
    }
  });

  const tool = (header: string) => ({
    name: "work",
    inputSchema: {
      type: "object",
      properties: { place: { type: "string", "x-mcp-header": header } },
    },
  });

  test("arguments that belong in headers are sent there, too", async () => {
    const { server, upstream } = await open(statelessRules([tool("Place")]));
    await callTool(upstream, "work", { place: "here" }, modern);
    expect(server.of("tools/call")[0]?.headers["mcp-param-place"]).toBe("here");
  });

  test("they are sent even if the rest of the schema cannot be compiled", async () => {
    const { inputSchema } = tool("Place");
    const properties = { ...inputSchema.properties, when: { type: "date" } };
    const lost = { type: "object", properties: { a: { $ref: "#/$defs/A" } } };
    const odd = { name: "work", inputSchema: { ...inputSchema, properties }, outputSchema: lost };
    const { server, upstream } = await open(statelessRules([odd, tool("Other")]));
    expect(await upstream.list("tools", modern)).toEqual([{
      name: "work",
      description: expect.stringContaining('/properties/when/type is "date"'),
      inputSchema,
    }]);
    await callTool(upstream, "work", { place: "here" }, modern);
    expect(server.of("tools/call")[0]?.headers["mcp-param-place"]).toBe("here");
  });

  test("a tool that has changed meanwhile is looked up again, and called once more", async () => {
    const rules = statelessRules([tool("Place")]);
    const { server, upstream } = await open({
      ...rules,
      "tools/call": (visit) =>
        visit.headers["mcp-param-spot"] === "here"
          ? visit.result({ ...echo(visit), resultType: "complete" })
          : visit.error(400, { code: -32020, message: "Header Mcp-Param-Spot is missing" }),
    });
    await upstream.list("tools", modern);
    server.rules["tools/list"] = statelessRules([tool("Spot")])["tools/list"] ?? (() => {});
    expect(await callTool(upstream, "work", { place: "here" }, modern)).toBe('{"place":"here"}');
    expect(server.of("tools/call").length).toBe(2);
    // A server that still finds fault is not asked for ever, and its words stay on this hop.
    server.rules["tools/call"] = (visit) => visit.error(400, { code: -32020, message: "mismatch" });
    expect((await failTool(upstream, "work", {}, modern)).data["reason"]).toBe(
      "bad_upstream_response",
    );
    expect(server.of("tools/call").length).toBe(4);
  });

  test("the error names the capability that the server requires", async () => {
    const { upstream } = await open({
      ...statelessRules(),
      "tools/call": (visit) =>
        visit.error(400, {
          code: -32021,
          message: "needs sampling",
          data: { requiredCapabilities: { sampling: {} } },
        }),
    });
    expect(await failTool(upstream, "x", {}, modern)).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { sampling: {} } },
    });
  });

  test("a version that the server refuses but lists is sent once more, and only once", async () => {
    let times = 0;
    const { server, upstream } = await open({
      ...statelessRules(),
      "tools/call": (visit) =>
        ++times % 2 === 1
          ? visit.error(400, refusal({ supported: ["2026-07-28"], requested: "2026-07-28" }))
          : visit.result({ ...echo(visit), resultType: "complete" }),
    });
    expect(await callTool(upstream, "echo", { n: 1 }, modern)).toBe('{"n":1}');
    expect(server.of("tools/call").length).toBe(2);
    server.rules["tools/call"] = (visit) =>
      visit.error(400, refusal({ supported: ["2026-07-28"], requested: "2026-07-28" }));
    await failTool(upstream, "echo", {}, modern);
    expect(server.of("tools/call").length).toBe(4);
  });

  test("the next call detects that an older server has replaced the server", async () => {
    const gone: Rule[] = [
      (visit) => visit.status(404),
      (visit) => visit.error(400, refusal({ supported: ["2025-11-25"], requested: "2026-07-28" })),
    ];
    for (const rule of gone) {
      const { server, upstream } = await open(statelessRules(), {}, { provenMs: 0 });
      await callTool(upstream, "echo", {}, modern);
      Object.assign(server.rules, sessionRules(), {
        "server/discover": rule,
        "tools/call": (visit: Visit) =>
          visit.session === undefined ? rule(visit) : visit.result(echo(visit)),
      });
      expect((await drain(upstream.open(toolCall("echo", {}, modern)))).end.kind).toBe("failure");
      await until("it is spoken to as it speaks", async () => {
        const { end } = await drain(upstream.open(toolCall("echo", { n: 1 }, modern)));
        return end.kind === "result";
      });
      expect(server.of("tools/call").at(-1)?.session).not.toBe(undefined);
    }
  });

  test("an answer that breaks off fails the call, which is not made again", async () => {
    const { server, upstream } = await open({
      ...statelessRules(),
      "tools/call"(visit) {
        const stream = visit.stream();
        stream.event({ id: "1", retry: 1 });
        stream.end();
      },
    });
    const error = await failTool(upstream, "x", {}, modern);
    expect(error.data["outcome"]).toBe("unknown");
    expect(names(server.visits)).not.toContain("GET");
    expect(server.of("tools/call").length).toBe(1);
  });

  test("changes arrive by a listen request, which is repeated when it ends", async () => {
    const streams: [Visit, EventStream][] = [];
    const hints = { resultType: "complete", ttlMs: 0, cacheScope: "private" };
    const { server, upstream } = await open({
      ...statelessRules(),
      "server/discover": (visit) =>
        visit.result({
          supportedVersions: ["2026-07-28"],
          capabilities: { tools: { listChanged: true } },
          ...hints,
        }),
      "subscriptions/listen"(visit) {
        const stream = visit.stream();
        streams.push([visit, stream]);
        const { notifications } = visit.params;
        stream.event(notice(visit, "subscriptions/acknowledged", { notifications }));
      },
    });
    const { methods } = watchScope(upstream, modern.scope);
    await callTool(upstream, "echo", {}, modern);
    const change = () => {
      const [visit, stream] = streams.at(-1) ?? [];
      if (visit !== undefined) stream?.event(notice(visit, "tools/list_changed"));
    };
    await until("it listens", () => streams.length === 1);
    change();
    const told = () =>
      methods().filter((method) => method === "notifications/tools/list_changed").length;
    await until("the change arrives", () => told() > 0);
    streams[0]?.[1].end();
    await until("it listens again", () => streams.length === 2);
    // What may have been missed counts as changed.
    await until("the next change arrives", () => told() > 1);
    expect(server.of("subscriptions/listen").length).toBe(2);
    const [last] = streams.at(-1) ?? [];
    await upstream.close();
    await within("the stream to be closed", last?.gone ?? Promise.resolve());
  });

  function notice(visit: Visit, name: string, params: JsonObject = {}) {
    const _meta = { "io.modelcontextprotocol/subscriptionId": visit.message["id"] };
    return {
      data: { jsonrpc: "2.0", method: `notifications/${name}`, params: { ...params, _meta } },
    };
  }
});
