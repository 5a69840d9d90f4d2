/**
 * `isolation: principal` with real processes: the sessions of one principal share a process, and
 * nothing of it reaches the sessions of another (cases A10, D1, D3, D4).
 */
import process from "node:process";
import { afterEach, describe, expect, test } from "bun:test";
import type { StdioServerConfig } from "../../src/config/config.ts";
import type { Caller, JsonObject, LogLevel } from "../../src/model.ts";
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
import { programCommand } from "../support/spawn_gateway.ts";
import { createTestClock } from "../support/clock.ts";
import { until } from "../support/wait.ts";

const opened: Upstream[] = [];

async function open(
  overrides: Partial<StdioServerConfig> = {},
  more: Partial<UpstreamDeps> = {},
): Promise<{ upstream: Upstream; deps: TestDeps }> {
  const deps = await createTestDeps({}, more);
  const config = hostileConfig([], { isolation: "principal", ...overrides });
  const upstream = createUpstream(config, deps);
  opened.push(upstream);
  return { upstream, deps };
}

afterEach(async () => {
  for (const upstream of opened.splice(0)) await upstream.close();
});

/** A session of a principal. */
const sessionOf = (id: string, session: string, overrides: Partial<Caller> = {}): Caller =>
  callerOf(`${id}'s ${session}`, { principal: { id: `user:${id}` }, ...overrides });

const [ann1, ann2] = [sessionOf("ann", "first"), sessionOf("ann", "second")];
const [ben1, ben2] = [sessionOf("ben", "first"), sessionOf("ben", "second")];
const everyone = [ann1, ann2, ben1, ben2];

const asking = { sampling: {}, elicitation: {}, roots: {} };
const sampling = { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } };
const questions = [
  sampling,
  { method: "elicitation/create", params: { message: "?", requestedSchema: { type: "object" } } },
  { method: "roots/list", params: {} },
];
const answer = (value: JsonObject) => () => ({ kind: "answer", value }) as const;

/** Watches as each of these sessions. */
const watchAll = (upstream: Upstream, callers: readonly Caller[]) =>
  callers.map((caller) => watchScope(upstream, caller, async () => answer({ roots: [] })()));

const setLevel = (upstream: Upstream, caller: Caller, level: LogLevel) =>
  drain(upstream.open({
    method: "logging/setLevel",
    params: { level },
    wantsProgress: false,
    caller,
  }));

const subscribe = (upstream: Upstream, caller: Caller, uri: string, method = "subscribe") =>
  drain(upstream.open({
    method: `resources/${method}`,
    params: { uri },
    wantsProgress: false,
    caller,
  }));

