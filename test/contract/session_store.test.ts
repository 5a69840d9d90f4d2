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
import { logLevels } from "../../src/model.ts";
import type { SqlDatabase } from "../../src/runtime/runtime.ts";
import { type SessionStoreKind, sessionStoreKinds } from "../../src/store/session_kinds.ts";
import type { SessionRecord, SessionStore } from "../../src/session/session_store.ts";
import { createRandom, createTestClock, type TestClock } from "../support/clock.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";

const runtime = await createTestRuntime();
const kinds = Object.keys(sessionStoreKinds) as SessionStoreKind[];
const databaseFull = 13;

let folder: string;
let clock: TestClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "session-store-"));
  clock = createTestClock();
});
afterEach(() => rm(folder, { recursive: true }));

/** A store on the test's file, and the means to end it gently or by force. */
function openStore(kind: SessionStoreKind, platform = runtime, changes: Partial<Limits> = {}) {
  const limits = { ...defaultLimits, ...changes };
  const database = openStoreDatabase(platform, join(folder, "store.db"), limits);
  const log = createTestLog();
  const store = sessionStoreKinds[kind]({ database, clock, limits, log });
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

function createRecord(key: string, changes: Partial<SessionRecord> = {}): SessionRecord {
  return {
    key,
    surface: "/mcp",
    principal: "anonymous",
    revision: "2025-11-25",
    clientInfo: { name: "a client", version: "1", "__proto__x": { nested: ["日本", null] } },
    capabilities: { sampling: {}, elicitation: { form: {} } },
    logLevel: null,
    subscriptions: [],
    createdAt: 1_700_000_000_000,
    activeAt: 1_700_000_000_000,
    ...changes,
  };
}

/** Everything a store holds under these keys. */
async function contentOf(store: SessionStore, keys: Iterable<string>) {
  const found: Record<string, SessionRecord> = {};
  for (const key of keys) {
    const record = await store.find(key);
    if (record !== undefined) found[key] = record;
  }
  return found;
}

const withoutActivity = (content: Record<string, SessionRecord>) =>
  Object.values(content).map(({ activeAt: _, ...rest }) => rest);

for (const kind of kinds) {
  describe(`the ${kind} store`, () => {
    test("finds what was created, as it was, and nothing else", async () => {
      const { store, close } = openStore(kind);
      const record = createRecord("a", { logLevel: "debug", subscriptions: ["x:1", ""] });
      expect(await store.find("a")).toBeUndefined();
      await store.create(record);
      expect(await store.find("a")).toEqual(record);
      expect(await store.find("A")).toBeUndefined();
      expect(store.count()).toBe(1);
      await close();
    });

    test("refuses a key that is taken and keeps the first record", async () => {
      const { store, close } = openStore(kind);
      await store.create(createRecord("a", { principal: "first" }));
      await expect(store.create(createRecord("a", { principal: "second" }))).rejects.toThrow(
        "its key is taken",
      );
      expect((await store.find("a"))?.principal).toBe("first");
      await close();
    });

    test("C3 says once that a session was removed and then knows it no more", async () => {
      const { store, close } = openStore(kind);
      await store.create(createRecord("a"));
      expect(await store.remove("a")).toBe(true);
      expect(await store.remove("a")).toBe(false);
      expect(await store.update("a", { logLevel: "info" })).toBe(false);
      store.touch("a", Infinity);
      expect(await store.find("a")).toBeUndefined();
      expect(store.count()).toBe(0);
      await close();
    });

    test("never moves activity backwards", async () => {
      const { store, close } = openStore(kind);
      await store.create(createRecord("a", { activeAt: 100 }));
      store.touch("a", 200);
      store.touch("a", 150);
      expect((await store.find("a"))?.activeAt).toBe(200);
      await close();
    });

    test("moves the activity of all along with the clock, none into the future", async () => {
      const { store, close } = openStore(kind);
      for (const [key, activeAt] of [["old", 100], ["new", 200], ["touched", 50]] as const) {
        await store.create(createRecord(key, { activeAt }));
      }
      store.touch("touched", 250);
      const times = async () =>
        Object.values(await contentOf(store, ["old", "new", "touched"]))
          .map(({ activeAt }) => activeAt);
      await store.shift(1_000, 1_240);
      expect(await times()).toEqual([1_100, 1_200, 1_240]);
      await store.shift(-500, 740);
      expect(await times()).toEqual([600, 700, 740]);
      await store.shift(0, 650);
      expect(await times()).toEqual([600, 650, 650]);
      expect(await store.expire(650)).toEqual(["old"]);
      expect(store.count()).toBe(2);
      await close();
    });

    test("expires what was last active before the time, and that alone", async () => {
      const { store, close } = openStore(kind);
      for (const [key, activeAt] of [["old", 99], ["edge", 100], ["kept", 50]] as const) {
        await store.create(createRecord(key, { activeAt }));
      }
      store.touch("kept", 300);
      expect(await store.expire(100)).toEqual(["old"]);
      expect(await store.expire(100)).toEqual([]);
      expect(await store.find("old")).toBeUndefined();
      expect(store.count()).toBe(2);
      await close();
    });

    for (const seed of [1, 2, 3, 4, 5]) {
      test(`agrees with a list kept by hand over random operations, seed ${seed}`, async () => {
        await playRandomly(kind, seed);
      });
    }
  });
}

const actions = [
  "create",
  "create",
  "touch",
  "update",
  "subscribe",
  "unsubscribe",
  "remove",
  "expire",
  "restart",
] as const;

/** Plays one random sequence; the sqlite kind is closed and opened again now and then. */
async function playRandomly(kind: SessionStoreKind, seed: number): Promise<void> {
  const random = createRandom(seed);
  const pick = <Value>(from: readonly Value[]): Value =>
    from[Math.floor(random() * from.length)] as Value;
  const keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
  let expected: SessionRecord[] = [];
  const change = (key: string, changes: Partial<SessionRecord>) => {
    expected = expected.map((record) => record.key === key ? { ...record, ...changes } : record);
  };
  let opened = openStore(kind);
  for (let step = 0; step < 300; step++) {
    const { store } = opened;
    const key = pick(keys);
    const known = expected.find((record) => record.key === key);
    const at = Math.floor(random() * 1000);
    const where = `seed ${seed}, step ${step}, key ${key}`;
    const action = pick(actions);
    if (action === "create") {
      const record = createRecord(key, { activeAt: at, revision: `${step}` });
      const created = await store.create(record).then(() => true, () => false);
      expect([where, created]).toEqual([where, known === undefined]);
      if (created) expected.push(record);
    } else if (action === "touch") {
      store.touch(key, at);
      if (known !== undefined && known.activeAt < at) change(key, { activeAt: at });
    } else if (action === "update") {
      const patch = { logLevel: pick(logLevels) };
      expect([where, await store.update(key, patch)]).toEqual([where, known !== undefined]);
      change(key, patch);
    } else if (action === "subscribe") {
      const uri = pick(["x:1", "x:2", "x:3", ""]);
      await store.subscribe(key, uri);
      const { subscriptions = [] } = known ?? {};
      if (!subscriptions.includes(uri)) change(key, { subscriptions: [...subscriptions, uri] });
    } else if (action === "unsubscribe") {
      const uri = pick(["x:1", "x:2", "x:3", ""]);
      await store.unsubscribe(key, uri);
      change(key, { subscriptions: (known?.subscriptions ?? []).filter((one) => one !== uri) });
    } else if (action === "remove") {
      expect([where, await store.remove(key)]).toEqual([where, known !== undefined]);
      expected = expected.filter((record) => record.key !== key);
    } else if (action === "expire") {
      const gone = expected.filter((record) => record.activeAt < at / 4).map(({ key }) => key);
      expect([where, [...await store.expire(at / 4)].sort()]).toEqual([where, gone.sort()]);
      expected = expected.filter((record) => !gone.includes(record.key));
    } else if (kind === "sqlite") {
      await opened.close();
      opened = openStore(kind);
    } else {
      clock.advance(defaultLimits.activityFlushMs);
    }
    const content = await contentOf(opened.store, keys);
    const wanted = Object.fromEntries(expected.map((record) => [record.key, record]));
    expect([where, action, content]).toEqual([where, action, wanted]);
    expect([where, opened.store.count()]).toEqual([where, expected.length]);
  }
  await opened.close();
}

describe("the sqlite store on its disk", () => {
  test("keeps every acknowledged change though it was never closed", async () => {
    const before = openStore("sqlite");
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
    const after = openStore("sqlite");
    expect(await contentOf(after.store, ["a", "b", "c"])).toEqual({
      a: createRecord("a", { logLevel: "error", subscriptions: ["x:1"] }),
    });
    await after.close();
  });

  test("writes activity in batches and loses no more than the last one", async () => {
    const before = openStore("sqlite");
    await before.store.create(createRecord("a", { activeAt: 1 }));
    before.store.touch("a", 2);
    clock.advance(defaultLimits.activityFlushMs);
    before.store.touch("a", 3);
    before.database.close();
    const after = openStore("sqlite");
    expect((await after.store.find("a"))?.activeAt).toBe(2);
    after.store.touch("a", 4);
    await after.close();
    const last = openStore("sqlite");
    expect((await last.store.find("a"))?.activeAt).toBe(4);
    await last.close();
  });

  test("writes each activity once, and again when that failed", async () => {
    const platform = createFaultyRuntime(runtime);
    const before = openStore("sqlite", platform);
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
    const after = openStore("sqlite");
    expect((await after.store.find("a"))?.activeAt).toBe(3);
    await after.close();
  });

  test("spares a session whose activity is not on disk yet when it expires others", async () => {
    const before = openStore("sqlite");
    await before.store.create(createRecord("a", { activeAt: 1 }));
    before.store.touch("a", 100);
    expect(await before.store.expire(50)).toEqual([]);
    before.database.close();
    const after = openStore("sqlite");
    expect(await after.store.find("a")).toBeDefined();
    await after.close();
  });

  test("skips unreadable rows, reports them when they are requested, and removes them", async () => {
    const before = openStore("sqlite");
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
    const after = openStore("sqlite");
    expect(after.store.count()).toBe(1 + count);
    expect(await after.store.find("good")).toEqual(createRecord("good"));
    expect(after.log.records).toEqual([]);
    for (let at = 0; at < count; at++) {
      expect(await after.store.find(`bad ${at}`)).toBeUndefined();
      expect(after.log.records.map(({ message }) => message)[at]).toContain("initialize again");
    }
    expect(after.store.count()).toBe(1);
    await after.store.expire(Infinity);
    const left = after.database.prepare("SELECT count(*) AS left_over FROM sessions").get();
    expect(left?.["left_over"]).toBe(0);
    await after.close();
  });

  test("keeps a subscription as a row of its own, which ends with its session", async () => {
    const { store, database, close } = openStore("sqlite");
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
    const { store, close } = openStore("sqlite", runtime, { expiryBatchMax: 2 });
    for (const at of [3, 1, 2, 5]) await store.create(createRecord(`${at}`, { activeAt: at }));
    expect([...await store.expire(4)].sort()).toEqual(["1", "2"]);
    expect(store.count()).toBe(2);
    expect(await store.expire(4)).toEqual(["3"]);
    expect(await store.expire(4)).toEqual([]);
    expect(store.count()).toBe(1);
    await close();
  });

  test("G2 refuses while the disk refuses, and recovers by itself", async () => {
    const platform = createFaultyRuntime(runtime);
    const { store, log, close } = openStore("sqlite", platform);
    await store.create(createRecord("a"));
    platform.failAlways("sql", createSqlFault(databaseFull));
    const refused = await store.create(createRecord("b")).catch((fault: unknown) => fault);
    expect(refused).toBeInstanceOf(GatewayError);
    expect((refused as GatewayError).code).toBe("store_unavailable");
    await expect(store.remove("a")).rejects.toBeInstanceOf(GatewayError);
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
    const after = openStore("sqlite");
    expect((await after.store.find("a"))?.activeAt).toBe(1_700_000_000_001);
    expect(await after.store.find("b")).toEqual(createRecord("b"));
    await after.close();
  });

  test("loses nothing acknowledged and revives nothing removed, whichever statement fails", async () => {
    for (let nth = 1;; nth++) {
      await rm(join(folder, "store.db"), { force: true });
      const platform = createFaultyRuntime(runtime);
      const { store, database } = openStore("sqlite", platform);
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
      const after = openStore("sqlite");
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
    `INSERT INTO sessions SELECT ?, surface, principal, revision, client_info, capabilities,
       log_level, created_at, active_at FROM sessions WHERE key = 'good'`,
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
  await acknowledged(() => store.remove("b"), () => expected.delete("b"));
  store.touch("a", 30);
  await acknowledged(() => store.expire(5), () => expected.delete("c"));
  const last = createRecord("d");
  await acknowledged(() => store.create(last), () => expected.set("d", last));
  store.touch("a", 40);
  clock.advance(defaultLimits.activityFlushMs);
  return expected;
}
