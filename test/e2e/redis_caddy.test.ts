/**
 * Two instances behind Caddy as packaging/Caddyfile sets it up: a session, its streams and the
 * log-in of a person work without affinity, and neither the end of an instance nor its drain costs a
 * call.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { hostileCommand } from "../fault/hostile_command.ts";
import { freePort } from "../support/free_port.ts";
import { framesOf, initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { challenge, loopback, verifier } from "../support/oauth_gateway.ts";
import { openBrowser } from "../support/oauth_person.ts";
import { hasRedis, type RedisServer, startRedis } from "../support/redis_server.ts";
import { runCli } from "../support/run_cli.ts";
import { projectDirectory, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const hasCaddy = spawnSync("caddy", ["version"], { stdio: "ignore" }).status === 0;
const isWanted = hasRedis && hasCaddy;
const why = isWanted ? "" : " (skipped: caddy or redis-server is not installed)";
const testMs = 240_000;
const secret = "u8Zq3rT1vX5yB7nM9kL2pQ4sW6eR0tY8";

(isWanted ? describe : describe.skip)(`two instances behind Caddy${why}`, () => {
  let redis: RedisServer;
  let caddy: ChildProcess;
  let folder: string;
  let base: string;
  let key: string;
  let env: Record<string, string>;
  const gateways: SpawnedGateway[] = [];

  beforeAll(async () => {
    redis = await startRedis("--appendonly", "yes");
    const port = await freePort();
    base = `http://localhost:${port}`;
    env = {
      MCP_AUTH: "key,oauth",
      MCP_STORE: redis.url,
      MCP_SECRET: secret,
      MCP_PUBLIC_URL: base,
      MCP_TRUSTED_PROXIES: "127.0.0.1",
    };
    for (let at = 0; at < 2; at += 1) {
      gateways.push(await spawnGateway({ servers: { kid: hostileCommand() }, env }));
    }
    folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-caddy-"));
    const file = readFileSync(join(projectDirectory, "packaging", "Caddyfile"), "utf8");
    const own = gateways.reduce(
      (text, { port: at }, index) =>
        text.replaceAll(`gateway-${index + 1}:8999`, `127.0.0.1:${at}`),
      file,
    );
    const path = join(folder, "Caddyfile");
    writeFileSync(path, `{\n\tadmin off\n\tauto_https off\n}\n${own}`);
    caddy = spawn("caddy", ["run", "--adapter", "caddyfile", "--config", path], {
      stdio: "ignore",
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, MCP_SITE: `:${port}` },
    });
    const [first] = gateways;
    const made = await runCli(["keys", "add", "me", "--json"], {
      cwd: first?.directory ?? "",
      env,
    });
    if (made.code !== 0) throw new Error(`Cannot add a key: ${made.stderr}`);
    ({ key } = JSON.parse(made.stdout));
    await until("Caddy serves", async () => {
      const response = await fetch(`${base}/ready`).catch(() => undefined);
      await response?.body?.cancel();
      return response?.status === 200;
    });
  }, testMs);

  afterAll(async () => {
    caddy?.kill("SIGTERM");
    for (const gateway of gateways) await gateway.dispose();
    await redis?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }, testMs);

  const send = (method: string, headers: Record<string, string>, body?: unknown) =>
    fetch(`${base}/mcp`, {
      method,
      headers: { ...jsonHeaders, authorization: `Bearer ${key}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  async function openSession() {
    const opened = await send("POST", {}, initialize("2025-11-25"));
    await opened.text();
    const own = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
    const post = (body: unknown, more: Record<string, string> = {}) =>
      send("POST", { ...own, ...more }, body);
    await post({ jsonrpc: "2.0", method: "notifications/initialized" });
    const call = async (id: number) => {
      const nonce = `nonce ${id}`;
      const params = { name: "nonce", arguments: { nonce } };
      for (;;) {
        const answer = await post(request(id, "tools/call", params));
        const text = await answer.text();
        // Caddy's own 503: for a moment it knows no instance that is ready, and has sent nothing.
        if (answer.status === 503 && text === "") continue;
        return text.includes(nonce) ? "ok" : `${answer.status} ${text}`;
      }
    };
    return { post, call };
  }

  test("a client without a key is refused, and one with it is served by both in turn", async () => {
    expect((await send("POST", { authorization: "" }, initialize("2025-11-25"))).status).toBe(401);
    const { call } = await openSession();
    const results = [];
    for (let id = 1; id <= 20; id += 1) results.push(await call(id));
    expect(new Set(results)).toEqual(new Set(["ok"]));
  }, testMs);

  test("a person lets a client in, with each page at the next instance", async () => {
    const ask = (path: string, init: RequestInit = {}) => fetch(`${base}${path}`, init);
    const metadata = { redirect_uris: [loopback], token_endpoint_auth_method: "none" };
    const registered = await ask("/oauth/register", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(metadata),
    });
    const { client_id: id } = await registered.json() as { client_id: string };
    const query = new URLSearchParams({
      client_id: id,
      response_type: "code",
      redirect_uri: loopback,
      code_challenge: challenge,
      code_challenge_method: "S256",
    });
    const browser = openBrowser();
    expect((await browser.open(`${base}/oauth/authorize?${query}`)).html).toContain("Log in at");
    const added = await runCli(["users", "add", "ada", "--link"], {
      cwd: gateways[0]?.directory ?? "",
      env: {
        MCP_AUTH: "key,oauth",
        MCP_STORE: redis.url,
        MCP_SECRET: secret,
        MCP_PUBLIC_URL: base,
      },
    });
    const consent = await browser.submit(await browser.open(added.stdout.trim()), { user: "ada" });
    const { leavesTo = "" } = await browser.submit(consent, { decision: "allow" });
    const code = new URL(leavesTo).searchParams.get("code") ?? "";
    const form = { grant_type: "authorization_code", client_id: id, code, code_verifier: verifier };
    const answer = await ask("/oauth/token", { method: "POST", body: new URLSearchParams(form) });
    const { access_token: token } = await answer.json() as { access_token: string };
    for (let at = 0; at < 4; at += 1) {
      const opened = await send(
        "POST",
        { authorization: `Bearer ${token}` },
        initialize("2025-11-25"),
      );
      await opened.text();
      expect(opened.status).toBe(200);
    }
  }, testMs);

  test("the frames of a stream come through as they are sent", async () => {
    const { post } = await openSession();
    const params = {
      name: "progress",
      arguments: { steps: 3, ms: 300 },
      _meta: { progressToken: "p" },
    };
    // Twice, so that each instance passes a stream on once.
    for (const id of [1, 2]) {
      const frames = framesOf(await post(request(id, "tools/call", params)));
      const first = await frames.message();
      expect(first).toMatchObject({ method: "notifications/progress" });
      const rest = await frames.rest();
      expect(rest.some(({ data }) => data?.includes("done") === true)).toBe(true);
    }
  }, testMs);

  test("a drain, by the command without a name, costs no call", async () => {
    const sessions = await Promise.all(Array.from({ length: 4 }, openSession));
    const [first] = gateways;
    let isOver = false;
    const results: string[] = [];
    const clients = sessions.map(async ({ call }) => {
      for (let id = 1; !isOver; id += 1) results.push(await call(id));
    });
    const drained = await runCli(["drain", "--json"], { cwd: first?.directory ?? "" });
    expect([drained.code, drained.stderr]).toEqual([0, ""]);
    await until(
      "it has stopped",
      async () => await fetch(`${first?.url}/health`).then(() => false, () => true),
    );
    isOver = true;
    await Promise.all(clients);
    expect(results.filter((result) => result !== "ok")).toEqual([]);
    await first?.restart();
    await until("both are there again", async () => {
      const status = await runCli(["status", "--json"], { cwd: first?.directory ?? "" });
      return JSON.parse(status.stdout).instances?.length === 2;
    });
  }, testMs);

  test("G4: a session goes on after the instance that served it was killed", async () => {
    const sessions = await Promise.all([openSession(), openSession()]);
    for (const { call } of sessions) expect(await call(1)).toBe("ok");
    await gateways[1]?.kill9();
    // Caddy does not send a POST again that may have reached the dead one: it answers 502.
    for (const { call } of sessions) {
      await until("it is served", async () => {
        const result = await call(2);
        expect(result).toMatch(/^(?:ok|502 )/);
        return result === "ok";
      });
    }
  }, testMs);
});
