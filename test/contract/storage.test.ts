/**
 * A data directory that cannot be written, or has lost its contents: `/health` and the log report
 * it, and the gateway goes on with what it has.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Runtime, SqlDatabase } from "../../src/runtime/runtime.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import {
  clearStorage,
  closeGateways,
  newDataFolder,
  startStored,
} from "../support/stored_gateway.ts";

afterEach(clearStorage);

const faults = {
  "is full": createSqlFault(13, "database or disk is full"),
  "may only be read": createSqlFault(8, "attempt to write a readonly database"),
  "fails": createSqlFault(10, "disk I/O error"),
};

describe("G2: a data directory that", () => {
  for (const [how, fault] of Object.entries(faults)) {
    test(`${how} makes the gateway degraded, with the reason, until it takes writes again`, async () => {
      const runtime = createFaultyRuntime(await createTestRuntime());
      const folder = newDataFolder();
      const gateway = await startStored(runtime, folder);
      const kept = (await gateway.open()).headers.get("mcp-session-id") ?? "";
      expect(await gateway.health()).toMatchObject({ code: 200, status: "healthy" });

      runtime.failAlways("sql", fault);
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const refused = await gateway.open();
        expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
      }
      const sick = await gateway.health();
      expect(sick).toMatchObject({ code: 200, status: "degraded" });
      expect(sick.reason).toBe("the data directory cannot be written: new sessions are refused");
      const token = readFileSync(join(folder, "operator.token"), "utf8").trim();
      const told = await gateway.health({ authorization: `Bearer ${token}` });
      expect(told.reason).toContain(fault.message);
      expect(await gateway.ping(kept)).toBe(200);
      gateway.clock.advance(2_000);
      expect((await gateway.health()).status).toBe("degraded");

      runtime.heal("sql");
      gateway.clock.advance(2_000);
      expect(await gateway.health()).toEqual({ code: 200, status: "healthy", reason: undefined });
      expect((await gateway.open()).status).toBe(200);
    });
  }

  test("is full is found out without a request, and logged once", async () => {
    const runtime = createFaultyRuntime(await createTestRuntime());
    const gateway = await startStored(runtime, newDataFolder());
    const saying = (text: string) => gateway.lines.filter((line) => line.includes(text)).length;
    gateway.clock.advance(60_000);
    expect(saying("Cannot write to the database")).toBe(0);
    runtime.failAlways("sql", faults["is full"]);
    for (let look = 0; look < 5; look += 1) gateway.clock.advance(10_000);
    expect(saying("Cannot write to the database")).toBe(1);
    expect((await gateway.health()).status).toBe("degraded");
    const refused = await gateway.open();
    expect([refused.status, saying("Cannot create a session")]).toEqual([503, 0]);
    runtime.heal("sql");
    gateway.clock.advance(10_000);
    expect(saying("The database can be written again")).toBe(1);
    expect((await gateway.health()).status).toBe("healthy");
  });

  test("has no room for one more page refuses new sessions, keeps the others, and heals", async () => {
    const inner = await createTestRuntime();
    const opened: SqlDatabase[] = [];
    const runtime: Runtime = {
      ...inner,
      openDatabase(path) {
        const database = inner.openDatabase(path);
        if (path !== ":memory:") opened.push(database);
        return database;
      },
    };
    const gateway = await startStored(runtime, newDataFolder());
    const kept = (await gateway.open()).headers.get("mcp-session-id") ?? "";
    // SQLite takes the smallest possible number, which is that of the pages in use.
    opened[0]?.exec("PRAGMA max_page_count = 1");
    let refused: Response | undefined;
    for (let count = 0; count < 500 && refused === undefined; count += 1) {
      const response = await gateway.open();
      if (response.status !== 200) refused = response;
    }
    expect([refused?.status, refused?.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await gateway.health()).status).toBe("degraded");
    expect(await gateway.ping(kept)).toBe(200);
    gateway.clock.advance(10_000);
    expect((await gateway.health()).status).toBe("degraded");
    opened[0]?.exec("PRAGMA max_page_count = 1000000");
    gateway.clock.advance(2_000);
    expect((await gateway.health()).status).toBe("healthy");
    expect((await gateway.open()).status).toBe(200);
    expect(await gateway.ping(kept)).toBe(200);
  });

  test("is new, or as the last run left it, is no reason for a warning", async () => {
    const folder = newDataFolder();
    const runtime = await createTestRuntime();
    for (let run = 0; run < 2; run += 1) {
      const { lines } = await startStored(runtime, folder);
      expect(lines.filter((line) => /WARN|ERROR/.test(line))).toEqual([]);
      await closeGateways();
    }
  });
});
