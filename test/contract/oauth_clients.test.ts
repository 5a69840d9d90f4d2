/**
 * Where clients come from: registrations, which strangers may send in floods, and documents at the
 * clients' own URLs, by which strangers make the gateway fetch something. The network is the
 * test's: it answers for names, and records every address that a connection would go to.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import type { OutgoingRequest, Runtime } from "../../src/runtime/runtime.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import {
  approve,
  askAuthorization,
  base,
  logIn,
  loopback,
  type OAuthGateway,
  openOAuthGateway,
  redeem,
  refresh,
  register,
  waitingIdOf,
} from "../support/oauth_gateway.ts";

const testMs = 60_000;
const hour = 3_600_000;

/** A network of names: each has addresses, and what answers there. */
interface Network {
  readonly runtime: Runtime;
  /** URLs by which a connection was made. */
  readonly reached: string[];
  addresses: (host: string) => string[];
  answer: (url: string) => { status?: number; headers?: Record<string, string>; body: string };
}

async function createNetwork(): Promise<Network> {
  const runtime = await createTestRuntime();
  const reached: string[] = [];
  const network: Network = {
    runtime: {
      ...runtime,
      async request({ url, allowAddress }: OutgoingRequest) {
        const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
        if (!network.addresses(host).some(allowAddress)) {
          const fault = new Error("its address is not allowed");
          throw Object.assign(fault, { kind: "forbidden" as const, sent: false });
        }
        reached.push(url);
        const { status = 200, headers = {}, body } = network.answer(url);
        return {
          status,
          headers: new Headers({ "content-type": "application/json", ...headers }),
          body: new Blob([body]).stream(),
        };
      },
    },
    reached,
    addresses: () => ["93.184.216.34"],
    answer: (url) => ({ body: documentOf(url) }),
  };
  return network;
}

function documentOf(url: string, changes: JsonObject = {}): string {
  return JSON.stringify({
    client_id: url,
    client_name: "A published client",
    redirect_uris: ["https://client.example/cb", "http://localhost/callback"],
    token_endpoint_auth_method: "none",
    ...changes,
  });
}

const limits = { registrationsPerAddressMax: 1_000, clientDocumentsPerAddressMax: 1_000 };
const redirect = { redirect_uri: "http://127.0.0.1:5/callback" };

let network: Network;
let opened: OAuthGateway;
beforeAll(async () => {
  network = await createNetwork();
  opened = await openOAuthGateway({ runtime: network.runtime, limits });
}, testMs);
afterAll(() => opened.close(), testMs);

describe("a client's document", () => {
  test("lets it log in without a registration, and is read once", async () => {
    const id = "https://client.example/oauth/one.json";
    const code = (await approve(opened, await askAuthorization(opened, id, redirect)))
      .searchParams.get("code") ?? "";
    const { status, body } = await redeem(opened, id, code, redirect);
    expect(status).toBe(200);
    expect((await refresh(opened, id, String(body["refresh_token"]))).status).toBe(200);
    expect(network.reached.filter((url) => url === id)).toHaveLength(1);
    const clients = await opened.gateway.oauth?.listClients();
    expect(clients).toContainEqual(
      expect.objectContaining({ id, kind: "document", name: "A published client", grants: 1 }),
    );
  });

  test("shows the person its host", async () => {
    const id = "https://client.example/oauth/host.json";
    const waiting = waitingIdOf(await askAuthorization(opened, id, redirect));
    expect((await opened.gateway.oauth?.waiting.find(waiting))?.client).toMatchObject({
      kind: "document",
      host: "client.example",
    });
  });

  test("is used for as long as its headers say, a day at most", async () => {
    const ages: [string, number][] = [["max-age=7200", 2], ["max-age=999999999", 24]];
    for (const [control, hours] of ages) {
      const id = `https://client.example/${hours}.json`;
      network.answer = (url) => ({ body: documentOf(url), headers: { "cache-control": control } });
      const reads = () => network.reached.filter((url) => url === id).length;
      await askAuthorization(opened, id, redirect);
      opened.clock.advance(hours * hour - 1);
      await askAuthorization(opened, id, redirect);
      expect(reads()).toBe(1);
      opened.clock.advance(2);
      await askAuthorization(opened, id, redirect);
      expect(reads()).toBe(2);
    }
  });

  const bad: [string, (url: string) => ReturnType<Network["answer"]>][] = [
    ["names another URL as its id", () => ({ body: documentOf("https://other.example/x") })],
    ["is no JSON", () => ({ body: "<html>" })],
    ["is no object", () => ({ body: "[]" })],
    ["is not found", (url) => ({ status: 404, body: documentOf(url) })],
    ["is elsewhere", (url) => ({ status: 302, headers: { location: url }, body: "" })],
    ["is larger than 64 KB", (url) => ({ body: documentOf(url, { x: "x".repeat(70_000) }) })],
    ["has no redirect URI", (url) => ({ body: documentOf(url, { redirect_uris: [] }) })],
    ["wants a script", (url) => ({ body: documentOf(url, { redirect_uris: ["javascript:x"] }) })],
    ["has an unknown method", (url) => ({
      body: documentOf(url, { token_endpoint_auth_method: "client_secret_jwt" }),
    })],
  ];
  for (const [index, [what, answer]] of bad.entries()) {
    test(`that ${what} lets nothing happen, and is tried again soon`, async () => {
      const id = `https://client.example/bad/${index}`;
      network.answer = answer;
      expect((await askAuthorization(opened, id, redirect)).status).toBe(400);
      network.answer = (url) => ({ body: documentOf(url) });
      opened.clock.advance(24 * hour);
      expect((await askAuthorization(opened, id, redirect)).status).toBe(302);
    });
  }

  test("that is gone does not end the grants of its client", async () => {
    const id = "https://client.example/gone.json";
    const code = (await approve(opened, await askAuthorization(opened, id, redirect)))
      .searchParams.get("code") ?? "";
    const { body } = await redeem(opened, id, code, redirect);
    network.answer = () => ({ status: 500, body: "" });
    opened.clock.advance(25 * hour);
    expect((await refresh(opened, id, String(body["refresh_token"]))).status).toBe(200);
    expect((await askAuthorization(opened, id, redirect)).status).toBe(400);
    network.answer = (url) => ({ body: documentOf(url) });
  });

  test("of Claude Code has a copy, since its host refuses some clouds", async () => {
    network.answer = () => ({ status: 403, body: "" });
    const id = "https://claude.ai/oauth/claude-code-client-metadata";
    const response = await askAuthorization(opened, id, {
      redirect_uri: "http://localhost:55001/callback",
    });
    expect((await opened.gateway.oauth?.waiting.find(waitingIdOf(response)))?.client.name).toBe(
      "Claude Code",
    );
    network.answer = (url) => ({ body: documentOf(url) });
  });
});

