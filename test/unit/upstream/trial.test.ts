/**
 * What is known about a server before a client needs it, and how long its lists wait for a start.
 */
import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/errors.ts";
import type { Upstream } from "../../../src/upstream/upstream.ts";
import { createTestClock } from "../../support/clock.ts";
import { createFakeServer, openFake } from "../../support/fake_connector.ts";
import { callerOf, drain, toolCall, watchScope } from "../../support/upstream_deps.ts";
import { until } from "../../support/wait.ts";

const tool = (name: string) => ({ name, inputSchema: { type: "object" } });
const toolsOf = async (upstream: Upstream, caller = callerOf("a")) =>
  (await upstream.list("tools", caller)).map(({ name }) => name);
const failureOf = (promise: Promise<unknown>): Promise<GatewayError> =>
  promise.then(() => Promise.reject(new Error("it went well")), (error) => error);

describe("the trial of a server", () => {
  test("starts it once, for no client, and stores what it offers", async () => {
    const server = createFakeServer({ tools: [tool("x"), tool("y")] });
    const { upstream, deps } = await openFake(server);
    await Promise.all([upstream.trial(), upstream.trial()]);
    await upstream.trial();
    expect(server.connections.map(({ capabilities }) => capabilities)).toEqual([{}]);
    expect(deps.lines.filter(({ message }) => message.startsWith("fake: 2 tools ("))).toHaveLength(
      1,
    );
    expect(await toolsOf(upstream)).toEqual(["x", "y"]);
    expect(server.connections.length).toBe(1);
    expect(upstream.status()).toMatchObject({ tools: 2 });
    await upstream.close();
  });

  test("declares roots where the configuration fixes them", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server, { config: { roots: [{ uri: "file:///data" }] } });
    await upstream.trial();
    expect(server.connections[0]?.capabilities).toEqual({ roots: {} });
    await upstream.close();
  });

  test("is not repeated after a restart when a catalog is stored", async () => {
    const server = createFakeServer();
    const first = await openFake(server);
    await first.upstream.trial();
    await first.upstream.close();
    const catalogs = first.deps.catalogs;
    const { upstream } = await openFake(server, { catalogs });
    await upstream.trial();
    expect(server.connections.length).toBe(1);
    await upstream.close();
  });

  test("that fails is logged once, and does not reject", async () => {
    const server = createFakeServer({ broken: "exited with code 1" });
    const { upstream, deps } = await openFake(server);
    await upstream.trial();
    expect(deps.lines.filter(({ message }) => message.includes("exited with code 1"))).toHaveLength(
      1,
    );
    expect(upstream.status()).toMatchObject({ state: "failing", error: "upstream_unavailable" });
    await upstream.close();
  });

  test("ends its process after a minute without a call", async () => {
    const clock = createTestClock();
    const server = createFakeServer();
    const { upstream } = await openFake(server, { clock });
    await upstream.trial();
    clock.advance(59_000);
    expect(upstream.status().connections).toBe(1);
    clock.advance(2_000);
    expect(upstream.status().connections).toBe(0);
    await upstream.close();
  });

  test("leaves a process that all share to them once a call uses it", async () => {
    const clock = createTestClock();
    const server = createFakeServer();
    const { upstream } = await openFake(server, { clock, config: { isolation: "shared" } });
    await upstream.trial();
    await drain(upstream.open(toolCall("x")));
    clock.advance(120_000);
    expect(server.connections.map(({ isStopped }) => isStopped)).toEqual([false]);
    await upstream.close();
  });

  test("is over, and its process gone, before a session's own process starts", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server);
    await upstream.trial();
    await drain(upstream.open(toolCall("x")));
    expect(server.connections.map(({ isStopped }) => isStopped)).toEqual([true, false]);
    await upstream.close();
  });

  test("is not made while a session's start finds out the same", async () => {
    const listing = Promise.withResolvers<void>();
    const server = createFakeServer({ listing: listing.promise });
    const { upstream } = await openFake(server);
    const list = toolsOf(upstream);
    await until("it starts", () => server.connections.length === 1);
    const trial = upstream.trial();
    listing.resolve();
    await trial;
    expect(await list).toEqual(["x"]);
    expect(server.connections.length).toBe(1);
    await upstream.close();
  });

  test("notices tools that the server adds while it runs, and notifies the readers of the old list", async () => {
    const clock = createTestClock();
    const server = createFakeServer();
    const { upstream } = await openFake(server, { clock });
    await upstream.trial();
    const watch = watchScope(upstream, "a");
    expect(await toolsOf(upstream)).toEqual(["x"]);
    server.tools = [tool("x"), tool("late")];
    const method = "notifications/tools/list_changed";
    server.connections[0]?.hooks.notice({ kind: "notice", method, params: {} });
    clock.advance(1_000);
    await until("the reader gets a notice", () => watch.methods().includes(method));
    expect(await toolsOf(upstream)).toEqual(["x", "late"]);
    await upstream.close();
  });

  test("does not keep the tools that a session's process has changed since", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server);
    await upstream.trial();
    await drain(upstream.open(toolCall("x")));
    server.tools = [tool("x"), tool("late")];
    const method = "notifications/tools/list_changed";
    server.connections[1]?.hooks.notice({ kind: "notice", method, params: {} });
    const watch = watchScope(upstream, "b");
    expect(await toolsOf(upstream, callerOf("b"))).toEqual(["x"]);
    await until("the next session gets a notice", () => watch.methods().includes(method));
    expect(await toolsOf(upstream, callerOf("b"))).toEqual(["x", "late"]);
    await upstream.close();
  });

  test("that finds no free place is made later, and logged once", async () => {
    const clock = createTestClock();
    const server = createFakeServer();
    const { upstream, deps } = await openFake(server, { clock, limits: { processesMax: 1 } });
    const busy = { idleSince: () => undefined, evict: () => {} };
    const place = await deps.processLimit.acquire(busy, new AbortController().signal, 30_000);
    place.started();
    for (let trial = 0; trial < 2; trial++) {
      // It waits for a place for as long as a start may take.
      let isOver = false;
      void upstream.trial().then(() => isOver = true);
      await until("the trial gives up", () => {
        clock.advance(1_000);
        return isOver;
      });
      clock.advance(deps.limits.trialRetryMs);
    }
    place.release();
    clock.advance(deps.limits.trialRetryMs);
    await until("it is tried", () => server.connections.length === 1);
    const said = deps.lines.filter(({ message }) => message.includes("is tried again later"));
    expect(said).toHaveLength(1);
    await upstream.close();
  });
});

