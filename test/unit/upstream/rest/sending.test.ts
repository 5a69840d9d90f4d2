/** Requests for many clients together: the budget, cached answers, and credentials. */
import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../../../src/clock.ts";
import type { OutgoingRequest } from "../../../../src/runtime/runtime.ts";
import type { Operation } from "../../../../src/upstream/rest/service.ts";
import { createTestClock } from "../../../support/clock.ts";
import {
  type Api,
  type ApiOptions,
  type ApiRoutes,
  createApis,
  operation,
  operationOf,
  parameter,
} from "../../../support/api_server.ts";
import { createTestRuntime } from "../../../support/fake_runtime.ts";
import { freePort } from "../../../support/free_port.ts";
import { until } from "../../../support/wait.ts";

const apis = createApis();
afterEach(apis.closeAll);

/** Opens one tool, `it`, with an argument `q`. */
const open = (
  answer: ApiRoutes[string],
  overrides: Partial<Operation> = {},
  options: ApiOptions = {},
) =>
  apis.open({ "/it": answer }, [
    operationOf({ name: "it", ...overrides }, [parameter({ argument: "q" })]),
  ], options);
const count: ApiRoutes[string] = ({ json, count: n }) => json({ n });
const numberOf = async (api: Api, q = "", more = {}) => {
  const { structuredContent } = await api.call("it", { q }, more);
  return (structuredContent.result as { n: number }).n;
};

describe("the budget", () => {
  test("F6 clients together send no more than the budget in any stretch of its time", async () => {
    const clock = createTestClock();
    const times: number[] = [];
    const api = await open(
      ({ json }) => {
        times.push(clock.monotonic());
        json({});
      },
      {},
      { deps: { clock }, service: { budget: { requests: 3, perMs: 1_000 } } },
    );
    const calls = Array.from({ length: 8 }, (_, n) => api.call("it", {}, { scope: `s${n}` }));
    await until("the first of them", () => times.length === 3);
    clock.advance(999);
    expect(times.length).toBe(3);
    clock.advance(1);
    await until("the next of them", () => times.length === 6);
    clock.advance(1_000);
    await until("the rest of them", () => times.length === 8);
    await Promise.all(calls);
    expect(times).toEqual([0, 0, 0, 1_000, 1_000, 1_000, 2_000, 2_000]);
  });

  test("F6 a call that would wait longer than it may fails with a time to retry", async () => {
    const clock = createTestClock();
    const api = await open(count, {}, {
      deps: { clock },
      config: { callTimeoutMs: 5_000 },
      service: { budget: { requests: 1, perMs: 60_000 } },
    });
    await api.call("it");
    clock.advance(20_000);
    const error = await api.fail("it");
    expect(error["retryAfterMs"]).toBe(40_000);
    expect(error["error"]).toContain("may not be called so often");
    expect(error["url"]).toBe(`${api.server.origin}/it`);
    expect(api.server.seen.length).toBe(1);
  });

  test("F6 a call waits for at most half of its time, so that its client gets an answer", async () => {
    const clock = createTestClock();
    const api = await open(({ json, count: n }) => json({ n }), {}, {
      deps: { clock },
      config: { callTimeoutMs: 60_000 },
      service: { budget: { requests: 1, perMs: 60_000 } },
    });
    await api.call("it");
    clock.advance(29_999);
    expect((await api.fail("it"))["retryAfterMs"]).toBe(30_001);
    clock.advance(1);
    const patient = numberOf(api);
    clock.advance(30_000);
    expect(await patient).toBe(2);
  });

  test("F6 a full queue takes no more calls, and a call that leaves it makes room", async () => {
    const clock = createTestClock();
    const api = await open(count, {}, {
      deps: { clock },
      limits: { restWaitingMax: 2 },
      service: { budget: { requests: 1, perMs: 1_000 } },
    });
    await api.call("it");
    const stop = new AbortController();
    const leaving = api.call("it", {}, { signal: stop.signal }).catch(() => "left");
    const staying = api.call("it");
    const refused = await api.fail("it");
    expect(refused["retryAfterMs"]).toBe(3_000);
    stop.abort();
    expect(await leaving).toBe("left");
    const third = api.call("it");
    clock.advance(2_000);
    await staying;
    clock.advance(1_000);
    await third;
    expect(api.server.seen.length).toBe(3);
  });

  test("F6 if a server asks one client to wait, all wait", async () => {
    const clock = createTestClock();
    const api = await open(
      ({ json, count: n }) => n === 1 ? json({}, 429, { "retry-after": "30" }) : json({ n }),
      {},
      { deps: { clock } },
    );
    expect((await api.fail("it"))["retryAfterMs"]).toBe(30_000);
    const other = await api.fail("it", {}, { scope: "other" });
    expect(other["retryAfterMs"]).toBe(30_000);
    clock.advance(25_000);
    const patient = numberOf(api);
    clock.advance(4_999);
    expect(api.server.seen.length).toBe(1);
    clock.advance(1);
    expect(await patient).toBe(2);
  });
});

