/**
 * A data directory that cannot be written, or has lost its contents: `/health` and the log report
 * it, and the gateway goes on with what it has.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
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

describe("a data directory that", () => {
  for (const [how, fault] of Object.entries(faults)) {
    test(`${how} makes the gateway unhealthy, with the reason, until it takes writes again`, async () => {
      const runtime = createFaultyRuntime(await createTestRuntime());
      const folder = newDataFolder();
      const gateway = await startStored(runtime, folder);
      const kept = (await gateway.open()).headers.get("mcp-session-id") ?? "";
      expect(await gateway.health()).toMatchObject({ code: 200, status: "healthy" });

      runtime.failAlways("sql", fault);
      expect((await gateway.open()).status).toBe(503);
      const sick = await gateway.health();
      expect(sick).toMatchObject({ code: 503, status: "unhealthy" });
      expect(sick.reason).toBe("the data directory cannot be written: new sessions are refused");
      const token = readFileSync(join(folder, "operator.token"), "utf8").trim();
      const told = await gateway.health({ authorization: `Bearer ${token}` });
      expect(told.reason).toContain(fault.message);
      expect(await gateway.ping(kept)).toBe(200);
      gateway.clock.advance(2_000);
      expect((await gateway.health()).code).toBe(503);

      runtime.heal("sql");
      expect((await gateway.open()).status).toBe(200);
      gateway.clock.advance(2_000);
      expect(await gateway.health()).toEqual({ code: 200, status: "healthy", reason: undefined });
    });
  }

  test("is full is found out before a client has to, and logged once", async () => {
    const runtime = createFaultyRuntime(await createTestRuntime());
    const gateway = await startStored(runtime, newDataFolder());
    expect((await gateway.health()).code).toBe(200);
    runtime.failAlways("sql", faults["is full"]);
    for (let look = 0; look < 5; look += 1) {
      gateway.clock.advance(10_000);
      expect((await gateway.health()).code).toBe(503);
    }
    runtime.heal("sql");
    gateway.clock.advance(10_000);
    expect((await gateway.health()).code).toBe(200);
    const saying = (text: string) => gateway.lines.filter((line) => line.includes(text)).length;
    expect(saying("Cannot write to the database")).toBe(1);
    expect(saying("The database can be written again")).toBe(1);
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
