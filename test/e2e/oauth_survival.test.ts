/**
 * What the authorization server has acknowledged survives `kill -9` of the gateway: registrations,
 * tokens, and revocations.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/wait.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 120_000;
const secret = "the-secret-of-a-robot-in-the-cellar";
const settings = { clients: [{ id: "robot", secret, grants: ["client_credentials"] }] };
const form = { "content-type": "application/x-www-form-urlencoded" };

let gateway: SpawnedGateway | undefined;
afterEach(() => gateway?.dispose(), testMs);

async function start(): Promise<SpawnedGateway> {
  return gateway = await spawnGateway({
    prepare: (directory) =>
      writeFileSync(
        join(directory, "mcp.json"),
        JSON.stringify({ mcpServers: {}, auth: { oauth: settings } }),
      ),
  });
}

async function register(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/oauth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: ["http://localhost/callback"] }),
  });
  const { client_id: id } = await response.json() as { client_id?: string };
  return id;
}

/** Whether the client of an id is known: an unknown one ends on a page. */
async function isKnown(url: string, id: string): Promise<boolean> {
  const query = new URLSearchParams({
    client_id: id,
    response_type: "code",
    redirect_uri: "http://localhost:1/callback",
    code_challenge: "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM",
    code_challenge_method: "S256",
  });
  const response = await fetch(`${url}/oauth/authorize?${query}`, { redirect: "manual" });
  await response.text();
  return response.status === 302;
}

async function tokenOf(url: string): Promise<string> {
  const response = await fetch(`${url}/oauth/token`, {
    method: "POST",
    headers: { ...form, authorization: `Basic ${btoa(`robot:${secret}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  const { access_token: token } = await response.json() as { access_token: string };
  return token;
}

/** The status at the door: 400 lets a token in, since no session is named; 401 does not. */
async function knock(url: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/mcp`, { method: "DELETE", headers });
  await response.text();
  return response.status;
}

describe("kill -9 of the gateway", () => {
  test("loses no registration that was acknowledged, whenever it happens", async () => {
    const { url, kill9, restart } = await start();
    const acknowledged: string[] = [];
    const flood = (async () => {
      for (let count = 0; count < 25; count += 1) {
        const id = await register(url).catch(() => undefined);
        if (id === undefined) return;
        acknowledged.push(id);
      }
    })();
    await until("some registrations", () => acknowledged.length >= 5);
    await kill9();
    await flood;
    await restart();
    for (const id of acknowledged) expect([id, await isKnown(url, id)]).toEqual([id, true]);
    expect(await isKnown(url, "never-registered")).toBe(false);
  }, testMs);

  test("loses no token, and brings none back that was revoked", async () => {
    const { url, kill9, restart } = await start();
    const [kept, revoked] = [await tokenOf(url), await tokenOf(url)];
    await fetch(`${url}/oauth/revoke`, {
      method: "POST",
      headers: { ...form, authorization: `Basic ${btoa(`robot:${secret}`)}` },
      body: new URLSearchParams({ token: revoked }),
    });
    await kill9();
    await restart();
    expect(await knock(url, kept)).toBe(400);
    expect(await knock(url, revoked)).toBe(401);
  }, testMs);
});
