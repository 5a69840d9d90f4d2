/**
 * A sweep of the SQLite store reads its sessions in slices, between which other work runs. What
 * happens meanwhile counts.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defaultLimits } from "../../src/limits.ts";
import type { SqlDatabase } from "../../src/runtime/runtime.ts";
import type { SessionStore } from "../../src/session/session_store.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { openSqliteSessionStore } from "../../src/store/sqlite_sessions.ts";
import { createTestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { createRecord } from "../support/stores.ts";

const runtime = await createTestRuntime();

let database: SqlDatabase;
let store: SessionStore;
/** Runs in each turn of the event loop that a sweep leaves to others. */
let meanwhile: () => void;
let turns: number;
beforeEach(() => {
  database = openStoreDatabase(runtime, ":memory:", defaultLimits);
  meanwhile = () => {};
  turns = 0;
  store = openSqliteSessionStore({
    database,
    clock: createTestClock(),
    limits: defaultLimits,
    log: createTestLog(),
    nextTurn: (run) =>
      runtime.nextTurn(() => {
        turns += 1;
        meanwhile();
        run();
      }),
  });
});
afterEach(async () => {
  await store.close();
  database.close();
});

/** The first digit of the key decides in which slice a session is. */
const digits = [..."0123456789abcdef"];

async function fill(activeAt: number): Promise<void> {
  await Promise.all(digits.map((digit) => store.create(createRecord(`${digit}0`, { activeAt }))));
}

describe("a sweep for expired sessions", () => {
  test("finds them under every key, and leaves turns to other work", async () => {
    await fill(1);
    await store.create(createRecord("ffff", { activeAt: 0 }));
    await store.create(createRecord("not in hex", { activeAt: 2 }));
    await store.create(createRecord("", { activeAt: 3 }));
    const before = turns;
    const expired = await store.expire(4);
    expect(expired).toHaveLength(19);
    expect([expired[0], ...expired.slice(-2)]).toEqual(["ffff", "not in hex", ""]);
    expect(turns - before).toBeGreaterThanOrEqual(10);
    expect(await store.count()).toBe(0);
  });

  test("keeps a session that was used, stored or removed while it ran", async () => {
    await fill(1);
    let isDone = false;
    meanwhile = () => {
      if (isDone) return;
      isDone = true;
      store.touch("00", 10);
      store.touch("f0", 10);
      void store.remove("10");
      void store.create(createRecord("000", { activeAt: 10 }));
    };
    expect(await store.expire(4)).toHaveLength(13);
    expect(await store.count()).toBe(3);
    expect((await store.find("00"))?.activeAt).toBe(10);
    expect((await store.find("f0"))?.activeAt).toBe(10);
    expect(await store.expire(4)).toEqual([]);
  });

  test("ends with the store", async () => {
    await fill(1);
    meanwhile = () => void store.close();
    expect(await store.expire(4)).toEqual([]);
  });
});
