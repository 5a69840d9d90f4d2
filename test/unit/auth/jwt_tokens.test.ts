/**
 * Which tokens of external issuers the gateway takes, and what they make of a client. Every token
 * that it refuses gets the same answer on every endpoint, so that the answer tells a forger nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type AuthenticatorKinds,
  authenticatorKinds,
} from "../../../src/auth/authenticator_kinds.ts";
import type { JsonObject } from "../../../src/model.ts";
import {
  createJwtGateway,
  type JwtGateway,
  type JwtGatewayOptions,
  resource,
  usualClaims,
} from "../../support/jwt_gateway.ts";
import { createIssuerKey, type IssuerKey, startJwtIssuer } from "../../support/jwt_issuer.ts";
import type { JwtTestIssuer } from "../../support/jwt_issuer.ts";
import { jwtMutations } from "../../support/jwt_mutations.ts";
import { envelope, mirror } from "../../support/stateless_client.ts";
import { bearerMutations, type SentToken } from "../../support/token_mutations.ts";

let issuer: JwtTestIssuer;
let gateway: JwtGateway;
let rsa: IssuerKey;
let disallowed: IssuerKey;
let stranger: IssuerKey;

beforeAll(async () => {
  const [main, ...others] = await Promise.all([
    createIssuerKey("main"),
    createIssuerKey("rsa", "RS256"),
    createIssuerKey("other", "ES384"),
    createIssuerKey("stranger"),
  ]);
  [rsa, disallowed, stranger] = others;
  issuer = await startJwtIssuer([main, rsa, disallowed]);
  gateway = await createJwtGateway({
    settings: { issuers: [{ issuer: issuer.issuer, algorithms: ["ES256", "RS256"] }] },
  });
});

afterAll(async () => {
  await gateway.close();
  await issuer.close();
});

/** Every way in that a token opens: route, method, and what a client sends there. */
const routes = [
  ...["/mcp", "/servers/files/mcp", "/servers/files/streamable", "/servers/none/mcp"].flatMap((
    path,
  ) => ["POST", "GET", "DELETE"].map((method) => ({ method, path }))),
  { method: "GET", path: "/sse" },
  { method: "GET", path: "/servers/files/sse" },
  { method: "POST", path: "/messages?sessionId=x" },
  { method: "POST", path: "/servers/files/messages?sessionId=x" },
];

const message = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/list",
  params: { _meta: envelope() },
};

interface Refusal {
  readonly status: number;
  readonly challenge: string | null;
  readonly body: string;
}

async function send(
  { method, path }: (typeof routes)[number],
  { headers, query }: SentToken,
): Promise<Refusal> {
  const own = method === "POST" ? mirror("tools/list", {}) : { accept: "text/event-stream" };
  const url = query === undefined ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`;
  const response = await gateway.send(method, url, {
    headers: { ...own, "mcp-session-id": "x", ...headers },
    ...(method === "POST" ? { body: message } : {}),
  });
  const { status } = response;
  if (status === 200) await response.body?.cancel();
  const body = status === 200 ? "" : await response.text();
  return { status, challenge: response.headers.get("www-authenticate"), body };
}

/** The refusal that a route gives, by the error of its challenge. */
function refusalOf(path: string, error: string | undefined): Refusal {
  const place = path.replace(/\?.*/, "");
  const metadata = `http://localhost:8999/.well-known/oauth-protected-resource${place}`;
  const messages: Record<string, string> = {
    invalid_token: "The token is not valid for this resource",
    invalid_request: "Tokens and keys in URLs are refused, since logs keep URLs: send the " +
      "Authorization header, and revoke the one that was sent",
  };
  return {
    status: 401,
    challenge: `Bearer ${error === undefined ? "" : `error="${error}", `}` +
      `resource_metadata="${metadata}", scope="mcp offline_access"`,
    body: JSON.stringify({
      jsonrpc: "2.0",
      error: {
        code: -32600,
        message: messages[error ?? ""] ?? "Valid credentials are required",
        data: { outcome: "not_sent" },
      },
    }),
  };
}

