/**
 * What an instance writes late, after another one has taken its session over, is refused by the
 * engine itself, in the same step in which it would be written.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { createRedisOwners } from "../../src/instances/redis_owners.ts";
import { defaultLimits } from "../../src/limits.ts";
import { sha256 } from "../../src/runtime/digest.ts";
import { createSealer } from "../../src/seal.ts";
import { openEngineStores } from "../../src/store/redis_store.ts";
import { ask, type EngineGateway, startEngineGateway } from "../support/engine_gateways.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import {
  hasRedis,
  openTestEngine,
  type RedisServer,
  startRedis,
  whyNoRedis,
} from "../support/redis_server.ts";
import { createRecord } from "../support/stores.ts";

const testMs = 240_000;
const runtime = await createTestRuntime();
const facts = { url: "http://127.0.0.1:1", isDraining: false, startedAt: 1, owned: 0, calls: 0 };

(hasRedis ? describe : describe.skip)(`late writes to an engine${whyNoRedis}`, () => {
  let server: RedisServer;
  let count = 0;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());
  afterEach(async () => {
    count += 1;
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function openStores() {
    const log = createTestLog();
    const shared = { clock: systemClock, limits: defaultLimits, log };
    const engine = await openTestEngine({ server, prefix: `fence-${count}`, ...shared });
    closing.push(engine.close);
    const place = { engine, runtime, directory: ":memory:", sessionTimeoutMs: 60_000 };
    const stores = openEngineStores({ ...shared, ...place });
    const events = stores.events(await createSealer("a key"));
    if (events === undefined) throw new Error("there is no store of events");
    const outrun: [string, number][] = [];
    /** Writes name this number from now on. */
    const own = (number: number | undefined) =>
      stores.fence?.join({
        numberOf: () => number,
        outrun: (key, old) => void outrun.push([key, old]),
      });
    const owners = createRedisOwners(engine, defaultLimits);
    const take = async (name: string): Promise<number> => {
      const term = await owners.join({ ...facts, name }, 60_000);
      const row = await owners.claim("s", { instance: name, term });
      await owners.leave(name, term);
      return row?.number ?? 0;
    };
    return { engine, sessions: stores.sessions, events, own, take, outrun };
  }

  const frames = (stream: string) => ({
    session: "s",
    stream,
    isCall: false,
    requests: [],
    frames: ["id: 1\ndata: x\n\n"],
    first: 1,
    droppedTo: 0,
    isForgotten: false,
  });

  test("every kind of write is refused with an older number, and changes nothing", async () => {
    const { engine, sessions, events, own, take, outrun } = await openStores();
    const record = createRecord("s", { subscriptions: ["x:1"] });
    await sessions.create(record);
    const old = await take("one");
    const newer = await take("two");
    expect(newer).toBeGreaterThan(old);
    own(old);
    const writes = {
      update: () => sessions.update("s", { logLevel: "debug" }),
      subscribe: () => sessions.subscribe("s", "x:2"),
      unsubscribe: () => sessions.unsubscribe("s", "x:1"),
      remove: () => sessions.remove("s"),
    };
    for (const [name, write] of Object.entries(writes)) {
      const fault = await write().then(() => "written", (thrown) => thrown.code);
      expect([name, fault, outrun.splice(0)]).toEqual([name, "store_unavailable", [["s", old]]]);
    }
    await events.save([frames("late")]);
    expect([await events.find("s", "late"), outrun.splice(0)]).toEqual([undefined, [["s", old]]]);
    sessions.touch("s", record.activeAt + 1_000);
    // The first question that needs all activity writes it.
    await sessions.earliest();
    expect(outrun.splice(0)).toEqual([["s", old]]);
    const stored = await engine.send(["HGET", engine.key("sessions", "s", "s"), "active_at"]);
    expect(stored).toBe(String(record.activeAt));
    expect(await sessions.find("s")).toEqual(record);
    // One that owns nothing writes no more than one that owned it long ago.
    own(undefined);
    expect(await sessions.update("s", { logLevel: "debug" }).catch(({ code }) => code))
      .toBe("store_unavailable");
    own(newer);
    expect(await sessions.update("s", { logLevel: "debug" })).toBe(true);
    await events.save([frames("own")]);
    expect((await events.find("s", "own"))?.frames).toHaveLength(1);
    expect(await sessions.remove("s")).toBe(true);
    expect(outrun).toEqual([["s", 0]]);
  });

  test("an owner whose link was held up writes nothing after another took over", async () => {
    const limits = { engineCommandMs: 120_000, engineSilenceMs: 120_000 };
    const start = async (name: string): Promise<EngineGateway> => {
      const url = `redis://127.0.0.1:PORT?prefix=fence-${count}`;
      const one = await startEngineGateway({ name, url, port: () => server.port, limits });
      closing.push(one.stop);
      return one;
    };
    const [one, two] = [await start("one"), await start("two")];
    const session = await one.connect();
    const uri = "test://r";
    expect(await ask(session, 1, "resources/subscribe", { uri })).toMatchObject({ result: {} });
    await one.isolate();
    // Its owner still knows the session as its own, and this write is on its way.
    const late = ask(session, 2, "resources/unsubscribe", { uri });
    const there = two.client(session);
    const call = { name: "say", arguments: {} };
    expect(await ask(there, 3, "tools/call", call)).toMatchObject({ status: 200 });
    expect(two.server.opened.some(({ method }) => method === "tools/call")).toBe(true);
    one.proxy.repair();
    const answer = await late;
    expect(answer.error?.data).toMatchObject({ outcome: "unknown" });
    const { sessions } = await openStores();
    expect((await sessions.find(sha256(session.id)))?.subscriptions).toEqual([uri]);
    // The new owner goes on, and writes.
    expect(await ask(there, 4, "resources/unsubscribe", { uri })).toMatchObject({ result: {} });
    expect((await sessions.find(sha256(session.id)))?.subscriptions).toEqual([]);
  }, testMs);
});
