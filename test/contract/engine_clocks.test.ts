/**
 * Instances whose machines do not agree on the time: sessions are idle by the clock of the engine,
 * which all of them have in common.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
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
import { until } from "../support/wait.ts";

const testMs = 240_000;
const dayMs = 86_400_000;
const often = { activityFlushMs: 100, expirySweepMs: 200 };

(hasRedis ? describe : describe.skip)(`an instance whose clock is wrong${whyNoRedis}`, () => {
  let server: RedisServer;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  for (const [way, clockOffMs] of [["ahead", dayMs], ["behind", -dayMs]] as const) {
    test(`by a day ${way} ends no session of the others, and none of its own`, async () => {
      const prefix = `clocks-${way}`;
      const start = async (
        name: string,
        off: number,
        limits: Partial<Limits> = {},
      ): Promise<EngineGateway> => {
        const one = await startEngineGateway({
          name,
          url: `redis://127.0.0.1:PORT?prefix=${prefix}`,
          port: () => server.port,
          clockOffMs: off,
          limits,
        });
        closing.push(one.stop);
        return one;
      };
      const own = await start("right", 0);
      const session = await own.connect();
      const wrong = await start("wrong", clockOffMs, often);
      const there = await wrong.connect();
      const call = { name: "say", arguments: {} };
      for (const one of [session, there]) {
        expect(await ask(one, 1, "tools/call", call)).toMatchObject({ status: 200 });
      }
      const shared = { clock: systemClock, limits: defaultLimits, log: createTestLog() };
      const engine = await openTestEngine({ server, prefix, ...shared });
      closing.push(engine.close);
      const runtime = await createTestRuntime();
      const { sessions } = openEngineStores({ ...shared, engine, runtime, directory: ":memory:" });
      // Who has removed what is old has looked at all sessions.
      const look = async (key: string) => {
        await sessions.create(createRecord(key, { createdAt: 1, activeAt: 1 }));
        await until("a look", async () => await sessions.find(key) === undefined);
      };
      await look("one");
      await own.stop();
      const late = await start("right", 0, often);
      await look("two");
      for (const one of [late.client(session), there]) {
        expect(await ask(one, 2, "tools/call", call)).toMatchObject({ status: 200 });
      }
      const now = engine.origin + systemClock.monotonic();
      expect(Math.abs(now - systemClock.wall())).toBeLessThan(dayMs / 2);
    }, testMs);
  }
});