async function expectRefusal(sent: (path: string) => SentToken, error: string | undefined) {
  for (const route of routes) {
    const refusal = await send(route, sent(route.path));
    expect([route, refusal]).toEqual([route, refusalOf(route.path, error)]);
  }
}

const bearer = (token: string): SentToken => ({ headers: { authorization: `Bearer ${token}` } });

describe("H8 a token that is not valid is refused alike on every endpoint:", () => {
  for (const { name, mutate, error } of bearerMutations) {
    test(name, async () => {
      const token = await issuer.sign(usualClaims(issuer, gateway.clock));
      await expectRefusal(() => mutate(token), error);
    });
  }
  for (const { name, forge } of jwtMutations) {
    test(name, async () => {
      const claims = usualClaims(issuer, gateway.clock);
      const token = await forge({ issuer, claims, rsa, disallowed, stranger });
      await expectRefusal(() => bearer(token), "invalid_token");
    });
  }

  test("there are enough of them, and a valid token passes every endpoint of its surface", async () => {
    expect(bearerMutations.length + jwtMutations.length).toBeGreaterThan(80);
    for (const route of routes) {
      const surface = route.path.replace(/\/(?:mcp|sse|messages|streamable)(?:\?.*)?$/, "");
      const aud = `http://localhost:8999${surface}/mcp`;
      const token = await issuer.sign({ ...usualClaims(issuer, gateway.clock), aud });
      const { status } = await send(route, bearer(token));
      expect([route, status === 401 || status >= 500]).toEqual([route, false]);
    }
  });
});

/** Signs a token with some claims beside the usual ones. */
const tokenWith = (claims: JsonObject, at: JwtGateway = gateway, header: JsonObject = {}) =>
  issuer.sign({ ...usualClaims(issuer, at.clock), ...claims }, header);

/** The principal of a call with such claims. */
async function principalOf(claims: JsonObject, at: JwtGateway = gateway) {
  const token = await tokenWith(claims, at);
  expect(await at.statusOf(token)).toBe(200);
  return at.principals.at(-1);
}

