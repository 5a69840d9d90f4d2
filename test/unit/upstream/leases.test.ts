/**
 * Which process of a server serves which caller, for callers that cannot be asked while a call
 * runs.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Caller, JsonObject, Notice } from "../../../src/model.ts";
import { createLeases, type LeaseWish } from "../../../src/upstream/mcp/leases.ts";
import { createTestClock } from "../../support/clock.ts";
import { createFakeServer, type FakeServer, openFake } from "../../support/fake_connector.ts";
import {
  askedByResult,
  createSlowServer,
  failureOf,
  letAsk,
  processOf,
} from "../../support/slow_fake.ts";
import { callerOf, drain, toolCall, watchScope } from "../../support/upstream_deps.ts";
import { until } from "../../support/wait.ts";

describe("calls that may be asked something", () => {
  test("of one principal run side by side on processes of their own, which the next ones use", async () => {
    const slow = createSlowServer();
    const { server, finish } = slow;
    const { upstream } = await openFake(server);
    const caller = askedByResult("alice");
    await letAsk(slow, upstream);
    const calls = ["one", "two"].map((text) => upstream.open(toolCall("x", { text }, caller)));
    await until("both calls", () => server.calls().length === 2);
    expect(new Set(server.calls().map((call) => processOf(server, call))).size).toBe(2);
    finish();
    await Promise.all(calls.map((call) => drain(call)));
    const third = upstream.open(toolCall("x", {}, caller));
    await until("the third call", () => server.calls().length === 3);
    expect(server.connections.length).toBe(2);
    finish();
    await drain(third);
    await upstream.close();
  });

  test("wait for their turn if too many run, until one ends or is cancelled", async () => {
    const slow = createSlowServer();
    const { server, finish } = slow;
    const { upstream } = await openFake(server, { limits: { leasesMax: 2 } });
    const caller = askedByResult("alice");
    await letAsk(slow, upstream);
    const calls = [1, 2].map((n) => upstream.open(toolCall("x", { n }, caller)));
    await until("both calls", () => server.calls().length === 2);
    const third = upstream.open(toolCall("x", { n: 3 }, caller));
    // What a client declares does not get it more of them.
    const other = askedByResult("alice", { sampling: {} });
    const fourth = upstream.open(toolCall("x", { n: 4 }, other));
    // No other client is affected.
    const bob = upstream.open(toolCall("x", { n: "bob" }, askedByResult("bob")));
    const order = () =>
      server.calls().map(({ params }) => (params["arguments"] as JsonObject)["n"]);
    await until("Bob's call", () => server.calls().length === 3);
    calls[0]?.cancel("gone");
    await until("the next call", () => server.calls().length === 4);
    expect(order()).toEqual([1, 2, "bob", 3]);
    finish();
    await until("the last call", () => server.calls().length === 5);
    expect(order()).toEqual([1, 2, "bob", 3, 4]);
    finish();
    const ends = await Promise.all([bob, third, fourth].map((call) => drain(call)));
    expect(ends.map(({ end }) => end.kind)).toEqual(["result", "result", "result"]);
    await upstream.close();
  });

  test("free their process when it cannot be started", async () => {
    const server = createFakeServer({ broken: "no licence" });
    const { upstream } = await openFake(server, { limits: { leasesMax: 1, restartMsMin: 0 } });
    const caller = askedByResult("alice");
    for (let round = 0; round < 2; round++) {
      const { end } = await drain(upstream.open(toolCall("x", {}, caller)));
      expect(failureOf(end)).toBe("upstream_unavailable");
    }
    await upstream.close();
  });

  test("free their process when it dies", async () => {
    const { server, finish } = createSlowServer();
    const { upstream } = await openFake(server, { limits: { leasesMax: 1 } });
    const caller = askedByResult("alice");
    const first = upstream.open(toolCall("x", {}, caller));
    await until("the first call", () => server.calls().length === 1);
    server.connections[0]?.die("it crashed");
    expect(failureOf((await drain(first)).end)).toBe("upstream_exited");
    const second = upstream.open(toolCall("x", {}, caller));
    await until("the second call", () => server.calls().length === 2);
    finish();
    expect((await drain(second)).end.kind).toBe("result");
    await upstream.close();
  });

  test("keep no process from being idle once they are over", async () => {
    const clock = createTestClock();
    const server = createFakeServer();
    const { upstream } = await openFake(server, { clock, config: { idleTimeoutMs: 50 } });
    await drain(upstream.open(toolCall("x", {}, askedByResult("alice"))));
    clock.advance(60);
    await until("its end", () => {
      clock.advance(60);
      return server.connections.every(({ isStopped }) => isStopped);
    });
    await upstream.close();
  });

  test("share one process where the server says whose a question is", async () => {
    const { server, finish } = createSlowServer();
    const { upstream } = await openFake(server, { ownsQuestions: true, limits: { leasesMax: 1 } });
    const caller = askedByResult("alice");
    const calls = [1, 2, 3].map(() => upstream.open(toolCall("x", {}, caller)));
    await until("the calls", () => server.calls().length === 3);
    expect(server.connections.length).toBe(1);
    finish();
    await Promise.all(calls.map((call) => drain(call)));
    await upstream.close();
  });
});

describe("what a server says for a call that was given up", () => {
  const question = { method: "elicitation/create", params: { message: "the first one's secret?" } };
  const line: Notice = {
    kind: "notice",
    method: "notifications/message",
    params: { level: "info", data: "the first one's" },
  };
  const logging = { ...askedByResult("alice"), logLevel: "debug" } as const;

  async function giveUpThenCall(given: "up" | "too late", leasesMax = 1) {
    const clock = createTestClock();
    const { server, finish } = createSlowServer({ capabilities: { tools: {}, logging: {} } });
    const { upstream } = await openFake(server, { clock, limits: { leasesMax } });
    const first = upstream.open(toolCall("x", {}, logging));
    await until("the first call's level", () => server.requests.length > 0);
    finish();
    await until("the first call", () => server.calls().length === 1);
    if (given === "up") first.cancel("gone");
    else {
      const error = new GatewayError("upstream_timeout");
      server.calls()[0]?.end({ kind: "failure", error });
    }
    const second = drain(upstream.open(toolCall("x", {}, logging)), () => ({
      kind: "answer",
      value: { action: "accept", content: { secret: "the second one's" } },
    }));
    await until("the second call", () => {
      if (server.calls().length === 2) return true;
      // A process of its own gets the log level first.
      finish();
      return false;
    });
    const hooks = server.calls()[1]?.connection.hooks;
    const say = async () => {
      hooks?.notice(line);
      return await hooks?.ask(question, new AbortController().signal);
    };
    return { clock, server, upstream, second, say, finish };
  }

  test("keeps the next call off its process, which may ask as ever", async () => {
    for (const given of ["up", "too late"] as const) {
      const { server, upstream, second, say, finish } = await giveUpThenCall(given, 2);
      expect(server.calls().map((call) => processOf(server, call))).toEqual([0, 1]);
      expect((await say())?.kind).toBe("answer");
      finish();
      const { asks, notices } = await second;
      expect([asks.length, notices.length]).toEqual([1, 1]);
      await upstream.close();
    }
  });

  test("leaks to no other client where no further process may start: neither questions nor log lines", async () => {
    for (const given of ["up", "too late"] as const) {
      const { server, upstream, second, say, finish } = await giveUpThenCall(given);
      expect(server.connections.length).toBe(1);
      expect((await say())?.kind).toBe("refusal");
      finish();
      const { asks, notices } = await second;
      expect([asks, notices]).toEqual([[], []]);
      await upstream.close();
    }
  });

  test("is not waited for without end: later it is the next one's call that asks", async () => {
    const { clock, upstream, second, say, finish } = await giveUpThenCall("up");
    clock.advance(defaultLimits.strayQuestionMs);
    expect((await say())?.kind).toBe("answer");
    finish();
    const { asks, notices } = await second;
    expect([asks.length, notices.length]).toEqual([1, 1]);
    await upstream.close();
  });
});

describe("calls that cannot be asked anything", () => {
  test("of one principal share its process", async () => {
    const { server, finish } = createSlowServer();
    const { upstream } = await openFake(server, { limits: { leasesMax: 1 } });
    const calls = [1, 2, 3].map(() => upstream.open(toolCall("x", {}, askedByResult("alice", {}))));
    await until("the calls", () => server.calls().length === 3);
    expect(server.connections.length).toBe(1);
    finish();
    await Promise.all(calls.map((call) => drain(call)));
    await upstream.close();
  });

  test("such as lists, are made on the process of those who declare the same", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server);
    await drain(upstream.open(toolCall("x", {}, askedByResult("alice"))));
    expect((await upstream.list("tools", askedByResult("alice"))).length).toBe(1);
    expect(server.connections.length).toBe(1);
    await upstream.close();
  });
});

describe("a server that gets its client's capabilities at its start", () => {
  const toldTo = (server: FakeServer): JsonObject[] =>
    server.connections.map(({ capabilities }) => capabilities);

  test("gets the true ones: a client that declares others has another process", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server);
    const declared: JsonObject[] = [
      {},
      { sampling: {} },
      { sampling: { tools: {}, context: {} } },
      { elicitation: {} },
      { elicitation: { form: {}, url: {} } },
      { elicitation: { url: {} } },
      { roots: {} },
    ];
    for (const capabilities of declared) {
      await drain(upstream.open(toolCall("x", {}, askedByResult("alice", capabilities))));
    }
    expect(toldTo(server)).toEqual(declared);
    await upstream.close();
  });

  test("gets one form of what can be written in many, so that no client can start it without end", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server);
    const same: JsonObject[] = [
      { elicitation: {}, sampling: {} },
      { sampling: {}, elicitation: { form: {} } },
      { elicitation: { form: { x: 1 } }, sampling: { vendor: 2 }, experimental: { a: 1 } },
      { elicitation: { other: {} }, sampling: {}, extensions: { "example.com/b": {} }, more: 3 },
    ];
    for (const capabilities of same) {
      await drain(upstream.open(toolCall("x", {}, askedByResult("alice", capabilities))));
    }
    expect(toldTo(server)).toEqual([{ elicitation: {}, sampling: {} }]);
    await upstream.close();
  });

  test("gets no capabilities of its clients where all share one process", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server, { config: { isolation: "shared" } });
    await drain(upstream.open(toolCall("x", {}, askedByResult("alice"))));
    await drain(upstream.open(toolCall("x", {}, askedByResult("bob", { sampling: {} }))));
    await drain(upstream.open(toolCall("x", {}, callerOf("session"))));
    expect(toldTo(server)).toEqual([{}]);
    await upstream.close();
  });
});

describe("principals", () => {
  test("do not wait for each other's connections: a full queue of one leaves another's free", async () => {
    const leases = createLeases({
      server: "a",
      waitMs: 60_000,
      clock: createTestClock(),
      limits: { ...defaultLimits, leasesMax: 1, leasesWaitingMax: 10 },
    });
    const wish = (scope: string): LeaseWish => ({
      scope,
      consumer: scope,
      declared: "{}",
      isAlone: () => true,
      joins: () => false,
      stayedQuiet: () => {},
      resting: () => undefined,
      stateOf: () => "none",
      signal: new AbortController().signal,
    });
    const held = await leases.take(wish("p:greedy"));
    const waiting = Array.from({ length: 10 }, () => leases.take(wish("p:greedy")));
    await expect(leases.take(wish("p:greedy"))).rejects.toThrow("too many calls wait for it");
    const modest = leases.takeNow(wish("p:modest"));
    expect(modest?.number).toBe(0);
    held.release();
    for (const lease of waiting) (await lease).release();
  });

  test("B15: have shares of a scope that they have together, and take turns; one is kept for others", async () => {
    const clock = createTestClock();
    const limits = { ...defaultLimits, leasesMax: 3, scopeLeasesMax: 6 };
    const leases = createLeases({ server: "a", waitMs: 5_000, clock, limits });
    const wish = (
      consumer: string,
      resting: LeaseWish["resting"] = () => undefined,
    ): LeaseWish => ({
      scope: "p:anonymous",
      consumer,
      declared: "{}",
      isAlone: () => true,
      joins: () => false,
      stayedQuiet: () => {},
      resting,
      stateOf: () => "none",
      signal: new AbortController().signal,
    });
    const codeOf = (lease: Promise<unknown>) =>
      lease.then(() => "granted", ({ code, data }) => [code, typeof data["retryAfterMs"]]);
    const held = await Promise.all(Array.from({ length: 3 }, () => leases.take(wish("greedy"))));
    const fourth = codeOf(leases.take(wish("greedy")));
    const modest = await leases.take(wish("modest"));
    const other = await leases.take(wish("other"));
    // The last place is for a client without one.
    const further = codeOf(leases.take(wish("modest")));
    const late = await leases.take(wish("late"));
    expect(new Set([...held, modest, other, late].map(({ number }) => number)).size).toBe(6);
    late.release();
    clock.advance(5_000);
    expect(await fourth).toEqual(["rate_limited", "number"]);
    expect(await further).toEqual(["overloaded", "number"]);
    const order: string[] = [];
    for (const name of ["greedy", "greedy", "greedy", "modest"]) {
      void leases.take(wish(name)).then(() => order.push(name));
    }
    held[0]?.release();
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    expect(order).toEqual(["modest"]);
  });

  test("B15: the paused calls of the client with most give way, not another's only one", async () => {
    const clock = createTestClock();
    const limits = { ...defaultLimits, leasesMax: 4, scopeLeasesMax: 4, parkYieldMs: 250 };
    const leases = createLeases({ server: "a", waitMs: 60_000, clock, limits });
    const gaveWay: string[] = [];
    const take = async (consumer: string, since: number) => {
      const lease = await leases.take({
        scope: "p:anonymous",
        consumer,
        declared: "{}",
        isAlone: () => true,
        joins: () => false,
        stayedQuiet: () => {},
        resting: () => ({
          since,
          giveWay() {
            gaveWay.push(`${consumer} ${since}`);
            lease.release();
          },
        }),
        stateOf: () => "none",
        signal: new AbortController().signal,
      });
      return lease;
    };
    // The modest client's question is the oldest.
    await take("modest", 1);
    await take("greedy", 3);
    await take("greedy", 2);
    await take("other", 4);
    const newcomer = take("new", 5);
    clock.advance(250);
    await newcomer;
    expect(gaveWay).toEqual(["greedy 2"]);
  });

  test("never share a process of a server that keeps state", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server);
    for (const name of ["alice", "bob", "alice", "bob"]) {
      await drain(upstream.open(toolCall("x", { name }, askedByResult(name, {}))));
    }
    const [first, second, third, fourth] = server.calls().map((call) => processOf(server, call));
    expect([first, second]).toEqual([third, fourth]);
    expect(first).not.toBe(second);
    await upstream.close();
  });

  test("and sessions share the one process of a server that keeps none", async () => {
    const server = createFakeServer({ speaks: "stateless" });
    const { upstream } = await openFake(server);
    const callers = [
      askedByResult("alice"),
      askedByResult("bob", { sampling: {} }),
      callerOf("s1"),
      callerOf("s2", { capabilities: { roots: { listChanged: true } } }),
    ];
    await Promise.all(callers.map((caller) => drain(upstream.open(toolCall("x", {}, caller)))));
    await drain(upstream.open(toolCall("x", {}, callerOf("s3"))));
    expect(server.connections.filter(({ isStopped }) => !isStopped).length).toBe(1);
    // Each request says for itself what its client can do.
    expect(
      server.calls().map(({ clientContext }) => JSON.stringify(clientContext?.capabilities)).sort(),
    ).toEqual(
      ['{"elicitation":{}}', '{"roots":{"listChanged":true}}', '{"sampling":{}}', "{}", "{}"],
    );
    // What a session leaves is its own.
    upstream.endScope("s1");
    await drain(upstream.open(toolCall("x", {}, callerOf("s2"))));
    expect(server.connections.filter(({ isStopped }) => !isStopped).length).toBe(1);
    await upstream.close();
  });

  test("that call at the same time start one process to detect the dialect", async () => {
    const server = createFakeServer({ speaks: "stateless" });
    const { upstream } = await openFake(server, { limits: { startsMax: 2 } });
    const calls = Array.from(
      { length: 20 },
      (_, n) => drain(upstream.open(toolCall("x", { n }, callerOf(`s${n}`)))),
    );
    const ends = (await Promise.all(calls)).map(({ end }) => end.kind);
    expect(new Set(ends)).toEqual(new Set(["result"]));
    expect(server.calls().length).toBe(20);
    expect(server.connections.length).toBeLessThanOrEqual(2);
    expect(server.connections.filter(({ isStopped }) => !isStopped).length).toBe(1);
    await upstream.close();
  });
});

describe("a subscription of stateless clients", () => {
  const resources = { tools: {}, resources: { subscribe: true } };
  const subscribe = (uri: string, caller: Caller, on = true) => ({
    method: on ? "resources/subscribe" : "resources/unsubscribe",
    params: { uri },
    wantsProgress: false,
    caller,
  });
  const told = (server: FakeServer): string[] =>
    server.requests.filter(({ method }) => method.endsWith("subscribe"))
      .map((request) => `${processOf(server, request)} ${request.method.split("/")[1]}`);

  test("is kept on one process, whatever others of the same principal declare", async () => {
    const clock = createTestClock();
    const server = createFakeServer({ capabilities: resources });
    const { upstream } = await openFake(server, { clock, config: { idleTimeoutMs: 50 } });
    const subscriptions = ["mem://a"];
    watchScope(upstream, "p:alice", undefined, { subscriptions });
    const plain = askedByResult("alice", {});
    const asked = askedByResult("alice", { sampling: {} });
    await drain(upstream.open(subscribe("mem://a", plain)));
    await drain(upstream.open(toolCall("x", {}, asked)));
    await drain(upstream.open(subscribe("mem://a", asked)));
    expect(told(server)).toEqual(["0 subscribe"]);
    subscriptions.pop();
    await drain(upstream.open(subscribe("mem://a", asked, false)));
    expect(told(server)).toEqual(["0 subscribe", "0 unsubscribe"]);
    await until("both to be idle", () => {
      clock.advance(60);
      return server.connections.every(({ isStopped }) => isStopped);
    });
    await upstream.close();
  });

  test("is made again by the next process when its own has died", async () => {
    const server = createFakeServer({ capabilities: resources });
    const { upstream } = await openFake(server);
    watchScope(upstream, "p:alice", undefined, { subscriptions: ["mem://a"] });
    await drain(upstream.open(subscribe("mem://a", askedByResult("alice", {}))));
    server.connections[0]?.die("it crashed");
    await drain(upstream.open(toolCall("x", {}, askedByResult("alice", { sampling: {} }))));
    await drain(upstream.open(toolCall("x", {}, askedByResult("alice", {}))));
    expect(told(server)).toEqual(["0 subscribe", "1 subscribe"]);
    await upstream.close();
  });
});
