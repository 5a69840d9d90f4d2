/**
 * Clients that connect with keys: what a key opens, that one key's sessions are not another's, and
 * that a key that ends or is revoked opens nothing. The gateway, its database and its servers are
 * real; only time is the test's.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { defaultLimits } from "../../src/limits.ts";
import { sha256Hex } from "../../src/seal.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { errorOf, initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { ask } from "../support/stateless_client.ts";

const testMs = 60_000;
const hourMs = 3_600_000;
const origin = "http://127.0.0.1:8999";

let folder: string;
let clock: TestClock;
let lines: string[];
let open: GatewayHandle[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-keys-"));
  clock = createTestClock();
  lines = [];
  open = [];
});
afterEach(async () => {
  for (const gateway of open) await close(gateway);
  rmSync(folder, { recursive: true, force: true });
}, testMs);

/** A gateway on the folder; `auth` is what stands in its mcp.json. */
async function start(env: Record<string, string> = { MCP_AUTH: "key" }, auth?: unknown) {
  const servers = { child: hostileCommand(), other: hostileCommand() };
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: folder, DEBUG_MODE: "true", ...env },
    cwd: folder,
    readText: (file) =>
      Promise.resolve(
        file.endsWith("mcp.json") ? JSON.stringify({ mcpServers: servers, auth }) : undefined,
      ),
  });
  const gateway = await createGateway({
    config,
    clock,
    runtime: await createTestRuntime(),
    console: (line) => lines.push(line),
  });
  open.push(gateway);
  return gateway;
}

async function close(gateway: GatewayHandle): Promise<void> {
  open = open.filter((one) => one !== gateway);
  gateway.drain();
  await gateway.close();
}

const by = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };

