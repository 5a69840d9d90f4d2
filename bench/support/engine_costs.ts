/**
 * What the engine spends for each kind of operation, measured with the real stores on a real
 * `redis-server`: its CPU time, sockets included, and the bytes of what is stored. An operation is what a
 * gateway does for one thing, such as opening a session.
 */
import { systemClock } from "../../src/clock.ts";
import { createRedisOwners } from "../../src/instances/redis_owners.ts";
import { defaultLimits } from "../../src/limits.ts";
import type { RedisConnection } from "../../src/redis/redis_connection.ts";
import { createSealer, makeKey } from "../../src/seal.ts";
import { createRedisRates } from "../../src/store/redis_rates.ts";
import { openEngineStores } from "../../src/store/redis_store.ts";
import { createTestRuntime } from "../../test/support/fake_runtime.ts";
import { createTestLog } from "../../test/support/log.ts";
import { openTestEngine, type RedisServer } from "../../test/support/redis_server.ts";
import { createRecord } from "../../test/support/stores.ts";

/** The engine's CPU time for one operation, in microseconds, and its commands. */
export interface OperationCost {
  readonly commands: number;
  readonly micros: number;
}

/** The operations, by name. */
export type OperationName =
  | "renew"
  | "probe"
  | "count"
  | "open"
  | "end"
  | "claim"
  | "look_up"
  | "keep"
  | "touch"
  | "stream"
  | "announce"
  | "rate";

/** What was measured. */
export interface EngineCosts {
  readonly operations: Readonly<Record<OperationName, OperationCost>>;
  /** Bytes of a session with its row of ownership, and of a stored stream of one kilobyte. */
  readonly sessionBytes: number;
  readonly streamBytes: number;
}

const frame = "x".repeat(1_000);
const uuid = (): string => crypto.randomUUID();

/** Measures with so many sessions. */
export async function measureEngine(server: RedisServer, sample: number): Promise<EngineCosts> {
  const [clock, limits, log] = [systemClock, defaultLimits, createTestLog()];
  const engine = await openTestEngine({ server, prefix: "sizing", clock, limits, log });
  const runtime = await createTestRuntime();
  const directory = ":memory:";
  const stores = openEngineStores({ engine, clock, limits, log, runtime, directory });
  const owners = createRedisOwners(engine, limits);
  const rates = createRedisRates(engine, limits);
  const events = stores.events(await createSealer(makeKey()));
  const facts = { name: uuid(), url: "http://10.0.0.1:9101", isDraining: false, startedAt: 1 };
  const load = { owned: sample, calls: 10 };
  const term = await owners.join({ ...facts, ...load }, 600_000);
  const keys = Array.from({ length: sample }, () => uuid().replaceAll("-", "").padEnd(64, "0"));
  const few = keys.slice(0, Math.min(sample, 1_000));
  const many = ["1", "2", "3", "4", "5"];
  let times = clock.wall();
  const measure = (names: readonly string[], one: (key: string) => Promise<unknown>) =>
    measureEach(engine, names, one);

  const empty = await memoryOf(engine);
  const open = await measure(keys, (key) => stores.sessions.create(createRecord(key)));
  const claim = await measure(keys, (key) => owners.claim(key, { instance: facts.name, term }));
  const withSessions = await memoryOf(engine);
  const stream = await measure(few, (key) =>
    events?.save([{
      session: key,
      stream: uuid(),
      isCall: true,
      requests: [1],
      frames: [frame],
      first: 1,
      droppedTo: 0,
      isForgotten: false,
    }]) ?? Promise.resolve());
  const withStreams = await memoryOf(engine);
  const operations = {
    open,
    claim,
    stream,
    renew: await measure(few, () => owners.renew({ ...facts, ...load }, term, 600_000)),
    probe: await measure(few, () => engine.set(engine.key("probe"), "", 60_000)),
    count: await measure(few, () => engine.get(engine.key("bus", "count"))),
    look_up: await measure(few, async (key) => {
      await owners.find(key);
      await owners.instance(facts.name);
    }),
    // For one row each, of as many as are kept at once.
    keep: perItem(await measure(many, () => owners.keep(few)), few.length),
    touch: perItem(
      await measure(many, async () => {
        for (const key of few) stores.sessions.touch(key, times += 1);
        await stores.sessions.earliest(undefined);
      }),
      few.length,
    ),
    announce: await measure(few, async () => {
      await engine.send(["INCR", engine.key("bus", "count")]);
      await engine.send(["PUBLISH", engine.key("bus"), frame.slice(0, 150)]);
    }),
    rate: await measure(
      few,
      (key) => rates.report(key, { reporter: uuid(), from: 0, to: 1, perMinute: 60, open: 1 }),
    ),
    end: await measure(few, async (key) => {
      await stores.sessions.remove(key);
      await engine.send(["PUBLISH", engine.key("bus"), frame.slice(0, 150)]);
    }),
  };
  await stores.close();
  await engine.close();
  return {
    operations,
    sessionBytes: (withSessions - empty) / sample,
    streamBytes: (withStreams - withSessions) / few.length,
  };
}

/** One after the other in small groups, so that the engine's time is that of the commands alone. */
async function measureEach(
  engine: RedisConnection,
  names: readonly string[],
  one: (name: string) => Promise<unknown>,
): Promise<OperationCost> {
  const before = await usageOf(engine);
  for (let at = 0; at < names.length; at += groupMax) {
    await Promise.all(names.slice(at, at + groupMax).map(one));
  }
  const after = await usageOf(engine);
  // Scripts count their own commands as well: those that came from here are the roots.
  return {
    commands: (after.commands - before.commands) / names.length,
    micros: (after.micros - before.micros) / names.length,
  };
}

const groupMax = 100;

const perItem = ({ commands, micros }: OperationCost, items: number): OperationCost => ({
  commands: commands / items,
  micros: micros / items,
});

/** Commands that clients sent, and the CPU time of the engine, which other programs do not disturb. */
async function usageOf(engine: RedisConnection) {
  const text = String(await engine.send(["INFO", "everything"]));
  let commands = 0;
  for (const [, name = "", calls] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+),/gm)) {
    if (fromClients.has(name)) commands += Number(calls);
  }
  const seconds = [...text.matchAll(/^used_cpu_(?:user|sys)_main_thread:([\d.]+)/gm)]
    .reduce((sum, [, one]) => sum + Number(one), 0);
  return { commands, micros: seconds * 1_000_000 };
}

/** The commands that gateways send; all others run within scripts. */
const fromClients = new Set(["eval", "evalsha", "publish", "incr", "set", "get"]);

async function memoryOf(engine: RedisConnection): Promise<number> {
  const text = String(await engine.send(["INFO", "memory"]));
  return Number(/used_memory_dataset:(\d+)/.exec(text)?.[1] ?? Number.NaN);
}
