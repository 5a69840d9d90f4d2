/**
 * A local server as a real process: calls, isolation, catalog, idle stop and replay.
 */
import { next } from "../support/pull.ts";
import { afterEach, describe, expect, test } from "bun:test";
import type { StdioServerConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import type { Caller, LogLevel } from "../../src/model.ts";
import type { UpstreamDeps } from "../../src/upstream/deps.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  callerOf,
  callTool,
  createTestDeps,
  drain,
  failTool,
  hostileConfig,
  stateOf,
  type TestDeps,
  toolCall,
  watchScope,
} from "../support/upstream_deps.ts";
import { isAlive } from "../support/processes.ts";
import { createPacedClocks } from "../support/clock.ts";
import { until } from "../support/wait.ts";

const opened: { upstream: Upstream; deps: TestDeps }[] = [];
const clocks = createPacedClocks();

async function open(
  options: string[] = [],
  overrides: Partial<StdioServerConfig> = {},
  limits: Partial<Limits> = {},
  more: Partial<UpstreamDeps> = {},
): Promise<{ upstream: Upstream; deps: TestDeps }> {
  const deps = await createTestDeps(limits, more);
  const pair = { upstream: createUpstream(hostileConfig(options, overrides), deps), deps };
  opened.push(pair);
  return pair;
}

afterEach(async () => {
  for (const { upstream, deps } of opened.splice(0)) {
    await upstream.close();
    expect([...deps.held]).toEqual([]);
  }
  clocks.stopAll();
});

const text = (value: unknown) => JSON.stringify(value);

describe("calls of a stdio upstream", () => {
  test("arguments and results arrive as they were sent", async () => {
    const { upstream } = await open();
    expect(await callTool(upstream, "echo", { a: "é\u2028", n: 0 })).toBe('{"a":"é\u2028","n":0}');
  });

  test("the server's own error is relayed with its outcome", async () => {
    const { upstream } = await open();
    const { end } = await drain(upstream.open(toolCall("no such tool")));
    expect(end.kind === "failure" && end.error.toRpc()).toEqual({
      code: -32602,
      message: "Unknown tool: no such tool",
      data: { tool: "no such tool", outcome: "refused" },
    });
  });

  test("progress comes in order, before the result, and only to callers that want it", async () => {
    const { upstream } = await open();
    const wanted = await drain(
      upstream.open(toolCall("progress", { steps: 3 }, callerOf("a"), true)),
    );
    expect(wanted.notices.map(({ params }) => params["progress"])).toEqual([1, 2, 3]);
    expect(wanted.notices.some(({ params }) => "progressToken" in params)).toBe(false);
    expect(wanted.end.kind).toBe("result");
    const unwanted = await drain(upstream.open(toolCall("progress", { steps: 3 })));
    expect(unwanted.notices).toEqual([]);
  });

  test("a cancelled call ends at once and the server gets the cancellation", async () => {
    const { upstream } = await open();
    await stateOf(upstream);
    const exchange = upstream.open(toolCall("hang"));
    exchange.cancel("changed my mind");
    const reply = await next(exchange);
    expect(reply.kind === "failure" && reply.error.code).toBe("cancelled");
    expect(await next(exchange)).toBe(reply);
    expect((await stateOf(upstream)).cancelled.length).toBe(1);
  });

  test("a call that is cancelled while its process starts is never made", async () => {
    const { upstream } = await open();
    upstream.open(toolCall("echo")).cancel("too slow");
    expect(await callTool(upstream, "count")).toBe("1");
  });

  test("any method is relayed, and the server refuses unknown ones", async () => {
    const { upstream } = await open();
    const caller = callerOf("a");
    const read = await drain(
      upstream.open({
        method: "resources/read",
        params: { uri: "mem://a" },
        wantsProgress: false,
        caller,
      }),
    );
    expect(read.end).toMatchObject({ value: { contents: [{ text: "content of mem://a" }] } });
    const unknown = await drain(
      upstream.open({ method: "vendor/x", params: {}, wantsProgress: false, caller }),
    );
    expect(unknown.end.kind === "failure" && unknown.end.error.toRpc().code).toBe(-32601);
  });

  test("the server sees its configured environment and nothing else", async () => {
    const { upstream } = await open();
    const { env } = await stateOf(upstream);
    expect(Object.keys(env).sort()).toEqual(Object.keys(hostileConfig().environment).sort());
  });
});

