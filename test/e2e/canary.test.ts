/**
 * H1, H2, H3: every secret of a configuration is a unique text that can be searched for. The
 * servers repeat what they were sent, in errors and redirects, and the log is at its most verbose.
 * Afterwards each secret is only where it belongs.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { hostileCommand } from "../fault/hostile_command.ts";
import { type FaultServer, serveFaults } from "../support/fault_server.ts";
import { type AdminCalls, openAdminCalls } from "../support/admin_calls.ts";
import { readMetrics } from "../support/metric_text.ts";
import { type Collector, startCollector } from "../support/otlp_collector.ts";
import { canReadProcesses, descendants } from "../support/processes.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 120_000;

/** Secret -> the one place that it is for: a part of a request, by the server's name. */
const secrets = {
  apiKey: "canary-api-key-4f1d7a90c2",
  queryKey: "canary-query-key-83bd01ee57",
  cookieKey: "canary-cookie-key-5520fd9b13",
  bearer: "canary-bearer-91c0de77aa46",
  password: "canary-password-0b6e2fd8419c",
  header: "canary-header-6673aa01bd2f",
  file: "canary-file-token-2a9d4c7be810",
  clientSecret: "canary-client-secret-d07f35c19b",
  refreshToken: "canary-refresh-token-1c88e4f0a6",
  rotatedToken: "canary-rotated-token-f20b9d6e35",
  accessToken: "canary-access-token-77ab30c5d9",
  loginPassword: "canary-login-password-e41c6f92",
  loginToken: "canary-login-token-3d5b8a07c1",
  remote: "canary-remote-token-b96d04e7f2",
  child: "canary-child-token-58fa2c1d60",
  collector: "canary-collector-key-7b40e2a9f1",
  sealing: "Canary+Sealing/Key-0123456789-abcdefXYZ",
} as const;

/** A secret as it may appear: itself, within base64, or in a URL. */
function shapesOf(secret: string): string[] {
  const withinBase64 = [0, 1, 2].map((shift) =>
    btoa("x".repeat(shift) + secret).slice(shift === 0 ? 0 : 4, -4)
  );
  return [secret, encodeURIComponent(secret), ...withinBase64];
}

function leaksIn(text: string): string[] {
  return Object.entries(secrets)
    .filter(([, secret]) => shapesOf(secret).some((shape) => text.includes(shape)))
    .map(([name]) => name);
}

/** What a client sends on its own: a secret under a plain name, and one under a telling name. */
const careless = { note: `the key is ${secrets.apiKey}`, password: secrets.password };

/** All that a request brought, as a server that does its worst sends it back. */
function echoOf(request: IncomingMessage): string {
  const { authorization, cookie } = request.headers;
  const decoded = authorization?.startsWith("Basic ") ? atob(authorization.slice(6)) : "";
  return JSON.stringify({
    url: request.url,
    ...request.headers,
    authorization,
    cookie,
    decoded,
    token: authorization?.replace(/^\S+ /, ""),
  });
}

/** An API that does its worst at each of its paths. */
function serveApi(elsewhere: () => string) {
  const answer = (
    response: ServerResponse,
    status: number,
    body: unknown,
    headers: Record<string, string> = {},
  ) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
  return serveFaults((request, response) => {
    const path = new URL(request.url ?? "", "http://x").pathname;
    const echo = echoOf(request);
    switch (path) {
      case "/ok":
        return answer(response, 200, { ok: true, echo, sent: JSON.parse(echo) });
      case "/refused":
        return answer(response, 400, { message: `You sent ${echo}`, error: echo });
      case "/unauthorized":
        return answer(response, 401, { message: `Not with ${echo}` });
      case "/fault":
        return answer(response, 500, { message: echo });
      case "/lie":
        response.writeHead(200, { "content-type": "text/html" });
        return response.end(`<p>${echo}</p>`);
      case "/away":
        return answer(response, 302, {}, { location: `${elsewhere()}/?from=${path}` });
      case "/cut":
        return response.destroy();
      case "/token":
        return answer(response, 200, {
          access_token: secrets.accessToken,
          refresh_token: secrets.rotatedToken,
          token_type: "Bearer",
          expires_in: 3600,
        });
      case "/login":
        return answer(response, 200, { token: secrets.loginToken });
      case "/mcp":
        return answer(response, 500, { message: echo });
      default:
        return answer(response, 404, { message: `No ${path}: ${echo}` });
    }
  });
}

