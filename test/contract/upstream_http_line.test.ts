/**
 * A remote server of the oldest transport: one stream for everything that it sends, and a URL for
 * POSTs, which the first event names.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { lineRules, type Rules } from "../fault/hostile_upstream.ts";
import { createRemotes } from "../support/http_upstream.ts";
import {
  callerOf,
  callTool,
  drain,
  failTool,
  textOf,
  toolCall,
  watchScope,
} from "../support/upstream_deps.ts";
import { until, within } from "../support/wait.ts";

const remotes = createRemotes();
afterEach(remotes.closeAll);
const open = (rules: Rules, ...more: [object?, object?, object?]) =>
  remotes.open(rules, { transport: "sse", era: "legacy", ...more[0] }, more[1], more[2]);

const sampling = { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } };
/** Names another place to post to. */
const naming = (endpoint: string, rules: Rules = lineRules()): Rules => ({
  ...rules,
  GET: (visit) => visit.stream().event({ event: "endpoint", data: endpoint }),
});

describe("a server with one stream for everything", () => {
  test("its first event says where to post; answers come on the stream", async () => {
    const { server, upstream } = await open(lineRules());
    expect(await callTool(upstream, "echo", { n: 0 })).toBe('{"n":0}');
    const [first, ...posts] = server.visits;
    expect([first?.verb, first?.path]).toEqual(["GET", "/mcp"]);
    expect(first?.headers["accept"]).toBe("text/event-stream");
    for (const { verb, path } of posts) {
      expect([verb, path]).toEqual(["POST", "/messages?key=1"]);
    }
    expect(posts.slice(0, 2).map(({ method }) => method)).toEqual([
      "initialize",
      "notifications/initialized",
    ]);
  });

  test("calls, notices and questions run at the same time", async () => {
    const rules = lineRules();
    const say = (message: JsonObject) =>
      rules.line().event({ data: { jsonrpc: "2.0", ...message } });
    const { server, upstream } = await open({
      ...rules,
      "tools/call"(visit) {
        visit.status(202);
        const { progressToken } = visit.params["_meta"] as JsonObject;
        say({ method: "notifications/progress", params: { progressToken, progress: 1 } });
        say({ id: 0, ...sampling });
      },
      answer(visit) {
        visit.status(202);
        const [call] = server.of("tools/call");
        rules.line().result({ content: [{ type: "text", text: "thanks" }] }, call?.message["id"]);
      },
    });
    const caller = callerOf("a", { capabilities: { sampling: {} } });
    const { notices, asks, end } = await drain(
      upstream.open(toolCall("work", {}, caller, true)),
      () => ({ kind: "answer", value: { role: "assistant" } }),
    );
    expect([notices.length, asks.length, textOf(end)]).toEqual([1, 1, "thanks"]);
    expect(server.of("answer")[0]?.message["id"]).toBe(0);
  });

  test("messages that belong to no call go to the watchers", async () => {
    const rules = lineRules();
    const { upstream } = await open(rules);
    const { methods } = watchScope(upstream, "a");
    await callTool(upstream, "echo");
    rules.line().event({
      data: { jsonrpc: "2.0", method: "notifications/tools/list_changed" },
    });
    await until("the change arrives", () => methods().includes("notifications/tools/list_changed"));
  });

  test("a URL of another origin is not posted to", async () => {
    const other = await open(lineRules());
    for (const url of [`${other.server.origin}/messages`, "//example.com/", "http://[", "ftp:/x"]) {
      const { server, upstream } = await open(naming(url));
      const error = await failTool(upstream, "echo");
      expect(error.message).toContain("origin");
      expect(names(server.visits)).toEqual(["GET"]);
    }
    expect(other.server.visits).toEqual([]);
  });

  test("a server that never says where to post fails in time", async () => {
    const { upstream } = await open(
      { ...lineRules(), GET: (visit) => visit.stream() },
      { startTimeoutMs: 100 },
      {},
      { clock: remotes.pacedClock() },
    );
    expect((await failTool(upstream, "echo")).message).toContain("URL to post to");
  });

  test("the end of the stream ends the session; the next call opens another", async () => {
    for (const how of ["end", "cut"] as const) {
      const rules = lineRules();
      const { server, upstream } = await open(
        {
          ...rules,
          "tools/call"(visit) {
            if (visit.params["name"] === "echo") return rules["tools/call"]?.(visit);
            visit.status(202);
            return rules.line()[how]();
          },
        },
        {},
        { provenMs: 0 },
      );
      await callTool(upstream, "echo");
      const error = await failTool(upstream, "breaks");
      expect(error.data).toMatchObject({ reason: "upstream_exited", outcome: "unknown" });
      expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
      expect(server.of("GET").length).toBe(2);
      expect(server.of("tools/call").length).toBe(3);
    }
  });

  test("a lost session fails one call, which is not made twice, and is replaced", async () => {
    const rules = lineRules();
    const { server, upstream } = await open({ ...rules }, {}, { provenMs: 0 });
    await callTool(upstream, "echo");
    server.rules["tools/call"] = (visit) => visit.status(404);
    const error = await failTool(upstream, "echo");
    expect(error.data["reason"]).toBe("upstream_unavailable");
    expect(error.data["outcome"]).toBe("unknown");
    expect(server.of("tools/call").length).toBe(2);
    server.rules["tools/call"] = rules["tools/call"] ?? (() => {});
    await until("the old one is let go of", () => upstream.status().state !== "running");
    expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
    expect(server.of("GET").length).toBe(2);
  });

  test("a refused message affects no other", async () => {
    const rules = lineRules();
    const { server, upstream } = await open({
      ...rules,
      "tools/call": (visit) =>
        visit.params["name"] === "echo" ? rules["tools/call"]?.(visit) : visit.status(413),
    });
    const [error, other] = await Promise.all([
      failTool(upstream, "too large"),
      callTool(upstream, "echo", { n: 1 }),
    ]);
    expect(error.data)
      .toMatchObject({ reason: "upstream_unavailable", status: 413, outcome: "refused" });
    expect(other).toBe('{"n":1}');
    expect(server.of("GET").length).toBe(1);
  });

  test("a cancelled call reaches the server, and closing releases the stream", async () => {
    const rules = lineRules();
    const { server, upstream } = await open({
      ...rules,
      "tools/call": (visit) => visit.status(202),
    });
    const exchange = upstream.open(toolCall("hang"));
    const [call] = await until("the call is there", () => {
      const found = server.of("tools/call");
      return found.length > 0 && found;
    });
    exchange.cancel("changed my mind");
    const [told] = await until("the server gets the cancellation", () => {
      const found = server.of("notifications/cancelled");
      return found.length > 0 && found;
    });
    expect(told?.params["requestId"]).toBe(call?.message["id"]);
    // An answer that comes too late has no effect.
    rules.line().result({ content: [] }, call?.message["id"]);
    await upstream.close();
    await within("the stream to be closed", server.of("GET")[0]?.gone ?? Promise.resolve());
  });

  const names = (visits: readonly { verb: string; method: string }[]) =>
    visits.map(({ verb, method }) => method || verb);
});
