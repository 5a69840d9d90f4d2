/**
 * Calls that may be asked something and wait for a connection: for how long, who gives way to them,
 * and whose a question is while calls share a connection.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Limits } from "../../../src/limits.ts";
import type { Answer, Caller, Exchange, Reply } from "../../../src/model.ts";
import type { McpServerConfig } from "../../../src/config/config.ts";
import { createTestClock } from "../../support/clock.ts";
import { openFake } from "../../support/fake_connector.ts";
import {
  accepted,
  askedByResult,
  createSlowServer,
  failureOf,
  letAsk,
  processOf,
  question,
} from "../../support/slow_fake.ts";
import { drain, toolCall } from "../../support/upstream_deps.ts";
import { until } from "../../support/wait.ts";

const alice = askedByResult("alice");

async function setUp(
  limits: Partial<Limits> = {},
  config: Partial<McpServerConfig> = {},
  knows: "asks" | "nothing" = "asks",
) {
  const clock = createTestClock();
  const slow = createSlowServer();
  const { upstream } = await openFake(slow.server, { clock, limits, config });
  if (knows === "asks") await letAsk(slow, upstream);
  const open = (name: string, caller: Caller = alice) => upstream.open(toolCall(name, {}, caller));
  /** Opens a call that the server gets. */
  const begin = async (name: string, caller?: Caller): Promise<Exchange> => {
    const before = slow.server.calls().length;
    const exchange = open(name, caller);
    await until(`the call ${name}`, () => {
      // A start that is over makes room for the next one.
      clock.advance(0);
      return slow.server.calls().length === before + 1;
    });
    return exchange;
  };
  /** What the server asks on the connection of its latest call. */
  const ask = (signal = new AbortController().signal, at = -1) =>
    slow.server.calls().at(at)?.connection.hooks.ask(question, signal);
  return { ...slow, clock, upstream, open, begin, ask };
}

type Setup = Awaited<ReturnType<typeof setUp>>;

/** Reads a call as its client's binding does: what came is kept. */
function readAll(exchange: Exchange): Reply[] {
  const replies: Reply[] = [];
  exchange.read((reply) => void replies.push(reply));
  return replies;
}

/** Some turns of the event loop, after which all that can happen at once has happened. */
const settled = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
};

describe("a call that waits for its turn", () => {
  test("does so for the time that a call may take, and is then refused without being sent", async () => {
    const { upstream, server, clock, open, begin } = await setUp({ leasesMax: 1 }, {
      callTimeoutMs: 5_000,
    });
    await begin("x");
    const call = toolCall("x", {}, alice);
    const target = {};
    const replies = readAll(upstream.open({ ...call, target }));
    await settled();
    clock.advance(4_999);
    expect(replies).toEqual([]);
    clock.advance(1);
    await until("the refusal", () => replies.length === 1);
    const [end] = replies;
    if (end?.kind !== "failure") throw new Error("It was not refused");
    const { message, data } = end.error.toRpc();
    expect(message).toBe(
      'Server "fake" is busy: the call did not get its turn in time; retry later',
    );
    expect(data).toEqual({
      reason: "rate_limited",
      // The time for which none became free.
      retryAfterMs: 5_000,
      server: "fake",
      outcome: "not_sent",
    });
    expect(target).toEqual({ isSent: false });
    expect(server.calls().length).toBe(1);
    // The queue goes on without it.
    expect(readAll(open("x"))).toEqual([]);
    await upstream.close();
  });

  test("finds no room in a queue that is full", async () => {
    const { upstream, open, begin } = await setUp({ leasesMax: 1, leasesWaitingMax: 2 });
    await begin("x");
    const waiting = [open("x"), open("x")].map(readAll);
    await settled();
    expect(failureOf((await drain(open("x"))).end)).toBe("rate_limited");
    expect(waiting).toEqual([[], []]);
    await upstream.close();
  });

  test("and is given up leaves the queue and never reaches the server", async () => {
    const { upstream, server, open, begin, finish } = await setUp({ leasesMax: 1 });
    const first = await begin("x");
    const [left, next] = [open("left"), open("next")];
    await settled();
    left.cancel("gone");
    finish();
    await drain(first);
    await until("the next call", () => server.calls().length === 2);
    expect(server.calls().map(({ params }) => params["name"])).toEqual(["x", "next"]);
    expect(failureOf((await drain(left)).end)).toBe("cancelled");
    finish();
    await drain(next);
    await upstream.close();
  });

  test("fails at once when its server is stopped, or its scope ends", async () => {
    for (const how of ["close", "endScope"] as const) {
      const { upstream, open, begin } = await setUp({ leasesMax: 1 });
      await begin("x");
      const replies = readAll(open("x"));
      await settled();
      if (how === "endScope") upstream.endScope(alice.scope);
      else await upstream.close();
      await until("its end", () => replies.length === 1);
      expect(replies.map(failureOf)).toEqual(["upstream_unavailable"]);
      await upstream.close();
    }
  });
});