/** Runs with a gateway of its own. */
async function withGateway(
  settings: JsonObject,
  work: (own: JwtGateway) => Promise<void>,
  options: Partial<JwtGatewayOptions> = {},
): Promise<void> {
  const own = await createJwtGateway({
    settings: { issuers: [{ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, ...settings }] },
    ...options,
  });
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

describe("the claims of a token", () => {
  test("name the principal, its client, its roles and its groups", async () => {
    const claims = { azp: "other", roles: ["admin", "dev"], groups: "red, blue green" };
    expect(await principalOf(claims)).toEqual({
      id: `jwt:${issuer.issuer}#ada`,
      kind: "jwt",
      client: "app",
      roles: ["admin", "dev"],
      groups: ["red", "blue", "green"],
      servers: undefined,
      expiresAt: (Number(usualClaims(issuer, gateway.clock)["exp"]) + 60) * 1_000,
    });
  });

  test("of another form than expected grant nothing", async () => {
    const claims = { roles: { admin: true }, groups: [1, null, "", "red"], client_id: ["app"] };
    expect(await principalOf(claims)).toMatchObject({
      client: undefined,
      roles: undefined,
      groups: ["red"],
    });
  });

  test("limit a token to servers by its scopes, unless it has the scope of all", async () => {
    const serversOf = async (scope: unknown) => (await principalOf({ scope }))?.servers;
    expect(await serversOf("mcp:server:files openid mcp:server:web")).toEqual(["files", "web"]);
    expect(await serversOf("mcp mcp:server:files")).toBeUndefined();
    expect(await serversOf(["mcp:server:files"])).toEqual(["files"]);
    expect(await serversOf("openid")).toBeUndefined();
  });

  test("are found under the names that the configuration gives, inside objects too", async () => {
    const names = {
      id: ["preferred", "sub"],
      roles: "realm_access.roles",
      groups: "https://id.example.com/groups",
      client: "app.name",
      scope: "may",
    };
    await withGateway({ claims: names }, async (own) => {
      const claims = {
        preferred: "lovelace",
        realm_access: { roles: ["admin"] },
        "https://id.example.com/groups": ["red"],
        app: { name: "tool" },
        may: "mcp:server:files",
      };
      expect(await principalOf(claims, own)).toMatchObject({
        id: `jwt:${issuer.issuer}#lovelace`,
        roles: ["admin"],
        groups: ["red"],
        client: "tool",
        servers: ["files"],
      });
      expect(await principalOf({}, own)).toMatchObject({ id: `jwt:${issuer.issuer}#ada` });
      expect(await principalOf({ realm_access: { constructor: 1 } }, own))
        .toMatchObject({ roles: undefined });
    });
  });

  test("without a scope that is required are 403 with that scope", async () => {
    await withGateway({ requiredScope: "mcp tools:run" }, async (own) => {
      for (let round = 0; round < 2; round += 1) {
        const response = await own.call(await tokenWith({ scope: "mcp" }, own));
        expect(response.status).toBe(403);
        expect(response.headers.get("www-authenticate")).toBe(
          'Bearer error="insufficient_scope", resource_metadata="http://localhost:8999/' +
            '.well-known/oauth-protected-resource/mcp", scope="mcp tools:run"',
        );
      }
      expect(await own.statusOf(await tokenWith({ scope: "tools:run mcp" }, own))).toBe(200);
    });
  });
});

describe("the audience of a token", () => {
  const audienceOf = async (aud: unknown, path: string, own = gateway) =>
    await own.statusOf(await tokenWith({ aud }, own), path);

  test("is the surface: all its endpoints, and no other surface", async () => {
    const files = "http://localhost:8999/servers/files/mcp";
    expect(await audienceOf(files, "/servers/files/mcp")).toBe(200);
    expect(await audienceOf(files, "/servers/files/streamable")).toBe(200);
    expect(await audienceOf(files, "/mcp")).toBe(401);
    expect(await audienceOf(resource, "/servers/files/mcp")).toBe(401);
    expect(await audienceOf([files, resource], "/servers/files/mcp")).toBe(200);
    const token = await tokenWith({ aud: files });
    expect(await gateway.statusOf(token, "/servers/files/mcp")).toBe(200);
    // The token is known by now, and still for one surface alone.
    expect(await gateway.statusOf(token, "/servers/other/mcp")).toBe(401);
    expect(await gateway.statusOf(token, "/servers/files/mcp")).toBe(200);
  });

  test("may also be what the configuration names, at any surface", async () => {
    await withGateway({ audience: "api://gateway" }, async (own) => {
      expect(await audienceOf("api://gateway", "/mcp", own)).toBe(200);
      expect(await audienceOf(["x", "api://gateway"], "/servers/files/mcp", own)).toBe(200);
      expect(await audienceOf("api://gateway/", "/mcp", own)).toBe(401);
    });
  });

  test("begins with the public URL where there is one, whatever Host a client sends", async () => {
    const config = { publicUrl: "https://mcp.example.com" };
    await withGateway({}, async (own) => {
      expect(await audienceOf("https://mcp.example.com/mcp", "/mcp", own)).toBe(200);
      expect(await audienceOf(resource, "/mcp", own)).toBe(401);
    }, { config });
  });
});

describe("the time of a token", () => {
  test("may differ by the skew of the configuration, and not by more", async () => {
    const status = async (clockSkewSeconds: number | undefined, claims: JsonObject) => {
      let found = 0;
      await withGateway(clockSkewSeconds === undefined ? {} : { clockSkewSeconds }, async (own) => {
        const now = Math.floor(own.clock.wall() / 1_000);
        const moved = Object.entries(claims).map(([name, by]) => [name, now + Number(by)]);
        found = await own.statusOf(await tokenWith(Object.fromEntries(moved), own));
      });
      return found;
    };
    expect(await status(undefined, { exp: -59 })).toBe(200);
    expect(await status(undefined, { exp: -60 })).toBe(401);
    expect(await status(0, { exp: 0 })).toBe(401);
    expect(await status(0, { exp: 1 })).toBe(200);
    expect(await status(30, { nbf: 30 })).toBe(200);
    expect(await status(30, { nbf: 31 })).toBe(401);
    expect(await status(30, { iat: 31 })).toBe(401);
  });

  test("ends it, though it was remembered", async () => {
    await withGateway({ clockSkewSeconds: 0 }, async (own) => {
      const token = await tokenWith({}, own);
      expect(await own.statusOf(token)).toBe(200);
      own.clock.advance(3_599_000);
      expect(await own.statusOf(token)).toBe(200);
      own.clock.advance(1_000);
      expect(await own.statusOf(token)).toBe(401);
    });
  });
});

describe("a verified token", () => {
  test("keeps its principal, also for requests at the same moment, until rights are revoked", async () => {
    await withGateway({}, async (own) => {
      const token = await tokenWith({}, own);
      await Promise.all([1, 2, 3].map(() => own.statusOf(token)));
      await own.statusOf(token);
      const [first, ...others] = own.principals;
      expect(others.every((other) => other === first)).toBe(true);
      own.bus.publish("accessRevoked", { principal: "jwt:other", reason: "test" });
      await own.statusOf(token);
      expect(own.principals.at(-1)).toBe(first);
      own.bus.publish("accessRevoked", { principal: first?.id, reason: "test" });
      await own.statusOf(token);
      expect(own.principals.at(-1)).toEqual(first);
      expect(own.principals.at(-1)).not.toBe(first);
    });
  });

  test("may be of any type that the configuration allows, and of no other", async () => {
    await withGateway({ types: ["application/AT+JWT"] }, async (own) => {
      const statusOf = async (typ: string | undefined) =>
        await own.statusOf(await tokenWith({}, own, { typ }));
      expect(await statusOf("at+jwt")).toBe(200);
      expect(await statusOf("application/at+jwt")).toBe(200);
      expect(await statusOf("JWT")).toBe(401);
      expect(await statusOf(undefined)).toBe(401);
    });
    for (const typ of ["JWT", "jwt", "AT+JWT", undefined]) {
      expect([typ, await gateway.statusOf(await tokenWith({}, gateway, { typ }))])
        .toEqual([typ, 200]);
    }
  });

  test("is never in the log, and neither is one that is refused", async () => {
    const tokens = [
      await tokenWith({}),
      await tokenWith({ aud: "x" }),
      await tokenWith({ exp: 1 }),
    ];
    for (const token of tokens) await gateway.statusOf(token);
    const log = JSON.stringify([gateway.authRecords, gateway.records]);
    expect(log).toContain("Refused a token");
    for (const token of tokens) {
      for (const part of token.split(".")) expect(log).not.toContain(part.slice(0, 40));
    }
  });
});

describe("several issuers", () => {
  test("are kept apart: the key of one signs for no other", async () => {
    const other = await startJwtIssuer([await createIssuerKey("main")]);
    const own = await createJwtGateway({
      settings: {
        issuers: [{ issuer: issuer.issuer, audience: "api://one" }, { issuer: other.issuer }],
      },
    });
    const claims = usualClaims(other, own.clock);
    expect(await own.statusOf(await other.sign(claims))).toBe(200);
    expect(own.principals.at(-1)?.id).toBe(`jwt:${other.issuer}#ada`);
    expect(await own.statusOf(await issuer.sign(claims))).toBe(401);
    expect(await own.statusOf(await other.sign({ ...claims, iss: issuer.issuer }))).toBe(401);
    expect(await own.statusOf(await other.sign({ ...claims, aud: "api://one" }))).toBe(401);
    await own.close();
    await other.close();
  });
});

test("next to other kinds, a token of another shape counts as none of its own", async () => {
  const none: AuthenticatorKinds = {
    ...authenticatorKinds,
    key: () => ({ authenticate: () => ({ code: "unauthenticated" }) }),
  };
  await withGateway({}, async (own) => {
    const challengeOf = async (token: string) =>
      (await own.call(token)).headers.get("www-authenticate");
    expect(await challengeOf("mcpk_key")).not.toContain("error");
    expect(await challengeOf("a.b.c")).toContain('error="invalid_token"');
    expect(await own.statusOf(await tokenWith({}, own))).toBe(200);
  }, { kinds: ["key", "jwt"], table: none });
});