describe("a server that is unavailable at its trial", () => {
  test("is tried again by itself, and a listening client gets a notice when it is back", async () => {
    const clock = createTestClock();
    const server = createFakeServer({ broken: "it cannot be reached", isAway: true });
    const { upstream, deps } = await openFake(server, { clock });
    await upstream.trial();
    const watch = watchScope(upstream, "a");
    await failureOf(toolsOf(upstream));
    for (let minute = 0; minute < 30; minute++) {
      const tried = server.attempts.length;
      clock.advance(deps.limits.restartMsMax);
      await until("it is tried again", () => server.attempts.length > tried);
    }
    expect(deps.lines.filter(({ severity }) => severity !== "debug").length).toBeLessThan(5);
    server.broken = undefined;
    clock.advance(deps.limits.restartMsMax);
    await until("the client gets a notice", () => watch.notices.length > 0);
    expect(await toolsOf(upstream)).toEqual(["x"]);
    expect(upstream.status().error).toBe(undefined);
    await upstream.close();
  });

  test("P5 a program is tried again by itself, though its lists are stored, until it starts", async () => {
    const clock = createTestClock();
    const server = createFakeServer();
    const { upstream, deps } = await openFake(server, { clock });
    await upstream.trial();
    clock.advance(deps.limits.trialIdleMs);
    server.broken = "it exited with code 1";
    expect((await drain(upstream.open(toolCall("x")))).end.kind).toBe("failure");
    for (let minute = 0; minute < 5; minute++) {
      const tried = server.attempts.length;
      clock.advance(deps.limits.restartMsMax);
      await until("it is tried again", () => server.attempts.length > tried);
    }
    expect(upstream.status().state).toBe("crash_loop");
    server.broken = undefined;
    clock.advance(deps.limits.restartMsMax);
    await until("it runs", () => upstream.status().error === undefined);
    const tried = server.attempts.length;
    clock.advance(10 * deps.limits.restartMsMax);
    expect(server.attempts.length).toBe(tried);
    await upstream.close();
  });

  test("is not tried again where it refused the gateway", async () => {
    const clock = createTestClock();
    const server = createFakeServer({ broken: "it wants credentials" });
    const { upstream, deps } = await openFake(server, { clock, isRemote: true });
    await upstream.trial();
    clock.advance(deps.limits.restartMsMax);
    expect(server.attempts.length).toBe(1);
    await upstream.close();
  });
});