describe("a call that waits for its client", () => {
  const limits = { leasesMax: 2, parkYieldMs: 100, parkLeaveMs: 300 };
  /** A call whose client was asked, and went away. */
  async function rest(setup: Setup): Promise<{ exchange: Exchange; answer: Promise<Answer> }> {
    const exchange = await setup.begin("x");
    const answer = setup.ask() ?? Promise.reject(new Error("no connection"));
    exchange.read(() => {});
    exchange.read(undefined);
    exchange.rest?.(() => exchange.cancel("others need its place"));
    setup.clock.advance(1);
    return { exchange, answer };
  }

  test("gives way to one that needs its place, the oldest first", async () => {
    const setup = await setUp(limits);
    const { upstream, server, clock, open, finish } = setup;
    const parked = [await rest(setup), await rest(setup)];
    const next = open("next");
    await settled();
    clock.advance(99);
    await settled();
    expect(server.calls().length).toBe(2);
    clock.advance(1);
    // The server gets a refusal before anything else, so that it can end the call by itself.
    expect((await parked[0]?.answer)?.kind).toBe("refusal");
    expect(server.calls().map(({ cancelled }) => cancelled)).toEqual([undefined, undefined]);
    finish();
    await until("the next call", () => server.calls().length === 3);
    const processes = server.calls().map((call) => processOf(server, call));
    expect(processes).toEqual([0, 1, 0]);
    // It is clear whose a question is.
    const asked = setup.ask();
    const { asks } = await drain(next, () => (finish(), accepted));
    expect([asks.length, (await asked)?.kind]).toEqual([1, "answer"]);
    expect(server.connections.length).toBe(2);
    await upstream.close();
  });

  test("is cancelled where its server does not end it, and leaves no doubt whose a question is", async () => {
    const setup = await setUp(limits);
    const { upstream, server, clock, open, finish } = setup;
    // The one that began first came back, and waits again: it is the younger one by now.
    const first = await rest(setup);
    await rest(setup);
    first.exchange.rest?.(undefined);
    clock.advance(1);
    first.exchange.rest?.(() => first.exchange.cancel("others need its place"));
    const next = open("next");
    await settled();
    clock.advance(100);
    await settled();
    clock.advance(300);
    await until("the next call", () => server.calls().length === 3);
    expect(server.calls().map(({ cancelled }) => cancelled)).toEqual([
      undefined,
      "others need its place",
      undefined,
    ]);
    // Its process might still speak of the call that was given up, so that there is a new one.
    expect(server.connections.map(({ isStopped }) => isStopped)).toEqual([false, true, false]);
    const asked = setup.ask();
    const { asks } = await drain(next, () => (finish(), accepted));
    expect([asks.length, (await asked)?.kind]).toEqual([1, "answer"]);
    await upstream.close();
  });

  test("keeps its place while others end soon, and once its client has returned", async () => {
    const setup = await setUp(limits);
    const { upstream, server, clock, open, begin, finish } = setup;
    const { exchange } = await rest(setup);
    const other = await begin("other");
    const next = open("next");
    await settled();
    clock.advance(50);
    finish();
    await drain(other);
    await until("the next call", () => server.calls().length === 3);
    exchange.rest?.(undefined);
    const last = readAll(open("last"));
    await settled();
    clock.advance(1_000);
    await settled();
    expect(server.calls().map(({ cancelled }) => cancelled)).toEqual(Array(3).fill(undefined));
    expect(last).toEqual([]);
    next.cancel("gone");
    await upstream.close();
  });

  test("gives way as soon as it begins to wait, where another one is due by then", async () => {
    const setup = await setUp({ ...limits, leasesMax: 1 });
    const { upstream, server, clock, open, begin, finish } = setup;
    const exchange = await begin("x");
    open("next");
    await settled();
    clock.advance(1_000);
    const answer = setup.ask();
    exchange.read(undefined);
    exchange.rest?.(() => exchange.cancel("others need its place"));
    expect((await answer)?.kind).toBe("refusal");
    finish();
    await until("the next call", () => server.calls().length === 2);
    await upstream.close();
  });

  test("gives way to a process of another client, where no more may run", async () => {
    const setup = await setUp({ ...limits, processesMax: 1 });
    const { upstream, server, begin } = setup;
    const { answer } = await rest(setup);
    await begin("theirs", askedByResult("bob"));
    expect((await answer).kind).toBe("refusal");
    expect(server.connections.map(({ isStopped }) => isStopped)).toEqual([true, false]);
    expect(server.calls().length).toBe(2);
    await upstream.close();
  });
});