function send(
  gateway: GatewayHandle,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<Response> {
  const init = { method, headers: { host: "127.0.0.1:8999", ...headers } };
  return gateway.fetch(
    new Request(
      `${origin}${path}`,
      body === undefined ? init : { ...init, body: JSON.stringify(body) },
    ),
  );
}

/** The id of a new session. */
async function connect(gateway: GatewayHandle, key: string | undefined, path = "/mcp") {
  const headers = { ...jsonHeaders, ...by(key), "mcp-session-id": "chosen-by-the-client" };
  const response = await send(gateway, "POST", path, headers, initialize("2025-11-25"));
  await response.text();
  expect(response.status).toBe(200);
  return response.headers.get("mcp-session-id") ?? "";
}

interface SessionRequest {
  readonly key?: string | undefined;
  readonly session: string;
  readonly path?: string;
}

/** Status and body of one request of a session. */
async function inSession(
  gateway: GatewayHandle,
  method: string,
  { key, session, path = "/mcp" }: SessionRequest,
) {
  const headers = { ...jsonHeaders, ...by(key), "mcp-session-id": session };
  const body = method === "POST" ? request(1, "ping") : undefined;
  const response = await send(gateway, method, path, headers, body);
  if (response.headers.get("content-type") === "text/event-stream") {
    await response.body?.cancel();
    return { status: response.status, text: "" };
  }
  return { status: response.status, text: await response.text() };
}

const statusOf = async (gateway: GatewayHandle, of: SessionRequest) =>
  (await inSession(gateway, "POST", of)).status;

const sessionMethods = ["POST", "GET", "DELETE"];

describe("a session that was opened with a key", () => {
  test("C1, C2, C3, C4 and C5 is random, ends for good, and is unknown to all others", async () => {
    const gateway = await start();
    const { key: ada } = await gateway.access.keys.add({ name: "ada" });
    const { key: bob } = await gateway.access.keys.add({ name: "bob" });
    const session = await connect(gateway, ada, "/servers/child/mcp");
    expect(session).not.toBe("chosen-by-the-client");
    const own = { key: ada, session, path: "/servers/child/mcp" };
    for (const method of sessionMethods) {
      const unknown = await inSession(gateway, method, { ...own, session: crypto.randomUUID() });
      expect([method, unknown.status]).toEqual([method, 404]);
      expect(await inSession(gateway, method, { ...own, key: bob })).toEqual(unknown);
      expect(await inSession(gateway, method, { ...own, path: "/servers/other/mcp" }))
        .toEqual(unknown);
      expect((await inSession(gateway, method, { ...own, key: undefined })).status).toBe(401);
    }
    expect(await statusOf(gateway, own)).toBe(200);
    expect((await inSession(gateway, "DELETE", own)).status).toBe(204);
    for (const method of sessionMethods) {
      expect([method, (await inSession(gateway, method, own)).status]).toEqual([method, 404]);
    }
  }, testMs);

  test(
    "C4 is not taken over by clients without a key after a restart, nor the other way round",
    async () => {
      const open = await start({});
      const unkeyed = await connect(open, undefined);
      await close(open);
      const keyed = await start();
      const { key } = await keyed.access.keys.add({ name: "anonymous" });
      const session = await connect(keyed, key);
      expect(await statusOf(keyed, { key, session: unkeyed })).toBe(404);
      expect(await statusOf(keyed, { key, session })).toBe(200);
      await close(keyed);
      const again = await start({});
      expect(await statusOf(again, { session })).toBe(404);
      expect(await statusOf(again, { key, session })).toBe(404);
      expect(await statusOf(again, { session: unkeyed })).toBe(200);
    },
    testMs,
  );
});

describe("a key", () => {
  test("opens every transport, and is valid after a restart", async () => {
    const before = await start();
    const { key } = await before.access.keys.add({ name: "ada" });
    const session = await connect(before, key);
    await close(before);
    const gateway = await start();
    expect(await statusOf(gateway, { key, session })).toBe(200);
    const sender = {
      send: (method: string, path: string, { headers = {}, body }: {
        headers?: Record<string, string>;
        body?: unknown;
      } = {}) => send(gateway, method, path, headers, body),
    };
    const stateless = await ask(sender, "tools/list", {}, { headers: by(key) });
    expect(stateless.status).toBe(200);
    await stateless.text();
    const line = await send(gateway, "GET", "/sse", { accept: "text/event-stream", ...by(key) });
    expect(line.status).toBe(200);
    await line.body?.cancel();
  }, testMs);

  test("is refused at once when it is revoked, also in its open session", async () => {
    const gateway = await start();
    const { key } = await gateway.access.keys.add({ name: "ada" });
    const { key: other } = await gateway.access.keys.add({ name: "bob" });
    const session = await connect(gateway, key);
    expect(await statusOf(gateway, { key, session })).toBe(200);
    await gateway.access.keys.revoke("ada");
    const { status, text } = await inSession(gateway, "POST", { key, session });
    expect([status, text.includes("was revoked")]).toEqual([401, true]);
    await connect(gateway, other);
    await expect(gateway.access.keys.revoke("ada")).rejects.toThrow('Cannot find key "ada"');
  }, testMs);

  test("expires on the wall clock, whether or not it was used before", async () => {
    const gateway = await start();
    const { keys } = gateway.access;
    const expiresAt = new Date(clock.wall() + hourMs).toISOString();
    const used = await keys.add({ name: "used", expiresAt });
    const unused = await keys.add({ name: "unused", expiresAt });
    const session = await connect(gateway, used.key);
    clock.jump(hourMs - 1);
    expect(await statusOf(gateway, { key: used.key, session })).toBe(200);
    clock.jump(1);
    for (const { key } of [used, unused]) {
      const { status, text } = await inSession(gateway, "POST", { key, session });
      expect([status, text.includes("has expired")]).toEqual([401, true]);
    }
    expect((await keys.list()).map(({ isExpired }) => isExpired)).toEqual([true, true]);
  }, testMs);

  test("H1 is in no log, no list and no file: only its digest is stored", async () => {
    const gateway = await start();
    const { key } = await gateway.access.keys.add({ name: "ada", servers: ["child"] });
    await connect(gateway, key);
    for (const path of [`/mcp?access_token=${key}`, `/none?key=${key}`, `/servers/${key}/mcp`]) {
      for (const headers of [by(key), by(undefined), by(`${key}x`)]) {
        await (await send(gateway, "POST", path, { ...jsonHeaders, ...headers }, {})).text();
      }
    }
    expect(JSON.stringify(await gateway.access.keys.list())).not.toContain(key);
    await close(gateway);
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.filter((line) => line.includes(key))).toEqual([]);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
    expect(files.length).toBeGreaterThan(3);
    expect(files.some((text) => text.includes(key) || text.includes(key.slice(5)))).toBe(false);
    const digest = await sha256Hex(key);
    expect(files.some((text) => text.includes(digest))).toBe(true);
  }, testMs);

  test(
    "has a last use, which is stored together with those of others, and at the end",
    async () => {
      const gateway = await start();
      const { keys } = gateway.access;
      const { key } = await keys.add({ name: "ada" });
      await keys.add({ name: "bob" });
      const usedAt = async (from = keys) => (await from.list()).map((one) => one.usedAt);
      const first = new Date(clock.wall()).toISOString();
      await connect(gateway, key);
      expect(await usedAt()).toEqual([undefined, undefined]);
      clock.advance(defaultLimits.keyUseFlushMs);
      await Promise.resolve();
      expect(await usedAt()).toEqual([first, undefined]);
      const second = new Date(clock.wall()).toISOString();
      await connect(gateway, key);
      await close(gateway);
      const after = await start();
      expect(await usedAt(after.access.keys)).toEqual([second, undefined]);
    },
    testMs,
  );

  test("is needed: a start without any says how to make one", async () => {
    const advice = "make one with mcp-wrapper keys add NAME";
    const gateway = await start();
    expect(lines.filter((line) => line.includes(advice)).length).toBe(1);
    const response = await send(gateway, "POST", "/mcp", jsonHeaders, initialize("2025-11-25"));
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="mcp-wrapper"');
    expect((await errorOf(response)).message).toContain("Authorization: Bearer KEY");
    await gateway.access.keys.add({ name: "ada" });
    await close(gateway);
    lines = [];
    await start();
    expect(lines.some((line) => line.includes(advice))).toBe(false);
  }, testMs);
});

