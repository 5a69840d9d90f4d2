/**
 * What clients and load balancers see of an engine that is away, hangs, comes back empty, fails over,
 * is slow or full, or flaps: each as docs/operations.md says.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { Limits } from "../../src/limits.ts";
import {
  ask,
  type EngineGateway,
  shortTerms,
  startEngineGateway,
} from "../support/engine_gateways.ts";
import type { TestSession } from "../support/http_harness.ts";
import {
  hasRedis,
  type RedisServer,
  startRedis,
  startSentinel,
  whyNoRedis,
} from "../support/redis_server.ts";
import { until } from "../support/wait.ts";

const testMs = 240_000;
/** What an engine needs to keep all that it acknowledged. */
const keepsAll = ["--appendonly", "yes", "--appendfsync", "always"];

(hasRedis ? describe : describe.skip)(`an engine with faults${whyNoRedis}`, () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function startServer(...more: readonly string[]): Promise<RedisServer> {
    const server = await startRedis(...more);
    closing.push(server.close);
    return server;
  }

  async function start(
    server: RedisServer,
    limits: Partial<Limits> = {},
    name = "one",
    url = "redis://127.0.0.1:PORT",
  ): Promise<EngineGateway> {
    const one = await startEngineGateway({ name, url, port: () => server.port, limits });
    closing.push(one.stop);
    return one;
  }

  const call = (client: Pick<TestSession, "post">, id: number) =>
    ask(client, id, "tools/call", { name: "say", arguments: {} });

  /** A session, once the engine is reached again: an outage is noticed only when it is used. */
  async function connectAgain(one: EngineGateway): Promise<TestSession> {
    await until("a new session opens", async () => (await one.tryConnect()).status === 200);
    return await one.connect();
  }

  async function expectRefused(one: EngineGateway): Promise<void> {
    const refused = await one.tryConnect();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(refused.headers.get("mcp-session-id")).toBeNull();
    expect(await refused.text()).toContain("store_unavailable");
  }

  test("stopped: what needs it is refused, what was acknowledged is there afterwards", async () => {
    const server = await startServer(...keepsAll);
    const one = await start(server, { engineGraceMs: 1_000 });
    const session = await one.connect();
    expect(await one.health("/ready")).toMatchObject({ code: 200 });
    await server.stop();
    // The instance knows for a while that the session is its own.
    expect(await call(session, 1)).toMatchObject({ status: 200 });
    await expectRefused(one);
    await until("it is known", async () => (await one.health("/health")).status === "degraded");
    expect(await one.health("/health")).toMatchObject({ code: 200 });
    await until("others should serve", async () => (await one.health("/ready")).code === 503);
    // Another instance may take the session soon, so this one serves it no longer.
    await until("its term may have ended", async () => (await call(session, 2)).status === 503);
    expect(await call(session, 3)).toMatchObject({ retryAfter: "1" });
    const tried = one.server.opened.length;
    expect((await call(session, 4)).error?.data).toMatchObject({ outcome: "not_sent" });
    expect(one.server.opened.length).toBe(tried);
    await server.start();
    await until("the engine works", async () => (await one.health("/ready")).code === 200);
    await until("the session goes on", async () => (await call(session, 5)).status === 200);
    expect(await one.health("/health")).toMatchObject({ code: 200, status: "healthy" });
    const two = await start(server, {}, "two");
    expect(await call(two.client(session), 6)).toMatchObject({ status: 200 });
  }, testMs);

  test("killed while sessions are opened: each id that was given out is known", async () => {
    const server = await startServer(...keepsAll);
    const one = await start(server);
    const given: string[] = [];
    let isStopped = false;
    const open = async (): Promise<void> => {
      while (!isStopped && given.length < 400) {
        const response = await one.tryConnect();
        await response.text();
        const id = response.headers.get("mcp-session-id");
        if (id !== null) given.push(id);
        else expect(response.status).toBe(503);
      }
    };
    const clients = Array.from({ length: 8 }, open);
    await until("some are open", () => given.length >= 20);
    await server.stop();
    isStopped = true;
    await Promise.all(clients);
    await server.start();
    await until("the engine works", async () => (await one.health("/health")).status === "healthy");
    const two = await start(server, {}, "two");
    const known = await Promise.all(
      given.map(async (id) => (await ask(two.client({ id }), 1, "ping")).status),
    );
    expect(known.filter((status) => status !== 200)).toEqual([]);
  }, testMs);

  test(
    "restarted empty: open sessions go on, those that were stored alone are unknown",
    async () => {
      const server = await startServer();
      const zero = await start(server, {}, "zero");
      const stored = await zero.connect();
      await zero.stop();
      const one = await start(server);
      const session = await one.connect();
      await server.stop();
      await server.start();
      await until(
        "the engine works",
        async () => (await one.health("/health")).status === "healthy",
      );
      await until("the session goes on", async () => (await call(session, 1)).status === 200);
      expect(await call(await connectAgain(one), 2)).toMatchObject({ status: 200 });
      const two = await start(server, {}, "two");
      expect(await call(two.client(stored), 3)).toMatchObject({ status: 404 });
      await until("it is sure", async () => (await call(one.client(stored), 4)).status === 404);
    },
    testMs,
  );

  test(
    "restarted empty: no instance calls the sessions of another one unknown, nor ends their calls",
    async () => {
      const server = await startServer();
      const limits = { ownerRenewMs: 2_000, ownerRetryMs: 1_000, ownerReturnMs: 20_000 };
      const [one, two] = [await start(server, limits), await start(server, limits, "two")];
      const session = await one.connect();
      const known = await one.connect();
      // The other instance knows where the second one is, and has a call of it open there.
      let finish = (): void => {};
      one.server.script(() =>
        new Promise((
          resolve,
        ) => (finish = () => resolve({ content: [{ type: "text", text: "done" }] })))
      );
      const running = call(two.client(known), 1);
      await until("the call", () => one.server.opened.length === 1);
      one.server.script(async () => ({ content: [] }));
      await server.stop();
      await server.start();
      const seen = new Set<number>();
      await until("the session goes on", async () => {
        const { status } = await call(two.client(session), 2);
        seen.add(status);
        return status === 200;
      });
      expect(seen.has(404)).toBe(false);
      finish();
      expect(JSON.stringify(await running)).toContain("done");
    },
    testMs,
  );

  test("hung: requests are refused in time, and a dead connection is replaced", async () => {
    const server = await startServer();
    const one = await start(server, {
      engineCommandMs: 500,
      engineConnectMs: 500,
      engineSilenceMs: 60_000,
      enginePingMs: 30_000,
    });
    const session = await one.connect();
    one.proxy.hold();
    await expectRefused(one);
    await until("it is known", async () => (await one.health("/health")).status === "degraded");
    // What the dead connection held arrives late; the next connection serves.
    one.proxy.repair();
    await until("the engine works", async () => (await one.health("/health")).status === "healthy");
    await until("the session goes on", async () => (await call(session, 1)).status === 200);
    await one.connect();
  }, testMs);

  test("failed over by Sentinel: sessions that the replica has go on", async () => {
    const first = await startServer();
    const second = await startServer("--replicaof", "127.0.0.1", String(first.port));
    await until(
      "the replica follows",
      async () => (await second.tell("INFO replication")).includes("master_link_status:up"),
    );
    const sentinel = await startSentinel(first.port);
    closing.push(sentinel.close);
    await until(
      "the Sentinel knows the replica",
      async () => (await sentinel.tell("INFO sentinel")).includes("slaves=1"),
    );
    const url = `redis+sentinel://127.0.0.1:${sentinel.port}?master=main`;
    const one = await start(first, {}, "one", url);
    const session = await one.connect();
    await until(
      "the replica has it",
      async () => /db0:keys=[1-9]/.test(await second.tell("INFO keyspace")),
    );
    await first.stop();
    await until("it is known", async () => (await one.health("/health")).status === "degraded");
    await until(
      "the other server serves",
      async () => (await one.health("/health")).status === "healthy",
    );
    await until("the session goes on", async () => (await call(session, 1)).status === 200);
    expect(await call(await connectAgain(one), 2)).toMatchObject({ status: 200 });
    const two = await start(second, {}, "two", url);
    expect(await call(two.client(session), 3)).toMatchObject({ status: 200 });
  }, testMs);

  test(
    "failed over behind one address: the gateway leaves the server that is a replica now",
    async () => {
      const first = await startServer();
      const second = await startServer("--replicaof", "127.0.0.1", String(first.port));
      await until(
        "the replica follows",
        async () => (await second.tell("INFO replication")).includes("master_link_status:up"),
      );
      let master = first;
      const url = "redis://127.0.0.1:PORT";
      const one = await startEngineGateway({ name: "one", url, port: () => master.port });
      closing.push(one.stop);
      const session = await one.connect();
      await until(
        "the replica has it",
        async () => /db0:keys=[1-9]/.test(await second.tell("INFO keyspace")),
      );
      await second.tell("REPLICAOF NO ONE");
      // Its connections stay open.
      await first.tell(`REPLICAOF 127.0.0.1 ${second.port}`);
      master = second;
      await until("the session goes on", async () => (await call(session, 1)).status === 200);
      expect(await call(await connectAgain(one), 2)).toMatchObject({ status: 200 });
    },
    testMs,
  );

  test("slow by 200 ms: everything goes on", async () => {
    const server = await startServer();
    const one = await start(server);
    one.proxy.delay(200);
    const session = await one.connect();
    expect(await call(session, 1)).toMatchObject({ status: 200 });
    const two = await start(server, {}, "two");
    two.proxy.delay(200);
    expect(await call(two.client(session), 2)).toMatchObject({ status: 200 });
    expect(await one.health("/ready")).toMatchObject({ code: 200 });
    expect(await one.health("/health")).toMatchObject({ status: "healthy" });
    expect((await session.remove()).status).toBe(204);
    expect(await call(two.client(session), 3)).toMatchObject({ status: 404 });
  }, testMs);

  test("full: new sessions are refused, open ones go on for as long as they need", async () => {
    const server = await startServer();
    const one = await start(server);
    const [session, other] = [await one.connect(), await one.connect()];
    const before = await server.tell("CONFIG SET maxmemory 1");
    expect(before).toContain("OK");
    await expectRefused(one);
    expect(await one.health("/health")).toMatchObject({ code: 200, status: "degraded" });
    // Longer than a term: a full engine still takes the renewals.
    const end = performance.now() + shortTerms.ownerTermMs + 1_000;
    for (let id = 1; performance.now() < end; id += 1) {
      expect(await call(session, id)).toMatchObject({ status: 200 });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // What frees memory is never refused.
    expect((await other.remove()).status).toBe(204);
    await server.tell("CONFIG SET maxmemory 0");
    await until("the engine works", async () => (await one.health("/health")).status === "healthy");
    await one.connect();
  }, testMs);

  test("flapping: one connection at a time, however many requests come", async () => {
    const server = await startServer();
    const one = await start(server);
    const session = await one.connect();
    one.proxy.cut();
    await until("it is known", async () => (await one.health("/health")).status === "degraded");
    while (one.proxy.connections() < 8) {
      const statuses = await Promise.all(
        Array.from({ length: 25 }, async () => {
          const response = await one.tryConnect();
          await response.text();
          return response.status;
        }),
      );
      expect(new Set(statuses)).toEqual(new Set([503]));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(one.proxy.mostAtOnce()).toBe(1);
    one.proxy.repair();
    await until("the engine works", async () => (await one.health("/health")).status === "healthy");
    await until("the session goes on", async () => (await call(session, 1)).status === 200);
    const lines = one.log.filter((line) => line.includes("Cannot use the engine"));
    expect(lines).toHaveLength(1);
  }, testMs);
});
