/** Stored credentials: sealed, bound, bounded, and never a fault for a caller. */
import { describe, expect, test } from "bun:test";
import { openSqliteCredentialStore } from "../../../src/store/sqlite_credentials.ts";
import { openStoreDatabase } from "../../../src/store/database.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { sharedPrincipal } from "../../../src/model.ts";
import { createSealer } from "../../../src/seal.ts";
import { createTestClock } from "../../support/clock.ts";
import {
  createFaultyRuntime,
  createSqlFault,
  createTestRuntime,
} from "../../support/fake_runtime.ts";
import { createTestLog } from "../../support/log.ts";

const runtime = await createTestRuntime();
const limits = { ...defaultLimits, credentialsPerServerMax: 2, credentialsMax: 4 };
const fullDisk = 13;
const value = { token: "the-token", refreshToken: "日本", obtainedAt: 1 };

async function open(more = {}) {
  const platform = createFaultyRuntime(runtime);
  const database = openStoreDatabase(platform, ":memory:", defaultLimits);
  const clock = createTestClock();
  const log = createTestLog();
  const withKey = async (key: string) =>
    openSqliteCredentialStore({
      database,
      sealer: await createSealer(key),
      limits: { ...limits, ...more },
      log,
      clock,
    });
  return { platform, database, clock, log, withKey, store: await withKey("the first key") };
}

const keyOf = (
  server = "far",
  binding = "b",
  kind: "oauth2" | "login" = "oauth2",
  principal = sharedPrincipal.id,
) => ({ server, principal, kind, binding });

describe("stored credentials", () => {
  test("come back as they were, also after a restart, and are never stored as plain text", async () => {
    const { store, withKey, database } = await open();
    expect(await store.load(keyOf())).toBeUndefined();
    expect(await store.save(keyOf(), value)).toBe(true);
    expect(await store.save(keyOf(), { ...value, token: "the-next" })).toBe(true);
    expect(await (await withKey("the first key")).load(keyOf()))
      .toEqual({ ...value, token: "the-next" });
    const rows = JSON.stringify(database.prepare("SELECT * FROM credentials").all());
    for (const text of ["the-token", "the-next", "日本", btoa("the-next"), "refreshToken"]) {
      expect(rows).not.toContain(text);
    }
  });

  test("are found only for the same server, kind, binding and principal", async () => {
    const { store } = await open();
    await store.save(keyOf(), value);
    for (
      const key of [
        keyOf("near"),
        keyOf("far", "c"),
        keyOf("far", "b", "login"),
        keyOf("far", "b", "oauth2", "ada"),
      ]
    ) {
      expect(await store.load(key)).toBeUndefined();
    }
  });

  test("of two principals are two, and cannot be exchanged in the database", async () => {
    const { store, database } = await open();
    const ownerOf = (principal: string) => keyOf("far", "b", "oauth2", principal);
    for (const name of ["ada", "bob"]) await store.save(ownerOf(name), { ...value, token: name });
    expect(await store.load(ownerOf("ada"))).toMatchObject({ token: "ada" });
    expect(await store.load(ownerOf("bob"))).toMatchObject({ token: "bob" });
    expect(await store.load(keyOf())).toBeUndefined();
    database.exec("DELETE FROM credentials WHERE principal = 'bob'");
    database.exec("UPDATE credentials SET principal = 'bob'");
    expect(await store.load(ownerOf("bob"))).toBe("unreadable");
    database.exec("UPDATE credentials SET principal = ''");
    expect(await store.load(keyOf())).toBe("unreadable");
  });

  test("of one principal do not push out another's of the same server", async () => {
    const { store, clock } = await open();
    const keys = [["ada", "1"], ["bob", "1"], ["bob", "2"], ["bob", "3"]]
      .map(([principal, binding]) => keyOf("far", binding, "oauth2", principal));
    for (const key of keys) {
      clock.advance(1);
      await store.save(key, value);
    }
    expect(await Promise.all(keys.map((key) => store.load(key))))
      .toEqual([value, undefined, value, value]);
  });

  test("moved to another server's row, changed, or sealed with another key are unreadable", async () => {
    const { store, withKey, database, log } = await open();
    await store.save(keyOf(), value);
    expect(await (await withKey("another key")).load(keyOf())).toBe("unreadable");
    database.exec("UPDATE credentials SET server = 'near'");
    expect(await store.load(keyOf("near"))).toBe("unreadable");
    database.exec("UPDATE credentials SET server = 'far', sealed = sealed || 'A'");
    expect(await store.load(keyOf())).toBe("unreadable");
    expect(log.records.map(({ severity }) => severity)).toEqual(["ERROR", "ERROR", "ERROR"]);
  });

  test("are bounded: the newest of each server and of all are kept", async () => {
    const { store, clock, database } = await open();
    for (const [server, binding] of ["a1", "a2", "a3", "b1", "c1", "d1"]) {
      clock.advance(1);
      await store.save(keyOf(server, binding), value);
    }
    const rows = database.prepare("SELECT server, binding FROM credentials ORDER BY saved_at")
      .all();
    expect(rows.map(({ server, binding }) => `${server}${binding}`))
      .toEqual(["a3", "b1", "c1", "d1"]);
  });

  test("that cannot be saved or loaded are logged, and nothing is thrown", async () => {
    const { store, platform, log } = await open();
    await store.save(keyOf(), value);
    platform.failAlways("sql", createSqlFault(fullDisk));
    expect(await store.save(keyOf("other"), value)).toBe(false);
    expect(await store.load(keyOf())).toBe("unreadable");
    platform.heal("sql");
    expect(await store.load(keyOf())).toEqual(value);
    expect(log.records.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
      "ERROR Cannot store a credential: it is tried again",
      "ERROR Cannot load a stored credential",
    ]);
  });

  test("G2: a rotated token outlives a full disk", async () => {
    const { store, platform, clock, withKey } = await open();
    await store.save(keyOf(), value);
    const rotated = { ...value, refreshToken: "rotated" };
    platform.failAlways("sql write", createSqlFault(fullDisk));
    expect(await store.save(keyOf(), rotated)).toBe(false);
    clock.advance(10_000);
    expect(await store.load(keyOf())).toEqual(rotated);
    const restarted = await withKey("the first key");
    expect(await restarted.load(keyOf())).toEqual(value);
    platform.heal("sql write");
    clock.advance(2_000);
    expect(await restarted.load(keyOf())).toEqual(rotated);
  });
});