describe("questions of a server", () => {
  const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
  const asking = callerOf("a", { capabilities });
  const sampling = { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } };

  test("during a call belong to its exchange, and the answer goes back", async () => {
    const { upstream } = await open();
    const answer = { role: "assistant", content: { type: "text", text: "hi" }, model: "m" };
    const { asks, end } = await drain(
      upstream.open(toolCall("ask", sampling, asking)),
      () => ({ kind: "answer", value: answer }),
    );
    expect(asks.map(({ method, params }) => ({ method, params }))).toEqual([sampling]);
    expect(text(end)).toContain(text(text({ result: answer })).slice(1, -1));
  });

  test("a refusal goes back as an error with its code", async () => {
    const { upstream } = await open();
    const { end } = await drain(
      upstream.open(toolCall("ask", sampling, asking)),
      () => ({ kind: "refusal", code: -1, message: "user said no" }),
    );
    expect(text(end)).toContain("user said no");
  });

  test("an answer is taken once, and only for an open question", async () => {
    const { upstream } = await open();
    const exchange = upstream.open(toolCall("ask", sampling, asking));
    const ask = await next(exchange);
    if (ask.kind !== "ask") throw new Error(`Not an ask: ${text(ask)}`);
    const answer = { kind: "answer", value: { model: "first" } } as const;
    expect(exchange.answer("forged", answer)).toBe(false);
    expect(exchange.answer(ask.id, answer)).toBe(true);
    expect(exchange.answer(ask.id, { kind: "answer", value: { model: "second" } })).toBe(false);
    expect(text(await next(exchange))).toContain("first");
  });

  test("outside of any call they go to the scope's watcher", async () => {
    const { upstream } = await open();
    const watch = watchScope(
      upstream,
      "a",
      async () => ({ kind: "answer", value: { roots: [] } }),
    );
    await callTool(upstream, "ask", { method: "roots/list", late: 20 }, asking);
    await until("the watcher is asked", () => watch.asks.length === 1);
    expect(watch.asks[0]?.method).toBe("roots/list");
  });

  test("about what the client did not declare are refused without asking it", async () => {
    const { upstream } = await open();
    const { asks, end } = await drain(upstream.open(toolCall("ask", sampling)));
    expect(asks).toEqual([]);
    expect(text(end)).toContain("-32601");
  });

  test("with several open calls belong to the latest one that is working", async () => {
    const { upstream } = await open();
    const first = upstream.open(toolCall("slow", { ms: 500 }, asking));
    const second = upstream.open(toolCall("ask", sampling, asking));
    const complete = upstream.open({
      method: "completion/complete",
      params: { ref: { type: "ref/prompt", name: "greet" }, argument: { name: "x", value: "" } },
      wantsProgress: false,
      caller: asking,
    });
    const asked = await drain(second, () => ({ kind: "answer", value: { model: "m" } }));
    expect(asked.asks.length).toBe(1);
    expect((await drain(first)).asks).toEqual([]);
    expect((await drain(complete)).end.kind).toBe("result");
  });

  test("pause the time limit of their call", async () => {
    const clock = clocks.create();
    const { upstream } = await open([], { callTimeoutMs: 60_000 }, {}, { clock });
    const exchange = upstream.open(toolCall("ask", sampling, asking));
    const ask = await next(exchange);
    if (ask.kind !== "ask") throw new Error(`Not an ask: ${text(ask)}`);
    clock.advance(200_000);
    exchange.answer(ask.id, { kind: "answer", value: { model: "slow person" } });
    expect(text(await next(exchange))).toContain("slow person");
  });

  test("an unanswered question is refused after its own limit, and the call goes on", async () => {
    const { upstream } = await open([], {}, { askMs: 50 });
    const { end } = await drain(upstream.open(toolCall("ask", sampling, asking)));
    expect(text(end)).toContain("No client answered in time");
  });

  test("roots none: not declared, and refused", async () => {
    const { upstream } = await open([], { roots: "none" });
    expect((await stateOf(upstream, asking)).capabilities["roots"]).toBeUndefined();
    const stateless = {
      ...asking,
      scope: "p:a",
      revision: "2026-07-28",
      asksByResult: true,
      sharesScope: true,
    };
    for (const caller of [asking, stateless]) {
      const call = toolCall("ask", { method: "roots/list" }, caller);
      const { asks, end } = await drain(upstream.open(call));
      expect(asks).toEqual([]);
      expect(text(end)).toContain("-32601");
    }
  });

  test("roots by configuration: declared and answered without the client", async () => {
    const roots = [{ uri: "file:///srv/data", name: "data" }];
    const { upstream } = await open(["--roots-at-start"], { roots });
    expect((await stateOf(upstream)).capabilities).toEqual({ roots: {} });
    const { asks, end } = await drain(upstream.open(toolCall("ask", { method: "roots/list" })));
    expect(asks).toEqual([]);
    expect(text(end)).toContain("file:///srv/data");
  });

  test("a change of the client's roots reaches only servers that may ask for them", async () => {
    for (const roots of ["relay", "none"] as const) {
      const { upstream } = await open([], { roots });
      const watch = watchScope(
        upstream,
        "a",
        async () => ({ kind: "answer", value: { roots: [] } }),
      );
      await stateOf(upstream, asking);
      // The hostile child asks for the roots when it gets a notice of a change.
      upstream.notify(asking, "notifications/roots/list_changed", {});
      if (roots === "relay") await until("it asks for the roots", () => watch.asks.length === 1);
      else {
        await stateOf(upstream, asking);
        expect(watch.asks).toEqual([]);
      }
    }
  });
});