describe("a new key", () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [{}, '"name" of a key'],
    [{ name: "" }, '"name" of a key'],
    [{ name: "a b" }, '"name" of a key'],
    [{ name: "-a" }, '"name" of a key'],
    [{ name: "x".repeat(65) }, '"name" of a key'],
    [{ name: "a", roles: ["x y"] }, '"roles.0" of a key'],
    [{ name: "a", servers: "files" }, '"servers" of a key'],
    [{ name: "a", servers: [""] }, '"servers.0" of a key'],
    [{ name: "a", tools: Array.from({ length: 101 }, () => "t") }, '"tools" of a key'],
    [{ name: "a", expiresAt: "tomorrow" }, '"expiresAt" of a key'],
    [{ name: "a", expiresAt: "2001-01-01T00:00:00Z" }, "is not in the future"],
    [{ name: "a", role: "x" }, '"role" of a key'],
  ];
  test("is refused with the member that is wrong, and nothing is stored", async () => {
    const { access: { keys } } = await start();
    for (const [value, words] of wrong) {
      const outcome = await keys.add(value as never).then(() => "added", (fault) => fault.message);
      expect(outcome).toContain(words);
    }
    expect(await keys.list()).toEqual([]);
  }, testMs);

  test("needs a name of its own", async () => {
    const { access: { keys } } = await start();
    await keys.add({ name: "a" });
    await expect(keys.add({ name: "a" })).rejects.toThrow("there is one of this name");
  }, testMs);
});

describe("the kind in mcp.json", () => {
  test("is in use where `auth` names it, and has no settings", async () => {
    const gateway = await start({}, { key: {} });
    const response = await send(gateway, "POST", "/mcp", jsonHeaders, initialize("2025-11-25"));
    expect((await errorOf(response)).status).toBe(401);
    await close(gateway);
    await expect(start({}, { key: { header: "x" } })).rejects.toThrow(
      "Cannot use auth.key.header in mcp.json: expected no settings",
    );
  }, testMs);

  test("must be a known one", async () => {
    for (const [env, auth] of [[{ MCP_AUTH: "keys" }, undefined], [{}, { keys: {} }]] as const) {
      await expect(start(env, auth)).rejects.toThrow(
        'Cannot use authenticator "keys": expected one of "none", "key"',
      );
    }
    await expect(start({ MCP_AUTH: "none,key" })).rejects.toThrow('"none" only by itself');
  }, testMs);
});