describe("scopes that were authenticated", () => {
  test("are known until they end, also after a restart", async () => {
    const { store, withKey } = await open();
    expect(await store.knowsScope("far", "a")).toBe(false);
    await store.noteScope("far", "a");
    await store.noteScope("far", "a");
    expect(await (await withKey("any key")).knowsScope("far", "a")).toBe(true);
    expect([await store.knowsScope("far", "b"), await store.knowsScope("near", "a")])
      .toEqual([false, false]);
    await store.forgetScope("far", "a");
    expect(await store.knowsScope("far", "a")).toBe(false);
  });

  test("all count as known if one could not be stored", async () => {
    const { store, log } = await open({ credentialScopesMax: 2 });
    await store.noteScope("far", "a");
    await store.noteScope("far", "b");
    expect(await store.knowsScope("far", "c")).toBe(false);
    await store.noteScope("far", "a");
    expect(await store.knowsScope("far", "c")).toBe(false);
    await store.noteScope("far", "d");
    expect(await Promise.all(["a", "b", "c", "d"].map((scope) => store.knowsScope("far", scope))))
      .toEqual([true, true, true, true]);
    expect(await store.knowsScope("near", "c")).toBe(false);
    expect(log.records.length).toBe(1);
  });

  test("expire after longer than any session lives, but not while they are used", async () => {
    const { store, clock } = await open();
    await store.noteScope("far", "a");
    await store.noteScope("far", "b");
    clock.advance(limits.credentialScopeMs - 1);
    await store.noteScope("far", "b");
    clock.advance(2);
    await store.noteScope("far", "c");
    expect(await Promise.all(["a", "b", "c"].map((scope) => store.knowsScope("far", scope))))
      .toEqual([false, true, true]);
  });

  test("that cannot be looked up count as known", async () => {
    const { store, platform } = await open();
    platform.failAlways("sql", createSqlFault(fullDisk));
    expect(await store.knowsScope("far", "a")).toBe(true);
    await store.noteScope("near", "a");
    platform.heal("sql");
    expect([await store.knowsScope("far", "a"), await store.knowsScope("near", "b")])
      .toEqual([false, true]);
  });
});
