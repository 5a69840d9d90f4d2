/** Grants in SQLite: sealed, bound to their rows, safe after a crash, and of faults little is thrown. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientRegistration, GrantStore } from "../../../src/grants/grant.ts";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import { createSealer } from "../../../src/seal.ts";
import { openStoreDatabase } from "../../../src/store/database.ts";
import { openSqliteGrantStore } from "../../../src/store/sqlite_grants.ts";
import { createTestClock } from "../../support/clock.ts";
import {
  createFaultyRuntime,
  createSqlFault,
  createTestRuntime,
} from "../../support/fake_runtime.ts";
import { bareGrant, fullGrant, grantKey } from "../../support/grant_store_cases.ts";
import { createTestLog } from "../../support/log.ts";

const runtime = await createTestRuntime();
const fullDisk = 13;
const registration: ClientRegistration = {
  issuer: "https://issuer.example",
  redirectUri: "https://gateway.example/oauth/callback",
  clientId: "the-client",
  clientSecret: "the-client-secret",
  authMethod: "client_secret_post",
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "grants-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function open(place = folder, limits: Limits = defaultLimits) {
  const platform = createFaultyRuntime(runtime);
  const database = openStoreDatabase(platform, join(place, "store.db"), defaultLimits);
  const clock = createTestClock();
  const log = createTestLog();
  const withKey = async (key: string) =>
    openSqliteGrantStore({ database, sealer: await createSealer(key), limits, clock, log });
  return { platform, database, clock, log, withKey, store: await withKey("the first key") };
}

describe("stored grants", () => {
  test("and secrets of registrations are in no file in clear", async () => {
    const { store, database } = await open();
    await store.save(grantKey(), fullGrant);
    await store.saveRegistration(registration);
    const secrets = ["the-token", "日本", "the-refresh-token", "the-private-part"];
    for (const file of await readdir(folder)) {
      const text = await readFile(join(folder, file), "latin1");
      for (const secret of [...secrets, "the-client-secret", btoa("the-refresh-token")]) {
        expect(text).not.toContain(secret);
      }
    }
    database.close();
  });

  test("cannot be given to another principal, server, issuer or resource", async () => {
    const { store, database } = await open();
    await store.save(grantKey(), fullGrant);
    const moves = [["principal", "user:bob"], ["server", "near"], ["issuer", "i"], [
      "resource",
      "r",
    ]] as const;
    for (const [column, value] of moves) {
      const back = grantKey()[column];
      database.exec(`UPDATE server_grants SET ${column} = '${value}'`);
      const moved = grantKey({ [column]: value });
      expect(await store.find(moved.server, moved.principal))
        .toEqual([{ key: moved, grant: "unreadable" }]);
      database.exec(`UPDATE server_grants SET ${column} = '${back}'`);
    }
    expect((await store.list())[0]?.grant).toEqual(fullGrant);
    await store.saveRegistration(registration);
    database.exec("UPDATE server_registrations SET issuer = 'https://other.example'");
    expect(await store.findRegistration("https://other.example", registration.redirectUri))
      .toBeUndefined();
    database.close();
  });

  test("sealed with another key are unreadable, said once, and can be replaced", async () => {
    const { store, withKey, database, log } = await open();
    await store.save(grantKey(), fullGrant);
    await store.saveRegistration(registration);
    const other = await withKey("another key");
    for (const read of [() => other.list(), () => other.find("far", "user:ada")]) {
      expect(await read()).toEqual([{ key: grantKey(), grant: "unreadable" }]);
    }
    expect(log.records.map(({ message }) => message)).toEqual([
      "Cannot open a stored grant: it was sealed with another key",
    ]);
    expect(await other.findRegistration(registration.issuer, registration.redirectUri))
      .toBeUndefined();
    expect(await other.save(grantKey(), bareGrant)).toBe(true);
    expect(await other.list()).toEqual([{ key: grantKey(), grant: bareGrant }]);
    await other.remove(grantKey());
    expect(await other.list()).toEqual([]);
    database.close();
  });

  test("of another version, without what a grant needs, are unreadable", async () => {
    const { store, database } = await open();
    const sealer = await createSealer("the first key");
    const { server, principal, issuer, resource } = grantKey();
    const binding = JSON.stringify([server, principal, issuer, resource]);
    await store.save(grantKey(), fullGrant);
    const sealed = await sealer.encrypt("server grant", { token: "t" }, binding);
    database.prepare("UPDATE server_grants SET sealed = ?").run(sealed);
    expect((await store.list())[0]?.grant).toBe("unreadable");
    database.close();
  });

  test("are there after kill -9, each as the last promise said", async () => {
    const { store, database } = await open();
    for (let round = 0; round < 50; round++) {
      await store.save(grantKey({ principal: `user:${round % 10}` }), {
        ...fullGrant,
        refreshToken: `rotated ${round}`,
      });
    }
    await store.remove(grantKey({ principal: "user:0" }));
    await store.saveRegistration(registration);
    // What a kill at this moment would leave: the files as they are, never closed.
    const left = join(folder, "left");
    await mkdir(left);
    for (const file of ["store.db", "store.db-wal"]) {
      await copyFile(join(folder, file), join(left, file));
    }
    const after = await open(left);
    const found = await after.store.list("far");
    expect(found.map(({ key, grant }) => [
      key.principal,
      grant === "unreadable" ? grant : grant.refreshToken,
    ])).toEqual(
      [9, 8, 7, 6, 5, 4, 3, 2, 1].map((at) => [`user:${at}`, `rotated ${40 + at}`]),
    );
    expect(await after.store.findRegistration(registration.issuer, registration.redirectUri))
      .toEqual(registration);
    database.close();
    after.database.close();
  });

  test("the newest stays the newest when the clock goes back", async () => {
    const limits = { ...defaultLimits, serverGrantsPerPrincipalMax: 2, serverGrantsMax: 3 };
    const { store, clock, database } = await open(folder, limits);
    for (const issuer of ["a", "b", "c"]) {
      await store.save(grantKey({ issuer }), bareGrant);
      clock.advance(-1_000);
    }
    const left = await store.find("far", "user:ada");
    expect(left.map(({ key }) => key.issuer)).toEqual(["c", "b"]);
    database.close();
  });

  for (const healsAt of ["by the clock", "at the stop"]) {
    test(`G2: a rotated refresh token, a log-out and a registration outlive a full disk (stored ${healsAt})`, async () => {
      const place = join(folder, healsAt);
      const { store, platform, clock, log, database } = await open(place);
      const { issuer, redirectUri } = registration;
      const leaves = grantKey({ principal: "user:leaves" });
      const comes = grantKey({ principal: "user:comes" });
      await store.save(grantKey(), fullGrant);
      await store.save(leaves, fullGrant);
      await store.saveRegistration(registration);
      const rotated = { ...fullGrant, refreshToken: "rotated", token: "next" };
      const other = { ...registration, clientId: "other" };

      // Only writes fail on a full disk.
      platform.failAlways("sql write", createSqlFault(fullDisk));
      expect(await store.save(grantKey(), { ...rotated, token: "first" })).toBe(false);
      expect(await store.save(grantKey(), rotated)).toBe(false);
      expect(await store.save(comes, bareGrant)).toBe(false);
      await store.remove(leaves);
      await store.saveRegistration(other);
      const holdsAll = async (from: GrantStore) => {
        const all = await from.list("far");
        expect(new Map(all.map(({ key, grant }) => [key.principal, grant])))
          .toEqual(new Map([[comes.principal, bareGrant], [grantKey().principal, rotated]]));
        expect(all[0]?.key).toEqual(comes);
        const [mine] = await from.find("far", grantKey().principal);
        expect(mine).toEqual({ key: grantKey(), grant: rotated });
        expect(await from.find("far", leaves.principal)).toEqual([]);
        expect(await from.findRegistration(issuer, redirectUri)).toEqual(other);
      };
      await holdsAll(store);
      clock.advance(10_000);
      await holdsAll(store);
      const errors = log.records.length;
      platform.heal("sql write");
      if (healsAt === "by the clock") clock.advance(2_000);
      else store.close();
      expect(log.records.slice(errors).map(({ severity }) => severity)).toEqual(["INFO", "INFO"]);
      await holdsAll(store);
      if (healsAt === "by the clock") store.close();
      database.close();
      const after = await open(place);
      await holdsAll(after.store);
      after.database.close();
    });
  }

  test("that never reach the disk are named in the log when the gateway stops", async () => {
    const { store, platform, log, database } = await open();
    platform.failAlways("sql write", createSqlFault(fullDisk));
    await store.save(grantKey(), fullGrant);
    store.close();
    expect(log.records.at(-1)).toMatchObject({ severity: "ERROR", fields: { left: 1 } });
    expect(log.records.at(-1)?.message).toContain("Lost grants of servers");
    database.close();
  });

  test("that cannot be read or written are logged, and only a look for one's own fails", async () => {
    const { store, platform, log, database } = await open();
    await store.save(grantKey(), fullGrant);
    await store.saveRegistration(registration);
    const { issuer, redirectUri } = registration;
    platform.failAlways("sql", createSqlFault(fullDisk));
    expect(await store.save(grantKey(), bareGrant)).toBe(false);
    expect(await store.list()).toEqual([]);
    await expect(store.find("far", "user:ada")).rejects.toThrow();
    await store.remove(grantKey());
    await store.saveRegistration({ ...registration, clientId: "other" });
    await store.removeRegistration(issuer, redirectUri);
    expect(await store.findRegistration(issuer, redirectUri)).toBeUndefined();
    expect(log.records.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
      "ERROR Cannot store a grant: it is tried again",
      "ERROR Cannot read the stored grants",
      "ERROR Cannot read the stored grants",
      "ERROR Cannot forget a grant: it is tried again",
      "ERROR Cannot store a registration: it is tried again",
      "ERROR Cannot forget a registration: it is tried again",
    ]);
    platform.heal("sql");
    await expect(store.inTurn(grantKey(), () => Promise.reject(new Error("no")))).rejects
      .toThrow("no");
    database.close();
  });
});