const paths = ["ok", "refused", "unauthorized", "fault", "lie", "away", "cut"];
const recipe = (more: Record<string, unknown>, login = false) => ({
  title: "Canary",
  description: "An API that does its worst",
  baseUrl: "http://127.0.0.1:1",
  ...more,
  // Not repeatable, so that each is called once.
  endpoints: paths.map((name) => ({
    name,
    description: name,
    path: `/${name}`,
    repeatable: false,
    login,
  })),
});

let api: FaultServer;
let other: FaultServer;
let gateway: SpawnedGateway;
let collector: Collector;
let admin: AdminCalls;
let metrics = "";
const replies: string[] = [];

/** Server -> the secrets that its requests must have shown. */
const shown: Record<string, readonly (keyof typeof secrets)[]> = {
  header: ["apiKey"],
  query: ["queryKey"],
  cookie: ["cookieKey"],
  bearer: ["bearer"],
  basic: ["password"],
  headers: ["header"],
  file: ["file"],
  oauth: ["accessToken"],
  login: ["loginToken"],
};

function writeFiles(directory: string): void {
  writeFileSync(join(directory, "recipe.json"), JSON.stringify(recipe({})));
  writeFileSync(
    join(directory, "login.json"),
    JSON.stringify(recipe({
      login: {
        path: "/login",
        body: { username: "me", password: "${LOGIN_PASSWORD}" },
        token: "token",
        lifetimeMs: 3_600_000,
      },
    }, true)),
  );
  writeFileSync(join(directory, "token.txt"), `${secrets.file}\n`);
}

function serversFor(origin: string): Record<string, unknown> {
  const rest = (credentials: Record<string, unknown>) => ({
    recipe: "./recipe.json",
    baseUrl: origin,
    credentials,
  });
  return {
    header: rest({ type: "api_key", in: "header", name: "X-Api-Key", key: "${API_KEY}" }),
    query: rest({ type: "api_key", in: "query", name: "key", key: "${QUERY_KEY}" }),
    cookie: rest({ type: "api_key", in: "cookie", name: "key", key: "${COOKIE_KEY}" }),
    bearer: rest({ type: "bearer", token: "${BEARER}" }),
    basic: rest({ type: "basic", username: "me", password: "${PASSWORD}" }),
    headers: rest({ type: "headers", headers: { "X-Team": "${TEAM_KEY}" } }),
    file: rest({ type: "bearer", token: { file: "./token.txt" } }),
    oauth: rest({
      type: "oauth2",
      grant: "refresh_token",
      tokenUrl: `${origin}/token`,
      clientId: "canary",
      clientSecret: "${CLIENT_SECRET}",
      refreshToken: "${REFRESH_TOKEN}",
    }),
    login: { recipe: "./login.json", baseUrl: origin },
    remote: { url: `${origin}/mcp`, credentials: { type: "bearer", token: "${REMOTE}" } },
    child: {
      ...hostileCommand(),
      credentials: { type: "bearer", token: "${CHILD}", env: "CHILD_TOKEN" },
    },
    neighbour: hostileCommand(),
  };
}

async function callEverything(): Promise<void> {
  for (const server of Object.keys(shown)) {
    const session = await openRpcSession(`${gateway.url}/servers/${server}/mcp`);
    replies.push(JSON.stringify(await session.request(1, "tools/list")));
    for (const [index, name] of paths.entries()) {
      const params = { name, arguments: {} };
      replies.push(JSON.stringify(await session.request(index + 2, "tools/call", params)));
    }
    await session.end();
  }
  const remote = await openRpcSession(`${gateway.url}/servers/remote/mcp`);
  replies.push(JSON.stringify(await remote.request(1, "tools/list")));
  await remote.end();
  const neighbour = await openRpcSession(`${gateway.url}/servers/neighbour/mcp`);
  // The client gets its own words back.
  await neighbour.request(1, "tools/call", { name: "echo", arguments: careless });
  await neighbour.end();
  const health = await fetch(`${gateway.url}/health`);
  replies.push(await health.text());
  const headers = { authorization: `Bearer ${admin.token("operator")}` };
  metrics = await (await fetch(`${admin.url}/metrics`, { headers })).text();
}

beforeAll(async () => {
  other = await serveFaults((_, response) => response.end("{}"));
  api = await serveApi(() => other.origin);
  collector = await startCollector();
  gateway = await spawnGateway({
    servers: serversFor(api.origin),
    prepare: writeFiles,
    env: {
      LOG_LEVEL: "DEBUG",
      DEBUG_MODE: "true",
      MCP_AUDIT: "arguments",
      API_KEY: secrets.apiKey,
      QUERY_KEY: secrets.queryKey,
      COOKIE_KEY: secrets.cookieKey,
      BEARER: secrets.bearer,
      PASSWORD: secrets.password,
      TEAM_KEY: secrets.header,
      CLIENT_SECRET: secrets.clientSecret,
      REFRESH_TOKEN: secrets.refreshToken,
      LOGIN_PASSWORD: secrets.loginPassword,
      REMOTE: secrets.remote,
      CHILD: secrets.child,
      MCP_SECRET: secrets.sealing,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `api-key=${secrets.collector}`,
    },
  });
  admin = await openAdminCalls(gateway.directory);
  await callEverything();
}, testMs);

