/**
 * What the stores on an engine promise beyond those of all kinds: streams for resumption, one owner,
 * messages between instances, and what becomes of changes while the engine is away.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInProcessBus } from "../../src/bus/in_process.ts";
import { createRedisBus } from "../../src/bus/redis_bus.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import { ownEngine } from "../../src/redis/engine_lease.ts";
import type { RedisConnection, RedisScript } from "../../src/redis/redis_connection.ts";
import { createSealer } from "../../src/seal.ts";
import type { StreamChange } from "../../src/session/event_store.ts";
import { openEngineStores } from "../../src/store/redis_store.ts";
import { storeKinds } from "../../src/store/store_kinds.ts";
import { openStores } from "../../src/store/stores.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { freePort } from "../support/free_port.ts";
import { createTestLog } from "../support/log.ts";
import {
  engineOf,
  hasRedis,
  openTestEngine,
  type RedisServer,
  startRedis,
  whyNoRedis,
} from "../support/redis_server.ts";
import { runHere } from "../support/run_cli.ts";
import { createRecord } from "../support/stores.ts";
import { until } from "../support/wait.ts";

const runtime = await createTestRuntime();
/** On a busy machine, the engine and this process may both be late. */
const calm: Partial<Limits> = {
  engineCommandMs: 60_000,
  engineSilenceMs: 60_000,
  enginePingMs: 20_000,
  engineStartMs: 60_000,
  engineConnectMs: 60_000,
};
/** An outage is noticed, and its end, without the usual waits. */
const quick: Partial<Limits> = { engineProbeMs: 50, engineProbeAgainMs: 50, engineRetryMsMax: 100 };

const change = (stream: string, changes: Partial<StreamChange> = {}): StreamChange => ({
  session: "s",
  stream,
  isCall: true,
  requests: [1],
  frames: [],
  first: 1,
  droppedTo: 0,
  isForgotten: false,
  ...changes,
});

/** All that is stored under a prefix, as one text. */
const readAll: RedisScript = {
  lua: `local found = {}
local function add(value)
  if type(value) == 'table' then for _, one in ipairs(value) do add(one) end
  else table.insert(found, value) end
end
for _, key in ipairs(redis.call('KEYS', '*')) do
  local type = redis.call('TYPE', key).ok
  add(key)
  if type == 'string' then add(redis.call('GET', key)) end
  if type == 'hash' then add(redis.call('HGETALL', key)) end
  if type == 'zset' then add(redis.call('ZRANGE', key, 0, -1)) end
  if type == 'stream' then add(redis.call('XRANGE', key, '-', '+')) end
end
return found`,
};

