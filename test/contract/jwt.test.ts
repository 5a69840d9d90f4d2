/**
 * A gateway whose `mcp.json` names an external issuer: its file is read, its clients are refused
 * without a token of that issuer, and a call with one reaches a real server.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { JsonObject } from "../../src/model.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { usualClaims } from "../support/jwt_gateway.ts";
import { createIssuerKey, type JwtTestIssuer, startJwtIssuer } from "../support/jwt_issuer.ts";
import { ask } from "../support/stateless_client.ts";

const testMs = 60_000;
const origin = "http://127.0.0.1:8999";

let directory: string;
let issuer: JwtTestIssuer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-jwt-"));
  issuer = await startJwtIssuer([await createIssuerKey("main", "RS256")]);
}, testMs);

afterAll(async () => {
  await issuer.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(own: JsonObject): Promise<GatewayHandle> {
  const file = { mcpServers: { child: hostileCommand() }, auth: { jwt: { issuers: [own] } } };
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: ":memory:",
      MCP_CONFIG: "mcp.json",
      ISSUER: issuer.issuer,
    },
    cwd: directory,
    readText: (path) =>
      Promise.resolve(path.endsWith("mcp.json") ? JSON.stringify(file) : undefined),
  });
  return await createGateway({ config, runtime: await createTestRuntime() });
}

const sendTo = (gateway: GatewayHandle) => ({
  send: (method: string, path: string, { headers, body }: JsonObject = {}) =>
    gateway.fetch(
      new Request(`${origin}${path}`, {
        method,
        headers: { host: "127.0.0.1:8999", ...headers as Record<string, string> },
        body: JSON.stringify(body),
      }),
    ),
});

test("a token of an issuer in mcp.json calls a server, and nothing else does", async () => {
  const gateway = await open({ issuer: "${ISSUER}" });
  const surface = { path: "/servers/child/mcp" };
  const strange = await ask(sendTo(gateway), "tools/list", {}, surface);
  await strange.text();
  expect([strange.status, strange.headers.get("www-authenticate")]).toEqual([
    401,
    `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource` +
    '/servers/child/mcp", scope="mcp offline_access"',
  ]);
  const aud = `${origin}/servers/child/mcp`;
  const claims = { ...usualClaims(issuer, { wall: () => Date.now() }), aud };
  const listed = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await ask(sendTo(gateway), "tools/list", {}, { ...surface, headers });
    return { status: response.status, text: await response.text() };
  };
  expect(await listed(await issuer.sign(claims)))
    .toMatchObject({ status: 200, text: expect.stringContaining('"tools"') });
  expect(await listed(await issuer.sign({ ...claims, aud: `${origin}/mcp` })))
    .toMatchObject({ status: 401 });
  gateway.drain();
  await gateway.close();
}, testMs);

test("a wrong key of an issuer in mcp.json stops the start", async () => {
  await expect(open({ issuer: "${ISSUER}", audiance: "x" })).rejects.toThrow(
    "Cannot use auth.jwt.issuers[0].audiance in mcp.json: expected no keys but issuer, jwksUrl, " +
      'audience, algorithms, clockSkewSeconds, claims, requiredScope, types; did you mean "audience"?',
  );
}, testMs);