describe("isolation: principal", () => {
  test("D1 two principals with two sessions each have two processes, which mix nothing", async () => {
    const { upstream, deps } = await open();
    const states = await Promise.all(everyone.map((caller) => stateOf(upstream, caller)));
    const [ann, alsoAnn, ben, alsoBen] = states.map(({ pid }) => pid);
    expect([alsoAnn, alsoBen]).toEqual([ann, ben]);
    expect(ann).not.toBe(ben);
    const answers = await Promise.all(
      everyone.flatMap((caller) =>
        Array.from({ length: 50 }, async (_, round) => {
          const nonce = `${caller.scope} ${round}`;
          return [nonce, await callTool(upstream, "nonce", { nonce }, caller)];
        })
      ),
    );
    expect(answers.filter(([sent, got]) => sent !== got)).toEqual([]);
    // What the process keeps is the principal's: 2 states, 100 nonces, and this call.
    expect(await callTool(upstream, "count", {}, ann2)).toBe("103");
    expect(deps.everHeld.length).toBe(2);
    expect(upstream.status().connections).toBe(2);
  });

  test("D3 a notice of no call reaches all sessions of its principal, and no others", async () => {
    const { upstream } = await open();
    const watches = watchAll(upstream, everyone);
    await stateOf(upstream, ben1);
    const heard = () => watches.map(({ methods }) => [...new Set(methods())].sort());
    const say = async (method: string, params: object) => {
      await callTool(upstream, "notify", { method, params, late: 10 }, ann1);
      await until(
        "both sessions hear it",
        () => heard().slice(0, 2).every((methods) => methods.includes(method)),
      );
    };
    await say("notifications/message", { level: "error", data: "disk full" });
    await say("vendor/news", { id: 7 });
    await callTool(upstream, "add_tool", { name: "more" }, ann1);
    const changed = "notifications/tools/list_changed";
    await until(
      "both hear of the list",
      () => heard().slice(0, 2).every((methods) => methods.includes(changed)),
    );
    const all = ["notifications/message", changed, "vendor/news"];
    expect(heard()).toEqual([all, all, [], []]);
    const names = async (caller: Caller) =>
      (await upstream.list("tools", caller)).map(({ name }) => name);
    expect(await names(ann2)).toContain("more");
    expect(await names(ben2)).not.toContain("more");
  });

  test("D2 progress, log lines and cancellation are those of their own call", async () => {
    const { upstream } = await open();
    const watches = watchAll(upstream, everyone);
    await Promise.all(everyone.map((caller) => stateOf(upstream, caller)));
    const steps = await Promise.all(everyone.map(async (caller) => {
      const call = toolCall("progress", { steps: 3, ms: 5, label: caller.scope }, caller, true);
      return (await drain(upstream.open(call))).notices.map(({ params }) => params["message"]);
    }));
    const expected = everyone.map(({ scope }) =>
      [1, 2, 3].map((step) => `step ${step} of ${scope}`)
    );
    expect(steps).toEqual(expected);
    const logged = await drain(upstream.open(toolCall("log", { text: "mine" }, ann1)));
    expect(logged.notices.map(({ params }) => params["data"])).toEqual(["mine"]);
    expect(watches.flatMap(({ notices }) => notices)).toEqual([]);
    const slow = upstream.open(toolCall("slow", { ms: 200 }, ann2));
    const hanging = upstream.open(toolCall("hang", {}, ann1));
    hanging.cancel("changed my mind");
    expect((await drain(hanging)).end.kind).toBe("failure");
    expect((await drain(slow)).end.kind).toBe("result");
    expect((await stateOf(upstream, ann2)).cancelled.length).toBe(1);
    expect((await stateOf(upstream, ben1)).cancelled).toEqual([]);
  });

  test("the process hears only what all sessions of the principal have declared", async () => {
    const { upstream } = await open();
    const able = sessionOf("ann", "able", { capabilities: { ...asking, sampling: { tools: {} } } });
    const plain = sessionOf("ann", "plain", { capabilities: { sampling: {} } });
    const ben = sessionOf("ben", "own", { capabilities: { elicitation: { url: {} } } });
    const formsOnly = sessionOf("ben", "forms", { capabilities: { elicitation: {}, roots: {} } });
    watchAll(upstream, [able, plain, ben, formsOnly]);
    expect((await stateOf(upstream, able)).capabilities).toEqual({ sampling: {} });
    expect((await stateOf(upstream, formsOnly)).capabilities).toEqual({});
  });

  for (const question of questions) {
    test(`D4 ${question.method} goes to the only open call, and an ambiguous one to no client`, async () => {
      const { upstream } = await open();
      const one = sessionOf("ann", "one", { capabilities: asking });
      const two = sessionOf("ann", "two", { capabilities: asking });
      const watches = watchAll(upstream, [one, two]);
      await Promise.all([stateOf(upstream, one), stateOf(upstream, two)]);
      const ask = (caller: Caller) =>
        drain(upstream.open(toolCall("ask", question, caller)), answer({ text: "an answer" }));
      const ben = upstream.open(toolCall("hang", {}, ben1));
      const mine = await ask(one);
      expect(mine.asks.length).toBe(1);
      expect(JSON.stringify(mine.end)).toContain("an answer");
      const other = upstream.open(toolCall("hang", {}, two));
      const ambiguous = await ask(one);
      other.cancel("enough");
      await drain(other);
      // For a while the process may still ask for the call that was given up.
      const doubtful = await ask(one);
      for (const { asks, end } of [ambiguous, doubtful]) {
        expect(asks).toEqual([]);
        expect(JSON.stringify(end)).toContain("-32601");
      }
      expect(watches.flatMap(({ asks }) => asks)).toEqual([]);
      ben.cancel("enough");
      await drain(ben);
    });

    test(`D4 ${question.method} outside of any call is refused, though a client watches`, async () => {
      const { upstream } = await open();
      const caller = sessionOf("ann", "one", { capabilities: asking });
      const [watch] = watchAll(upstream, [caller]);
      await callTool(upstream, "ask", { ...question, late: 1 }, caller);
      // Without a call for a while, so that the question is of none.
      await new Promise((resolve) => setTimeout(resolve, 250));
      const codes = async () =>
        (await stateOf(upstream, caller)).lateAnswers.map(({ error }) => error?.code);
      await until("the process has its answer", async () => (await codes()).length === 1);
      expect(await codes()).toEqual([-32601]);
      expect(watch?.asks).toEqual([]);
    });
  }

  test("a session that declares less joins the process, and is not asked what it cannot answer", async () => {
    const { upstream, deps } = await open();
    const able = sessionOf("ann", "able", { capabilities: asking });
    expect((await stateOf(upstream, able)).capabilities).toEqual(asking);
    const late = sessionOf("ann", "late", { capabilities: { roots: {} } });
    watchAll(upstream, [able, late]);
    const refused = await drain(upstream.open(toolCall("ask", sampling, late)));
    expect(refused.asks).toEqual([]);
    expect(JSON.stringify(refused.end)).toContain("-32601");
    const put = await drain(upstream.open(toolCall("ask", sampling, able)), answer({ a: 1 }));
    expect(put.asks.length).toBe(1);
    expect(deps.everHeld.length).toBe(1);
    // The next process hears what both have declared.
    await failTool(upstream, "crash", { how: "exit" }, able);
    expect((await stateOf(upstream, able)).capabilities).toEqual({ roots: {} });
  });

  test("a client of the stateless revision shares the process, and is asked by result", async () => {
    const { upstream, deps } = await open();
    const stateless: Caller = {
      ...sessionOf("ann", "stateless", { capabilities: asking }),
      scope: "p:user:ann",
      revision: "2026-07-28",
      asksByResult: true,
      sharesScope: true,
    };
    const session = sessionOf("ann", "one", { capabilities: asking });
    const [own, shared] = [await stateOf(upstream, session), await stateOf(upstream, stateless)];
    expect(shared.pid).toBe(own.pid);
    const exchange = upstream.open(toolCall("ask", sampling, stateless));
    const asked = await drain(exchange, answer({ role: "assistant" }));
    expect(asked.asks.map(({ method }) => method)).toEqual([sampling.method]);
    expect(deps.everHeld.length).toBe(1);
  });

  test("a stateless server has one process for each principal, too", async () => {
    const server = programCommand("test/support/chart_server.ts", ["stateless"]);
    const { upstream, deps } = await open({ ...server, era: "modern" });
    const pids = await Promise.all(
      everyone.map(async (caller) =>
        JSON.parse(await callTool(upstream, "declared", {}, caller))["pid"]
      ),
    );
    expect([pids[1], pids[3]]).toEqual([pids[0], pids[2]]);
    expect(pids[0]).not.toBe(pids[2]);
    expect(deps.everHeld.length).toBe(2);
  });
});

