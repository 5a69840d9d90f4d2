/** The table of owners, kind by kind: in memory, and on an engine where one is installed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { parseStore } from "../../src/config/engine_url.ts";
import { createMemoryOwners } from "../support/memory_owners.ts";
import type {
  InstanceFacts,
  OwnerClaim,
  OwnerRow,
  OwnerTable,
} from "../../src/instances/owner_table.ts";
import { createRedisOwners } from "../../src/instances/redis_owners.ts";
import { defaultLimits } from "../../src/limits.ts";
import { connectRedis, type RedisConnection } from "../../src/redis/redis_connection.ts";
import { createTestLog } from "../support/log.ts";
import { hasRedis, type RedisServer, startRedis } from "../support/redis_server.ts";
import { until } from "../support/wait.ts";

const limits = defaultLimits;
const long = 60_000;

const facts = (name: string): InstanceFacts => ({
  name,
  url: `http://127.0.0.1/${name}`,
  isDraining: false,
  startedAt: 1,
  owned: 2,
  calls: 3,
});

/** The row of an instance whose term runs. */
async function claim(table: OwnerTable, key: string, wanted: OwnerClaim): Promise<OwnerRow> {
  const row = await table.claim(key, wanted);
  if (row === undefined) throw new Error("The term of the claim has ended");
  return row;
}

function keepsOwners(kind: string, open: () => OwnerTable): void {
  describe(`the table of owners ${kind}`, () => {
    let count = 0;
    /** Names that no other test has. */
    const fresh = () => ({ key: `key${++count}`, one: `one${count}`, two: `two${count}` });

    test("gives a key to the first that wants it, and to it alone", async () => {
      const table = open();
      const { key, one, two } = fresh();
      const term = await table.join(facts(one), long);
      const other = await table.join(facts(two), long);
      expect(await table.find(key)).toBe(undefined);
      const row = await table.claim(key, { instance: one, term });
      expect(row).toMatchObject({ instance: one, term });
      expect(await table.claim(key, { instance: two, term: other })).toEqual(row);
      // A claim that was cut off in flight may come again.
      expect(await table.claim(key, { instance: one, term })).toEqual(row);
      expect(await table.find(key)).toEqual(row);
    });

    test("lets the next owner have a larger number, after a release and after a term", async () => {
      const table = open();
      const { key, one, two } = fresh();
      const term = await table.join(facts(one), long);
      const first = await claim(table, key, { instance: one, term });
      await table.release(key, first.number);
      const other = await table.join(facts(two), long);
      const second = await claim(table, key, { instance: two, term: other });
      expect(second.number).toBeGreaterThan(first.number);
      await table.renew(facts(two), other, 1);
      await until("the term ends", async () => await table.instance(two) === undefined);
      const third = await claim(table, key, { instance: one, term });
      expect(third.number).toBeGreaterThan(second.number);
      // What an earlier owner still sends changes nothing.
      await table.release(key, second.number);
      expect(await table.find(key)).toEqual(third);
      const late = await table.claim(key, { instance: two, term: other, held: second.number });
      expect(late).toEqual(third);
    });

    test("refuses an owner that another has followed, though that is gone too", async () => {
      const table = open();
      const { key, one, two } = fresh();
      const term = await table.join(facts(one), long);
      const first = await claim(table, key, { instance: one, term });
      expect(await table.leave(one, term)).toBe(true);
      const other = await table.join(facts(two), long);
      const second = await claim(table, key, { instance: two, term: other });
      await table.leave(two, other);
      const again = await table.join(facts(one), long);
      expect(again).toBeGreaterThan(term);
      const held = { instance: one, term: again, held: first.number };
      expect(await table.claim(key, held)).toEqual(second);
      const without = { instance: one, term: again };
      expect((await claim(table, key, without)).number).toBeGreaterThan(second.number);
    });

    test("gives nothing to an instance whose term has ended, as after a pause", async () => {
      const table = open();
      const { key, one, two } = fresh();
      const term = await table.join(facts(one), long);
      await table.leave(one, term);
      for (const held of [undefined, 5]) {
        expect(await table.claim(key, { instance: one, term, held })).toBe(undefined);
      }
      expect(await table.find(key)).toBe(undefined);
      await table.join(facts(one), long);
      expect(await table.claim(key, { instance: one, term })).toBe(undefined);
      const other = await table.join(facts(two), long);
      const row = await claim(table, key, { instance: two, term: other });
      // It learns who has what it wants all the same.
      expect(await table.claim(key, { instance: one, term })).toEqual(row);
    });

    test("renews a term that runs, and no other", async () => {
      const table = open();
      const { one } = fresh();
      const term = await table.join(facts(one), long);
      const busy = { ...facts(one), calls: 9, isDraining: true };
      expect(await table.renew(busy, term, long)).toBe(true);
      expect(await table.instance(one)).toEqual({ ...busy, term });
      expect(await table.instances()).toContainEqual({ ...busy, term });
      expect(await table.renew(busy, term - 1, long)).toBe(false);
      expect(await table.leave(one, term - 1)).toBe(false);
      expect(await table.renew(busy, term, 1)).toBe(true);
      await until("it ends", async () => !await table.renew(busy, term, 1));
      expect((await table.instances()).map(({ name }) => name)).not.toContain(one);
    });
  });
}

keepsOwners("in memory", () => createMemoryOwners({ clock: systemClock, limits }));

if (hasRedis) {
  let server: RedisServer;
  let engine: RedisConnection;
  beforeAll(async () => {
    server = await startRedis();
    const config = parseStore(server.url)?.engine;
    if (config === undefined) throw new Error(`${server.url} is no URL of an engine`);
    engine = await connectRedis({
      engine: config,
      clock: systemClock,
      limits,
      log: createTestLog(),
    });
  });
  afterAll(async () => {
    await engine.close();
    await server.close();
  });
  test("the table of owners on an engine takes no instance while a command has the engine", async () => {
    const table = createRedisOwners(engine, limits);
    const lease = engine.key("lease");
    await engine.set(lease, "{}", long);
    await expect(table.join(facts("early"), long)).rejects.toThrow("for itself");
    await engine.remove([lease]);
    expect(await table.join(facts("early"), long)).toBeGreaterThan(0);
    await table.leave("early", 0);
  });
  keepsOwners("on an engine", () => createRedisOwners(engine, limits));
}
