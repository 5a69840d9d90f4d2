/**
 * `isolation: principal` as clients see it: sessions and stateless requests of authenticated
 * principals at the HTTP layer, with a real process behind, through a restart of the gateway.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import type { GatewayConfig } from "../../src/config/config.ts";
import { readConfig } from "../../src/config/environment.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { by, createHeaderAuthenticator } from "../support/header_authenticator.ts";
import { framesOf, initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { ask } from "../support/stateless_client.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const path = "/servers/child/mcp";
let directory: string;
let config: GatewayConfig;
let gateway: GatewayHandle;

async function start(): Promise<void> {
  gateway = await createGateway({
    config: { ...config, auth: { kinds: ["header"], settings: {} } },
    runtime: await createTestRuntime(),
    authenticators: { ...defaultTables.authenticators, header: createHeaderAuthenticator },
  });
}

async function stop(): Promise<void> {
  gateway.drain();
  await gateway.close();
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-principals-"));
  const child = { ...hostileCommand(), isolation: "principal", spare: true };
  ({ config } = await readConfig({
    kinds: upstreamKinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: join(directory, "data"),
      MCP_CONFIG: "mcp.json",
      MCP_TRY_SERVERS: "off",
    },
    cwd: directory,
    readText: (file) =>
      Promise.resolve(
        file.endsWith("mcp.json") ? JSON.stringify({ mcpServers: { child } }) : undefined,
      ),
  }));
  await start();
}, testMs);

afterAll(async () => {
  await stop();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

function send(method: string, at: string, { headers, body }: Sent = {}): Promise<Response> {
  return gateway.fetch(
    new Request(`http://localhost:8999${at}`, {
      method,
      headers: { host: "localhost:8999", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
}

/** A session of a user. */
interface UserSession {
  readonly headers: Readonly<Record<string, string>>;
}

async function connect(user: string): Promise<UserSession> {
  const headers = { ...jsonHeaders, ...by(user) };
  const response = await send("POST", path, { headers, body: initialize("2025-11-25") });
  await response.body?.cancel();
  return {
    headers: { ...headers, "mcp-session-id": response.headers.get("mcp-session-id") ?? "" },
  };
}

/** The text of a tool's result, whichever form the answer has. */
async function textIn(response: Response): Promise<string> {
  const body = await response.text();
  const last = body.startsWith("{") ? body : body.match(/^data: \{.*$/gm)?.at(-1)?.slice(6) ?? "";
  const { result } = JSON.parse(last) as { result: { content: { text: string }[] } };
  return result.content[0]?.text ?? "";
}

async function call({ headers }: UserSession, name: string, args = {}): Promise<string> {
  const params = { name, arguments: args };
  return await textIn(
    await send("POST", path, { headers, body: request(1, "tools/call", params) }),
  );
}

const pidOf = async (session: UserSession) => JSON.parse(await call(session, "state")).pid;

test(
  "D1 D3 two users with two sessions each have two processes, and hear only their own",
  async () => {
    const [ann1, ann2, ben1, ben2] = await Promise.all(["ann", "ann", "ben", "ben"].map(connect));
    if (!ann1 || !ann2 || !ben1 || !ben2) throw new Error("A session is missing");
    const pids = await Promise.all([ann1, ann2, ben1, ben2].map(pidOf));
    expect([pids[1], pids[3]]).toEqual([pids[0], pids[2]]);
    expect(new Set(pids).size).toBe(2);
    // A stateless request of the same user is served by the same process.
    const state = { name: "state", arguments: {} };
    const stateless = await ask({ send } as never, "tools/call", state, {
      path,
      headers: by("ann"),
    });
    expect(JSON.parse(await textIn(stateless)).pid).toBe(pids[0]);

    const streams = await Promise.all([ann1, ann2, ben1].map(async ({ headers }) => {
      const stream = framesOf(await send("GET", path, { headers }));
      const heard: unknown[] = [];
      const reading = (async () => {
        for (;;) {
          const { method, params } = await stream.message();
          if (method === "notifications/message") heard.push(params);
        }
      })().catch(() => {});
      return { heard, end: () => stream.cancel().then(() => reading) };
    }));
    const news = { level: "error", data: "disk full" };
    await call(ann1, "notify", { method: "notifications/message", params: news, late: 20 });
    await until(
      "both of Ann's sessions hear it",
      () => streams.slice(0, 2).every(({ heard }) => heard.length === 1),
    );
    await call(ben2, "notify", { method: "notifications/message", params: news, late: 20 });
    await until("Ben's session hears its own", () => streams[2]?.heard.length === 1);
    expect(streams.map(({ heard }) => heard)).toEqual([[news], [news], [news]]);
    await Promise.all(streams.map(({ end }) => end()));

    // One session ends: the process goes on for the other.
    await send("DELETE", path, { headers: ann1.headers });
    expect(await pidOf(ann2)).toBe(pids[0]);

    await stop();
    await start();
    const [ann, ben, alsoBen] = [await pidOf(ann2), await pidOf(ben1), await pidOf(ben2)];
    expect(alsoBen).toBe(ben);
    expect(new Set([ann, ben, ...pids]).size).toBe(4);
  },
  testMs,
);

test(
  "D7: what a server lists for one user is not shown to another, nor by a shared cache",
  async () => {
    const [ann, ben] = await Promise.all(["ann", "ben"].map(connect));
    if (!ann || !ben) throw new Error("A session is missing");
    await call(ann, "add_tool", { name: "of_ann" });
    const listOf = async (session: UserSession) =>
      await (await send("POST", path, { ...session, body: request(2, "tools/list") })).text();
    const stateless = async (user: string) =>
      await (await ask({ send } as never, "tools/list", {}, { path, headers: by(user) })).text();
    await until("Ann's list has her tool", async () => (await listOf(ann)).includes("of_ann"));
    expect(await stateless("ann")).toContain("of_ann");
    for (const list of [await listOf(ben), await stateless("ben"), await stateless("eve")]) {
      expect(list).toContain('"nonce"');
      expect(list).not.toContain("of_ann");
    }
    for (const user of ["ann", "ben"]) {
      expect(await stateless(user)).toContain('"cacheScope":"private"');
    }
  },
  testMs,
);
