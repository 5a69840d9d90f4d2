/**
 * A remote server of the handshake era: calls by POST, answered by a body or by events, over real
 * sockets. Not here: sessions and broken streams (upstream_http_session.test.ts), the stateless era
 * and its detection (upstream_http_eras.test.ts).
 */
import { next } from "../support/pull.ts";
import { afterEach, describe, expect, test } from "bun:test";
import type { Ask, JsonObject } from "../../src/model.ts";
import { echo, type EventStream, sessionRules, type Visit } from "../fault/hostile_upstream.ts";
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
const { open } = remotes;
afterEach(remotes.closeAll);

const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
const sampling = { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } };
const withStream = (play: (stream: EventStream, visit: Visit) => unknown) => ({
  ...sessionRules(),
  "tools/call": (visit: Visit) => void play(visit.stream(), visit),
});

describe("calls of a remote server", () => {
  test("arguments and results arrive as they were sent, in a body or in events", async () => {
    const body = await open(sessionRules());
    expect(await callTool(body.upstream, "echo", { a: "é\u2028", n: 0 })).toBe(
      '{"a":"é\u2028","n":0}',
    );
    const events = await open(withStream((stream, visit) => {
      stream.event({ id: "1" });
      stream.result(echo(visit));
      stream.end();
    }));
    expect(await callTool(events.upstream, "echo", { a: "é\u2028" })).toBe('{"a":"é\u2028"}');
  });

  test("requests after the handshake name the session and the negotiated revision", async () => {
    const { server, upstream } = await open({
      ...sessionRules(),
      initialize: (visit) =>
        visit.result({ protocolVersion: "2025-06-18", capabilities: { tools: {} } }, {
          "mcp-session-id": "abc",
        }),
    });
    await callTool(upstream, "echo");
    const [first, ...others] = server.visits;
    expect(first?.method).toBe("initialize");
    expect(first?.headers["mcp-session-id"]).toBe(undefined);
    expect(first?.headers["mcp-protocol-version"]).toBe(undefined);
    expect(others.map(({ method }) => method)).toContain("notifications/initialized");
    for (const { headers } of others) {
      expect(headers["mcp-session-id"]).toBe("abc");
      expect(headers["mcp-protocol-version"]).toBe("2025-06-18");
    }
    for (const { headers, verb } of server.visits) {
      if (verb !== "POST") continue;
      expect(headers["accept"]).toContain("application/json");
      expect(headers["accept"]).toContain("text/event-stream");
      expect(headers["content-type"]).toBe("application/json");
    }
  });

  test("a server without sessions gets no session id", async () => {
    const { server, upstream } = await open({
      ...sessionRules(),
      initialize: (visit) =>
        visit.result({ protocolVersion: "2025-11-25", capabilities: { tools: {} } }),
    });
    expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
    await upstream.close();
    expect(server.visits.some(({ session }) => session !== undefined)).toBe(false);
    expect(server.of("DELETE")).toEqual([]);
  });

  test("each session has a session of its own at the server, which ends with it", async () => {
    const { server, upstream } = await open(sessionRules());
    await callTool(upstream, "echo", {}, callerOf("a"));
    await callTool(upstream, "echo", {}, callerOf("b"));
    expect(server.of("tools/call").map(({ session }) => session)).toEqual(["s1", "s2"]);
    upstream.endScope("a");
    await until("the first session ends", () => server.of("DELETE").length === 1);
    await upstream.close();
    expect(server.of("DELETE").map(({ session }) => session)).toEqual(["s1", "s2"]);
  });

  test("a server that refuses to end a session delays nothing", async () => {
    const { upstream } = await open({ ...sessionRules(), DELETE: (visit) => visit.status(405) });
    await callTool(upstream, "echo");
    await within("closing", upstream.close());
  });

  test("progress and log lines come in order, before the result", async () => {
    const { upstream } = await open(withStream((stream, { params }) => {
      const { progressToken } = params["_meta"] as JsonObject;
      for (const progress of [1, 2, 3]) {
        stream.event({
          data: {
            jsonrpc: "2.0",
            method: "notifications/progress",
            params: { progressToken, progress },
          },
        });
      }
      const params_ = { level: "info", data: "done" };
      stream.event({
        data: { jsonrpc: "2.0", method: "notifications/message", params: params_ },
      });
      stream.result({ content: [] });
      stream.end();
    }));
    const { notices, end } = await drain(
      upstream.open(toolCall("work", {}, callerOf("a"), true)),
    );
    expect(notices.map(({ params }) => params["progress"] ?? params["data"])).toEqual([
      1,
      2,
      3,
      "done",
    ]);
    expect(end.kind).toBe("result");
  });

  test("the server's own error is relayed with its outcome, whatever the status", async () => {
    const error = { code: -32602, message: "Unknown tool: x", data: { tool: "x" } };
    for (const status of [200, 400]) {
      const { upstream } = await open({
        ...sessionRules(),
        "tools/call": (visit) => visit.error(status, error),
      });
      expect(await failTool(upstream, "x"))
        .toEqual({ ...error, data: { tool: "x", outcome: "refused" } });
    }
  });

  test("an error without an id fails the request that it answers", async () => {
    const { upstream } = await open({
      ...sessionRules(),
      "tools/call": (visit) => visit.error(400, { code: -32700, message: "Parse error" }, null),
    });
    expect(await failTool(upstream, "x")).toMatchObject({ code: -32700, message: "Parse error" });
  });

  test("several messages in one body or event are all taken", async () => {
    const notice = {
      jsonrpc: "2.0",
      method: "notifications/message",
      params: { level: "info", data: "first" },
    };
    for (const isStream of [true, false]) {
      const { upstream } = await open({
        ...sessionRules(),
        "tools/call"(visit) {
          const answer = { jsonrpc: "2.0", id: visit.message["id"], result: echo(visit) };
          if (!isStream) return visit.json([notice, answer]);
          const stream = visit.stream();
          stream.event({ data: [notice, answer] });
          stream.end();
        },
      });
      const { notices, end } = await drain(upstream.open(toolCall("work", { n: 1 })));
      expect(notices.map(({ params }) => params["data"])).toEqual(["first"]);
      expect(textOf(end)).toBe('{"n":1}');
    }
  });

  test("many calls are under way at once, and each gets its own answer", async () => {
    const waiting: Visit[] = [];
    const { upstream } = await open({
      ...sessionRules(),
      "tools/call"(visit) {
        if (waiting.push(visit) < 20) return;
        for (const one of waiting.reverse()) one.result(echo(one));
      },
    });
    const calls = Array.from({ length: 20 }, (_, n) => callTool(upstream, "echo", { n }));
    expect(await Promise.all(calls)).toEqual(calls.map((_, n) => `{"n":${n}}`));
  });

  test("calls that are answered in events share a connection", async () => {
    const { server, upstream } = await open(withStream((stream, visit) => {
      stream.result(echo(visit));
      setTimeout(stream.end, 10);
    }));
    const call = async () => {
      await callTool(upstream, "echo");
      await server.of("tools/call").at(-1)?.gone;
    };
    await call();
    const before = server.connections();
    for (let n = 0; n < 5; n++) await call();
    expect(server.connections()).toBe(before);
  });

  test("no request is sent before the server has accepted the end of the handshake", async () => {
    const order: string[] = [];
    const { upstream } = await open({
      ...sessionRules(),
      notification(visit) {
        setTimeout(() => {
          order.push("taken");
          visit.status(202);
        }, 50);
      },
      "tools/call"(visit) {
        order.push("called");
        visit.result(echo(visit));
      },
    });
    await callTool(upstream, "echo");
    expect(order).toEqual(["taken", "called"]);
  });

  test("a stream that stays open after the answer delays nothing, and is closed", async () => {
    let gone: Promise<void> | undefined;
    const { upstream } = await open(
      withStream((stream, visit) => {
        ({ gone } = visit);
        stream.result(echo(visit));
      }),
      {},
      { streamEndMs: 50 },
    );
    expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
    await within("the stream to be cut", gone ?? Promise.reject(new Error("no stream")));
  });

  test("a cancelled call ends at once; the server gets the cancellation, and its stream is closed", async () => {
    const { server, upstream } = await open(withStream(() => {}));
    const exchange = upstream.open(toolCall("hang"));
    await until("the call is there", () => server.of("tools/call").length === 1);
    exchange.cancel("changed my mind");
    const reply = await next(exchange);
    expect(reply.kind === "failure" && reply.error.code).toBe("cancelled");
    const [call] = server.of("tools/call");
    await within("the stream to be closed", call?.gone ?? Promise.resolve());
    const [told] = await until("the server gets the cancellation", () => {
      const found = server.of("notifications/cancelled");
      return found.length > 0 && found;
    });
    expect(told?.params["requestId"]).toBe(call?.message["id"]);
  });

  test("a call without any message ends at its time limit, and the server gets the cancellation", async () => {
    const { server, upstream } = await open(
      withStream(() => {}),
      { callTimeoutMs: 100 },
      {},
      { clock: remotes.pacedClock() },
    );
    expect(await failTool(upstream, "hang")).toMatchObject({
      data: { reason: "upstream_timeout" },
    });
    await until(
      "the server gets the cancellation",
      () => server.of("notifications/cancelled").length === 1,
    );
  });
});

