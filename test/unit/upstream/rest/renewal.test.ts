/**
 * A credential that is renewed, or becomes available, in the middle of a call: the rest of the call
 * uses it.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { LoginConfig } from "../../../../src/config/config.ts";
import type { OutgoingRequest } from "../../../../src/runtime/runtime.ts";
import {
  type ApiOptions,
  type ApiRoutes,
  createApis,
  operation,
} from "../../../support/api_server.ts";
import { createTestRuntime } from "../../../support/fake_runtime.ts";
import { freePort } from "../../../support/free_port.ts";

const apis = createApis();
afterEach(apis.closeAll);

const login: LoginConfig = {
  type: "login",
  path: "/login",
  body: { username: "u", password: "p" },
  token: "token",
  baseUrl: "base",
  hosts: ["vip.example.com"],
  header: "authorization",
  prefix: "Bearer ",
  lifetimeMs: 60_000,
};
const open = (routes: ApiRoutes, options: ApiOptions = {}, cacheMs = 0) =>
  apis.open(routes, [operation({ name: "mine", login: true, cacheMs })], {
    prefix: "/v1",
    config: { login },
    ...options,
  });

describe("a log-in that is renewed", () => {
  test("the call continues at the new base URL, and never at the old one without credentials", async () => {
    const runtime = await createTestRuntime();
    const sent: [string, string | undefined][] = [];
    let origin = "";
    const request = (options: OutgoingRequest) => {
      sent.push([options.url.replace(origin, "api"), options.headers["authorization"]]);
      // Stands for a host elsewhere.
      return runtime.request({
        ...options,
        url: options.url.replace("https://vip.example.com", origin),
        allowAddress: () => true,
      });
    };
    const api = await open({
      "/v1/login": ({ json, count }) =>
        json({
          token: `tok-${count}`,
          ...(count === 1 ? { base: "https://vip.example.com" } : {}),
        }),
      "/v1/mine": ({ json, headers }) =>
        headers.authorization === "Bearer tok-2" ? json({ mine: true }) : json({}, 401),
    }, { deps: { runtime: { ...runtime, request } } });
    origin = api.server.origin;
    const result = await api.call("mine");
    expect(sent).toEqual([
      ["api/v1/login", undefined],
      ["https://vip.example.com/v1/mine", "Bearer tok-1"],
      ["api/v1/login", undefined],
      ["api/v1/mine", "Bearer tok-2"],
    ]);
    expect(result.structuredContent.result).toEqual({ mine: true });
  });

  test("H1 a refusal that repeats the new token reaches the client without it", async () => {
    const api = await open({
      "/v1/login": ({ json, count }) => json({ token: `tok-canary-${count}` }),
      "/v1/mine": ({ json, headers }) => json({ error: `bad ${headers.authorization}` }, 401),
    });
    const error = await api.fail("mine");
    expect(api.server.seen.at(-1)?.headers.authorization).toBe("Bearer tok-canary-2");
    expect(error["error"]).toContain("refused the credentials");
    expect(JSON.stringify(error)).not.toContain("canary");
  });
});

describe("credentials that come back between two attempts", () => {
  test("the answer is not cached for calls without credentials", async () => {
    const port = await freePort();
    const runtime = await createTestRuntime();
    let isThere = false;
    const request: typeof runtime.request = async (options) => {
      if (!options.url.endsWith("/token") || !isThere) return await runtime.request(options);
      const token = '{"access_token":"tok-1","expires_in":0}';
      const body = new Response(token).body as ReadableStream<Uint8Array>;
      return { status: 200, headers: new Headers(), body };
    };
    const api = await apis.open(
      {
        "/it": ({ json, headers, count }) => {
          isThere = count === 1;
          json(
            { who: headers.authorization === undefined ? "anonymous" : "us" },
            count === 1 ? 503 : 200,
          );
        },
      },
      [operation({ name: "it", cacheMs: 60_000 })],
      {
        deps: { runtime: { ...runtime, request } },
        limits: { httpRetriesMax: 1, credentialRetryMsMin: 0, credentialRetryMsMax: 0 },
        config: {
          anonymousTools: ["it"],
          credentials: {
            type: "oauth2",
            grant: "client_credentials",
            tokenUrl: `http://127.0.0.1:${port}/token`,
            clientId: "id",
            clientSecret: "secret-1",
            clientAuthentication: "post",
          },
        },
      },
    );
    const first = await api.call("it");
    expect(first.structuredContent.result).toEqual({ who: "us" });
    expect(first._meta).toBe(undefined);
    const other = await api.call("it", {}, { scope: "b" });
    expect(other.structuredContent.result).toEqual({ who: "anonymous" });
    expect(other._meta).toEqual({ "mcp-wrapper/degraded": true });
  });
});