describe("calls of a server that never asked", () => {
  test("share a connection, if their clients are of one principal and declare the same", async () => {
    const { upstream, server, clock, open } = await setUp({ leasesMax: 1 }, {}, "nothing");
    const callers = [
      ...Array(20).fill(alice),
      askedByResult("alice", { sampling: {} }),
      askedByResult("bob"),
    ];
    callers.forEach((caller) => open("x", caller));
    await until("all calls", () => {
      clock.advance(250);
      return server.calls().length === callers.length;
    });
    const processes = new Map(server.calls().map((call) => [processOf(server, call), 0]));
    for (const call of server.calls()) {
      processes.set(processOf(server, call), (processes.get(processOf(server, call)) ?? 0) + 1);
    }
    expect([...processes.values()].sort((one, other) => one - other)).toEqual([1, 1, 20]);
    await upstream.close();
  });

  test("begin one by one, until calls of the same name have shown that they ask nothing", async () => {
    const { upstream, server, clock, open, finish } = await setUp(
      { freshCallMs: 100 },
      {},
      "nothing",
    );
    for (let n = 0; n < 30; n++) open("x");
    await until("the first call", () => server.calls().length === 1);
    // One that ends, or goes on for a while, makes room for the next.
    clock.advance(99);
    await settled();
    expect(server.calls().length).toBe(1);
    clock.advance(1);
    await until("the second call", () => server.calls().length === 2);
    finish();
    await until("the third call", () => server.calls().length === 3);
    let most = 0;
    await until("all calls", async () => {
      const before = server.calls().length;
      finish();
      await settled();
      most = Math.max(most, server.calls().length - before);
      return server.calls().length === 30;
    });
    expect(most).toBeGreaterThan(3);
    expect(server.connections.length).toBe(1);
    await upstream.close();
  });

  test("that wait are asked on connections of their own as soon as the first one is", async () => {
    const { upstream, server, clock, open, ask } = await setUp({}, {}, "nothing");
    const replies = Array.from({ length: 8 }, () => readAll(open("x")));
    await until("the first call", () => server.calls().length === 1);
    void ask();
    await until("all calls", () => {
      clock.advance(0);
      return server.calls().length === 8;
    });
    for (let at = 1; at < 8; at++) void ask(undefined, at);
    await settled();
    expect(replies.map((each) => each.map(({ kind }) => kind))).toEqual(Array(8).fill(["ask"]));
    await upstream.close();
  });

  test("are also those whose client can be asked for nothing but what the operator gives", async () => {
    const config = { roots: [{ uri: "file:///srv" }] };
    const { upstream, server, begin } = await setUp({ leasesMax: 1 }, config, "nothing");
    for (let n = 0; n < 3; n++) await begin("x", askedByResult("alice", {}));
    expect(server.connections.length).toBe(1);
    await upstream.close();
  });
});

