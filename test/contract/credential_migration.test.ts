/** Credentials that an older gateway stored, before they had a principal, are found after an upgrade. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits } from "../../src/limits.ts";
import { sharedPrincipal } from "../../src/model.ts";
import { createSealer } from "../../src/seal.ts";
import { createCredentialStore } from "../../src/store/credentials.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { createTestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { olderCredentials } from "../support/older_tables.ts";

const runtime = await createTestRuntime();
const sealer = await createSealer("the key of both gateways");
const value = { token: "the-token", refreshToken: "日本", obtainedAt: 1 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "credential-migration-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** What version 3 of the file held; each credential sealed as it was then. */
async function writeOlder(path: string, servers: readonly string[]): Promise<void> {
  const database = runtime.openDatabase(path);
  database.exec(`${olderCredentials} PRAGMA user_version = 3;`);
  database.exec("INSERT INTO credential_scopes VALUES ('far', 'p:anonymous', 0)");
  const insert = database.prepare("INSERT INTO credentials VALUES (?, 'oauth2', 'b', ?, ?)");
  for (const [index, server] of servers.entries()) {
    const binding = JSON.stringify([server, "oauth2", "b"]);
    insert.run(server, await sealer.encrypt("credential", value, binding), index);
  }
  database.close();
}

describe("a database of an older gateway", () => {
  test("keeps its credentials, which all principals share", async () => {
    const path = join(folder, "store.db");
    await writeOlder(path, ["far", "near"]);
    for (const turn of ["first start", "second start"]) {
      const database = openStoreDatabase(runtime, path, defaultLimits);
      const log = createTestLog();
      const clock = createTestClock();
      const store = createCredentialStore({ database, sealer, limits: defaultLimits, log, clock });
      const keyOf = (server: string, principal: string) =>
        ({ server, principal, kind: "oauth2", binding: "b" }) as const;
      for (const server of ["far", "near"]) {
        expect([turn, await store.load(keyOf(server, sharedPrincipal.id))]).toEqual([turn, value]);
        expect(await store.load(keyOf(server, "anonymous"))).toBeUndefined();
      }
      expect(await store.save(keyOf("far", sharedPrincipal.id), value)).toBe(true);
      const rows = database.prepare("SELECT server, principal FROM credentials ORDER BY server");
      expect(rows.all()).toEqual([
        { server: "far", principal: "" },
        { server: "near", principal: "" },
      ]);
      expect(store.knowsScope("far", "p:anonymous")).toBe(true);
      expect(log.records).toEqual([]);
      database.close();
    }
  });
});