describe("a start that is given up", () => {
  test("leaves nothing behind, even when it goes well at that moment", async () => {
    const starting = Promise.withResolvers<void>();
    const server = createFakeServer({ starting: starting.promise });
    const { upstream } = await openFake(server);
    const trial = upstream.trial();
    await until("it starts", () => server.attempts.length === 1);
    const closed = upstream.close();
    starting.resolve();
    await closed;
    await trial;
    expect(server.connections.map(({ isStopped }) => isStopped)).toEqual([true]);
  });
});

describe("a start that fails because of a fault in the gateway", () => {
  test("is logged, gives its place back and keeps no gateway from stopping", async () => {
    const server = createFakeServer({ starting: Promise.reject(new Error("a fault of ours")) });
    const { upstream, deps } = await openFake(server, { limits: { processesMax: 1 } });
    await upstream.trial();
    expect(deps.lines.filter(({ severity }) => severity === "error")).toHaveLength(1);
    server.starting = undefined;
    expect(await toolsOf(upstream)).toEqual(["x"]);
    await upstream.close();
  });
});

describe("a client with other capabilities", () => {
  const sampling = callerOf("b", { capabilities: { sampling: {} } });

  test("gets the nearest list at once, and its own follows with list_changed", async () => {
    const server = createFakeServer();
    const { upstream, deps } = await openFake(server);
    await upstream.trial();
    const watch = watchScope(upstream, "b");
    server.tools = [tool("x"), tool("only_with_sampling")];
    expect(await toolsOf(upstream, sampling)).toEqual(["x"]);
    await until("the notice arrives", () => watch.notices.length > 0);
    expect(watch.methods()).toEqual(["notifications/tools/list_changed"]);
    expect(await toolsOf(upstream, sampling)).toEqual(["x", "only_with_sampling"]);
    await until("both are stored", () => deps.catalogsByKey.size === 2);
    await upstream.close();
  });

  test("gets its own list where it needs that", async () => {
    const server = createFakeServer();
    const { upstream } = await openFake(server);
    await upstream.trial();
    server.tools = [tool("only_with_sampling")];
    const own = await upstream.list("tools", sampling, "own");
    expect(own.map(({ name }) => name)).toEqual(["only_with_sampling"]);
    await upstream.close();
  });
});

describe("a list that waits for a start", () => {
  test("fails as late once the server has used up its own start time, and the news follows", async () => {
    const clock = createTestClock();
    const listing = Promise.withResolvers<void>();
    const server = createFakeServer({ listing: listing.promise });
    const { upstream } = await openFake(server, { clock, config: { startTimeoutMs: 9_000 } });
    const watch = watchScope(upstream, "a");
    const late = failureOf(toolsOf(upstream));
    await until("it starts", () => server.connections.length === 1);
    clock.advance(8_999);
    // Time that passes in the queue does not count: the bound begins with the start.
    clock.advance(1);
    const { code, data } = await late;
    expect(code).toBe("upstream_late");
    expect(data).toMatchObject({ server: "fake", retryAfterMs: expect.any(Number) });
    listing.resolve();
    await until("the news comes", () => watch.notices.length > 0);
    expect(await toolsOf(upstream)).toEqual(["x"]);
    await upstream.close();
  });

  /** A server whose start has to wait until another one's is over. */
  async function openQueued() {
    const clock = createTestClock();
    const server = createFakeServer();
    const { upstream, deps } = await openFake(server, {
      clock,
      config: { startTimeoutMs: 1_000 },
      limits: { startsMax: 1, startBusyMs: 600_000 },
    });
    const other = { idleSince: () => undefined, evict: () => {} };
    const place = await deps.processLimit.acquire(other, new AbortController().signal, 30_000);
    const waits = () => until("it waits", () => upstream.status().state === "starting");
    return { clock, upstream, place, waits };
  }

  test("does not count the time in the queue of starts", async () => {
    const { clock, upstream, place, waits } = await openQueued();
    const list = toolsOf(upstream);
    await waits();
    clock.advance(50_000);
    place.started();
    expect(await list).toEqual(["x"]);
    await upstream.close();
  });

  test("a call in the queue fails after the time that a start may take, and was not sent", async () => {
    const { clock, upstream, waits } = await openQueued();
    const call = drain(upstream.open(toolCall("x")));
    await waits();
    clock.advance(1_000);
    const { end } = await call;
    expect(end).toMatchObject({
      kind: "failure",
      error: { code: "upstream_late", data: { outcome: "not_sent" } },
    });
    await upstream.close();
  });
});
