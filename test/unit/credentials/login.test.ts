/**
 * An API's own log-in request, as OpenSubtitles has it: what is sent, trusted, stored and not
 * repeated.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { LoginConfig } from "../../../src/config/config.ts";
import { createAuthorization } from "../../../src/credentials/credential_kinds.ts";
import type { ProviderOptions } from "../../../src/credentials/provider.ts";
import type { Authorization } from "../../../src/outgoing/authorization.ts";
import { createHttpCaller } from "../../../src/outgoing/caller.ts";
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
import { createScriptedRuntime } from "../../support/http_caller.ts";
import { serveTokens, type TokenServer } from "../../support/token_server.ts";
import { until } from "../../support/wait.ts";

const runtime = await createTestRuntime();
const servers: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const config: LoginConfig = {
  type: "login",
  path: "/login",
  body: { username: "me", password: "pass-word" },
  token: "token",
  baseUrl: "base_url",
  hosts: ["vip-api.test"],
  header: "authorization",
  prefix: "Bearer ",
  lifetimeMs: 3_600_000,
};
const key = { type: "api_key", in: "header", name: "Api-Key", key: "the-key" } as const;
const answer = (more: Readonly<Record<string, unknown>> = {}) => ({
  body: { user: { user_id: 66 }, token: "token-1", status: 200, ...more },
});

interface Given {
  readonly reply?: TokenServer["reply"];
  readonly config?: Partial<LoginConfig>;
  readonly store?: TestCredentialStore;
  readonly options?: Partial<ProviderOptions>;
  readonly server?: TokenServer;
}

async function open(given: Given = {}) {
  const { reply = () => answer(), store, options, server } = given;
  const api = server ?? await serveTokens(reply);
  servers.push(api);
  const clock = createTestClock();
  const deps = createCredentialDeps({
    runtime,
    clock,
    limits: { httpRetriesMax: 0 },
    ...(store === undefined ? {} : { store }),
  });
  const beside = createAuthorization({ server: "far", credentials: key }, deps);
  const authorization = createAuthorization({
    server: "far",
    credentials: { ...config, ...given.config },
    baseUrl: `${api.origin}/api/v1`,
    headers: { "user-agent": "Test v1" },
    beside,
    ...options,
  }, deps);
  return { api, clock, deps, authorization, ...asked(authorization) };
}

function asked(authorization: Authorization) {
  const get = (signal = never) => authorization.get(useOf("download"), signal);
  return {
    get,
    async context() {
      const credential = await get();
      if (credential.state !== "ready") throw new Error(JSON.stringify(credential));
      return credential.context;
    },
    async problem() {
      const credential = await get();
      return credential.state === "failed" ? credential.problem : JSON.stringify(credential);
    },
  };
}

const numbered: TokenServer["reply"] = ({ count }) => answer({ token: `token-${count}` });

describe("a log-in", () => {
  test("sends user name and password, with the API's own credentials and headers", async () => {
    const { api, context, deps } = await open();
    expect(await context()).toEqual({
      headers: { "api-key": "the-key", authorization: "Bearer token-1" },
      query: {},
      cookies: {},
    });
    const [request] = api.requests;
    expect([request?.method, request?.path]).toEqual(["POST", "/api/v1/login"]);
    expect(JSON.parse(request?.body ?? "")).toEqual(config.body);
    expect(request?.headers).toMatchObject({
      "api-key": "the-key",
      "user-agent": "Test v1",
      "content-type": "application/json",
      accept: "application/json",
    });
    expect([...deps.hidden]).toEqual(expect.arrayContaining(["pass-word", "token-1"]));
  });

  test("is made once for all waiting calls, and again when the token expires", async () => {
    const { api, get, context, clock } = await open({ reply: numbered });
    await Promise.all(Array.from({ length: 20 }, () => get()));
    expect(api.requests.length).toBe(1);
    clock.advance(config.lifetimeMs + 1);
    expect((await context()).headers["authorization"]).toBe("Bearer token-2");
    expect(api.requests.length).toBe(2);
  });

  test("is made again, once, when its token is refused", async () => {
    const { api, context, authorization } = await open({ reply: numbered });
    const refused = await context();
    const all = [1, 2, 3].map(() => authorization.renew(refused, useOf(), never, unauthorized));
    expect(await Promise.all(all)).toEqual([true, true, true]);
    expect(api.requests.length).toBe(2);
    expect((await context()).headers["authorization"]).toBe("Bearer token-2");
  });

  test("is not needed after a restart, unless the password changed", async () => {
    const store = createTestCredentialStore();
    const first = await open({
      store,
      reply: () => answer({ base_url: "127.0.0.1" }),
      config: { hosts: ["127.0.0.1"] },
    });
    const shown = await first.context();
    const second = await open({ store, server: first.api, config: { hosts: ["127.0.0.1"] } });
    expect(await second.context()).toEqual(shown);
    expect(first.api.requests.length).toBe(1);
    const body = { ...config.body, password: "another" };
    const third = await open({ store, server: first.api, config: { hosts: ["127.0.0.1"], body } });
    await third.context();
    expect(first.api.requests.length).toBe(2);
  });

  test("is made again if the stored token cannot be decrypted", async () => {
    const store = createTestCredentialStore();
    const { api, context } = await open({ store, reply: numbered });
    await context();
    store.isLocked = true;
    const { context: again } = await open({ store, server: api });
    expect((await again()).headers["authorization"]).toBe("Bearer token-2");
  });
});

describe("the place that a log-in names", () => {
  const baseOf = async (base_url: unknown, more: Given = {}) => {
    const { get, api } = await open({ reply: () => answer({ base_url }), ...more });
    const credential = await get();
    if (credential.state !== "ready") return credential;
    return { base: credential.context.baseUrl, own: api.origin };
  };

  test("keeps scheme and path of the API if it is only a host", async () => {
    expect(await baseOf("vip-api.test")).toMatchObject({ base: "http://vip-api.test/api/v1" });
    expect(await baseOf("https://VIP-API.test/")).toMatchObject({
      base: "https://vip-api.test/api/v1",
    });
    expect(await baseOf("https://vip-api.test/api/v2/")).toMatchObject({
      base: "https://vip-api.test/api/v2",
    });
    const { own, base } = await baseOf(null) as { own: string; base?: string };
    expect(base).toBeUndefined();
    expect(own).toContain("127.0.0.1");
  });

  const lies = [
    "evil.test",
    "https://evil.test/api/v1",
    "vip-api.test.evil.test",
    "vip-api.test@evil.test",
    "me:hunter2@vip-api.test",
    "vip-api.test:8443",
    "ftp://vip-api.test",
    "javascript://vip-api.test/%0aalert(1)",
    "https://vip-api.test/?a=b",
    "https://vip-api.test/#a",
    "",
    "not a host",
    5,
    { host: "vip-api.test" },
  ];
  for (const lie of lies) {
    test(`F12 must be one that is allowed: ${JSON.stringify(lie)} is not`, async () => {
      const outcome = await baseOf(lie);
      expect(outcome).toMatchObject({
        state: "failed",
        problem: "is not logged in: its log-in names a host that is not allowed; " +
          "nothing is sent there",
      });
    });
  }

  test("F12 keeps TLS once there was TLS", async () => {
    const scripted = createScriptedRuntime(() =>
      new Response(JSON.stringify(answer({ base_url: "http://vip-api.test" }).body))
    );
    const deps = createCredentialDeps({ runtime: scripted });
    const authorization = createAuthorization(
      { server: "far", credentials: config, baseUrl: "https://api.test/v1" },
      deps,
    );
    expect(await authorization.get(useOf(), never)).toMatchObject({ state: "failed" });
  });

  test("gets the token and the other credentials", async () => {
    const scripted = createScriptedRuntime(({ url }) =>
      new Response(
        JSON.stringify(url.endsWith("/login") ? answer({ base_url: "vip-api.test" }).body : {}),
      )
    );
    const deps = createCredentialDeps({ runtime: scripted });
    const url = "https://api.test/v1";
    const authorization = createAuthorization({
      server: "far",
      credentials: config,
      baseUrl: url,
      beside: createAuthorization({ server: "far", credentials: key }, deps),
    }, deps);
    const caller = createHttpCaller({
      ...deps,
      server: "far",
      url,
      headers: {},
      authorization,
    });
    const request = { method: "GET", headers: {}, timeoutMs: 1000, repeatable: true };
    for (const target of ["https://vip-api.test/v1/a", "https://evil.test/v1/a"]) {
      await (await caller.call({ ...request, url: target }, never)).text();
    }
    expect(
      scripted.asked.map(({ url, headers }) => [url, headers["authorization"], headers["api-key"]]),
    )
      .toEqual([
        ["https://api.test/v1/login", undefined, "the-key"],
        ["https://vip-api.test/v1/a", "Bearer token-1", "the-key"],
        ["https://evil.test/v1/a", undefined, undefined],
      ]);
  });
});

describe("a log-in that is refused", () => {
  for (const status of [400, 401, 403]) {
    test(`with status ${status} is not tried again for a long time`, async () => {
      const { api, get, problem, clock, deps } = await open({
        reply: () => ({ status, body: { message: "hunter2" } }),
      });
      expect(await problem()).toBe(
        `is not logged in: its log-in refuses the credentials (status ${status}); correct them`,
      );
      for (let calls = 0; calls < 10; calls += 1) await get();
      clock.advance(deps.limits.loginRefusedMs - 1);
      expect(await get()).toMatchObject({ state: "failed", retryAfterMs: 1 });
      expect(api.requests.length).toBe(1);
      clock.advance(1);
      await get();
      expect(api.requests.length).toBe(2);
      expect(JSON.stringify(deps.records)).not.toContain("hunter2");
    });
  }

  test("is tried again at once if the file has another password", async () => {
    const files = new Map<string, string | undefined>([["/p", "wrong"]]);
    const api = await serveTokens(({ body }) =>
      body.includes("right") ? answer() : { status: 401 }
    );
    servers.push(api);
    const deps = createCredentialDeps({ runtime, files, clock: createTestClock() });
    const body = { username: "me", password: { file: "/p" } };
    const credentials = { ...config, body };
    const authorization = createAuthorization(
      { server: "far", credentials, baseUrl: api.origin },
      deps,
    );
    expect((await authorization.get(useOf(), never)).state).toBe("failed");
    files.set("/p", "right\n");
    expect((await authorization.get(useOf(), never)).state).toBe("ready");
    expect(api.requests.length).toBe(2);
  });

  test("because of too many requests is tried again soon", async () => {
    const { api, get, clock } = await open({
      reply: () => ({ status: 429, headers: { "retry-after": "2" } }),
    });
    expect(await get()).toMatchObject({ state: "failed", retryAfterMs: 2000 });
    clock.advance(2000);
    api.reply = () => answer();
    expect((await get()).state).toBe("ready");
  });

  const answers: [string, TokenServer["reply"], string][] = [
    ["answers with a page", () => ({ body: "<p>hunter2" }), "answers without a token"],
    ["answers without a token", () => ({ body: { token: null } }), "answers without a token"],
    [
      "gives two lines",
      () => answer({ token: "hunter2\r\nx-a: b" }),
      "answers without a token",
    ],
    [
      "redirects",
      () => ({ status: 307, headers: { location: "/hunter2" } }),
      "redirects, which secrets do not follow",
    ],
    ["is broken", () => ({ status: 502, body: "hunter2" }), "answers with status 502"],
    ["hangs up", () => "break", "cannot be reached"],
  ];
  for (const [what, reply, words] of answers) {
    test(`because the API ${what} is reported in the gateway's words`, async () => {
      const { problem, api } = await open({ reply });
      const told = await problem();
      expect(told).toContain(`is not logged in: its log-in ${words}`);
      expect(told).not.toContain("hunter2");
      expect(api.requests.length).toBe(1);
    });
  }

  test("is not made while the API's own credentials are unavailable", async () => {
    const deps = createCredentialDeps();
    const beside = createAuthorization(
      { server: "far", credentials: { type: "unset", problem: "needs a key; set KEY" } },
      deps,
    );
    const { api, problem } = await open({ options: { beside } });
    expect(await problem()).toBe("needs a key; set KEY");
    expect(api.requests).toEqual([]);
  });

  test("never sends a password without the API's credentials, and no token without the rest", async () => {
    const beside: Authorization = {
      get: () =>
        Promise.resolve({
          state: "ready",
          context: { headers: {}, query: {}, cookies: {} },
          isDegraded: true,
        }),
      renew: () => Promise.resolve(false),
    };
    const { api, problem } = await open({ options: { beside } });
    expect(await problem()).toContain("its log-in needs credentials that are unavailable now");
    expect(api.requests).toEqual([]);
  });

  test("still serves the other calls if one is cancelled", async () => {
    const gate = Promise.withResolvers<void>();
    const { api, get } = await open({
      reply: async () => {
        await gate.promise;
        return answer();
      },
    });
    const leaving = new AbortController();
    const left = get(leaving.signal);
    const stays = get();
    await until("the request", () => api.requests.length === 1);
    leaving.abort();
    expect((await left).state).toBe("failed");
    gate.resolve();
    expect((await stays).state).toBe("ready");
  });
});