describe("the gateway is not sent to an inner address by", () => {
  const spellings = [
    "http://client.example/x",
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://0x7f000001/x",
    "https://2130706433/x",
    "https://0177.0.0.1/x",
    "https://127.0.0.1./x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::ffff:7f00:1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://[fd00::1]/x",
    "https://[fe80::1]/x",
    "https://0.0.0.0/x",
    "https://[::]/x",
    "https://10.0.0.1/x",
    "https://172.16.0.1/x",
    "https://192.168.0.1/x",
    "https://100.64.0.1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://168.63.129.16/x",
    "https://client.example:8443/x",
    "https://client.example:22/x",
    "https://user@client.example/x",
    "https://user:pass@client.example/x",
    "https://client.example@127.0.0.1/x",
    "https://client.example/x#fragment",
    "https://client.example/",
    "https://client.example",
    "https://client.example/a/../b",
    "https://client.example/a/%2e%2e/b",
    "https://CLIENT.example/x",
    "HTTPS://client.example/x",
    "https:\\\\client.example\\x",
    "https:/client.example/x",
    "https:client.example/x",
    "https://client.example\t/x",
    " https://client.example/x",
    "https://client。example/x",
    "https://ⓛocalhost/x",
    "file:///etc/passwd",
    "ftp://client.example/x",
    "gopher://127.0.0.1:6379/x",
    "data:application/json,{}",
  ];
  for (const spelling of spellings) {
    test(JSON.stringify(spelling), async () => {
      const before = network.reached.length;
      network.addresses = (host) => [/^\d|:/.test(host) ? host : "93.184.216.34"];
      const response = await askAuthorization(opened, spelling, redirect);
      expect(response.status).toBe(400);
      expect(network.reached.slice(before)).toEqual([]);
    });
  }

  for (const address of ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1"]) {
    test(`a public name that leads to ${address}`, async () => {
      const before = network.reached.length;
      network.addresses = () => [address];
      const id = `https://rebound.example/${address.replaceAll(":", "-")}`;
      expect((await askAuthorization(opened, id, redirect)).status).toBe(400);
      expect(network.reached.slice(before)).toEqual([]);
    });
  }

  test("redirects, of whatever kind", async () => {
    network.addresses = (host) => [host === "client.example" ? "93.184.216.34" : "127.0.0.1"];
    const targets = ["https://127.0.0.1/x", "http://client.example/x", "https://client.example/x"];
    for (const [index, location] of targets.entries()) {
      for (const status of [301, 302, 303, 307, 308]) {
        const before = network.reached.length;
        const id = `https://client.example/redirect/${index}/${status}`;
        network.answer = (url) =>
          url === id ? { status, headers: { location }, body: "" } : { body: documentOf(id) };
        expect((await askAuthorization(opened, id, redirect)).status).toBe(400);
        expect(network.reached.slice(before)).toEqual([id]);
      }
    }
    network.answer = (url) => ({ body: documentOf(url) });
    network.addresses = () => ["93.184.216.34"];
  });

  test("a flood of names from one address", async () => {
    const flooded = await openOAuthGateway({
      runtime: network.runtime,
      limits: { clientDocumentsPerAddressMax: 5 },
    });
    const before = network.reached.length;
    for (let count = 0; count < 20; count += 1) {
      await askAuthorization(flooded, `https://client.example/flood/${count}`, redirect);
    }
    expect(network.reached.length - before).toBe(5);
    await flooded.close();
  }, testMs);
});