describe("isolation", () => {
  test("session: each scope has its own process, with its own client's capabilities", async () => {
    const { upstream } = await open();
    const one = await stateOf(upstream, callerOf("a", { capabilities: { sampling: {} } }));
    const two = await stateOf(upstream, callerOf("b"));
    expect(one.pid).not.toBe(two.pid);
    expect(one.capabilities).toEqual({ sampling: {} });
    expect(two.capabilities).toEqual({});
    expect(upstream.status()).toMatchObject({ state: "running", connections: 2 });
  });

  test("shared: one process for all, without any client's capabilities", async () => {
    const { upstream } = await open([], { isolation: "shared" });
    const caller = callerOf("a", { capabilities: { sampling: {}, roots: {} } });
    const [one, two] = await Promise.all([
      stateOf(upstream, caller),
      stateOf(upstream, callerOf("b")),
    ]);
    expect(one.pid).toBe(two.pid);
    expect(one.capabilities).toEqual({});
    expect(upstream.status().connections).toBe(1);
  });

  test("D4 a question of a shared process is refused", async () => {
    const { upstream } = await open([], { isolation: "shared" });
    for (const method of ["sampling/createMessage", "elicitation/create", "roots/list"]) {
      const session = callerOf("a", { capabilities: { sampling: {}, roots: {}, elicitation: {} } });
      const stateless = {
        ...session,
        scope: "p:a",
        revision: "2026-07-28",
        asksByResult: true,
        sharesScope: true,
      };
      const params = method === "sampling/createMessage"
        ? { messages: [], maxTokens: 1 }
        : method === "elicitation/create"
        ? { message: "?", requestedSchema: { type: "object", properties: {} } }
        : {};
      for (const caller of [session, stateless]) {
        const call = toolCall("ask", { method, params }, caller);
        const { asks, end } = await drain(upstream.open(call));
        expect(asks).toEqual([]);
        expect(text(end)).toContain("-32601");
      }
    }
  });

  test("D4 a question of an own process reaches its owner only", async () => {
    const { upstream } = await open();
    const answerer = async () => ({ kind: "answer", value: { roots: [] } }) as const;
    const owner = watchScope(upstream, "a", answerer);
    const other = watchScope(upstream, "b", answerer);
    await stateOf(upstream, callerOf("b", { capabilities: { roots: {} } }));
    const caller = callerOf("a", { capabilities: { roots: {} } });
    await callTool(upstream, "ask", { method: "roots/list", late: 1 }, caller);
    await until("the owner is asked", () => owner.asks.length === 1);
    expect(other.asks).toEqual([]);
  });

  test("D3 notices reach subscribers, the owner, or each session once, by their kind", async () => {
    const { upstream } = await open([], { isolation: "shared" });
    const a = watchScope(upstream, "a", undefined, { subscriptions: ["mem://a"] });
    const b = watchScope(upstream, "b");
    const say = (method: string, params: object) =>
      callTool(upstream, "notify", { method, params }, callerOf("b"));
    await say("notifications/resources/updated", { uri: "mem://a" });
    await say("notifications/resources/updated", { uri: "mem://b" });
    await say("notifications/tools/list_changed", {});
    await until(
      "both hear of the changed list",
      () =>
        a.methods().includes("notifications/tools/list_changed") &&
        b.methods().includes("notifications/tools/list_changed"),
    );
    expect(a.notices.map(({ params }) => params["uri"]).filter(Boolean)).toEqual(["mem://a"]);
    expect(b.methods()).toEqual(["notifications/tools/list_changed"]);
    // Log lines: on the only open call; when two are open, their call is unknown.
    const alone = await drain(upstream.open(toolCall("log", { text: "mine" })));
    expect(alone.notices.map(({ params }) => params["data"])).toEqual(["mine"]);
    const slow = upstream.open(toolCall("slow", { ms: 300 }, callerOf("b")));
    const beside = await drain(upstream.open(toolCall("log", { text: "whose?" })));
    expect([...beside.notices, ...(await drain(slow)).notices]).toEqual([]);
  });

  test("a log line outside of any call of an own process goes to its watcher", async () => {
    const { upstream } = await open();
    const watch = watchScope(upstream, "a");
    const during = await drain(upstream.open(toolCall("log", { text: "during" })));
    expect(during.notices.length).toBe(1);
    await callTool(upstream, "notify", {
      method: "notifications/message",
      params: { level: "info", data: "x" },
      late: 10,
    });
    await until("the watcher hears it", () => watch.methods().includes("notifications/message"));
  });

  test("a scope that ends takes its process with it, and no other's", async () => {
    const { upstream, deps } = await open();
    const one = await stateOf(upstream, callerOf("a"));
    await stateOf(upstream, callerOf("b"));
    upstream.endScope("a");
    await until("it is gone", () => !deps.held.has(one.pid));
    expect(isAlive(one.pid)).toBe(false);
    expect(upstream.status().connections).toBe(1);
  });

  test("a scope that ends while its process starts leaves nothing", async () => {
    const { upstream, deps } = await open(["--init=slow:5000"]);
    const exchange = upstream.open(toolCall("echo"));
    await until("it was started", () => deps.everHeld.length === 1);
    upstream.endScope("a");
    expect((await drain(exchange)).end.kind).toBe("failure");
    await until("it is gone", () => deps.held.size === 0);
    expect(upstream.status()).toMatchObject({ state: "idle", connections: 0 });
    expect(upstream.status().problem).toBe(undefined);
  });

  test("a scope that ends on a shared process ends only its own calls and subscriptions", async () => {
    const { upstream } = await open([], { isolation: "shared" });
    const mine = upstream.open(toolCall("hang", {}, callerOf("a")));
    const other = upstream.open(toolCall("slow", { ms: 200 }, callerOf("b")));
    await subscribe(upstream, "mem://a", callerOf("a"));
    await subscribe(upstream, "mem://b", callerOf("b"));
    upstream.endScope("a");
    expect((await drain(mine)).end.kind).toBe("failure");
    expect((await drain(other)).end.kind).toBe("result");
    expect((await stateOf(upstream, callerOf("b"))).subscriptions).toEqual(["mem://b"]);
  });
});

