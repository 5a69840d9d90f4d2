/**
 * The contract of every kind of session store, checked with the same random operations against a
 * plain list, and the additional contract of the kind with a disk.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStoreDatabase } from "../../src/store/database.ts";
import { GatewayError } from "../../src/errors.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { SqlDatabase } from "../../src/runtime/runtime.ts";
import { openSqliteSessionStore } from "../../src/store/sqlite_sessions.ts";
import type { SessionRecord, SessionStore } from "../../src/session/session_store.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { contentOf, createRecord } from "../support/stores.ts";

const runtime = await createTestRuntime();
const databaseFull = 13;

let folder: string;
let clock: TestClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "session-store-"));
  clock = createTestClock();
});
afterEach(() => rm(folder, { recursive: true }));

/** A store on the test's file, and the means to end it gently or by force. */
function openStore(platform = runtime, changes: Partial<Limits> = {}) {
  const limits = { ...defaultLimits, ...changes };
  const database = openStoreDatabase(platform, join(folder, "store.db"), limits);
  const log = createTestLog();
  const store = openSqliteSessionStore({
    database,
    clock,
    limits,
    log,
    nextTurn: platform.nextTurn,
  });
  return {
    store,
    log,
    database,
    async close() {
      await store.close();
      database.close();
    },
  };
}

const withoutActivity = (content: Record<string, SessionRecord>) =>
  Object.values(content).map(({ activeAt: _, ...rest }) => rest);