test("F6 calls to an unavailable service fail at once, without waiting for its budget", async () => {
  const clock = createTestClock();
  const api = await open(({ json, count: n }) => json({ n }, n === 1 ? 503 : 200), {}, {
    deps: { clock },
    limits: { circuitFailuresMax: 1, circuitOpenMs: 3_000 },
    service: { budget: { requests: 1, perMs: 5_000 } },
  });
  expect((await api.fail("it"))["status"]).toBe(503);
  const error = await api.fail("it");
  expect(error["error"]).toContain("could not be reached just now");
  expect(error["retryAfterMs"]).toBe(3_000);
  clock.advance(5_000);
  expect(await numberOf(api)).toBe(2);
});

describe("the budget of a service that redirects", () => {
  test("F6 a busy redirect target does not close the service", async () => {
    const runtime = await createTestRuntime();
    const request = (options: OutgoingRequest) => {
      if (options.url !== "http://files.example/") return runtime.request(options);
      const headers = new Headers({ "retry-after": "3600" });
      return Promise.resolve({ status: 429, headers, body: new Blob().stream() });
    };
    const api = await open(
      ({ send, json, count: n }) =>
        n === 1 ? send(302, "", { location: "http://files.example/" }) : json({ n }),
      {},
      { deps: { runtime: { ...runtime, request } } },
    );
    expect((await api.fail("it"))["status"]).toBe(429);
    expect(await numberOf(api)).toBe(2);
  });
});

describe("kept answers", () => {
  test("the same request is sent once for all callers while its answer is fresh", async () => {
    const clock = createTestClock();
    const api = await open(count, { cacheMs: 1_000 }, { deps: { clock } });
    expect(await numberOf(api, "a")).toBe(1);
    expect(await numberOf(api, "a", { scope: "other" })).toBe(1);
    expect(await numberOf(api, "b")).toBe(2);
    clock.advance(1_001);
    expect(await numberOf(api, "a")).toBe(3);
  });

  test("another part of a kept answer costs no request", async () => {
    const api = await open(({ json }) => json({ a: [1, 2, 3] }), {
      cacheMs: 60_000,
      projection: "a",
    });
    expect((await api.call("it")).structuredContent).toEqual({ result: [1, 2, 3] });
    expect((await api.call("it", { skip: 2 })).structuredContent.result).toEqual([3]);
    expect((await api.call("it", { raw: true })).structuredContent.raw).toEqual({ a: [1, 2, 3] });
    expect(api.server.seen.length).toBe(1);
  });

  test("refusals and broken answers are not kept, and what must not be stored is requested again", async () => {
    const api = await open(({ json, count: n }) => json({ n }, n === 1 ? 404 : 200), {
      cacheMs: 60_000,
    });
    expect((await api.fail("it"))["status"]).toBe(404);
    expect(await numberOf(api)).toBe(2);
    const broken = await open(
      ({ json, send, count: n }) =>
        n === 1 ? send(200, "{", { "content-type": "application/json" }) : json({ n }),
      { cacheMs: 60_000 },
    );
    expect((await broken.call("it")).structuredContent.raw).toEqual({ text: "{" });
    expect(await numberOf(broken)).toBe(2);
    const fresh = await open(count);
    expect(await numberOf(fresh)).toBe(1);
    expect(await numberOf(fresh)).toBe(2);
  });

  test("equal requests at the same time share one request", async () => {
    const api = await open(count, { cacheMs: 60_000 });
    const calls = ["a", "b", "c"].map((scope) => numberOf(api, "", { scope }));
    expect(await Promise.all(calls)).toEqual([1, 1, 1]);
    expect(api.server.seen.length).toBe(1);
  });

  test("a request without callers is cancelled, and the next caller gets a new one", async () => {
    let closed = 0;
    const api = await open(({ response, json, count: n }) => {
      response.on("close", () => closed += 1);
      if (n > 1) json({ n });
    }, { cacheMs: 60_000 });
    const stop = new AbortController();
    const first = api.call("it", {}, { signal: stop.signal }).catch(() => "left");
    await until("the request", () => api.server.seen.length === 1);
    stop.abort();
    expect(await first).toBe("left");
    expect(await numberOf(api)).toBe(2);
    await until("the first one's end", () => closed >= 1);
  });

  test("no more is kept than fits, and the longest unused goes first", async () => {
    const api = await open(count, { cacheMs: 60_000 }, { limits: { restCacheEntriesMax: 2 } });
    await numberOf(api, "a");
    await numberOf(api, "b");
    await numberOf(api, "a");
    await numberOf(api, "c");
    expect(await numberOf(api, "a")).toBe(1);
    expect(await numberOf(api, "b")).toBe(4);
    const small = await open(
      ({ json, count: n }) => json({ n, text: "x".repeat(100) }),
      { cacheMs: 60_000 },
      { limits: { restCacheCharsMax: 50 } },
    );
    await numberOf(small);
    expect(await numberOf(small)).toBe(2);
    const asked = await open(count, { cacheMs: 60_000 }, { limits: { restCacheCharsMax: 1_000 } });
    expect([await numberOf(asked), await numberOf(asked)]).toEqual([1, 1]);
    const long = "q".repeat(1_000);
    expect([await numberOf(asked, long), await numberOf(asked, long)]).toEqual([2, 3]);
  });
});

