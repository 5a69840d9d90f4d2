/**
 * Databases of all versions of the tables are brought to the latest one: nothing is lost, the tables
 * are those of a new database, and a copy of the older one is kept.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits } from "../../src/limits.ts";
import type { SqlDatabase, SqlValue } from "../../src/runtime/runtime.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { schemaSteps } from "../../src/store/schema_steps.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";

const runtime = await createTestRuntime();
const samples = join(import.meta.dirname ?? "", "../corpus/databases");
const latest = schemaSteps.length;
const versions = Array.from({ length: latest }, (_, at) => at + 1);

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "database-versions-")), "store.db");
});
afterEach(() => rm(join(path, ".."), { recursive: true }));

/** Makes the sample of a version, as a gateway of that time left it. */
function writeSample(version: number): void {
  const database = runtime.openDatabase(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(readFileSync(join(samples, `version-${version}.sql`), "utf8"));
  database.close();
}

function open(platform = runtime) {
  const log = createTestLog();
  return { log, database: openStoreDatabase(platform, path, defaultLimits, log) };
}

const tablesOf = (database: SqlDatabase) =>
  database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all();

function contentOf(database: SqlDatabase): Record<string, Record<string, SqlValue>[]> {
  const names = tablesOf(database).filter(({ type }) => type === "table").map(({ name }) => name);
  return Object.fromEntries(
    names.map((name) => [name, database.prepare(`SELECT * FROM ${name} ORDER BY 1, 2`).all()]),
  );
}

const copies = () =>
  readdirSync(join(path, "..")).filter((name) => name.includes(".version-")).sort();

describe("a database of version", () => {
  for (const version of versions) {
    test(`${version} keeps all that it held`, () => {
      const fresh = openStoreDatabase(runtime, ":memory:", defaultLimits);
      const wanted = tablesOf(fresh);
      fresh.close();
      writeSample(latest);
      const newest = runtime.openDatabase(path);
      const whole = contentOf(newest);
      newest.close();
      for (const end of ["", "-wal", "-shm"]) runtime.remove(`${path}${end}`);

      writeSample(version);
      const before = runtime.openDatabase(path);
      const held = contentOf(before);
      before.close();
      const { database, log } = open();
      expect(tablesOf(database)).toEqual(wanted);
      expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: latest });
      const content = contentOf(database);
      for (const [table, rows] of Object.entries(content)) {
        const isThere = held[table] !== undefined ||
          (table === "subscriptions" && version < 3);
        const mine = (isThere ? whole[table] : undefined) ?? [];
        const missing = table !== "sessions" ? {} : {
          ...(version < 5 && { owner: "" }),
          ...(version < 13 && { consumer: "" }),
        };
        expect([table, rows]).toEqual([table, mine.map((row) => ({ ...row, ...missing }))]);
      }
      database.close();

      const isOlder = version < latest;
      expect(copies()).toEqual(isOlder ? [`store.db.version-${version}`] : []);
      expect(log.records.length).toBe(isOlder ? 1 : 0);
      if (!isOlder) return;
      expect(log.records[0]).toMatchObject({ severity: "INFO" });
      expect(log.records[0]?.message).toContain(`store.db.version-${version}`);
      const copy = runtime.openDatabase(`${path}.version-${version}`);
      expect(contentOf(copy)).toEqual(held);
      copy.close();
      expect(statSync(`${path}.version-${version}`).mode & 0o777).toBe(0o600);
      // The second start finds it converted.
      const again = open();
      expect([contentOf(again.database), again.log.records]).toEqual([content, []]);
      again.database.close();
    });
  }
});

describe("copies from before a conversion", () => {
  const restore = (version: number) => {
    for (const end of ["", "-wal", "-shm"]) runtime.remove(`${path}${end}`);
    writeSample(version);
  };

  test("are the latest three, and one of the same version is replaced", () => {
    for (const version of [4, 5, 6, 7, 8]) {
      restore(version);
      open().database.close();
    }
    expect(copies()).toEqual([6, 7, 8].map((version) => `store.db.version-${version}`));
    writeFileSync(`${path}.version-8`, "an earlier one");
    restore(8);
    open().database.close();
    expect(statSync(`${path}.version-8`).size).toBeGreaterThan(1_000);
    expect(copies().length).toBe(3);
  });

  test("that cannot be made leave the database as it is, and the gateway does not start", () => {
    writeSample(7);
    const platform = createFaultyRuntime(runtime);
    platform.failAlways("sql write", createSqlFault(13, "database or disk is full"));
    expect(() => open(platform)).toThrow("before its tables are converted");
    expect(copies()).toEqual([]);
    const database = runtime.openDatabase(path);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 7 });
    database.close();
  });

  test("are not made of a new database, nor if a newer gateway wrote it", () => {
    const { database, log } = open();
    database.exec("PRAGMA user_version = 99");
    database.close();
    expect(() => open()).toThrow("newer version");
    expect([copies(), log.records]).toEqual([[], []]);
  });
});

test("there is a sample of each version of the tables", () => {
  const names = versions.map((version) => `version-${version}.sql`).sort();
  expect(readdirSync(samples).sort()).toEqual(names);
});
