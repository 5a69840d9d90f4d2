/** Where tokens are requested if only the issuer is known, and what no issuer may cause (F12). */
import { describe, expect, test } from "bun:test";
import { createAuthorization } from "../../../src/credentials/credential_kinds.ts";
import { createTestClock } from "../../support/clock.ts";
import { createCredentialDeps, never, unauthorized, useOf } from "../../support/credentials.ts";
import { createScriptedRuntime, type Scripted } from "../../support/http_caller.ts";

const json = (body: unknown, status = 200): Scripted =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
const none = (): Scripted => new Response("no such page", { status: 404 });

/** Documents by URL; whatever is posted gets a token. */
function open(issuer: string, documents: Readonly<Record<string, Scripted | (() => Scripted)>>) {
  const runtime = createScriptedRuntime(({ url, method }) => {
    if (method === "POST") return json({ access_token: "token-1", token_type: "bearer" });
    const document = documents[url];
    return typeof document === "function" ? document() : document ?? none();
  });
  const clock = createTestClock();
  const deps = createCredentialDeps({ runtime, clock });
  const authorization = createAuthorization({
    server: "far",
    credentials: {
      type: "oauth2",
      grant: "client_credentials",
      clientAuthentication: "basic",
      issuer,
      clientId: "me",
      clientSecret: "client-secret",
    },
  }, deps);
  return {
    runtime,
    clock,
    deps,
    get: () => authorization.get(useOf(), never),
    renew: async () => {
      const credential = await authorization.get(useOf(), never);
      if (credential.state === "ready") {
        await authorization.renew(credential.context, useOf(), never, unauthorized);
      }
    },
    posts: () => runtime.asked.filter(({ method }) => method === "POST"),
    fetched: () => runtime.asked.filter(({ method }) => method === "GET").map(({ url }) => url),
  };
}

describe("an issuer", () => {
  const host = "https://login.test";
  const places: [string, string, string][] = [
    ["of a host", host, `${host}/.well-known/oauth-authorization-server`],
    ["of a host, with a slash", `${host}/`, `${host}/.well-known/oauth-authorization-server`],
    ["of OpenID Connect", host, `${host}/.well-known/openid-configuration`],
    ["with a path", `${host}/a/b`, `${host}/.well-known/oauth-authorization-server/a/b`],
    ["with a path, OpenID", `${host}/a`, `${host}/.well-known/openid-configuration/a`],
    [
      "with a path, described beneath it",
      `${host}/a`,
      `${host}/a/.well-known/openid-configuration`,
    ],
    ["that is older", `${host}/a/`, `${host}/a/.well-known/oauth-authorization-server`],
  ];
  for (const [what, issuer, place] of places) {
    test(`${what} is found at ${place}`, async () => {
      const token_endpoint = `${host}/oauth/token`;
      const { get, posts } = open(issuer, { [place]: json({ issuer, token_endpoint }) });
      expect((await get()).state).toBe("ready");
      expect(posts().map(({ url }) => url)).toEqual([token_endpoint]);
      expect(posts()[0]?.headers["authorization"]).toBe(`Basic ${btoa("me:client-secret")}`);
    });
  }

  test("is asked once, and again after some time", async () => {
    const place = `${host}/.well-known/oauth-authorization-server`;
    const { fetched, renew, clock, deps } = open(host, {
      [place]: () => json({ issuer: host, token_endpoint: `${host}/token` }),
    });
    await renew();
    expect(fetched()).toEqual([place]);
    clock.advance(deps.limits.issuerMs);
    await renew();
    expect(fetched()).toEqual([place, place]);
  });

  test("on this machine may issue tokens there without TLS", async () => {
    const issuer = "http://localhost:8080/realms/a";
    const { get, posts } = open(issuer, {
      "http://localhost:8080/.well-known/oauth-authorization-server/realms/a": json({
        issuer,
        token_endpoint: "http://localhost:8080/token",
      }),
    });
    expect((await get()).state).toBe("ready");
    expect(posts()[0]?.allowAddress("127.0.0.1")).toBe(true);
  });

  test("elsewhere may issue tokens at another host, but not at a private address", async () => {
    const { get, posts } = open(host, {
      [`${host}/.well-known/oauth-authorization-server`]: json({
        issuer: host,
        token_endpoint: "https://tokens.test/token",
      }),
    });
    expect((await get()).state).toBe("ready");
    const allows = posts()[0]?.allowAddress;
    expect(
      ["93.184.216.34", "127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"].map((address) =>
        allows?.(address)
      ),
    ).toEqual([true, false, false, false, false]);
  });
});

describe("F12 an issuer that names another place", () => {
  const issuer = "https://login.test/a";
  const place = "https://login.test/.well-known/oauth-authorization-server/a";
  const wrong: [string, unknown, string][] = [
    [
      "names another",
      { issuer: "https://evil.test", token_endpoint: "https://login.test/token" },
      "names another issuer",
    ],
    [
      "says that it is nearly the same",
      { issuer: `${issuer}/`, token_endpoint: "https://login.test/token" },
      "names another issuer",
    ],
    ["says nothing of itself", { token_endpoint: "https://a.test" }, "names another"],
    ...[
      "http://login.test/token",
      "http://127.0.0.1/token",
      "file:///etc/passwd",
      "javascript:alert(1)",
      "https://me:hunter2@login.test/token",
      "/token",
      "",
      5,
    ].map((token_endpoint): [string, unknown, string] => [
      `names ${JSON.stringify(token_endpoint)}`,
      { issuer, token_endpoint },
      "names no https: URL for tokens",
    ]),
  ];
  for (const [what, document, words] of wrong) {
    test(`${what}: nothing is sent there`, async () => {
      const { get, posts, deps } = open(issuer, { [place]: json(document) });
      const credential = await get();
      expect(credential.state === "failed" ? credential.problem : credential)
        .toContain(`has no credentials: its authorization server ${words}`);
      expect(posts()).toEqual([]);
      expect(JSON.stringify([credential, deps.records])).not.toMatch(/evil|hunter2|passwd/);
    });
  }

  test("that redirects: no redirect is followed", async () => {
    const { get, posts, fetched } = open(issuer, {
      [place]: new Response(null, { status: 302, headers: { location: "https://evil.test/" } }),
    });
    expect(await get()).toMatchObject({ state: "failed" });
    expect([posts(), fetched().filter((url) => url.includes("evil"))]).toEqual([[], []]);
  });

  test("without metadata fails with what to do", async () => {
    const { get, fetched } = open(issuer, {});
    const credential = await get();
    expect(credential.state === "failed" ? credential.problem : credential)
      .toContain(
        "has no metadata; correct credentials.issuer, or set credentials.tokenUrl",
      );
    expect(fetched().length).toBe(4);
  });
});
