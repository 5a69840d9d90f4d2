/**
 * A database of an older gateway gets the tables of fingerprints and keeps all that it had; what is
 * damaged in them is ignored.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits } from "../../src/limits.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { schemaSteps } from "../../src/store/schema_steps.ts";
import { openSqlitePins } from "../../src/store/sqlite_pins.ts";
import { createTestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { pinnedList, storedChange } from "../support/pin_store_cases.ts";

const runtime = await createTestRuntime();
/** The version that had no fingerprints yet. */
const version = schemaSteps.findIndex((step) => step.includes("tool_fingerprints"));

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "pin-migration-")), "store.db");
});
afterEach(() => rm(join(path, ".."), { recursive: true }));

function open() {
  const database = openStoreDatabase(runtime, path, defaultLimits);
  const log = createTestLog();
  const store = openSqlitePins({ database, clock: createTestClock(), limits: defaultLimits, log });
  return { database, store, log };
}

describe("a database of an older gateway", () => {
  test("keeps what it had, and takes fingerprints", async () => {
    const before = runtime.openDatabase(path);
    for (const step of schemaSteps.slice(0, version)) before.exec(step);
    before.exec(`INSERT INTO catalogs (key, server, body, saved_at) VALUES ('k', 'box', '{}', 1);
      INSERT INTO registry (name, sealed, disabled, added_at) VALUES ('far', 's', 0, 1);
      PRAGMA user_version = ${version};`);
    before.close();
    for (const turn of ["first start", "second start"]) {
      const { database, store, log } = open();
      const count = (table: string) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get();
      expect([turn, count("catalogs"), count("registry")]).toEqual([turn, { n: 1 }, { n: 1 }]);
      await store.update("box", { lists: [pinnedList()], changes: [storedChange()] });
      expect(await store.lists("box")).toEqual([pinnedList()]);
      expect(log.records).toEqual([]);
      database.close();
    }
  });

  test("ignores a row that is damaged, and says so", async () => {
    const { database, store, log } = open();
    const [list, change] = [pinnedList(), storedChange()];
    await store.update("box", { lists: [list], changes: [change] });
    database.exec(`INSERT INTO tool_fingerprints (server, principal, variant, saved_at, body)
        VALUES ('box', '', 'torn', 1, '{"subject":'), ('box', '', 'odd', 1, '{"tools":[["a",1]]}');
      INSERT INTO tool_changes (server, tool, fingerprint, seen_at, body)
        VALUES ('box', 'torn', 'f', 1, ''), ('far', 'odd', 'f', 1, '{"kind":"other"}');`);
    expect(await store.lists("box")).toEqual([list]);
    expect(await store.changes()).toEqual(new Map([["box", [change]]]));
    expect(log.records.map(({ message }) => message)).toEqual([
      "Cannot read stored fingerprints; they are ignored",
      "Cannot read stored fingerprints; they are ignored",
      "Cannot read a stored change of a tool; it is ignored",
      "Cannot read a stored change of a tool; it is ignored",
    ]);
    database.close();
  });
});