(hasRedis ? describe : describe.skip)(`stores on an engine${whyNoRedis}`, () => {
  let server: RedisServer;
  let count = 0;
  let clock: TestClock;
  const opened: RedisConnection[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());
  beforeEach(() => {
    count += 1;
    clock = createTestClock();
  });
  afterEach(async () => {
    for (const engine of opened.splice(0)) await engine.close();
  });

  async function connect(changes: Partial<Limits> = {}, own: Clock = systemClock, at = server) {
    const limits = { ...defaultLimits, ...calm, ...changes };
    const log = createTestLog();
    const prefix = `test-${count}`;
    const engine = await openTestEngine({ server: at, prefix, clock: own, limits, log });
    opened.push(engine);
    return { engine, limits, log, clock: own, runtime, directory: ":memory:" };
  }

  async function open(changes: Partial<Limits> = {}, key = "a key") {
    const shared = await connect(changes, clock);
    const stores = openEngineStores({ ...shared, sessionTimeoutMs: 60_000 });
    const sealer = await createSealer(key);
    const events = stores.events(sealer);
    if (events === undefined) throw new Error("there is no store of events");
    return { ...shared, ...stores, sealer, events };
  }

  test("G4: streams are what they were in the next run: frames and requests", async () => {
    const { sessions, events } = await open();
    await sessions.create(createRecord("s"));
    const wide = new TextEncoder().encode("id: e-2\ndata: 日本\n\n");
    const first = change("a", { requests: ["x", 2], frames: ["id: e-1\ndata: 1\n\n", wide] });
    await events.save([first]);
    // A batch that was cut is sent again.
    await events.save([first]);
    await events.save([
      change("a", { requests: [2], frames: ["three"], first: 3 }),
      change("alone", { isCall: false, requests: [] }),
    ]);
    const { events: next } = await open();
    expect(await next.find("s", "a")).toEqual({
      isCall: true,
      requests: [2],
      frames: [
        { position: 1, frame: "id: e-1\ndata: 1\n\n" },
        { position: 2, frame: "id: e-2\ndata: 日本\n\n" },
        { position: 3, frame: "three" },
      ],
    });
    expect(await next.find("s", "alone")).toMatchObject({ isCall: false, frames: [] });
    expect(await next.find("other", "a")).toBeUndefined();
    expect(await next.find("s", "b")).toBeUndefined();
  });

  test("C3: streams end with their session, and are not written after it", async () => {
    const { sessions, events, engine } = await open();
    await sessions.create(createRecord("s"));
    await events.save([change("a", { frames: ["one"] })]);
    await sessions.remove("s");
    expect(await events.find("s", "a")).toBeUndefined();
    await events.save([change("a", { frames: ["two"], first: 2 })]);
    expect(await events.find("s", "a")).toBeUndefined();
    expect(Number(await engine.get(engine.key("sessions", "total")))).toBe(0);
  });

  test("C8: streams lose what the session dropped and forgot, and what is too much", async () => {
    const { sessions, events } = await open({ engineFramesMax: 3 });
    await sessions.create(createRecord("s"));
    const positions = async (stream: string) =>
      (await events.find("s", stream))?.frames.map(({ position }) => position);
    await events.save([change("a", { frames: ["1", "2"] })]);
    await events.save([change("a", { frames: ["3"], first: 3, droppedTo: 2 })]);
    expect(await positions("a")).toEqual([3]);
    for (const first of [4, 5, 6]) await events.save([change("a", { frames: ["x"], first })]);
    expect(await positions("a")).toEqual([4, 5, 6]);
    await events.save([change("a", { isForgotten: true })]);
    expect(await positions("a")).toBeUndefined();
  });

  test("C8: the sessions that wrote last longest ago lose their frames first", async () => {
    const { sessions, events } = await open({ engineFramesTotalBytesMax: 1_500 });
    for (const key of ["old", "new"]) {
      await sessions.create(createRecord(key));
      await events.save([change("a", { session: key, frames: ["x".repeat(800)] })]);
    }
    const framesOf = async (key: string) => (await events.find(key, "a"))?.frames.length;
    expect([await framesOf("old"), await framesOf("new")]).toEqual([0, 1]);
  });

  test("sessions and their streams have a time to live, which use prolongs", async () => {
    const { sessions, events, engine } = await open({ engineSessionGraceMs: 1_000 });
    await sessions.create(createRecord("s"));
    await events.save([change("a", { frames: ["one"] })]);
    const ttl = async (...parts: string[]) =>
      Number(await engine.send(["PTTL", engine.key("sessions", ...parts)]));
    for (const part of ["s", "e"]) {
      expect(await ttl(part, "s")).toBeGreaterThan(0);
      expect(await ttl(part, "s")).toBeLessThanOrEqual(61_000);
    }
    await engine.send(["PEXPIRE", engine.key("sessions", "s", "s"), "10000"]);
    sessions.touch("s", createRecord("s").activeAt + 1);
    clock.advance(defaultLimits.activityFlushMs);
    await until("the use is noted", async () => await ttl("s", "s") > 10_000);
    // A session that ended by itself is counted out by the next sweep.
    await engine.remove([engine.key("sessions", "s", "s")]);
    expect(await sessions.find("s")).toBeUndefined();
    expect(await sessions.expire(Infinity)).toEqual(["s"]);
    expect([await sessions.count(), await sessions.countOf("local")]).toEqual([0, 0]);
  });

  test("G5: an instance whose clock is ahead or behind ends no session that is in use", async () => {
    const { sessions, engine } = await open();
    const now = Date.now();
    await sessions.create({ ...createRecord("s"), createdAt: now, activeAt: now });
    expect(await sessions.expire(now + 86_400_000, now + 86_400_000)).toEqual([]);
    // Its use is older than what is stored by the clock of another one.
    const ttl = async () => Number(await engine.send(["PTTL", engine.key("sessions", "s", "s")]));
    await engine.send(["PEXPIRE", engine.key("sessions", "s", "s"), "10000"]);
    sessions.touch("s", now - 86_400_000);
    clock.advance(defaultLimits.activityFlushMs);
    await until("the use is noted", async () => await ttl() > 10_000);
  });

  test("H1: nothing secret is in the engine, and another key opens nothing", async () => {
    const stores = await open();
    await stores.sessions.create(createRecord("s"));
    await stores.events.save([change("a", { frames: ["a canary in a result"] })]);
    const key = { server: "far", principal: "p", kind: "oauth2", binding: "b" } as const;
    await stores.credentials(stores.sealer).save(key, { token: "a canary" });
    const entry = { command: "npx", env: { TOKEN: "a canary" } };
    await stores.registry(stores.sealer).put({ name: "a", entry, disabled: false, addedAt: 1 });
    const place = { server: "far", principal: "p", issuer: "i", resource: "r" };
    const grant = { token: "a canary", obtainedAt: 1, scopes: [], clientId: "c", grantedAt: 1 };
    await stores.grants(stores.sealer).save(place, grant);
    const all = String(await stores.engine.run(readAll, [stores.engine.key("probe")]));
    expect(all).toContain("far");
    expect(all).not.toContain("canary");
    const other = await open({}, "another key");
    expect(await other.events.find("s", "a")).toMatchObject({ requests: [1], frames: [] });
    expect(await other.registry(other.sealer).all()).toMatchObject([{ entry: "unreadable" }]);
  });

  test("G4: a session that ended while the engine was away stays ended", async () => {
    const own = await startRedis();
    const { engine, limits, ...shared } = await connect({}, clock, own);
    const stores = openEngineStores({ ...shared, engine, limits, sessionTimeoutMs: 60_000 });
    const { sessions } = stores;
    await sessions.create(createRecord("s"));
    await sessions.create(createRecord("other"));
    own.pause();
    const removal = sessions.remove("s").catch((fault) => fault.code);
    clock.advance(limits.engineCommandMs);
    expect(await removal).toBe("store_unavailable");
    expect(await sessions.find("s")).toBeUndefined();
    expect((await stores.problem())?.cause).toContain("no answer");
    expect(stores.isAway?.()).toBe(false);
    clock.advance(limits.engineGraceMs + 1);
    expect(stores.isAway?.()).toBe(true);
    own.resume();
    await until("the engine works", async () => {
      clock.advance(limits.engineProbeAgainMs);
      return await stores.problem() === undefined;
    });
    expect(stores.isAway?.()).toBe(false);
    clock.advance(limits.storageRetryMs);
    expect(await sessions.count()).toBe(1);
    expect(await sessions.find("other")).toBeDefined();
    expect(await sessions.find("s")).toBeUndefined();
    await engine.close();
    await own.close();
  });

  test("a flapping engine is tried by one connection at a time, with growing pauses", async () => {
    const port = await freePort();
    let isCut = false;
    let [attempts, atOnce, most] = [0, 0, 0];
    const pairs = new Set<Socket>();
    const proxy = createServer((socket) => {
      socket.on("error", () => {});
      attempts += 1;
      atOnce += 1;
      most = isCut ? Math.max(most, atOnce) : most;
      socket.once("close", () => atOnce -= 1);
      // It is cut at its first words.
      if (isCut) return void socket.once("data", () => socket.destroy());
      pairs.add(socket);
      void import("node:net").then(({ connect }) => {
        const far = connect({ host: "127.0.0.1", port: server.port });
        far.on("error", () => socket.destroy());
        socket.once("close", () => far.destroy());
        socket.pipe(far).pipe(socket);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(port, "127.0.0.1", resolve));
    const at = { ...server, port, url: `redis://127.0.0.1:${port}` };
    const limits = { ...quick, engineRetryMsMin: 20, engineRetryMsMax: 200 };
    const { engine, log } = await connect(limits, systemClock, at);
    const begun = performance.now();
    isCut = true;
    for (const socket of pairs) socket.destroy();
    await until("the engine is missed", () => engine.problem() !== undefined);
    attempts = 0;
    // Commands meanwhile fail at once, and bring no further attempts.
    const faults = await Promise.all(
      Array.from({ length: 500 }, () => engine.get("x").catch((fault) => fault.commandOutcome)),
    );
    expect(new Set(faults)).toEqual(new Set(["not_sent"]));
    await until("some attempts", () => attempts >= 6);
    expect(most).toBeLessThanOrEqual(1);
    // Each pause is half of its span at least.
    expect(attempts).toBeLessThanOrEqual(6 + (performance.now() - begun) / 10);
    isCut = false;
    await until("the engine works", () => engine.problem() === undefined);
    const lines = log.records.filter(({ severity }) => severity === "ERROR");
    expect(lines).toHaveLength(1);
    await engine.close();
    proxy.close();
  }, 240_000);

  test("one gateway owns the engine, and a second one learns which", async () => {
    const times = {
      engineLeaseMs: 60_000,
      engineLeaseTrustMs: 50_000,
      engineLeaseRenewMs: 50,
      engineLeaseLookMs: 100,
    };
    const own = async (holder: string) => {
      const { engine, limits, log } = await connect(times);
      const prefix = `test-${count}`;
      return await ownEngine({
        connection: engine,
        prefix,
        holder,
        clock: systemClock,
        limits,
        log,
      });
    };
    const first = await own("the first");
    await first.set(first.key("a"), "1");
    await expect(own("the second")).rejects.toThrow("another gateway uses it (the first)");
    await first.close();
    const second = await own("the second");
    expect(await second.get(second.key("a"))).toBe("1");
    // Another one took the engine while this gateway was cut off.
    await second.set(second.key("lease"), JSON.stringify({ holder: "the third" }), 60_000);
    await until("the loss is noticed", () => second.problem() !== undefined);
    expect(second.problem()?.cause).toContain("another gateway has taken the engine (the third)");
    const fault = await second.set(second.key("a"), "2").catch((thrown) => thrown);
    expect(fault.commandOutcome).toBe("not_sent");
    await second.close();
  }, 240_000);

  test("the lease of a gateway that was killed runs out, and the next one starts", async () => {
    const times = { engineLeaseMs: 400, engineLeaseLookMs: 50 };
    const { engine, limits, log } = await connect(times);
    await engine.set(engine.key("lease"), JSON.stringify({ holder: "dead" }), 400);
    const prefix = `test-${count}`;
    const next = await ownEngine({
      connection: engine,
      prefix,
      holder: "next",
      clock: systemClock,
      limits,
      log,
    });
    await next.set(next.key("a"), "1");
    await next.close();
  });

  test("a message reaches the listeners of all instances once, and a loss leads to a check", async () => {
    const own = await startRedis();
    const join = async (instance: string) => {
      const { engine, limits, log } = await connect(quick, systemClock, own);
      const local = createInProcessBus({ limits, log });
      const bus = createRedisBus({ local, engine, instance, clock: systemClock, limits, log });
      const heard: string[] = [];
      bus.subscribe("sessionEnded", ({ key }) => heard.push(key));
      bus.subscribe("accessRevoked", ({ principal }) => heard.push(`check ${principal}`));
      return { engine, bus, heard };
    };
    const [one, other] = [await join("one"), await join("other")];
    await until("the other hears", () => {
      one.bus.publish("sessionEnded", { key: "first", reason: "r" });
      return other.heard.includes("first");
    });
    expect(one.heard).not.toContain("second");
    other.heard.length = one.heard.length = 0;
    other.bus.publish("sessionEnded", { key: "second", reason: "r" });
    other.bus.publish("accessRevoked", { principal: "p", reason: "r" });
    await until("one hears", () => one.heard.includes("check p"));
    expect(one.heard.filter((key) => key !== "first")).toEqual(["second", "check p"]);
    expect(other.heard.filter((key) => key !== "first")).toEqual(["second", "check p"]);
    await own.stop();
    await until("the engine is missed", () => one.engine.problem() !== undefined);
    await own.start();
    await until("rights are checked", () => one.heard.includes("check undefined"));
    await one.engine.close();
    await other.engine.close();
    await own.close();
  });

  test("store copy brings everything to the engine, and back to another folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-copy-"));
    const secret = "u8Zq3rT1vX5yB7nM9kL2pQ4sW6eR0tY8";
    const data = (name: string) => join(folder, name);
    const openFolder = async (name: string, key: string | undefined) => {
      const { stores } = await openStores({
        config: { dataDirectory: data(name), secret: key },
        kinds: storeKinds,
        runtime,
        clock,
        limits: defaultLimits,
        log: createTestLog(),
      });
      return stores;
    };
    const record = createRecord("s", {
      subscriptions: ["x:1"],
      logLevel: "info",
      activeAt: 1_700_000_000_005,
    });
    const place = { server: "far", principal: "p", issuer: "i", resource: "r" };
    const grant = { token: "t", obtainedAt: 1, scopes: ["s"], clientId: "c", grantedAt: 1 };
    const token = { server: "far", principal: "p", kind: "oauth2", binding: "b" } as const;
    const row = { name: "a", entry: { command: "npx" }, disabled: true, addedAt: 5 };
    const before = await openFolder("one", undefined);
    await before.sessions.create(record);
    await before.registry.put(row);
    await before.grants.save(place, grant);
    await before.credentials.save(token, { token: "x" });
    await before.oauth.commit({
      clients: [{ id: "c", kind: "registration", body: {}, createdAt: 1 }],
      grants: [{ id: "g", client: "c", principal: "p", body: {}, createdAt: 1 }],
      tokens: [{ digest: "d", grantId: "g", kind: "refresh", body: {}, expiresAt: 2e12 }],
    });
    await before.close();
    const engine = engineOf(server, `test-${count}`);
    const env = { MCP_STORE: `${server.url}?prefix=${engine.prefix}`, MCP_SECRET: secret };
    const copy = (name: string, ...way: string[]) =>
      runHere(["store", "copy", ...way, "--json"], {
        cwd: folder,
        env: { ...env, MCP_DATA_DIR: data(name) },
      });
    const there = await copy("one", "sqlite", "redis");
    expect([there.code, there.stderr]).toEqual([0, ""]);
    expect(JSON.parse(there.stdout)).toMatchObject({
      copied: { sessions: 1, servers: 1, "grants at servers": 1, "tokens of servers": 1 },
      unreadable: 0,
    });
    expect((await copy("two", "redis", "sqlite")).code).toBe(0);
    const after = await openFolder("two", secret);
    expect(await after.sessions.find("s")).toEqual(record);
    expect(await after.registry.all()).toEqual([row]);
    expect(await after.grants.find("far", "p")).toEqual([{ key: place, grant }]);
    expect(await after.credentials.load(token)).toEqual({ token: "x" });
    expect(await after.oauth.token("d")).toMatchObject({ grantId: "g" });
    await after.close();
    const wrong = await copy("one", "sqlite", "sqlite");
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.stderr).error.message).toContain(
      'expected "sqlite redis" or "redis sqlite"',
    );
    rmSync(folder, { recursive: true, force: true });
  }, 240_000);
});
