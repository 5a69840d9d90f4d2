/**
 * The MCP endpoints behind the tokens of the admin API: they serve what the gateway serves, and
 * their sessions belong to the holder of the token alone.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import type { FetchHandler } from "../../src/runtime/runtime.ts";
import { type AdminCalls, openAdminCalls, type TokenName } from "../support/admin_calls.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { by, createHeaderAuthenticator } from "../support/header_authenticator.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { within } from "../support/wait.ts";

let gateway: SpawnedGateway;
let admin: AdminCalls;

beforeAll(async () => {
  gateway = await spawnGateway({
    prepare(directory) {
      const counting = programCommand("test/support/counting_child.ts", [
        join(directory, "calls.txt"),
      ]);
      writeFileSync(join(directory, "mcp.json"), JSON.stringify({ mcpServers: { counting } }));
    },
  });
  admin = await openAdminCalls(gateway.directory);
});
afterAll(() => gateway.dispose());

const revision = "2025-11-25";

function send(url: string, method: string, headers: Record<string, string>, message?: unknown) {
  return fetch(url, {
    method,
    headers: {
      accept: method === "GET" ? "text/event-stream" : "application/json, text/event-stream",
      ...(message === undefined ? {} : { "content-type": "application/json" }),
      "mcp-protocol-version": revision,
      ...headers,
    },
    ...(message === undefined ? {} : { body: JSON.stringify(message) }),
  });
}

const tokenOf = (name: TokenName) => ({ authorization: `Bearer ${admin.token(name)}` });

/** Shakes hands and returns the headers of the session. */
async function connect(path: string, as: TokenName): Promise<Record<string, string>> {
  const params = {
    protocolVersion: revision,
    capabilities: {},
    clientInfo: { name: "by-hand", version: "1" },
  };
  const hello = { jsonrpc: "2.0", id: 1, method: "initialize", params };
  const response = await send(`${admin.url}${path}`, "POST", tokenOf(as), hello);
  expect(response.status).toBe(200);
  await response.text();
  return { ...tokenOf(as), "mcp-session-id": response.headers.get("mcp-session-id") ?? "" };
}

const list = { jsonrpc: "2.0", id: 2, method: "tools/list", params: {} };

for (const as of ["owner", "operator"] as const) {
  for (const path of ["/admin/mcp", "/admin/servers/counting/mcp"]) {
    test(`${path} serves sessions, calls and streams for the ${as}`, async () => {
      const url = `${admin.url}${path}`;
      const session = await connect(path, as);
      const listed = await (await send(url, "POST", session, list)).text();
      expect(listed).toContain('"name":"work"');
      const call = { name: "work", arguments: { fault: "none" } };
      const called = await send(url, "POST", session, {
        jsonrpc: "2.0",
        id: 3,
        method: "tools/call",
        params: call,
      });
      expect(called.status).toBe(200);
      await called.text();
      const stream = await send(url, "GET", session);
      expect(stream.headers.get("content-type")).toContain("text/event-stream");
      const reader = stream.body?.getReader();
      const first = await within("the first event", reader?.read() ?? Promise.reject());
      expect(first.value?.length).toBeGreaterThan(0);
      await reader?.cancel();
      const removed = await send(url, "DELETE", session);
      expect(removed.status).toBe(204);
      await removed.text();
      const after = await send(url, "POST", session, list);
      expect(after.status).toBe(404);
      await after.text();
    });
  }
}

test("a stateless client is served, too", async () => {
  const prefix = "io.modelcontextprotocol/";
  const message = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/list",
    params: {
      _meta: {
        [`${prefix}protocolVersion`]: "2026-07-28",
        [`${prefix}clientInfo`]: { name: "by-hand", version: "1" },
        [`${prefix}clientCapabilities`]: {},
      },
    },
  };
  const headers = {
    ...tokenOf("owner"),
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/list",
  };
  const response = await send(`${admin.url}/admin/mcp`, "POST", headers, message);
  expect([response.status, await response.text()]).toEqual([
    200,
    expect.stringContaining('"name":"work"'),
  ]);
});

