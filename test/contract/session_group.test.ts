/**
 * Sessions that are created in one turn of the event loop share a transaction of the SQLite store.
 * What happens to one of them: it is acknowledged when it is on disk, and fails with its own group
 * only. `kill -9` between the writes is in test/fault/killed_handshakes.test.ts.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayError } from "../../src/errors.ts";
import { defaultLimits } from "../../src/limits.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { openSqliteSessionStore } from "../../src/store/sqlite_sessions.ts";
import { createTestClock } from "../support/clock.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { contentOf, createRecord } from "../support/stores.ts";

const runtime = await createTestRuntime();
const databaseFull = 13;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "session-group-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A store on the test's file; what it runs of SQL can fail, and its next turn comes when told. */
function openStore(sessionGroupMax: number = defaultLimits.sessionGroupMax) {
  const platform = createFaultyRuntime(runtime);
  const limits = { ...defaultLimits, sessionGroupMax };
  const database = openStoreDatabase(platform, join(folder, "store.db"), limits);
  const log = createTestLog();
  const turns: (() => void)[] = [];
  const nextTurn = (run: () => void) => void turns.push(run);
  const clock = createTestClock();
  const store = openSqliteSessionStore({ database, clock, limits, log, nextTurn });
  const create = (keys: string, principal = "anonymous") =>
    [...keys].map((key) =>
      store.create(createRecord(key, { principal }))
        .then(() => `${key} is stored`, (fault: unknown) => fault)
    );
  const count = () => Number(database.prepare("SELECT count(*) AS n FROM sessions").get()?.["n"]);
  const turn = () => turns.splice(0).forEach((run) => run());
  /** What the store says, which counts its file in several turns. */
  const counted = async () => {
    let isCounted = false;
    const counting = store.count().finally(() => void (isCounted = true));
    while (!isCounted) {
      turn();
      await Promise.resolve();
    }
    return await counting;
  };
  return { platform, store, database, log, create, count, counted, turn };
}

describe("sessions that are created in one turn", () => {
  test("are written together, and acknowledged then", async () => {
    const { create, count, counted, turn, platform } = openStore();
    const answers = Promise.all(create("abc"));
    expect(count()).toBe(0);
    const begun = platform.counts.sql;
    turn();
    // The transaction's begin and end, and a row for each.
    expect(platform.counts.sql - begun).toBe(5);
    expect(count()).toBe(3);
    expect(await answers).toEqual(["a is stored", "b is stored", "c is stored"]);
    expect(await counted()).toBe(3);
  });

  test("fail with a fault of their own transaction; the next group does not", async () => {
    const { create, count, turn, platform, log } = openStore();
    for (let nth = 1; nth <= 5; nth++) {
      const group = Promise.all(create("abc"));
      platform.failAt("sql", nth, createSqlFault(databaseFull));
      turn();
      for (const fault of await group) {
        expect([nth, (fault as GatewayError).code]).toEqual([nth, "store_unavailable"]);
      }
      expect(count()).toBe(0);
    }
    expect(log.records.map(({ message }) => message)).toEqual(
      Array.from({ length: 5 }, () => "Cannot create 3 sessions"),
    );
    const group = Promise.all(create("abc"));
    turn();
    expect(await group).toEqual(["a is stored", "b is stored", "c is stored"]);
  });

  test("are refused one by one where a key is taken", async () => {
    const { create, counted, turn, store } = openStore();
    const first = create("b", "first");
    turn();
    await Promise.all(first);
    const group = Promise.all(create("abcc", "second"));
    turn();
    const [a, b, c, again] = await group;
    expect([a, c]).toEqual(["a is stored", "c is stored"]);
    for (const fault of [b, again]) expect(String(fault)).toContain("its key is taken");
    expect((await store.find("b"))?.principal).toBe("first");
    expect(await counted()).toBe(3);
  });

  test("are never more in one transaction than allowed", async () => {
    const { create, count, turn } = openStore(2);
    const group = Promise.all(create("abcde"));
    expect(count()).toBe(4);
    turn();
    expect(count()).toBe(5);
    expect(await group).toHaveLength(5);
  });

  test("are written when the store closes, and refused afterwards", async () => {
    const { create, store, database, turn } = openStore();
    const group = Promise.all(create("ab"));
    await store.close();
    expect(await group).toEqual(["a is stored", "b is stored"]);
    const late = Promise.all(create("c"));
    turn();
    expect((await late)[0]).toBeInstanceOf(GatewayError);
    database.close();
    const after = openStore();
    expect(Object.keys(await contentOf(after.store, ["a", "b", "c"]))).toEqual(["a", "b"]);
  });
});
