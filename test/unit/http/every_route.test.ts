/**
 * Authentication on every route. The cases come from the route table itself, so a new route is
 * covered when it is added: without a valid key, every method of every URL with a surface behind it
 * gets the same refusal, whatever else is wrong with the request.
 */
import { describe, expect, test } from "bun:test";
import { createKeyAuthenticator } from "../../../src/auth/api_key.ts";
import type { Authenticator } from "../../../src/auth/authenticator.ts";
import { createKeyRing } from "../../../src/auth/key_ring.ts";
import type { KeyStore } from "../../../src/auth/key_store.ts";
import { createInProcessBus } from "../../../src/bus/in_process.ts";
import type { GatewayConfig } from "../../../src/config/config.ts";
import type { RouteRow } from "../../../src/http/route_match.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createSealer } from "../../../src/seal.ts";
import { createMemoryKeyStore } from "../../../src/store/memory_keys.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";
import { createHarness, initialize, jsonHeaders } from "../../support/http_harness.ts";
import { createTestLog } from "../../support/log.ts";

/**
 * A layer that asks for keys, one of its keys, and how often its store was asked; the store answers
 * after `until`.
 */
async function open(until: Promise<void> = Promise.resolve()) {
  const clock = createTestClock();
  const log = createTestLog();
  const limits = defaultLimits;
  const bus = createInProcessBus({ limits, log });
  const store = createMemoryKeyStore();
  const ring = createKeyRing({ store, bus, clock, limits, log });
  const { key } = await ring.add({ name: "ada" });
  const asked: string[] = [];
  const keys: KeyStore = {
    ...store,
    async find(digest) {
      asked.push(digest);
      const found = await store.find(digest);
      await until;
      return found;
    },
  };
  const authenticator: Authenticator = await createKeyAuthenticator({
    config: { auth: { kinds: ["key"], settings: {} } } as unknown as GatewayConfig,
    settings: {},
    runtime: await createTestRuntime(),
    sealer: await createSealer("a key of a test"),
    ...{ keys, bus, clock, limits, log },
  });
  return { ...createHarness({ authenticator, bus, clock }), authenticator, key, asked, ring };
}

/** All that a `Request` can have, and one that no endpoint knows. */
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY"];

/** Open without credentials; these check for themselves what they give. */
const openPath =
  /^(?:\/|\/health|\/ready|\/oauth\/.+|\/\.well-known\/(?:oauth-.+|openid-configuration.*|ai-catalog\.json))$/;

const isOpen = (row: RouteRow): boolean => "openMethods" in row;

/** The URLs of a row: of a surface that exists, of one that does not, and of a broken name. */
function urlsOf({ path }: RouteRow): string[] {
  return path.includes(":")
    ? ["files", "none", "%zz", "..%2Ffiles"].map((name) => path.replace(/:\w+/g, name))
    : [path];
}

/** Headers that hold no valid key, made from one that is valid. */
function mutationsOf(key: string): (string | undefined)[] {
  const last = key.endsWith("A") ? "B" : "A";
  const changed = (at: number) =>
    key.slice(0, at) + (key[at] === "x" ? "y" : "x") + key.slice(at + 1);
  const tokens = [
    ...[5, 6, 20, 40].map(changed),
    `${key.slice(0, -1)}${last}`,
    key.slice(0, -1),
    key.slice(1),
    `${key}A`,
    `${key}=`,
    `${key},`,
    `${key}%20`,
    `${key}\u00a0`,
    key.toUpperCase(),
    key.toLowerCase(),
    key.replace("mcpk_", ""),
    key.replace("mcpk_", "mcpa_"),
    key.replace("mcpk_", "mcpk-"),
    key.replace("mcpk_", "mcpk_mcpk_"),
    "mcpk_",
    "mcpk_*",
    "mcpk_' OR '1'='1",
    "ada",
    "key:ada",
    "null",
    "undefined",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJrZXk6YWRhIn0.",
    "x".repeat(4_000),
  ];
  return [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    key,
    `Basic ${key}`,
    `Basic ${btoa(`ada:${key}`)}`,
    `Digest ${key}`,
    `Token ${key}`,
    `Bearer${key}`,
    `Bearer\t${key}`,
    `Bearer ${key} ${key}`,
    `Bearer x, Bearer ${key}`,
    `Bearer ${key}, Bearer x`,
    `Bearer "${key}"`,
    `Bearer token=${key}`,
    `XBearer ${key}`,
    ...tokens.map((token) => `Bearer ${token}`),
  ];
}

