/** Stored catalogs: kept across a restart, bounded, checked when read, never a fault for a caller. */
import { describe, expect, test } from "bun:test";
import { openStoreDatabase } from "../../../src/store/database.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { openSqliteCatalogStore } from "../../../src/store/sqlite_catalogs.ts";
import type { Catalog } from "../../../src/upstream/deps.ts";
import { createTestClock } from "../../support/clock.ts";
import {
  createFaultyRuntime,
  createSqlFault,
  createTestRuntime,
} from "../../support/fake_runtime.ts";
import { createTestLog } from "../../support/log.ts";

const runtime = await createTestRuntime();
const limits = { ...defaultLimits, catalogsMax: 6, catalogsPerServerMax: 3, catalogCharsMax: 1000 };
const inputOutputFault = 10;

const catalog: Catalog = {
  description: {
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: "files", version: "1" },
    instructions: "日本",
  },
  lists: {
    tools: [{ name: "read", x: null }],
    prompts: [],
    resources: [],
    templates: [],
    skills: [],
  },
};
const bare: Catalog = {
  description: { capabilities: {} },
  lists: { tools: [], prompts: [], resources: [], templates: [], skills: [] },
};

function openStore() {
  const platform = createFaultyRuntime(runtime);
  const database = openStoreDatabase(platform, ":memory:", defaultLimits);
  const clock = createTestClock();
  const log = createTestLog();
  const reopen = () => openSqliteCatalogStore({ database, limits, log, clock });
  return { platform, database, clock, log, store: reopen(), reopen };
}

describe("stored catalogs", () => {
  test("come back as they were, the newest of each key", async () => {
    const { database, store, reopen, log } = openStore();
    await store.save("a", "files", bare);
    await store.save("a", "files", catalog);
    await store.save("b", "files", bare);
    expect(await reopen().load("a")).toEqual(catalog);
    expect(await store.load("b")).toEqual(bare);
    expect(await store.load("c")).toBeUndefined();
    expect(log.records).toEqual([]);
    database.close();
  });

  test("are forgotten by their keys", async () => {
    const { database, store, log } = openStore();
    for (const key of ["a", "b", "c"]) await store.save(key, "files", bare);
    await store.remove(["a", "c", "never there"]);
    expect(await store.keys("files")).toEqual(["b"]);
    expect(await store.load("a")).toBeUndefined();
    expect(log.records).toEqual([]);
    database.close();
  });

  test("keep the newest of a server, whatever the wall clock did", async () => {
    const { database, clock, store } = openStore();
    await store.save("other", "other", bare);
    for (const key of ["a", "b", "c"]) {
      clock.advance(1);
      await store.save(key, "files", bare);
    }
    clock.advance(-100);
    await store.save("d", "files", catalog);
    expect(await store.load("a")).toBeUndefined();
    for (const key of ["b", "c", "d", "other"]) expect(await store.load(key)).toBeDefined();
    database.close();
  });

  test("keep the newest of all servers", async () => {
    const { database, clock, store } = openStore();
    for (let server = 0; server < 8; server++) {
      clock.advance(1);
      await store.save(`key ${server}`, `server ${server}`, bare);
    }
    const kept = await Promise.all(
      Array.from({ length: 8 }, async (_, at) => await store.load(`key ${at}`) !== undefined),
    );
    expect(kept).toEqual([false, false, true, true, true, true, true, true]);
    database.close();
  });

  test("that are too large are not kept, and an older one is not mistaken for them", async () => {
    const { database, store, log } = openStore();
    const large = { ...bare, description: { capabilities: {}, instructions: "x".repeat(2000) } };
    await store.save("a", "files", bare);
    await store.save("a", "files", large);
    expect(await store.load("a")).toBeUndefined();
    expect(log.records.map(({ severity }) => severity)).toEqual(["WARN"]);
    database.close();
  });

  test("G2: that a full disk does not take are not replaced by an older one, also after a restart", async () => {
    for (const healsAt of ["by the clock", "at the stop"]) {
      const { database, platform, clock, store, reopen } = openStore();
      for (const key of ["changed", "forgotten", "same"]) await store.save(key, "files", bare);
      platform.failAlways("sql write", createSqlFault(13));
      await store.save("changed", "files", catalog);
      await store.remove(["forgotten"]);
      for (const key of ["changed", "forgotten"]) expect(await store.load(key)).toBeUndefined();
      expect(await store.keys("files")).toEqual(["same"]);
      clock.advance(10_000);
      platform.heal("sql write");
      if (healsAt === "by the clock") clock.advance(2_000);
      else store.close();
      const after = reopen();
      for (const key of ["changed", "forgotten"]) expect(await after.load(key)).toBeUndefined();
      expect(await after.load("same")).toEqual(bare);
      await after.save("changed", "files", catalog);
      expect(await after.load("changed")).toEqual(catalog);
      database.close();
    }
  });

  test("of a version that knew no skills are read, unless their server has skills", async () => {
    const { database, store } = openStore();
    const { skills: _, ...lists } = catalog.lists;
    const extensions = { "io.modelcontextprotocol/skills": {} };
    const insert = database.prepare("INSERT INTO catalogs VALUES ('old', 'files', ?, 0)");
    const loaded = async (capabilities: Catalog["description"]["capabilities"]) => {
      insert.run(JSON.stringify({ description: { ...catalog.description, capabilities }, lists }));
      const read = await store.load("old");
      database.exec("DELETE FROM catalogs");
      return read;
    };
    expect(await loaded(catalog.description.capabilities)).toEqual(catalog);
    expect(await loaded({ extensions })).toBe(undefined);
    database.close();
  });

  test("that cannot be read are removed and said so once", async () => {
    const { database, store, log } = openStore();
    const good = JSON.parse(JSON.stringify(catalog));
    const bodies = [
      "",
      "{",
      "null",
      "[]",
      "{}",
      { ...good, description: [] },
      { ...good, description: {} },
      { ...good, description: { capabilities: {}, serverInfo: 1 } },
      { ...good, description: { capabilities: {}, instructions: {} } },
      { ...good, lists: { ...good.lists, tools: {} } },
      { ...good, lists: { ...good.lists, prompts: ["x"] } },
      { ...good, lists: { ...good.lists, resources: [null] } },
      { description: good.description, lists: { tools: [], prompts: [], resources: [] } },
    ];
    const insert = database.prepare("INSERT INTO catalogs VALUES ('bad', 'files', ?, 0)");
    for (const body of bodies) {
      insert.run(typeof body === "string" ? body : JSON.stringify(body));
      expect([body, await store.load("bad")]).toEqual([body, undefined]);
      expect(database.prepare("SELECT * FROM catalogs").all()).toEqual([]);
    }
    expect(log.records.length).toBe(bodies.length);
    database.close();
  });

  test("cause no fault elsewhere when the disk fails, at any statement", async () => {
    const { platform, database, store, log } = openStore();
    const fault = createSqlFault(inputOutputFault);
    for (let nth = 1; nth <= 5; nth++) {
      platform.failAt("sql", nth, fault);
      await store.save("a", "files", catalog);
      expect(log.records.length).toBe(nth);
      expect(await store.load("a")).toBeUndefined();
    }
    await store.save("a", "files", catalog);
    platform.failAt("sql", 1, fault);
    expect(await store.load("a")).toBeUndefined();
    expect(await store.load("a")).toEqual(catalog);
    database.close();
  });
});
