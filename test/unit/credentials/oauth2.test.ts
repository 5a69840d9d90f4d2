/**
 * Tokens by OAuth 2, from a real server on this machine: how they are requested, renewed and
 * stored.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { OAuth2Config } from "../../../src/config/config.ts";
import { createAuthorization } from "../../../src/credentials/credential_kinds.ts";
import type { Authorization, SecurityContext } from "../../../src/outgoing/authorization.ts";
import { createTestClock } from "../../support/clock.ts";
import {
  createCredentialDeps,
  createTestCredentialStore,
  never,
  type TestCredentialStore,
  unauthorized,
  useOf,
} from "../../support/credentials.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";
import { freePort } from "../../support/free_port.ts";
import { serveTokens, tokenReply, type TokenServer } from "../../support/token_server.ts";
import { until } from "../../support/wait.ts";

const runtime = await createTestRuntime();
const servers: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

interface Given {
  readonly config?: Partial<OAuth2Config>;
  readonly reply?: TokenServer["reply"];
  readonly store?: TestCredentialStore;
  readonly server?: TokenServer;
}

const ids = { clientId: "my client", clientSecret: "s3cret/+&" };
const refreshing = { grant: "refresh_token", refreshToken: "refresh-0" } as const;

async function open(
  { config = {}, reply = () => tokenReply("token-1"), store, server }: Given = {},
) {
  const tokens = server ?? await serveTokens(reply);
  servers.push(tokens);
  const clock = createTestClock();
  const files = new Map<string, string | undefined>();
  const deps = createCredentialDeps({
    runtime,
    clock,
    files,
    // A clock that stands still must not pause.
    limits: { httpRetriesMax: 0 },
    ...(store === undefined ? {} : { store }),
  });
  const credentials: OAuth2Config = {
    type: "oauth2",
    grant: "client_credentials",
    clientAuthentication: "basic",
    ...(config.issuer === undefined ? { tokenUrl: tokens.tokenUrl } : {}),
    ...ids,
    ...config,
  };
  const make = () => createAuthorization({ server: "far", credentials }, deps);
  const authorization = make();
  return { tokens, clock, deps, files, authorization, make, ...asked(authorization) };
}

function asked(authorization: Authorization) {
  const get = (signal = never) => authorization.get(useOf("search"), signal);
  return {
    get,
    async context(): Promise<SecurityContext> {
      const credential = await get();
      if (credential.state !== "ready") throw new Error(JSON.stringify(credential));
      return credential.context;
    },
    async problem(): Promise<string> {
      const credential = await get();
      return credential.state === "failed" ? credential.problem : JSON.stringify(credential);
    },
  };
}

const bearer = (token: string) => ({
  headers: { authorization: `Bearer ${token}` },
  query: {},
  cookies: {},
});

describe("a token", () => {
  test("is requested with the client's secret in a header", async () => {
    const { tokens, context } = await open({
      config: { scope: "read write", resource: "https://api.test/v1" },
    });
    expect(await context()).toEqual(bearer("token-1"));
    const [request] = tokens.requests;
    expect([request?.method, request?.path]).toEqual(["POST", "/token"]);
    expect(request?.headers["authorization"])
      .toBe(`Basic ${btoa("my+client:s3cret%2F%2B%26")}`);
    expect(request?.form).toEqual({
      grant_type: "client_credentials",
      scope: "read write",
      resource: "https://api.test/v1",
    });
  });

  test("is requested with the client's secret in the body", async () => {
    const { tokens, context } = await open({ config: { clientAuthentication: "post" } });
    await context();
    expect(tokens.requests[0]?.headers["authorization"]).toBeUndefined();
    expect(tokens.requests[0]?.form)
      .toEqual({
        grant_type: "client_credentials",
        client_id: "my client",
        client_secret: "s3cret/+&",
      });
  });

  test("is requested by a client without a secret with only its id", async () => {
    const { tokens, context } = await open({ config: { ...refreshing, clientSecret: undefined } });
    await context();
    expect(tokens.requests[0]?.headers["authorization"]).toBeUndefined();
    expect(tokens.requests[0]?.form)
      .toEqual({ grant_type: "refresh_token", refresh_token: "refresh-0", client_id: "my client" });
  });

  test("is used until it expires, and renewed before that while no call waits", async () => {
    const reply: TokenServer["reply"] = ({ count }) =>
      tokenReply(`token-${count}`, { expires_in: 3600 });
    const { tokens, context, clock } = await open({ reply });
    await context();
    clock.advance(3_539_000);
    expect(await context()).toEqual(bearer("token-1"));
    expect(tokens.requests.length).toBe(1);
    clock.advance(2_000);
    expect(await context()).toEqual(bearer("token-1"));
    await until(
      "the next token",
      async () => (await context()).headers["authorization"] === "Bearer token-2",
    );
    expect(tokens.requests.length).toBe(2);
  });

  for (const jumpMs of [86_400_000, -86_400_000]) {
    test(`G5: lasts as long as its issuer said after a jump of the wall clock by ${jumpMs} ms`, async () => {
      const reply: TokenServer["reply"] = ({ count }) =>
        tokenReply(`token-${count}`, { expires_in: 3600 });
      const { tokens, context, clock } = await open({ reply });
      await context();
      clock.jump(jumpMs);
      clock.advance(1_800_000);
      expect(await context()).toEqual(bearer("token-1"));
      expect(tokens.requests.length).toBe(1);
      clock.advance(1_800_000);
      expect(await context()).toEqual(bearer("token-2"));
    });
  }

  test("that expires soon is not requested with each call", async () => {
    const reply: TokenServer["reply"] = ({ count }) =>
      tokenReply(`token-${count}`, { expires_in: 20 });
    const { tokens, context, clock } = await open({ reply });
    await context();
    clock.advance(9_000);
    await context();
    expect(tokens.requests.length).toBe(1);
    clock.advance(12_000);
    expect(await context()).toEqual(bearer("token-2"));
  });

  test("that does not say when it expires is used until it is refused", async () => {
    const reply: TokenServer["reply"] = ({ count }) => tokenReply(`token-${count}`);
    const { tokens, context, clock, authorization } = await open({ reply });
    const refused = await context();
    clock.advance(400 * 24 * 3_600_000);
    expect(await context()).toEqual(refused);
    const renewals = await Promise.all(
      Array.from({ length: 5 }, () => authorization.renew(refused, useOf(), never, unauthorized)),
    );
    expect(renewals).toEqual([true, true, true, true, true]);
    expect(await context()).toEqual(bearer("token-2"));
    expect(tokens.requests.length).toBe(2);
    // A late call with the old one gets the new one.
    expect(await authorization.renew(refused, useOf(), never, unauthorized)).toBe(true);
    expect(tokens.requests.length).toBe(2);
  });

  test("that a server always refuses is not requested each time", async () => {
    const reply: TokenServer["reply"] = ({ count }) => tokenReply(`token-${count}`);
    const { tokens, context, clock, deps, authorization } = await open({ reply });
    expect(await authorization.renew(await context(), useOf(), never, unauthorized)).toBe(true);
    for (let calls = 0; calls < 5; calls += 1) {
      expect(await authorization.renew(await context(), useOf(), never, unauthorized)).toBe(false);
    }
    expect(tokens.requests.length).toBe(2);
    clock.advance(deps.limits.credentialRenewMs);
    expect(await authorization.renew(await context(), useOf(), never, unauthorized)).toBe(true);
  });

  test("H13 50 calls at its expiry cause one request", async () => {
    const { tokens, get } = await open();
    const all = await Promise.all(Array.from({ length: 50 }, () => get()));
    expect(all.every(({ state }) => state === "ready")).toBe(true);
    expect(tokens.requests.length).toBe(1);
  });

  test("H13 a call that stops waiting does not affect the others", async () => {
    const gate = Promise.withResolvers<void>();
    const { tokens, get } = await open({
      reply: async () => {
        await gate.promise;
        return tokenReply("token-1");
      },
    });
    const leaving = new AbortController();
    const left = get(leaving.signal);
    const stays = get();
    await until("the request", () => tokens.requests.length === 1);
    leaving.abort();
    expect((await left).state).toBe("failed");
    gate.resolve();
    expect((await stays).state).toBe("ready");
    expect(tokens.requests.length).toBe(1);
  });
});

describe("a stored token", () => {
  test("is used after a restart", async () => {
    const store = createTestCredentialStore();
    const reply: TokenServer["reply"] = ({ count }) =>
      tokenReply(`token-${count}`, { expires_in: 3600 });
    const { tokens, context, make } = await open({ store, reply });
    await context();
    expect(await asked(make()).context()).toEqual(bearer("token-1"));
    expect(tokens.requests.length).toBe(1);
  });

  for (
    const [what, config] of [
      ["client", { clientId: "other" }],
      ["refresh token", { refreshToken: "refresh-9" }],
      ["scope", { scope: "write" }],
      ["resource", { resource: "https://other.test" }],
    ] as const
  ) {
    test(`is dropped when the configuration names another ${what}`, async () => {
      const store = createTestCredentialStore();
      const { tokens, context } = await open({ store, config: refreshing });
      await context();
      const other = await open({ store, server: tokens, config: { ...refreshing, ...config } });
      await other.context();
      expect(tokens.requests.length).toBe(2);
    });
  }

  test("H13 a refresh token that is replaced is stored before its token is used", async () => {
    const store = createTestCredentialStore();
    const reply: TokenServer["reply"] = ({ count }) =>
      tokenReply(`token-${count}`, { expires_in: 60, refresh_token: `refresh-${count}` });
    const { tokens, context, clock, make, deps } = await open({ store, reply, config: refreshing });
    let isSaved = false;
    const save = store.save;
    store.save = async (key, value) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      isSaved = true;
      return await save(key, value);
    };
    await context();
    expect(isSaved).toBe(true);
    expect(store.saved.at(-1)).toMatchObject({ token: "token-1", refreshToken: "refresh-1" });
    clock.advance(61_000);
    // A gateway that starts again goes on with the new one.
    expect(await asked(make()).context()).toEqual(bearer("token-2"));
    expect(tokens.requests.map(({ form }) => form["refresh_token"]))
      .toEqual(["refresh-0", "refresh-1"]);
    expect([...deps.hidden]).toEqual(expect.arrayContaining(["token-1", "refresh-1", "refresh-2"]));
  });

  test("H13 is replaced by only one of two providers that exist after a reload", async () => {
    const store = createTestCredentialStore();
    const gate = Promise.withResolvers<void>();
    const reply: TokenServer["reply"] = async ({ count }) => {
      if (count > 1) await gate.promise;
      return tokenReply(`token-${count}`, { expires_in: 60, refresh_token: `refresh-${count}` });
    };
    const { tokens, context, clock, make } = await open({ store, reply, config: refreshing });
    await context();
    clock.advance(61_000);
    const old = context();
    await until("the renewal", () => tokens.requests.length === 2);
    const other = asked(make());
    const next = [other.context(), other.context()];
    gate.resolve();
    const renewed = bearer("token-2");
    expect(await Promise.all([old, ...next])).toEqual([renewed, renewed, renewed]);
    expect(tokens.requests.map(({ form }) => form["refresh_token"]))
      .toEqual(["refresh-0", "refresh-1"]);
  });

  test("H13 that cannot be stored is used anyway, with an error in the log", async () => {
    const store = createTestCredentialStore();
    store.isFull = true;
    const { context, deps } = await open({ store, config: refreshing });
    expect(await context()).toEqual(bearer("token-1"));
    expect(deps.records.map(({ severity, message }) => [severity, message.slice(0, 24)]))
      .toEqual([["ERROR", "Cannot keep a credential"]]);
  });

  test("that cannot be decrypted does not bring back the first refresh token", async () => {
    const store = createTestCredentialStore();
    const { tokens, context, make } = await open({ store, config: refreshing });
    await context();
    store.isLocked = true;
    const told = await asked(make()).problem();
    expect(told).toContain(
      "its stored log-in cannot be opened with this gateway's key; restore the",
    );
    expect(told).toContain("MCP_SECRET");
    expect(tokens.requests.length).toBe(1);
  });

  test("that cannot be decrypted for a while is used when it can be", async () => {
    const store = createTestCredentialStore();
    const { tokens, context, make, clock, deps } = await open({ store, config: refreshing });
    await context();
    store.isLocked = true;
    const again = asked(make());
    expect((await again.get()).state).toBe("failed");
    store.isLocked = false;
    expect((await again.get()).state).toBe("failed");
    clock.advance(deps.limits.credentialRefusedMs);
    expect(await again.context()).toEqual(bearer("token-1"));
    expect(tokens.requests.length).toBe(1);
  });

  test("of the gateway's own that cannot be opened any more is requested again", async () => {
    const store = createTestCredentialStore();
    const { context, make } = await open({ store });
    await context();
    store.isLocked = true;
    expect(await asked(make()).context()).toEqual(bearer("token-1"));
  });

  test("is dropped when the file with the refresh token has another one", async () => {
    const config = { ...refreshing, refreshToken: { file: "/r" } };
    const { tokens, context, files } = await open({ config });
    files.set("/r", "refresh-a");
    await context();
    await context();
    expect(tokens.requests.length).toBe(1);
    files.set("/r", "refresh-b\n");
    await context();
    expect(tokens.requests.map(({ form }) => form["refresh_token"]))
      .toEqual(["refresh-a", "refresh-b"]);
  });
});

describe("an authorization server that issues no token", () => {
  const replies: [string, TokenServer["reply"], string][] = [
    [
      "refuses the refresh token",
      () => ({ status: 400, body: { error: "invalid_grant", error_description: "hunter2" } }),
      "refuses the refresh token (invalid_grant); log in again and set the new one as",
    ],
    [
      "refuses the client",
      () => ({ status: 401, body: { error: "invalid_client", error_uri: "hunter2" } }),
      "refuses to issue a token (invalid_client); correct credentials",
    ],
    [
      "uses words of its own",
      () => ({ status: 400, body: { error: "hunter2" } }),
      "refuses to issue a token (status 400)",
    ],
    [
      "says nothing",
      () => ({ status: 403, body: "hunter2" }),
      "refuses to issue a token (status 403)",
    ],
    ["is broken", () => ({ status: 500, body: "hunter2" }), "answers with status 500"],
    ["has too much to do", () => ({ status: 429 }), "answers with status 429"],
    ["answers with a page", () => ({ body: "<p>hunter2</p>" }), "answers with an unreadable body"],
    ["answers with a list", () => ({ body: ["hunter2"] }), "answers with an unreadable body"],
    ["forgets the token", () => ({ body: { token: "hunter2" } }), "answers without a token"],
    ["gives no text", () => ({ body: { access_token: 5 } }), "answers without a token"],
    [
      "gives two lines",
      () => tokenReply("hunter2\r\nx-admin: 1"),
      "answers without a token",
    ],
    [
      "gives another type",
      () => tokenReply("hunter2", { token_type: "hunter2" }),
      "issues tokens of another type than Bearer",
    ],
    [
      "redirects to another server",
      () => ({ status: 307, headers: { location: "http://127.0.0.1:9/hunter2" } }),
      "redirects, which secrets do not follow",
    ],
    [
      "redirects within itself",
      () => ({ status: 308, headers: { location: "/hunter2" } }),
      "redirects, which secrets do not follow",
    ],
    [
      "answers without an end",
      () => ({ body: `{"access_token":"${"hunter2".repeat(100_000)}"}` }),
      "cannot be used; the gateway's log has the reason",
    ],
    ["breaks the connection", () => "break", "cannot be reached"],
  ];
  for (const [what, reply, words] of replies) {
    test(`F12 H3 and ${what} is reported in the gateway's words, and not asked for a while`, async () => {
      const { tokens, problem, get, deps, clock } = await open({ reply, config: refreshing });
      const told = await problem();
      expect(told).toContain(`has no credentials: its authorization server ${words}`);
      expect(told).not.toContain("hunter2");
      expect(JSON.stringify(deps.records)).not.toContain("hunter2");
      const again = await get();
      expect(again.state === "failed" && (again.retryAfterMs ?? 0) > 0).toBe(true);
      expect(tokens.requests.length).toBe(1);
      clock.advance(deps.limits.credentialRefusedMs);
      await get();
      expect(tokens.requests.length).toBe(2);
    });
  }

  test("H13 and hangs: all waiting calls fail at their time limit", async () => {
    const { tokens, get, clock, deps } = await open({ reply: () => "hang" });
    const all = [get(), get(), get()];
    await until("the request", () => tokens.requests.length === 1);
    clock.advance(deps.limits.credentialMs);
    for (const credential of await Promise.all(all)) {
      expect(credential).toMatchObject({
        state: "failed",
        problem: "has no credentials: its authorization server cannot be reached",
      });
    }
  });

  test("H13 is asked with backoff while it is unavailable, and at once when it is back", async () => {
    const { tokens, get, clock, deps } = await open({ reply: () => ({ status: 503 }) });
    const pauses: number[] = [];
    for (let tries = 0; tries < 8; tries += 1) {
      const credential = await get();
      const ms = credential.state === "failed" ? credential.retryAfterMs ?? 0 : 0;
      pauses.push(ms);
      clock.advance(ms);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000));
    expect(tokens.requests.length).toBe(8);
    tokens.reply = () => tokenReply("token-1", { expires_in: 100 });
    expect((await get()).state).toBe("ready");
    tokens.reply = () => ({ status: 503 });
    clock.advance(101_000);
    expect(await get()).toMatchObject({ retryAfterMs: deps.limits.credentialRetryMsMin });
  });

  test("and names a long retry time is not asked before it", async () => {
    const { get } = await open({
      reply: () => ({ status: 503, headers: { "retry-after": "300" } }),
    });
    expect(await get()).toMatchObject({ state: "failed", retryAfterMs: 300_000 });
  });

  test("and is unreachable does not invalidate a good token", async () => {
    const { tokens, context, clock } = await open({
      reply: () => tokenReply("token-1", { expires_in: 100 }),
    });
    await context();
    tokens.reply = () => ({ status: 500 });
    clock.advance(60_000);
    expect(await context()).toEqual(bearer("token-1"));
    await until("the failed renewal", () => tokens.requests.length === 2);
    expect(await context()).toEqual(bearer("token-1"));
  });

  test("and does not exist counts as unreachable", async () => {
    const tokenUrl = `http://127.0.0.1:${await freePort()}/token`;
    const { problem } = await open({ config: { tokenUrl } });
    expect(await problem()).toContain("its authorization server cannot be reached");
  });
});