describe("H12 every route and method alike", () => {
  test("only health, readiness, the front page and the ways to a token are open", async () => {
    const { handler } = await open();
    const unexpected = handler.routes.filter((row) => isOpen(row) && !openPath.test(row.path));
    expect(unexpected.map(({ path }) => path)).toEqual([]);
    expect(handler.routes.filter((row) => !isOpen(row)).length).toBeGreaterThan(6);
  });

  test("refuses a request without a valid key in the same words, before it looks at anything else", async () => {
    const { handler, send, key, gateway } = await open();
    const mutations = mutationsOf(key);
    expect(new Set(mutations).size).toBeGreaterThan(40);
    const refusals = new Set<string>();
    const accepted: unknown[] = [];
    const bad = { "content-type": "text/html", "mcp-session-id": "x", accept: "image/png" };
    for (const row of handler.routes.filter((one) => !isOpen(one))) {
      for (const url of urlsOf(row)) {
        for (const method of methods) {
          for (const authorization of mutations) {
            const headers = { ...bad, ...(authorization !== undefined && { authorization }) };
            const body = /GET|HEAD/.test(method) ? {} : { body: "{ no JSON" };
            const response = await send(method, url, { headers, ...body });
            const told = `${response.headers.get("www-authenticate")} ${await response.text()}`;
            const { status } = response;
            if (status !== 401) accepted.push([method, url, authorization, status]);
            refusals.add(told);
          }
        }
      }
    }
    expect(accepted).toEqual([]);
    expect([...refusals].filter((told) => told.includes("files") || told.includes(key))).toEqual(
      [],
    );
    // No credentials, and credentials that are not valid.
    expect(refusals.size).toBe(2);
    expect(gateway.calls.length).toBe(0);
  });

  test("a key in the URL is refused even beside a valid one in the header", async () => {
    const { handler, send, key, records } = await open();
    const authorization = `Bearer ${key}`;
    for (const row of handler.routes.filter((one) => !isOpen(one))) {
      const [url = ""] = urlsOf(row);
      for (const query of [`key=${key}`, `access_token=x`, `a=b&ACCESS_TOKEN=${key}`, `k=mcpa_x`]) {
        const response = await send("POST", `${url}?${query}`, {
          headers: { ...jsonHeaders, authorization },
          body: initialize("2025-11-25"),
        });
        expect([url, query, response.status]).toEqual([url, query, 401]);
        expect(response.headers.get("www-authenticate")).toContain('error="invalid_request"');
        expect(await response.text()).toContain("URLs are refused");
      }
    }
    expect(JSON.stringify(records)).not.toContain(key);
  });

  test("a preflight has no credentials, and shows no more than the route table", async () => {
    const { handler, send } = await open();
    const headers = { origin: "http://localhost:8999", "access-control-request-method": "POST" };
    for (const row of handler.routes.filter((one) => !isOpen(one))) {
      const answers = await Promise.all(
        urlsOf(row).map(async (url) => {
          const response = await send("OPTIONS", url, { headers });
          return [response.status, response.headers.get("access-control-allow-methods")].join(" ");
        }),
      );
      expect([row.path, new Set(answers).size]).toEqual([row.path, 1]);
      expect(answers[0]).toMatch(/^204 /);
    }
  });

  test("H5 health names no server, except to the operator", async () => {
    const { authenticator, gateway, ...rest } = await open();
    const operated = createHarness({ authenticator, gateway, operatorToken: "the-operator" });
    const status = { state: "running", since: 0, connections: 1 } as const;
    gateway.servers = [{ name: "files", isQueued: false, status }];
    const health = await rest.send("GET", "/health");
    const text = await health.text();
    expect(JSON.parse(text)).toEqual({
      status: "healthy",
      timestamp: expect.any(String),
      servers_configured: 1,
      servers_running: 1,
      servers_degraded: 0,
      servers_starting: 0,
    });
    for (const path of ["/ready", "/"]) {
      expect(await (await rest.send("GET", path)).text()).not.toMatch(/\bfiles\b/);
    }
    const shown = await operated.send("GET", "/health", {
      headers: { authorization: "Bearer the-operator" },
    });
    expect((await shown.json() as { servers: { name: string }[] }).servers[0]?.name).toBe("files");
  });
});

describe("a key that was verified", () => {
  const target = { path: "/mcp", surface: "/mcp", resource: "http://localhost/mcp" };

  test("costs no store access and no promise the next time", async () => {
    const { authenticator, key, asked } = await open();
    const request = () =>
      new Request("http://localhost/mcp", { headers: { authorization: `Bearer ${key}` } });
    const first = await authenticator.authenticate(request(), target);
    expect(first).toEqual({ id: "key:ada", kind: "key" });
    const second = authenticator.authenticate(request(), target);
    expect(second).toBe(first);
    expect(asked.length).toBe(1);
  });

  test("H10 is found by its digest, and the store never gets the key itself", async () => {
    const { authenticator, key, asked, ring } = await open();
    for (const token of [key, `${key.slice(0, -1)}_`, `mcpk_x${key.slice(6)}`]) {
      const headers = { authorization: `Bearer ${token}` };
      await authenticator.authenticate(new Request("http://localhost/mcp", { headers }), target);
    }
    // A key whose first or last character is wrong takes the same way.
    expect(asked.map((digest) => /^[0-9a-f]{64}$/.test(digest))).toEqual([true, true, true]);
    await ring.revoke("ada");
    const headers = { authorization: `Bearer ${key}` };
    const request = new Request("http://localhost/mcp", { headers });
    expect(await authenticator.authenticate(request, target))
      .toMatchObject({ code: "unauthenticated", error: "invalid_token" });
  });

  test("that is revoked while it is verified is not remembered", async () => {
    const held = Promise.withResolvers<void>();
    const { authenticator, key, ring } = await open(held.promise);
    const headers = { authorization: `Bearer ${key}` };
    const request = new Request("http://localhost/mcp", { headers });
    const begun = authenticator.authenticate(request, target);
    await ring.revoke("ada");
    held.resolve();
    await begun;
    expect(await authenticator.authenticate(request, target))
      .toMatchObject({ code: "unauthenticated", error: "invalid_token" });
  });
});
