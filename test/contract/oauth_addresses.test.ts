/**
 * Limits by address behind a proxy: each client has its own, and a client cannot get another's, or
 * a new one, by forwarding headers that it writes itself.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type OAuthGateway, openOAuthGateway } from "../support/oauth_gateway.ts";

const testMs = 60_000;
const most = 3;
const proxy = "10.0.0.1";
let opened: OAuthGateway;

beforeAll(async () => {
  opened = await openOAuthGateway({
    env: { MCP_TRUSTED_PROXIES: "10.0.0.0/8", MCP_ALLOWED_HOSTS: "localhost:8999" },
    limits: { registrationsPerAddressMax: most },
  });
}, testMs);

afterAll(() => opened.close(), testMs);

/** Registers a client; the connection comes from `peer`. */
async function registerFrom(peer: string, headers: Record<string, string>): Promise<number> {
  const request = new Request("http://localhost:8999/oauth/register", {
    method: "POST",
    headers: { host: "localhost:8999", "content-type": "application/json", ...headers },
    body: JSON.stringify({ redirect_uris: ["http://127.0.0.1/callback"] }),
  });
  return (await opened.gateway.fetch(request, { remoteAddress: peer })).status;
}

const spent = [201, 201, 201, 429];
const counts = [1, 2, 3, 4];

test("clients behind a trusted proxy have limits of their own", async () => {
  for (const client of ["192.0.2.1", "192.0.2.2"]) {
    const statuses = [];
    for (const count of counts) {
      // What the client itself wrote stands left of what the proxy appended.
      const headers = { "x-forwarded-for": `198.51.100.${count}, ${client}` };
      statuses.push(await registerFrom(proxy, headers));
    }
    expect([client, statuses]).toEqual([client, spent]);
  }
}, testMs);

test("headers of a peer that is no trusted proxy change nothing", async () => {
  const statuses = [];
  for (const count of counts) {
    const headers = {
      "x-forwarded-for": `198.51.100.${count}`,
      forwarded: `for=198.51.100.${count}`,
      "x-real-ip": `198.51.100.${count}`,
    };
    statuses.push(await registerFrom("192.0.2.3", headers));
  }
  expect(statuses).toEqual(spent);
  // The addresses that it named have lost nothing by that.
  expect(await registerFrom("198.51.100.1", {})).toBe(201);
}, testMs);
