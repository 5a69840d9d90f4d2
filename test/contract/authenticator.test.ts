/**
 * An authenticator kind is one row. With another kind, the gateway refuses every MCP request
 * without a principal, and what belongs to one principal is unavailable to others. Servers, stores
 * and the gateway are real; only the row is the test's.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
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
import {
  by,
  challenge,
  createHeaderAuthenticator,
  scopeChallenge,
} from "../support/header_authenticator.ts";
import {
  errorOf,
  type FrameReader,
  framesOf,
  initialize,
  jsonHeaders,
  request,
} from "../support/http_harness.ts";
import { programCommand } from "../support/spawn_gateway.ts";
import { ask as askOver, type AskOptions } from "../support/stateless_client.ts";
import { linesOf } from "../support/visit.ts";

const testMs = 60_000;
const origin = "http://127.0.0.1:8999";
const servers = {
  asking: programCommand("test/conformance/fixture_stdio.ts", ["--era", "legacy"]),
  child: hostileCommand(),
};

let directory: string;
let config: GatewayConfig;
let gateway: GatewayHandle;

async function start(authenticator?: string): Promise<GatewayHandle> {
  return await createGateway({
    config: authenticator === undefined
      ? config
      : { ...config, auth: { kinds: [authenticator], settings: {} } },
    runtime: await createTestRuntime(),
    // So that lists have more than one page.
    limits: { pageItemsMax: 2 },
    authenticators: {
      ...defaultTables.authenticators,
      header: createHeaderAuthenticator,
    },
  });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-authenticator-"));
  ({ config } = await readConfig({
    kinds: upstreamKinds,
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: directory,
    readText: (file) =>
      Promise.resolve(
        file.endsWith("mcp.json") ? JSON.stringify({ mcpServers: servers }) : undefined,
      ),
  }));
  gateway = await start("header");
}, testMs);

afterAll(async () => {
  gateway.drain();
  await gateway.close();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

function send(method: string, path: string, { headers, body }: Sent = {}): Promise<Response> {
  return gateway.fetch(
    new Request(`${origin}${path}`, {
      method,
      headers: { host: "127.0.0.1:8999", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
}

/** A request of the stateless revision. */
const ask = (user: string, method: string, params = {}, options: AskOptions = {}) =>
  askOver({ send }, method, params, { ...options, headers: { ...by(user), ...options.headers } });

/** The last message of an answer, whichever form it has. */
async function answerOf(response: Response) {
  const text = await response.text();
  const last = text.startsWith("{") ? text : text.match(/^data: \{.*$/gm)?.at(-1)?.slice(6) ?? "";
  return JSON.parse(last) as {
    result?: Record<string, unknown>;
    error?: { code: number; message: string };
  };
}

const sessionPaths = ["/mcp", "/servers/child/mcp", "/servers/child/streamable"];
const streamPaths = ["/sse", "/servers/child/sse"];
const messagePaths = ["/messages", "/servers/child/messages"];

describe("a request without a principal", () => {
  const routes = [
    ...sessionPaths.flatMap((path) => ["POST", "GET", "DELETE"].map((method) => [method, path])),
    ...streamPaths.map((path) => ["GET", path]),
    ...messagePaths.map((path) => ["POST", `${path}?sessionId=x`]),
    // Which servers there are is not for strangers; nor is what a URL could do.
    ["POST", "/servers/none/mcp"],
    ["PUT", "/mcp"],
  ] as const;
  for (const [method = "", path = ""] of routes) {
    test(`is challenged: ${method} ${path}`, async () => {
      const headers = { ...jsonHeaders, "mcp-session-id": "x" };
      const body = method === "POST" ? initialize("2025-11-25") : undefined;
      const response = await send(method, path, { headers, body });
      expect(response.headers.get("www-authenticate")).toBe(challenge);
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(await errorOf(response)).toEqual({
        status: 401,
        code: -32600,
        message: "Valid credentials are required",
        id: undefined,
        data: { outcome: "not_sent" },
      });
    });
  }

  test("of the stateless revision is challenged, too", async () => {
    const response = await askOver({ send }, "tools/list");
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, challenge]);
  });

  test("gets the public routes: health, readiness, the front page, a browser's preflight", async () => {
    const headers = { origin, "access-control-request-method": "POST" };
    for (const path of ["/health", "/ready", "/"]) {
      expect([path, (await send("GET", path)).status]).toEqual([path, 200]);
      expect([path, (await send("HEAD", path)).status]).toEqual([path, 200]);
    }
    for (const path of ["/mcp", "/servers/child/mcp", "/sse", "/messages"]) {
      expect([path, (await send("OPTIONS", path, { headers })).status]).toEqual([path, 204]);
    }
    const refused = await send("GET", "/mcp", { headers });
    expect(refused.headers.get("access-control-allow-origin")).toBe(origin);
    expect(refused.headers.get("access-control-expose-headers")).toContain("WWW-Authenticate");
  });
});