test("C5 a session is unknown to the other token, to clients in front, and to other servers", async () => {
  const session = await connect("/admin/mcp", "owner");
  const strangers = [
    [`${admin.url}/admin/mcp`, { ...session, ...tokenOf("operator") }],
    [`${admin.url}/admin/servers/counting/mcp`, session],
    [`${gateway.url}/mcp`, session],
  ] as const;
  for (const [url, headers] of strangers) {
    const response = await send(url, "POST", headers, list);
    expect([url, response.status]).toEqual([url, 404]);
    await response.text();
  }
  const own = await send(`${admin.url}/admin/mcp`, "POST", session, list);
  expect(own.status).toBe(200);
  await own.text();
});

test("an unknown server, and a body that is no JSON, are answered as in front", async () => {
  const none = await send(`${admin.url}/admin/servers/none/mcp`, "POST", tokenOf("owner"), list);
  expect(none.status).toBe(404);
  expect(await none.text()).toContain("no such server is configured");
  const form = { ...tokenOf("owner"), "content-type": "application/x-www-form-urlencoded" };
  const posted = await send(`${admin.url}/admin/mcp`, "POST", form, list);
  expect(posted.status).toBe(415);
  await posted.text();
});

describe("where clients in front must authenticate", () => {
  let embedded: GatewayHandle;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "admin-mcp-"));
    embedded = await createGateway({
      config: {
        servers: [],
        names: "auto",
        warnings: [],
        files: [],
        secrets: [],
        host: "127.0.0.1",
        port: 8999,
        dataDirectory: folder,
        sessionTimeoutMs: 3_600_000,
        auth: { kinds: ["header"], settings: {} },
        allowedOrigins: [],
        allowedHosts: [],
        logLevel: "INFO",
        debug: false,
      },
      runtime: await createTestRuntime(),
      authenticators: { header: createHeaderAuthenticator },
    });
  });
  afterAll(async () => {
    await embedded.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The status of a handshake. */
  async function statusAt(
    fetch: FetchHandler | undefined,
    url: string,
    headers: Record<string, string>,
  ) {
    const { host } = new URL(url);
    const body = JSON.stringify(initialize(revision));
    const all = { ...jsonHeaders, host, ...headers };
    const response = await fetch?.(new Request(url, { method: "POST", headers: all, body }));
    await response?.text();
    return response?.status;
  }

  test("the API refuses all until it is opened, and then lets the holders of tokens in", async () => {
    const front = "http://127.0.0.1:8999/mcp";
    const behind = "http://127.0.0.1:9000/admin/mcp";
    const token = readFileSync(join(folder, "owner.token"), "utf8");
    const owner = { authorization: `Bearer ${token}` };
    expect(await statusAt(embedded.admin?.fetch, behind, owner)).toBe(503);
    embedded.admin?.open({
      host: "127.0.0.1",
      port: 9000,
      url: "http://127.0.0.1:9000",
      allowedHosts: [],
      maySpawn: false,
      program: {},
      reload: () => Promise.resolve(),
    });
    expect(await statusAt(embedded.fetch, front, {})).toBe(401);
    expect(await statusAt(embedded.fetch, front, owner)).toBe(401);
    expect(await statusAt(embedded.admin?.fetch, behind, {})).toBe(401);
    expect(await statusAt(embedded.admin?.fetch, behind, owner)).toBe(200);
  });

  test("no client in front can be the holder of a token", async () => {
    for (const id of ["admin:owner", "admin:operator"]) {
      expect(await statusAt(embedded.fetch, "http://127.0.0.1:8999/mcp", by(id))).toBe(500);
    }
    expect(await statusAt(embedded.fetch, "http://127.0.0.1:8999/mcp", by("ada"))).toBe(200);
  });

  test("a gateway that stops takes no attached program", async () => {
    const url = "http://127.0.0.1:9000/admin/attach";
    const authorization = `Bearer ${readFileSync(join(folder, "owner.token"), "utf8")}`;
    const headers = { host: "127.0.0.1:9000", authorization };
    const attach = () => embedded.admin?.fetch(new Request(url, { headers }));
    const open = await attach();
    expect(open?.status).toBe(200);
    await embedded.drain();
    expect(await open?.text()).toContain("event: attached");
    const late = await attach();
    expect([late?.status, await late?.json()]).toMatchObject([503, {
      error: { code: "draining" },
    }]);
  });
});