afterAll(async () => {
  await gateway?.dispose();
  await api?.close();
  await other?.close();
  await collector?.close();
}, testMs);

describe("H1 a secret", () => {
  test("is sent to its own server", () => {
    const requests = api.seen.filter(({ url }) => url.startsWith("/ok")).map((request) =>
      leaksIn(JSON.stringify(request) + echoOfSeen(request.headers.authorization))
    );
    expect(requests).toEqual(Object.values(shown).map((names) => [...names]));
    const texts = (path: string) =>
      api.seen.filter(({ url }) => url === path).map((request) =>
        leaksIn(JSON.stringify(request) + echoOfSeen(request.headers.authorization))
      );
    expect(texts("/token")[0]?.sort()).toEqual(["clientSecret", "refreshToken"]);
    expect(texts("/login")[0]).toEqual(["loginPassword"]);
    expect(texts("/mcp")[0]).toEqual(["remote"]);
  });

  test("does not follow a redirect to another server", () => {
    // Nothing is sent to it at all: its address is private, and only the API has named it.
    expect(other.connections()).toBe(0);
  });

  test("is in no reply, whatever the server does with it", () => {
    expect(replies.length).toBeGreaterThan(Object.keys(shown).length * paths.length);
    expect(replies.filter((reply) => leaksIn(reply).length > 0)).toEqual([]);
  });

  test("is in no line of the log at its most verbose", () => {
    expect(gateway.log()).toContain("DEBUG");
    expect(gateway.log().split("\n").filter((line) => leaksIn(line).length > 0)).toEqual([]);
  });

  test("is in no span, and the collector's own is in its header alone", async () => {
    await until("the spans of the calls", () => collector.spans.length > replies.length);
    expect(collector.spans.some(({ failure }) => failure !== undefined)).toBe(true);
    expect(collector.visits.filter(({ body }) => leaksIn(body).length > 0)).toEqual([]);
    for (const { headers } of collector.visits) {
      expect(leaksIn(JSON.stringify([...headers]))).toEqual(["collector"]);
    }
  });

  test("is in no metric", () => {
    expect(readMetrics(metrics).has("mcp_wrapper_calls_total")).toBe(true);
    expect(leaksIn(metrics)).toEqual([]);
  });

  test("is in no record of the audit trail, though it shows the arguments", async () => {
    const path = join(gateway.directory, "data/logs/audit.log");
    const calls = () => readFileSync(path, "utf8").split("\n").filter((line) => line !== "");
    const count = Object.keys(shown).length * paths.length + 1;
    await until(
      "a record of every call",
      () => calls().filter((line) => line.includes('"method":"tools/call"')).length >= count,
    );
    expect(calls().filter((line) => leaksIn(line).length > 0)).toEqual([]);
    expect(calls().join("\n")).toContain(
      '"arguments":{"note":"the key is [redacted]","password":"[redacted]"}',
    );
  });

  test("is in no file of the data directory", () => {
    const directory = join(gateway.directory, "data");
    const files = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(1);
    const leaks = files.flatMap((file) => leaksIn(readFileSync(file, "latin1")));
    expect(leaks).toEqual([]);
  });

  test.skipIf(!canReadProcesses)("H2 is only in the environment of its own child", async () => {
    const [own, next] = await Promise.all(["child", "neighbour"].map(async (server) => {
      const session = await openRpcSession(`${gateway.url}/servers/${server}/mcp`);
      const state = JSON.parse(await session.callTool(1, "state")) as { env: unknown };
      return leaksIn(JSON.stringify(state.env));
    }));
    expect(own).toEqual(["child"]);
    expect(next).toEqual([]);
    const seen = descendants(gateway.pid).map((pid) => ({
      line: leaksIn(readFileSync(`/proc/${pid}/cmdline`, "latin1")),
      env: leaksIn(readFileSync(`/proc/${pid}/environ`, "latin1")),
    }));
    expect(seen.flatMap(({ line }) => line)).toEqual([]);
    expect(new Set(seen.flatMap(({ env }) => env))).toEqual(new Set(["child"]));
  }, testMs);
});

function echoOfSeen(authorization: string | undefined): string {
  return authorization?.startsWith("Basic ") ? atob(authorization.slice(6)) : "";
}