describe("questions of a remote server", () => {
  const asking = (scope = "a") => callerOf(scope, { capabilities });
  const question = (id: unknown, more: JsonObject = sampling) => ({
    data: { jsonrpc: "2.0", id, ...more },
  });

  test("on a call's stream belong to its exchange; the answer has the question's id", async () => {
    for (const id of [0, "0", "é"]) {
      let stream: EventStream | undefined;
      const { server, upstream } = await open({
        ...sessionRules(),
        "tools/call"(visit) {
          stream = visit.stream();
          stream.event(question(id));
        },
        answer(visit) {
          visit.status(202);
          stream?.result({ content: [{ type: "text", text: "thanks" }] });
        },
      });
      const { asks, end } = await drain(
        upstream.open(toolCall("work", {}, asking())),
        () => ({ kind: "answer", value: { role: "assistant" } }),
      );
      expect(asks.map(({ method }) => method)).toEqual(["sampling/createMessage"]);
      expect(textOf(end)).toBe("thanks");
      const [answer] = server.of("answer");
      expect(answer?.message).toEqual({ jsonrpc: "2.0", id, result: { role: "assistant" } });
      expect(answer?.session).toBe("s1");
    }
  });

  test("two calls with questions at the same time each get their own", async () => {
    const streams = new Map<string, EventStream>();
    const { server, upstream } = await open({
      ...sessionRules(),
      "tools/call"(visit) {
        const name = String(visit.params["name"]);
        streams.set(name, visit.stream());
        if (streams.size < 2) return;
        for (const [one, stream] of streams) {
          const params = { messages: [], maxTokens: 1, systemPrompt: one };
          stream.event(question(one, { method: "sampling/createMessage", params }));
        }
      },
      answer(visit) {
        visit.status(202);
        const name = String(visit.message["id"]);
        const call = server.of("tools/call").find(({ params }) => params["name"] === name);
        streams.get(name)?.result({ content: [{ type: "text", text: name }] }, call?.message["id"]);
      },
    });
    const play = async (name: string) => {
      const { asks, end } = await drain(
        upstream.open(toolCall(name, {}, asking())),
        () => ({ kind: "answer", value: {} }),
      );
      return [asks.map(({ params }) => params["systemPrompt"]), textOf(end)];
    };
    expect(await Promise.all([play("one"), play("two")])).toEqual([
      [["one"], "one"],
      [["two"], "two"],
    ]);
  });

  test("the time limit of a call pauses while its client is asked", async () => {
    const clock = remotes.pacedClock();
    let stream: EventStream | undefined;
    const { upstream } = await open(
      {
        ...sessionRules(),
        "tools/call"(visit) {
          stream = visit.stream();
          stream.event(question(1));
        },
        answer(visit) {
          visit.status(202);
          stream?.result({ content: [{ type: "text", text: "at last" }] });
        },
      },
      { callTimeoutMs: 500 },
      {},
      { clock },
    );
    const exchange = upstream.open(toolCall("work", {}, asking()));
    const ask = await next(exchange) as Ask;
    expect(ask.kind).toBe("ask");
    // Much longer than the call may be silent.
    clock.advance(1_500);
    expect(exchange.answer(ask.id, { kind: "answer", value: {} })).toBe(true);
    expect(textOf(await next(exchange))).toBe("at last");
  });

  test("a ping is answered, and an unknown method is refused", async () => {
    const { server, upstream } = await open(withStream((stream, visit) => {
      stream.event({ data: { jsonrpc: "2.0", id: 0, method: "ping" } });
      stream.event({ data: { jsonrpc: "2.0", id: "x", method: "vendor/unheard", params: {} } });
      stream.result(echo(visit));
      stream.end();
    }));
    await callTool(upstream, "echo", {}, asking());
    await until("both are answered", () => server.of("answer").length === 2);
    const answers = server.of("answer").map(({ message }) => message);
    expect(answers).toContainEqual({ jsonrpc: "2.0", id: 0, result: {} });
    expect(answers.find(({ id }) => id === "x")?.["error"]).toMatchObject({ code: -32601 });
  });

  test("on the standalone stream they go to the session's watchers", async () => {
    let standing: EventStream | undefined;
    const { server, upstream } = await open({
      ...sessionRules(),
      GET: (visit) => void (standing = visit.stream()),
    });
    const { asks } = watchScope(
      upstream,
      "a",
      () => Promise.resolve({ kind: "answer", value: { roots: [] } }),
    );
    await callTool(upstream, "echo", {}, asking());
    const stream = await until("it listens", () => standing);
    stream.event(question("s", { method: "roots/list" }));
    const [answer] = await until("it is answered", () => {
      const found = server.of("answer");
      return found.length > 0 && found;
    });
    expect(answer?.message).toEqual({ jsonrpc: "2.0", id: "s", result: { roots: [] } });
    expect(asks.map(({ method }) => method)).toEqual(["roots/list"]);
  });
});