describe("a question while calls share a connection", () => {
  /** Two calls on one connection, and a question that comes then. */
  async function share() {
    const setup = await setUp({}, {}, "nothing");
    const one = await setup.begin("one");
    // By now it is less likely to ask.
    setup.clock.advance(250);
    const two = await setup.begin("two");
    const [first, second] = setup.server.calls().slice(-2);
    if (first === undefined || second === undefined) throw new Error("There are not two calls");
    expect(first.connection).toBe(second.connection);
    const withdrawal = new AbortController();
    const answer = setup.ask(withdrawal.signal) ?? Promise.reject(new Error("no connection"));
    const seen = { one: readAll(one), two: readAll(two) };
    await settled();
    expect(seen).toEqual({ one: [], two: [] });
    const good = { kind: "result", value: {} } as const;
    return { ...setup, one, two, first, second, answer, seen, withdrawal, good };
  }

  test("waits until the server has answered all others, and goes to the one that is left", async () => {
    const { upstream, two, first, answer, seen, good } = await share();
    first.end(good);
    await until("the question", () => seen.two.length === 1);
    expect(seen.one.map(({ kind }) => kind)).toEqual(["result"]);
    const [asked] = seen.two;
    if (asked?.kind !== "ask") throw new Error("It was not asked");
    two.answer(asked.id, accepted);
    expect(await answer).toEqual(accepted);
    await upstream.close();
  });

  test("is refused where one of them ran out of time: it may have been that one's", async () => {
    const { upstream, first, second, answer, seen, good } = await share();
    first.end({ kind: "failure", error: new GatewayError("upstream_timeout") });
    expect((await answer).kind).toBe("refusal");
    second.end(good);
    await until("the end", () => seen.two.length === 1);
    expect(seen.two.map(({ kind }) => kind)).toEqual(["result"]);
    await upstream.close();
  });

  test("loses nothing by a client that leaves: its call goes on until the owner is known", async () => {
    const { upstream, one, first, answer, seen, good } = await share();
    one.cancel("gone");
    await settled();
    expect(first.cancelled).toBeUndefined();
    first.end(good);
    await until("the question", () => seen.two.length === 1);
    expect(seen.two.map(({ kind }) => kind)).toEqual(["ask"]);
    expect(seen.one.map(failureOf)).toEqual(["cancelled"]);
    void answer;
    await upstream.close();
  });

  test("of a client that left is refused, and its call is cancelled then", async () => {
    const { upstream, one, first, second, answer, seen, good } = await share();
    one.cancel("gone");
    second.end(good);
    expect((await answer).kind).toBe("refusal");
    expect(first.cancelled).toBe("gone");
    expect(seen.two.map(({ kind }) => kind)).toEqual(["result"]);
    await upstream.close();
  });

  test("and is withdrawn by its server reaches no client", async () => {
    const { upstream, first, second, withdrawal, answer, seen, good } = await share();
    withdrawal.abort();
    expect((await answer).kind).toBe("refusal");
    first.end(good);
    second.end(good);
    await until("both ends", () => seen.two.length === 1);
    expect([seen.one, seen.two].flat().map(({ kind }) => kind)).toEqual(["result", "result"]);
    await upstream.close();
  });

  test("fails with its calls when the process dies", async () => {
    const { upstream, first, answer, seen } = await share();
    first.connection.die("it crashed");
    await until("both ends", () => seen.one.length + seen.two.length === 2);
    expect([...seen.one, ...seen.two].map(failureOf)).toEqual([
      "upstream_exited",
      "upstream_exited",
    ]);
    expect((await answer).kind).toBe("refusal");
    await upstream.close();
  });

  test("makes its server lease from then on: later calls have connections of their own", async () => {
    const { upstream, server, begin, first, second } = await share();
    await begin("one");
    await begin("two");
    const later = server.calls().slice(-2).map(({ connection }) => connection);
    expect(new Set([first.connection, second.connection, ...later]).size).toBe(3);
    await upstream.close();
  });
});
