/**
 * A data directory that cannot be written, or has lost its contents: `/health` and the log report
 * it, and the gateway goes on with what it has.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import type { GatewayConfig } from "../../src/config/config.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { createTestClock } from "../support/clock.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";

const folders: string[] = [];
const gateways: GatewayHandle[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) {
    gateway.drain();
    await gateway.close();
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-storage-"));
  folders.push(folder);
  return folder;
}

async function start(runtime: Runtime, dataDirectory: string) {
  const config: GatewayConfig = {
    servers: [],
    names: "auto",
    warnings: [],
    files: [],
    secrets: [],
    host: "127.0.0.1",
    port: 8999,
    dataDirectory,
    sessionTimeoutMs: 3_600_000,
    allowedOrigins: [],
    allowedHosts: [],
    logLevel: "INFO",
    debug: false,
  };
  const clock = createTestClock();
  const lines: string[] = [];
  const gateway = await createGateway({
    config,
    runtime,
    clock,
    console: (line) => void lines.push(line),
  });
  gateways.push(gateway);
  const send = (method: string, path: string, init: RequestInit = {}) => {
    const headers = { host: "127.0.0.1:8999", ...init.headers as Record<string, string> };
    return gateway.fetch(
      new Request(`http://127.0.0.1:8999${path}`, { ...init, method, headers }),
    );
  };
  return {
    clock,
    lines,
    async open() {
      const body = JSON.stringify(initialize("2025-11-25"));
      const response = await send("POST", "/mcp", { headers: jsonHeaders, body });
      await response.text();
      return response;
    },
    async ping(session: string) {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
      const headers = { ...jsonHeaders, "mcp-session-id": session };
      return (await send("POST", "/mcp", { headers, body })).status;
    },
    async health(headers: Record<string, string> = {}) {
      const response = await send("GET", "/health", { headers });
      const body = await response.json() as Record<string, unknown>;
      return { code: response.status, status: body["status"], reason: body["reason"] };
    },
  };
}

const faults = {
  "is full": createSqlFault(13, "database or disk is full"),
  "may only be read": createSqlFault(8, "attempt to write a readonly database"),
  "fails": createSqlFault(10, "disk I/O error"),
};

describe("a data directory that", () => {
  for (const [how, fault] of Object.entries(faults)) {
    test(`${how} makes the gateway unhealthy, with the reason, until it takes writes again`, async () => {
      const runtime = createFaultyRuntime(await createTestRuntime());
      const folder = newFolder();
      const gateway = await start(runtime, folder);
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
    const gateway = await start(runtime, newFolder());
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

  test("holds a database of no bytes is used, with a warning", async () => {
    const folder = newFolder();
    const runtime = await createTestRuntime();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "mcp-wrapper.db"), "");
    const gateway = await start(runtime, folder);
    const warnings = gateway.lines.filter((line) => line.includes("WARN"));
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain("mcp-wrapper.db");
    expect(warnings[0]).toContain("no session");
    expect((await gateway.open()).status).toBe(200);
  });

  test("is new, or as the last run left it, is no reason for a warning", async () => {
    const folder = newFolder();
    const runtime = await createTestRuntime();
    for (let run = 0; run < 2; run += 1) {
      const { lines } = await start(runtime, folder);
      expect(lines.filter((line) => /WARN|ERROR/.test(line))).toEqual([]);
      const [gateway] = gateways.splice(0);
      await gateway?.close();
    }
  });
});