describe("remote servers that fail", () => {
  test("a refused login names the server and no secret, and the call is made once", async () => {
    for (const status of [401, 403]) {
      const { server, upstream, deps } = await open({
        ...sessionRules(),
        "tools/call": (visit) =>
          visit.status(status, { "content-type": "application/json" }, '{"error":"body secret"}'),
      }, { credentials: { type: "bearer", token: "token-secret" }, headers: { "x-key": "key-1" } });
      const error = await failTool(upstream, "x");
      expect(error.data["reason"]).toBe("upstream_unavailable");
      expect(error.message).toContain('"remote" refuses the credentials');
      expect(JSON.stringify([error, deps.lines])).not.toMatch(/token-secret|body secret|key-1/);
      expect(server.of("tools/call").map(({ headers }) => headers["authorization"])).toEqual([
        "Bearer token-secret",
      ]);
      expect(server.of("tools/call")[0]?.headers["x-key"]).toBe("key-1");
    }
  });

  test("a fault of the server is a failure, not a result, and the call is made once", async () => {
    for (const status of [500, 502, 503]) {
      const { server, upstream } = await open(
        {
          ...sessionRules(),
          "tools/call": (visit) => visit.status(status, { "retry-after": "7" }),
        },
        {},
        { httpRetriesMax: 3, httpRetryMsMin: 1 },
      );
      const error = await failTool(upstream, "x");
      expect(error.data).toMatchObject({ reason: "upstream_unavailable", status });
      expect(error.data["retryAfterMs"]).toBe(7_000);
      expect(server.of("tools/call").length).toBe(1);
    }
  });

  test("a list is requested again if the server is busy", async () => {
    let times = 0;
    const { upstream } = await open(
      {
        ...sessionRules(),
        "tools/list": (visit) => ++times < 3 ? visit.status(503) : visit.result({ tools: [] }),
      },
      {},
      { httpRetriesMax: 3, httpRetryMsMin: 1, httpRetryMsMax: 5 },
    );
    expect(await upstream.list("tools", callerOf("a"))).toEqual([]);
    expect(times).toBe(3);
  });

  test("an unreadable answer fails its call, and affects nothing else", async () => {
    const plays: Record<string, (visit: Visit) => unknown> = {
      "no JSON": (visit) => visit.status(200, { "content-type": "application/json" }, "{"),
      "no message": (visit) => visit.json({ hello: 1 }),
      "another's answer": (visit) => visit.json({ jsonrpc: "2.0", id: "other", result: {} }),
      "a page": (visit) => visit.status(200, { "content-type": "text/html" }, "<p>hello"),
      "nothing": (visit) => visit.status(200),
      "taken, and never answered": (visit) => visit.status(202),
      "a refused media type": (visit) => visit.status(415),
      "no result": (visit) => visit.json({ jsonrpc: "2.0", id: visit.message["id"], result: 5 }),
      "events of no meaning": (visit) => {
        const stream = visit.stream();
        stream.event({ data: "not JSON" });
        stream.event({ event: "other", data: { jsonrpc: "2.0", id: 1 } });
        stream.end();
      },
    };
    const { upstream } = await open({
      ...sessionRules(),
      "tools/call"(visit) {
        const play = plays[String(visit.params["name"])];
        return play === undefined ? visit.result(echo(visit)) : play(visit);
      },
    });
    for (const name of Object.keys(plays)) {
      const [failed, other] = await Promise.all([
        failTool(upstream, name),
        callTool(upstream, "echo", { name }),
      ]);
      expect(String(failed.data["reason"])).toMatch(
        /^(?:bad_upstream_response|upstream_unavailable|upstream_exited)$/,
      );
      expect(failed.message).toContain("remote");
      expect(other).toBe(JSON.stringify({ name }));
    }
  });

  test("F4 an answer beyond the limit is dropped, as a body and as an event", async () => {
    for (const isStream of [false, true]) {
      const { server, upstream } = await open(
        {
          ...sessionRules(),
          "tools/call"(visit) {
            if (visit.params["name"] === "echo") return visit.result(echo(visit));
            const big = { content: [{ type: "text", text: "x".repeat(50_000) }] };
            if (!isStream) return visit.result(big);
            const stream = visit.stream();
            stream.event({ id: "1" });
            stream.result(big);
            stream.end();
          },
        },
        {},
        { responseBytesMax: 10_000 },
      );
      expect((await failTool(upstream, "big")).data["reason"]).toBe("bad_upstream_response");
      expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
      // It would be none the next time.
      expect(server.of("GET").some(({ headers }) => "last-event-id" in headers)).toBe(false);
    }
  });

  test("the error for an unreachable server names it and says what to check", async () => {
    const { server, upstream } = await open(sessionRules());
    await server.close();
    const error = await failTool(upstream, "x");
    expect(error.data["reason"]).toBe("upstream_unavailable");
    expect(error.message).toContain('"remote"');
  });
});