describe("a registration", () => {
  test("answers what was registered, with a secret where the client wants one", async () => {
    const open = await register(opened);
    expect(open).toMatchObject({
      status: 201,
      client_id: expect.any(String),
      client_id_issued_at: expect.any(Number),
      client_name: "A client",
      redirect_uris: [loopback],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
    });
    expect("client_secret" in open).toBe(false);
    const secret = await register(opened, { token_endpoint_auth_method: undefined });
    expect(secret).toMatchObject({
      token_endpoint_auth_method: "client_secret_basic",
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: 0,
    });
  });

  test("with a secret needs it at the token endpoint, by header or by form", async () => {
    const { client_id: client, client_secret: secret } = await register(opened, {
      token_endpoint_auth_method: "client_secret_basic",
    }) as Record<string, string>;
    const code = async () =>
      (await approve(opened, await askAuthorization(opened, client ?? "")))
        .searchParams.get("code") ?? "";
    const without = await redeem(opened, client ?? "", await code());
    expect([without.status, without.body["error"]]).toEqual([401, "invalid_client"]);
    const wrong = await redeem(opened, client ?? "", await code(), { client_secret: "wrong" });
    expect(wrong.status).toBe(401);
    const right = { client_secret: secret ?? "" };
    expect((await redeem(opened, client ?? "", await code(), right)).status).toBe(200);
  });

  const refusals: [string, JsonObject, string][] = [
    ["no redirect URI", { redirect_uris: [] }, "invalid_redirect_uri"],
    ["a script", { redirect_uris: ["javascript:alert(1)"] }, "invalid_redirect_uri"],
    ["a data URL", { redirect_uris: ["data:text/html,x"] }, "invalid_redirect_uri"],
    ["plain http", { redirect_uris: ["http://a.example/cb"] }, "invalid_redirect_uri"],
    ["a fragment", { redirect_uris: ["https://a.example/cb#x"] }, "invalid_redirect_uri"],
    ["one bad of two", { redirect_uris: [loopback, "file:///x"] }, "invalid_redirect_uri"],
    ["no list", { redirect_uris: loopback }, "invalid_client_metadata"],
    ["too many keys", {
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [{ x: "x".repeat(20_000) }] },
    }, "invalid_client_metadata"],
    ["a machine's grant", { grant_types: ["client_credentials"] }, "invalid_client_metadata"],
    ["an unknown method", { token_endpoint_auth_method: "x" }, "invalid_client_metadata"],
    [
      "a key that is missing",
      { token_endpoint_auth_method: "private_key_jwt" },
      "invalid_client_metadata",
    ],
  ];
  for (const [what, metadata, error] of refusals) {
    test(`with ${what} is refused`, async () => {
      expect(await register(opened, metadata)).toMatchObject({ status: 400, error });
    });
  }

  test("in a flood from one address is refused with the time to wait, others are not", async () => {
    const flooded = await openOAuthGateway({ limits: { registrationsPerAddressMax: 3 } });
    const statuses = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await register(flooded))["status"]);
    expect(statuses).toEqual([201, 201, 201, 429, 429]);
    const request = (remoteAddress: string) =>
      flooded.gateway.fetch(
        new Request(`${base}/oauth/register`, {
          method: "POST",
          headers: { host: "localhost:8999", "content-type": "application/json" },
          body: JSON.stringify({ redirect_uris: [loopback] }),
        }),
        { remoteAddress },
      );
    expect((await request("192.0.2.7")).headers.get("retry-after")).toBe("600");
    expect((await request("192.0.2.99")).status).toBe(201);
    // One customer has a whole IPv6 network.
    const network = await Promise.all(
      [1, 2, 3, 4].map((host) => request(`2001:db8:1:2::${host}`).then(({ status }) => status)),
    );
    expect(network.toSorted()).toEqual([201, 201, 201, 429]);
    flooded.clock.advance(600_000);
    expect((await register(flooded))["status"]).toBe(201);
    await flooded.close();
  }, testMs);

  test("that was never used gives way when there are too many, one in use never does", async () => {
    const full = await openOAuthGateway({
      limits: { oauthClientsMax: 3, registrationsPerAddressMax: 1_000 },
    });
    const used = await logIn(full);
    await register(full);
    await register(full);
    expect((await register(full))["status"]).toBe(429);
    full.clock.advance(1_800_001);
    expect((await register(full))["status"]).toBe(201);
    expect((await refresh(full, used.client, used.refresh)).status).toBe(200);
    await full.close();
  }, testMs);

  test("expires after a day if it was never used", async () => {
    const client = String((await register(opened))["client_id"]);
    const used = await logIn(opened);
    opened.clock.advance(25 * hour);
    // A sweep plans the next one when it has ended.
    await opened.gateway.oauth?.listClients();
    opened.clock.advance(hour);
    // A sweep plans the next one when it has ended.
    await opened.gateway.oauth?.listClients();
    expect((await askAuthorization(opened, client)).status).toBe(400);
    expect((await askAuthorization(opened, used.client)).status).toBe(302);
  });
});