describe("an authenticator's answer", () => {
  test("that the credentials do not cover the request is 403 with its challenge and message", async () => {
    const response = await ask("suspended", "tools/list");
    expect(response.headers.get("www-authenticate")).toBe(scopeChallenge);
    expect(await errorOf(response))
      .toMatchObject({ status: 403, code: -32600, message: "Ask for another scope" });
  });

  for (const id of ["broken", "", "gateway"]) {
    test(`that fails, or names no valid principal (${JSON.stringify(id)}), refuses the request`, async () => {
      const error = await errorOf(await ask(id, "tools/list"));
      expect(error).toMatchObject({ status: 500, code: -32603 });
      expect(error.message).toBe("Internal error; the gateway's log has the details");
    });
  }

  test("needs a kind that exists", async () => {
    await expect(start("password")).rejects.toThrow(
      'Cannot use authenticator "password": expected one of "none", "key", "oauth", "jwt", ' +
        '"header"',
    );
    await expect(start("toString")).rejects.toThrow("Cannot use authenticator");
  });

  test("is not needed if the configuration names no kind", async () => {
    const open = await start();
    const response = await open.fetch(
      new Request(`${origin}/mcp`, {
        method: "POST",
        headers: { ...jsonHeaders, host: "127.0.0.1:8999" },
        body: JSON.stringify(initialize("2025-11-25")),
      }),
    );
    expect(response.status).toBe(200);
    await response.text();
    open.drain();
    await open.close();
  }, testMs);
});

describe("a session of one principal", () => {
  for (const path of sessionPaths) {
    test(`is unknown to another principal: ${path}`, async () => {
      const opened = await send("POST", path, {
        headers: { ...jsonHeaders, ...by("ada") },
        body: initialize("2025-11-25"),
      });
      await opened.text();
      const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
      const ping = async (user: string) => {
        const headers = { ...jsonHeaders, ...session, ...by(user) };
        const response = await send("POST", path, { headers, body: request(1, "ping") });
        await response.text();
        return response.status;
      };
      for (const method of ["GET", "DELETE"]) {
        const headers = { accept: "text/event-stream", ...session, ...by("bob") };
        const response = await send(method, path, { headers });
        expect([method, (await errorOf(response)).status]).toEqual([method, 404]);
      }
      expect(await ping("bob")).toBe(404);
      expect(await ping("ada")).toBe(200);
      const headers = { ...session, ...by("ada") };
      expect((await send("DELETE", path, { headers })).status).toBe(204);
    }, testMs);
  }

  for (const path of streamPaths) {
    test(`over the older transport takes no message of another principal: ${path}`, async () => {
      const headers = { accept: "text/event-stream", ...by("ada") };
      const frames: FrameReader = framesOf(await send("GET", path, { headers }));
      const messages = (await frames.next())?.data ?? "";
      const post = async (user: string, body: unknown) => {
        const response = await send("POST", messages, {
          headers: { ...jsonHeaders, ...by(user) },
          body,
        });
        await response.text();
        return response.status;
      };
      expect(await post("bob", initialize("2025-03-26"))).toBe(404);
      expect(await post("ada", initialize("2025-03-26"))).toBe(202);
      expect(await frames.message()).toMatchObject({ id: 0, result: {} });
      expect(await post("bob", request(1, "ping"))).toBe(404);
      expect(await post("ada", request(2, "ping"))).toBe(202);
      expect(await frames.message()).toMatchObject({ id: 2, result: {} });
      await frames.cancel();
    }, testMs);
  }
});

describe("what the gateway keeps for a stateless client", () => {
  const child = { path: "/servers/child/mcp" };

  test("its process serves only its principal", async () => {
    const pidFor = async (user: string) => {
      const response = await ask(user, "tools/call", { name: "state", arguments: {} }, child);
      const { result } = await answerOf(response);
      const [content] = result?.["content"] as { text: string }[];
      return (JSON.parse(content?.text ?? "") as { pid: number }).pid;
    };
    const [first, again, other] = [await pidFor("ada"), await pidFor("ada"), await pidFor("bob")];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  }, testMs);

  test("a cursor works only for its principal", async () => {
    const list = async (user: string, cursor?: unknown) =>
      await answerOf(await ask(user, "tools/list", cursor === undefined ? {} : { cursor }, child));
    const { result } = await list("ada");
    const cursor = result?.["nextCursor"];
    expect(typeof cursor).toBe("string");
    expect((await list("bob", cursor)).error)
      .toMatchObject({ code: -32602, message: "Unknown cursor: list again without one" });
    expect((await list("ada", cursor)).result?.["tools"]).toHaveLength(2);
  }, testMs);

  test("a call that waits for input continues only for its principal", async () => {
    const file = join(directory, "executions");
    const call = async (user: string, more = {}) => {
      const params = { name: "witness_execution", arguments: { file }, ...more };
      const meta = { clientCapabilities: { elicitation: {} } };
      const options = { path: "/servers/asking/mcp", meta };
      return await answerOf(await ask(user, "tools/call", params, options));
    };
    const { result } = await call("ada");
    expect(result?.["resultType"]).toBe("input_required");
    const [key = ""] = Object.keys(result?.["inputRequests"] as object);
    const back = {
      requestState: result?.["requestState"],
      inputResponses: { [key]: { action: "accept", content: { name: "Ada" } } },
    };
    expect((await call("bob", back)).error?.code).toBe(-32602);
    expect(linesOf(file)).toEqual(["executed"]);
    expect((await call("ada", back)).result?.["resultType"]).toBe("complete");
    expect(linesOf(file)).toEqual(["executed", 'answered {"name":"Ada"}']);
  }, testMs);
});