describe("the sqlite store on its disk", () => {
  test("keeps every acknowledged change even if it is never closed", async () => {
    const before = openStore();
    await before.store.create(createRecord("a"));
    await before.store.create(createRecord("b"));
    await before.store.create(createRecord("c", { activeAt: 5 }));
    await before.store.update("a", { logLevel: "error" });
    await before.store.subscribe("a", "x:1");
    await before.store.subscribe("a", "x:2");
    await before.store.unsubscribe("a", "x:2");
    await before.store.remove("b");
    await before.store.expire(6);
    before.database.close();
    const after = openStore();
    expect(await contentOf(after.store, ["a", "b", "c"])).toEqual({
      a: createRecord("a", { logLevel: "error", subscriptions: ["x:1"] }),
    });
    await after.close();
  });

  test("writes activity in batches and loses no more than the last one", async () => {
    const before = openStore();
    await before.store.create(createRecord("a", { activeAt: 1 }));
    before.store.touch("a", 2);
    clock.advance(defaultLimits.activityFlushMs);
    before.store.touch("a", 3);
    before.database.close();
    const after = openStore();
    expect((await after.store.find("a"))?.activeAt).toBe(2);
    after.store.touch("a", 4);
    await after.close();
    const last = openStore();
    expect((await last.store.find("a"))?.activeAt).toBe(4);
    await last.close();
  });

  test("writes each activity once, and again if that fails", async () => {
    const platform = createFaultyRuntime(runtime);
    const before = openStore(platform);
    await before.store.create(createRecord("a", { activeAt: 1 }));
    await before.store.create(createRecord("b", { activeAt: 1 }));
    const statementsOf = (key: string, at: number) => {
      const begun = platform.counts.sql;
      before.store.touch(key, at);
      clock.advance(defaultLimits.activityFlushMs);
      return platform.counts.sql - begun;
    };
    const first = statementsOf("a", 2);
    expect(statementsOf("b", 2)).toBe(first);
    platform.failAt("sql", 1, createSqlFault(databaseFull));
    statementsOf("a", 3);
    clock.advance(defaultLimits.activityFlushMs);
    before.database.close();
    const after = openStore();
    expect((await after.store.find("a"))?.activeAt).toBe(3);
    await after.close();
  });

  test("does not expire a session whose activity is not on disk yet", async () => {
    const before = openStore();
    await before.store.create(createRecord("a", { activeAt: 1 }));
    before.store.touch("a", 100);
    expect(await before.store.expire(50)).toEqual([]);
    before.database.close();
    const after = openStore();
    expect(await after.store.find("a")).toBeDefined();
    await after.close();
  });

  test("skips rows that it cannot read, logs them when they are requested, and removes them", async () => {
    const before = openStore();
    await before.store.create(createRecord("good"));
    await before.close();
    const columns = {
      client_info: ["{", "[]", "null", '"text"'],
      capabilities: ["", "7"],
      log_level: ["loud", ""],
    };
    const broken = openStoreDatabase(runtime, join(folder, "store.db"), defaultLimits);
    let count = 0;
    for (const [column, values] of Object.entries(columns)) {
      for (const value of values) breakRow(broken, `bad ${count++}`, column, value);
    }
    broken.close();
    const after = openStore();
    expect(await after.store.count()).toBe(1 + count);
    expect(await after.store.find("good")).toEqual(createRecord("good"));
    expect(after.log.records).toEqual([]);
    for (let at = 0; at < count; at++) {
      expect(await after.store.find(`bad ${at}`)).toBeUndefined();
      expect(after.log.records.map(({ message }) => message)[at]).toContain("initialize again");
    }
    expect(await after.store.count()).toBe(1);
    await after.store.expire(Infinity);
    const left = after.database.prepare("SELECT count(*) AS left_over FROM sessions").get();
    expect(left?.["left_over"]).toBe(0);
    await after.close();
  });

  test("keeps a subscription as a row of its own, which ends with its session", async () => {
    const { store, database, close } = openStore();
    const rows = () => database.prepare("SELECT session, uri FROM subscriptions").all();
    await store.create(createRecord("a"));
    await store.create(createRecord("b", { activeAt: 1 }));
    for (const uri of ["x:1", "x:2", "x:1"]) await store.subscribe("a", uri);
    await store.subscribe("b", "x:1");
    await store.subscribe("unknown", "x:1");
    expect(rows()).toEqual([
      { session: "a", uri: "x:1" },
      { session: "a", uri: "x:2" },
      { session: "b", uri: "x:1" },
    ]);
    await store.expire(2);
    expect(rows().map(({ session }) => session)).toEqual(["a", "a"]);
    await store.remove("a");
    expect(rows()).toEqual([]);
    await close();
  });

  test("expires in batches, the longest unused first", async () => {
    const { store, close } = openStore(runtime, { expiryBatchMax: 2 });
    for (const at of [3, 1, 2, 5]) await store.create(createRecord(`${at}`, { activeAt: at }));
    expect([...await store.expire(4)].sort()).toEqual(["1", "2"]);
    expect(await store.count()).toBe(2);
    expect(await store.expire(4)).toEqual(["3"]);
    expect(await store.expire(4)).toEqual([]);
    expect(await store.count()).toBe(1);
    await close();
  });

  test("G4: a session that was ended while the disk was full stays ended, also after a restart", async () => {
    for (const healsAt of ["by the clock", "at the stop"]) {
      const platform = createFaultyRuntime(runtime);
      const { store, log, close } = openStore(platform);
      const names = Array.from({ length: 250 }, (_, at) => `${healsAt} ${at}`);
      for (const name of [...names, "stays"]) {
        await store.create(createRecord(name)).catch(() => {});
      }
      platform.failAlways("sql", createSqlFault(databaseFull));
      for (const name of names) {
        await expect(store.remove(name)).rejects.toBeInstanceOf(GatewayError);
        expect(await store.find(name)).toBeUndefined();
      }
      const logged = log.records.length;
      clock.advance(20 * defaultLimits.storageRetryMs);
      expect(log.records.length).toBe(logged);
      platform.heal("sql");
      if (healsAt === "by the clock") {
        clock.advance(defaultLimits.storageRetryMs);
        for (let turn = 0; turn < 3; turn += 1) clock.advance(0);
        expect(await store.count()).toBe(1);
      }
      await close();
      const after = openStore();
      for (const name of names) expect(await after.store.find(name)).toBeUndefined();
      expect((await after.store.find("stays"))?.key).toBe("stays");
      await after.close();
    }
  });

  test("G2 refuses while the disk refuses, and recovers by itself", async () => {
    const platform = createFaultyRuntime(runtime);
    const { store, log, close } = openStore(platform);
    await store.create(createRecord("a"));
    platform.failAlways("sql", createSqlFault(databaseFull));
    const refused = await store.create(createRecord("b")).catch((fault: unknown) => fault);
    expect(refused).toBeInstanceOf(GatewayError);
    expect((refused as GatewayError).code).toBe("store_unavailable");
    await expect(store.remove("unknown")).rejects.toBeInstanceOf(GatewayError);
    await expect(store.expire(Infinity)).rejects.toBeInstanceOf(GatewayError);
    await expect((async () => await store.find("a"))()).rejects.toBeInstanceOf(GatewayError);
    store.touch("a", 1_700_000_000_001);
    const logged = log.records.length;
    clock.advance(10 * defaultLimits.activityFlushMs);
    expect(log.records.length).toBe(logged + 1);
    platform.heal("sql");
    expect(await store.find("b")).toBeUndefined();
    await store.create(createRecord("b"));
    clock.advance(defaultLimits.activityFlushMs);
    await close();
    const after = openStore();
    expect((await after.store.find("a"))?.activeAt).toBe(1_700_000_000_001);
    expect(await after.store.find("b")).toEqual(createRecord("b"));
    await after.close();
  });

  test("loses no acknowledged change and restores no removed session, whichever statement fails", async () => {
    for (let nth = 1;; nth++) {
      await rm(join(folder, "store.db"), { force: true });
      const platform = createFaultyRuntime(runtime);
      const { store, database } = openStore(platform);
      const begun = platform.counts.sql;
      platform.failAt("sql", nth, createSqlFault(databaseFull));
      const expected = await playScript(store);
      const reached = platform.counts.sql - begun;
      platform.heal("sql");
      const keys = ["a", "b", "c", "d"];
      const inMap = withoutActivity(await contentOf(store, keys));
      expect([nth, inMap]).toEqual([nth, withoutActivity(Object.fromEntries(expected))]);
      if (nth % 2 === 0) await store.close();
      database.close();
      const after = openStore();
      const onDisk = withoutActivity(await contentOf(after.store, keys));
      expect([nth, onDisk]).toEqual([nth, inMap]);
      await after.close();
      if (reached < nth) {
        expect(nth).toBeGreaterThan(10);
        break;
      }
    }
  });
});