describe("log level and subscriptions", () => {
  test("a level starts no process, is set on a running one, and returns at the next start", async () => {
    const { upstream, deps } = await open();
    expect((await setLevel(upstream, "warning")).kind).toBe("result");
    expect(deps.everHeld).toEqual([]);
    expect((await stateOf(upstream)).level).toBe("warning");
    await setLevel(upstream, "error");
    expect((await stateOf(upstream)).level).toBe("error");
    await failTool(upstream, "crash", { how: "exit" });
    expect((await stateOf(upstream)).level).toBe("error");
  });

  test("the session's level is set on its process", async () => {
    const { upstream } = await open();
    expect((await stateOf(upstream, callerOf("a", { logLevel: "debug" }))).level).toBe("debug");
  });

  test("a shared process gets the least severe level that any session wants", async () => {
    const { upstream } = await open([], { isolation: "shared" });
    await setLevel(upstream, "error", callerOf("a"));
    await setLevel(upstream, "info", callerOf("b"));
    expect((await stateOf(upstream)).level).toBe("info");
    await setLevel(upstream, "critical", callerOf("b"));
    expect((await stateOf(upstream)).level).toBe("error");
  });

  test("a server without logging gets no level", async () => {
    const { upstream } = await open(["--caps=tools"]);
    const caller = callerOf("a", { logLevel: "debug" });
    expect((await stateOf(upstream, caller)).level).toBeUndefined();
  });

  test("subscriptions are made again on a new process", async () => {
    const { upstream } = await open();
    watchScope(upstream, "a", undefined, { subscriptions: ["mem://a", "mem://b"] });
    expect((await stateOf(upstream)).subscriptions).toEqual(["mem://a", "mem://b"]);
    await failTool(upstream, "crash", { how: "exit" });
    expect((await stateOf(upstream)).subscriptions).toEqual(["mem://a", "mem://b"]);
  });

  test("a shared process is unsubscribed when the last session is", async () => {
    const { upstream } = await open([], { isolation: "shared" });
    for (const scope of ["a", "b"]) await subscribe(upstream, "mem://a", callerOf(scope));
    await subscribe(upstream, "mem://a", callerOf("a"), "unsubscribe");
    expect((await stateOf(upstream)).subscriptions).toEqual(["mem://a"]);
    await subscribe(upstream, "mem://a", callerOf("b"), "unsubscribe");
    expect((await stateOf(upstream)).subscriptions).toEqual([]);
  });
});