describe("what a principal's process keeps", () => {
  test("the most verbose level that one of its sessions wants", async () => {
    const { upstream } = await open();
    await setLevel(upstream, ben1, "debug");
    await setLevel(upstream, ann1, "error");
    await setLevel(upstream, ann2, "info");
    expect((await stateOf(upstream, ann1)).level).toBe("info");
    await setLevel(upstream, ann2, "critical");
    expect((await stateOf(upstream, ann1)).level).toBe("error");
    expect((await stateOf(upstream, ben2)).level).toBe("debug");
    await setLevel(upstream, ben2, "warning");
    expect((await stateOf(upstream, ann1)).level).toBe("error");
  });

  test("a subscription until the last session gives it up or ends, and updates for its subscribers", async () => {
    const { upstream } = await open();
    const wanting = { subscriptions: ["mem://a"] };
    const [first, second] = [
      watchScope(upstream, ann1, undefined, wanting),
      watchScope(upstream, ann2),
    ];
    const ben = watchScope(upstream, ben1, undefined, wanting);
    await Promise.all([stateOf(upstream, ann1), stateOf(upstream, ben1)]);
    await subscribe(upstream, ann2, "mem://a");
    await subscribe(upstream, ann2, "mem://a", "unsubscribe");
    expect((await stateOf(upstream, ann1)).subscriptions).toEqual(["mem://a"]);
    const updated = { method: "notifications/resources/updated", params: { uri: "mem://a" } };
    await callTool(upstream, "notify", updated, ann2);
    await until("the subscriber hears it", () => first.notices.length === 1);
    expect([...second.notices, ...ben.notices]).toEqual([]);
    upstream.endScope(ann1.scope);
    expect((await stateOf(upstream, ann2)).subscriptions).toEqual([]);
    expect((await stateOf(upstream, ben2)).subscriptions).toEqual(["mem://a"]);
  });

  test("the process stays while a session ends, and stops after the last one when idle", async () => {
    const clock = createTestClock();
    const { upstream, deps } = await open({ idleTimeoutMs: 300 }, { clock });
    const { pid } = await stateOf(upstream, ann1);
    const slow = upstream.open(toolCall("slow", { ms: 150 }, ann2));
    const mine = upstream.open(toolCall("hang", {}, ann1));
    upstream.endScope(ann1.scope);
    expect((await drain(mine)).end.kind).toBe("failure");
    expect((await drain(slow)).end.kind).toBe("result");
    expect((await stateOf(upstream, ann2)).pid).toBe(pid);
    upstream.endScope(ann2.scope);
    await until("it is gone", () => {
      clock.advance(300);
      return !deps.held.has(pid);
    });
    expect(isAlive(pid)).toBe(false);
    expect(upstream.status()).toMatchObject({ state: "idle", connections: 0 });
  });
});