/** A row like a good one but for one column. */
function breakRow(database: SqlDatabase, key: string, column: string, value: string): void {
  database.prepare(
    `INSERT INTO sessions SELECT ?, active_at, created_at, surface, principal, revision,
       client_info, capabilities, log_level, owner, consumer FROM sessions WHERE key = 'good'`,
  ).run(key);
  database.prepare(`UPDATE sessions SET ${column} = ? WHERE key = ?`).run(value, key);
}

/** One session life of each sort; the records that were acknowledged and not removed since. */
async function playScript(store: SessionStore): Promise<Map<string, SessionRecord>> {
  const expected = new Map<string, SessionRecord>();
  const acknowledged = async (work: () => Promise<unknown>, effect: () => void) => {
    try {
      if (await work() !== false) effect();
    } catch (fault) {
      expect(fault).toBeInstanceOf(GatewayError);
    }
  };
  for (const [key, activeAt] of [["a", 10], ["b", 10], ["c", 1]] as const) {
    const record = createRecord(key, { activeAt });
    await acknowledged(() => store.create(record), () => expected.set(key, record));
  }
  store.touch("a", 20);
  clock.advance(defaultLimits.activityFlushMs);
  const record = { ...createRecord("a"), logLevel: "warning" } as const;
  await acknowledged(
    () => store.update("a", { logLevel: "warning" }),
    () => expected.set("a", record),
  );
  await acknowledged(() => store.subscribe("a", "x:1"), () => {
    const known = expected.get("a");
    if (known !== undefined) expected.set("a", { ...known, subscriptions: ["x:1"] });
  });
  // A removal that fails is tried again by the clock.
  await acknowledged(() => store.remove("b"), () => {});
  expected.delete("b");
  store.touch("a", 30);
  await acknowledged(() => store.expire(5), () => expected.delete("c"));
  const last = createRecord("d");
  await acknowledged(() => store.create(last), () => expected.set("d", last));
  store.touch("a", 40);
  clock.advance(defaultLimits.activityFlushMs);
  return expected;
}