describe("idle processes", () => {
  test("one without calls is stopped, and the next call starts another", async () => {
    const { upstream, deps } = await open([], { idleTimeoutMs: 100 });
    const first = await stateOf(upstream);
    await until("it is stopped", () => deps.held.size === 0);
    expect(upstream.status()).toMatchObject({ state: "idle", connections: 0 });
    expect(upstream.status().problem).toBe(undefined);
    expect((await stateOf(upstream)).pid).not.toBe(first.pid);
  });

  test("a running call or a subscription keeps the process", async () => {
    const clock = clocks.create();
    const { upstream } = await open([], { idleTimeoutMs: 100 }, {}, { clock });
    const { pid } = await stateOf(upstream);
    const call = callTool(upstream, "slow", { ms: 400 });
    clock.advance(400);
    await call;
    await subscribe(upstream, "mem://a", callerOf("a"));
    clock.advance(400);
    expect((await stateOf(upstream)).pid).toBe(pid);
  });

  test("at the limit the longest idle process is stopped for a new one", async () => {
    // One place of three is kept for another client.
    const { upstream, deps } = await open([], {}, { processesMax: 3 });
    const a = await stateOf(upstream, callerOf("a"));
    const b = await stateOf(upstream, callerOf("b"));
    const c = await stateOf(upstream, callerOf("c"));
    expect([...deps.held].sort()).toEqual([b.pid, c.pid].sort());
    expect(isAlive(a.pid)).toBe(false);
  });

  test("when all are busy, a call fails with a time to retry", async () => {
    // The busy call lasts longer than another waits for its place.
    const { upstream } = await open([], { startTimeoutMs: 10_000 }, { processesMax: 1 });
    // Its process runs before: between its start and its call it would look idle.
    await stateOf(upstream, callerOf("a"));
    const busy = upstream.open(toolCall("hang", {}, callerOf("a")));
    expect((await failTool(upstream, "echo", {}, callerOf("b"))).data["reason"]).toBe("overloaded");
    busy.cancel("enough");
    // The lists of the first may still be on their way.
    const again = () => callTool(upstream, "echo", {}, callerOf("b")).catch(() => undefined);
    expect(await until("there is room", again)).toBe("{}");
  });

  test("a process is not stopped before the call that started it is made", async () => {
    // Without lists to fetch, a new process has nothing to do until that call.
    const { upstream } = await open(["--caps=none"], {}, { processesMax: 1, startsMax: 1 });
    const outcomes = await Promise.all(
      ["a", "b"].map(async (scope) => {
        const { end } = await drain(upstream.open(toolCall("echo", {}, callerOf(scope))));
        return end.kind === "failure" ? end.error.code : end.kind;
      }),
    );
    expect(outcomes[0]).toBe("result");
    expect(["result", "overloaded"]).toContain(outcomes[1] ?? "");
  });

  test("no more than the allowed number start at once, and all start in the end", async () => {
    const { upstream, deps } = await open(["--init=slow:100"], {}, { startsMax: 1 });
    const calls = ["a", "b", "c"].map((scope) => callTool(upstream, "echo", {}, callerOf(scope)));
    let most = 0;
    const looking = setInterval(
      () => most = Math.max(most, deps.held.size - upstream.status().connections),
      5,
    );
    expect(await Promise.all(calls)).toEqual(["{}", "{}", "{}"]);
    clearInterval(looking);
    expect(most).toBe(1);
  });
});

describe("closing", () => {
  test("open calls fail first, with outcome unknown", async () => {
    const { upstream, deps } = await open();
    const exchange = upstream.open(toolCall("hang"));
    await until("it runs", () => upstream.status().state === "running");
    const [{ end }] = await Promise.all([drain(exchange), upstream.close()]);
    expect(end.kind === "failure" && end.error.toRpc()).toMatchObject({
      code: -32603,
      data: { reason: "upstream_exited", server: "hostile", outcome: "unknown" },
    });
    expect(deps.held.size).toBe(0);
    expect((await failTool(upstream, "echo")).data["reason"]).toBe("upstream_unavailable");
  });
});

async function subscribe(
  upstream: Upstream,
  uri: string,
  caller: Caller,
  verb: "subscribe" | "unsubscribe" = "subscribe",
): Promise<void> {
  const call = { method: `resources/${verb}`, params: { uri }, wantsProgress: false, caller };
  const { end } = await drain(upstream.open(call));
  expect(end).toEqual({ kind: "result", value: {} });
}

async function setLevel(upstream: Upstream, level: LogLevel, caller = callerOf("a")) {
  const call = { method: "logging/setLevel", params: { level }, wantsProgress: false, caller };
  return (await drain(upstream.open(call))).end;
}