describe("a principal's process that dies", () => {
  test("A10 fails that principal's calls alone, and the next call starts another", async () => {
    const { upstream, deps } = await open();
    const watches = watchAll(upstream, everyone);
    const [ann, ben] = [await stateOf(upstream, ann1), await stateOf(upstream, ben1)];
    const lost = [ann1, ann2].map((caller) => upstream.open(toolCall("hang", {}, caller)));
    const kept = upstream.open(toolCall("slow", { ms: 300 }, ben2));
    await setLevel(upstream, ann2, "warning");
    process.kill(ann.pid, "SIGKILL");
    const ends = await Promise.all(lost.map(async (call) => (await drain(call)).end.kind));
    expect(ends).toEqual(["failure", "failure"]);
    expect((await drain(kept)).end.kind).toBe("result");
    expect((await stateOf(upstream, ben2)).pid).toBe(ben.pid);
    const next = await stateOf(upstream, ann2);
    expect(next.pid).not.toBe(ann.pid);
    expect(next.level).toBe("warning");
    expect((await stateOf(upstream, ann1)).pid).toBe(next.pid);
    const warned = watches.map(({ notices }) =>
      notices.some(({ params }) => String(params["data"]).includes("ended unexpectedly"))
    );
    expect(warned).toEqual([true, true, false, false]);
    expect(deps.everHeld.length).toBe(3);
  });

  test("A10 again and again makes only that principal wait", async () => {
    const { upstream } = await open();
    for (let round = 0; round < 2; round += 1) {
      await failTool(upstream, "crash", { how: "exit" }, round === 0 ? ann1 : ann2);
    }
    const refused = await failTool(upstream, "echo", {}, ann1);
    expect(refused.message).toContain("for this client");
    expect(await callTool(upstream, "echo", {}, ben1)).toBe("{}");
  });
});