describe("credentials", () => {
  const login = {
    type: "login",
    path: "/login",
    body: { username: "u", password: "p" },
    token: "token",
    baseUrl: "base",
    hosts: [],
    header: "authorization",
    prefix: "Bearer ",
    lifetimeMs: 60_000,
  } as const;

  test("they go to the API, and what is unavailable is a failure before any call", async () => {
    const api = await open(count, {}, {
      config: { credentials: { type: "bearer", token: "t-1" } },
    });
    await api.call("it");
    expect(api.server.seen[0]?.headers.authorization).toBe("Bearer t-1");
    const unset = await open(count, {}, {
      config: { credentials: { type: "unset", problem: "needs THE_KEY in the environment" } },
    });
    const error = await unset.fail("it");
    expect(error["error"]).toBe('Server "api" needs THE_KEY in the environment');
    expect(unset.server.seen).toEqual([]);
  });

  test("an operation that needs a log-in gets its token and its base URL; others do not", async () => {
    const routes: ApiRoutes = {
      "/v1/login": ({ json, headers }) =>
        json({ token: "tok-1", base: `http://${headers.host}/v2` }),
      "/v2/mine": ({ json }) => json({ mine: true }),
      "/v1/open": ({ json }) => json({}),
    };
    const api = await apis.open(
      routes,
      [operation({ name: "mine", login: true }), operation({ name: "open" })],
      { prefix: "/v1", config: { login } },
    );
    await api.call("open");
    await api.call("mine");
    await api.call("mine");
    expect(api.server.seen.map(({ url }) => url))
      .toEqual(["/v1/open", "/v1/login", "/v2/mine", "/v2/mine"]);
    expect(api.server.seen.map(({ headers }) => headers.authorization))
      .toEqual([undefined, undefined, "Bearer tok-1", "Bearer tok-1"]);
  });

  test("F9 a refused token is renewed once, and the call that changes things made once with it", async () => {
    const routes: ApiRoutes = {
      "/login": ({ json, count: n }) => json({ token: `tok-${n}` }),
      "/mine": ({ json, headers }) =>
        headers.authorization === "Bearer tok-2" ? json({ done: true }) : json({}, 401),
      "/never": ({ json }) => json({ error: "no" }, 401),
    };
    const writing = { method: "POST", repeatable: false, readOnly: false, login: true };
    const api = await apis.open(
      routes,
      [operation({ name: "mine", ...writing }), operation({ name: "never", ...writing })],
      { config: { login }, limits: { credentialRenewMs: 0 } },
    );
    expect((await api.call("mine")).structuredContent.result).toEqual({ done: true });
    expect(api.server.seen.map(({ url }) => url)).toEqual(["/login", "/mine", "/login", "/mine"]);
    expect((await api.fail("never"))["error"]).toContain("refused the credentials");
    const again = api.server.seen.filter(({ url }) => url === "/never");
    expect(again.length <= 2).toBe(true);
  });

  test("a call that may go without its credentials is marked, not kept, and only ever reads", async () => {
    const port = await freePort();
    const credentials = {
      type: "oauth2",
      grant: "client_credentials",
      tokenUrl: `http://127.0.0.1:${port}/token`,
      clientId: "id",
      clientSecret: "secret-1",
      clientAuthentication: "post",
    } as const;
    const api = await open(count, { cacheMs: 60_000 }, {
      config: { credentials, anonymousTools: ["it"] },
    });
    const result = await api.call("it");
    expect(result._meta).toEqual({ "mcp-wrapper/degraded": true });
    expect(api.server.seen[0]?.headers.authorization).toBe(undefined);
    expect(await numberOf(api)).toBe(2);
    const writing = await open(count, { method: "POST", readOnly: false, repeatable: false }, {
      config: { credentials, anonymousTools: ["it", "another"] },
    });
    expect((await writing.fail("it"))["error"]).toContain("cannot be reached");
    expect(writing.server.seen).toEqual([]);
    expect(writing.deps.lines.find(({ severity }) => severity === "warn")?.fields)
      .toEqual({ tools: ["it", "another"] });
    const strict = await open(count, {}, { config: { credentials } });
    expect((await strict.fail("it"))["error"]).toContain('Server "api"');
    expect(strict.server.seen).toEqual([]);
  });

  test("a scope that ends is forgotten without harm", async () => {
    const api = await open(count, {}, { deps: { clock: systemClock } });
    await api.call("it");
    api.engine.endScope("a");
    expect(await numberOf(api)).toBe(2);
  });
});
