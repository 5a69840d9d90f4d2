/**
 * The keys of external issuers: how often they are read, what happens while they cannot be, and which
 * addresses they may be read from. Time is the test's; the issuer is a real server on this machine.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { type FaultServer, serveBytes } from "../../support/fault_server.ts";
import { createJwtGateway, type JwtGateway, usualClaims } from "../../support/jwt_gateway.ts";
import {
  createIssuerKey,
  type IssuerKey,
  type JwtTestIssuer,
  keysPath,
  metadataPath,
  startJwtIssuer,
} from "../../support/jwt_issuer.ts";
import { until } from "../../support/wait.ts";

let main: IssuerKey;
let next: IssuerKey;

beforeAll(async () => {
  [main, next] = await Promise.all([createIssuerKey("main"), createIssuerKey("next")]);
});

interface Setup {
  readonly issuer: JwtTestIssuer;
  readonly gateway: JwtGateway;
  /** A token of an hour, signed by a key. */
  token(key?: IssuerKey, header?: JsonObject): Promise<string>;
}

/** Runs with an issuer and a gateway of its own. */
async function withIssuer(
  work: (setup: Setup) => Promise<void>,
  { isNamed = true, settings = {} }: { isNamed?: boolean; settings?: JsonObject } = {},
): Promise<void> {
  const issuer = await startJwtIssuer([main]);
  const named = isNamed ? { jwksUrl: issuer.jwksUrl } : {};
  const gateway = await createJwtGateway({
    settings: { issuers: [{ issuer: issuer.issuer, ...named, ...settings }] },
  });
  // Each token is another one, so that none is remembered.
  let count = 0;
  try {
    await work({
      issuer,
      gateway,
      token: (key = main, header = {}) =>
        issuer.sign({ ...usualClaims(issuer, gateway.clock), jti: `${count++}` }, header, key),
    });
  } finally {
    await gateway.close();
    await issuer.close();
  }
}

const { issuerKeysMs, issuerKeysMsMax, issuerKeysPauseMs, issuerKeysRetryMs } = defaultLimits;

describe("H9 the keys of an issuer", () => {
  test("are found by its metadata, and read once for requests at the same moment", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      const tokens = await Promise.all(Array.from({ length: 20 }, () => token()));
      const statuses = await Promise.all(tokens.map((one) => gateway.statusOf(one)));
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect([issuer.count(metadataPath), issuer.count(keysPath)]).toEqual([1, 1]);
    }, { isNamed: false });
  });

  test("are found where only the metadata of OpenID Connect is, below the issuer's path", async () => {
    await withIssuer(async ({ issuer, token }) => {
      const tenant = `${issuer.issuer}/tenant`;
      const place = "/tenant/.well-known/openid-configuration";
      issuer.instead = ({ path }) =>
        path === place ? { body: { issuer: tenant, jwks_uri: issuer.jwksUrl } } : undefined;
      const own = await createJwtGateway({ settings: { issuers: [{ issuer: tenant }] } });
      const claims = { ...usualClaims(issuer, own.clock), iss: tenant };
      expect(await own.statusOf(await issuer.sign(claims))).toBe(200);
      expect(issuer.count(place)).toBe(1);
      expect(await own.statusOf(await token())).toBe(401);
      await own.close();
    });
  });

  test("may be replaced: a token with a new key id has them read again after the pause", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      expect(await gateway.statusOf(await token())).toBe(200);
      issuer.keys = [next];
      expect(await gateway.statusOf(await token(next))).toBe(401);
      expect(issuer.count(keysPath)).toBe(1);
      gateway.clock.advance(issuerKeysPauseMs);
      expect(await gateway.statusOf(await token(next))).toBe(200);
      expect(issuer.count(keysPath)).toBe(2);
      // The old key is gone with the reading.
      expect(await gateway.statusOf(await token(main))).toBe(401);
    });
  });

  test("are read again while they are in use, so that a withdrawn key ends", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      expect(await gateway.statusOf(await token())).toBe(200);
      issuer.keys = [next];
      gateway.clock.advance(issuerKeysMs - 1);
      expect(await gateway.statusOf(await token(main))).toBe(200);
      gateway.clock.advance(1);
      expect(await gateway.statusOf(await token(main))).toBe(401);
      expect(issuer.count(keysPath)).toBe(2);
    });
  });

  test("are read once a minute at most, however many unknown key ids arrive", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      expect(await gateway.statusOf(await token())).toBe(200);
      gateway.clock.advance(issuerKeysPauseMs);
      for (let round = 0; round < 10; round += 1) {
        const tokens = await Promise.all(
          Array.from({ length: 100 }, (_, index) => token(next, { kid: `${round}-${index}` })),
        );
        const statuses = await Promise.all(tokens.map((one) => gateway.statusOf(one)));
        expect(new Set(statuses)).toEqual(new Set([401]));
      }
      expect(issuer.count(keysPath)).toBe(2);
      expect(await gateway.statusOf(await token())).toBe(200);
      gateway.clock.advance(issuerKeysPauseMs);
      await gateway.statusOf(await token(next));
      expect(issuer.count(keysPath)).toBe(3);
    });
  });

  test("stay in use through an outage, up to their greatest age", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      expect(await gateway.statusOf(await token())).toBe(200);
      issuer.instead = () => ({ status: 500 });
      gateway.clock.advance(issuerKeysMs);
      expect(await gateway.statusOf(await token())).toBe(200);
      expect(await gateway.statusOf(await token(next))).toBe(401);
      expect(issuer.count(keysPath)).toBe(2);
      gateway.clock.advance(issuerKeysMsMax - issuerKeysMs - 1);
      expect(await gateway.statusOf(await token())).toBe(200);
      gateway.clock.advance(1);
      expect(await gateway.statusOf(await token())).toBe(503);
      issuer.instead = () => undefined;
      gateway.clock.advance(issuerKeysRetryMs);
      expect(await gateway.statusOf(await token())).toBe(200);
    });
  });

  test("hold up no request for long whose key is known, when the issuer is slow", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      expect(await gateway.statusOf(await token())).toBe(200);
      issuer.instead = () => "hang";
      gateway.clock.advance(issuerKeysMs);
      const slow = gateway.statusOf(await token());
      await until("the keys to be read", () => issuer.count(keysPath) === 2);
      gateway.clock.advance(defaultLimits.issuerPatienceMs);
      expect(await slow).toBe(200);
      gateway.clock.advance(defaultLimits.issuerReadMs);
      expect(await gateway.statusOf(await token())).toBe(200);
      expect(issuer.count(keysPath)).toBe(2);
    });
  });

  test("that never arrive let no token in: 503, which says when to come back", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      issuer.instead = () => "hang";
      const first = gateway.call(await token());
      await until("the keys to be read", () => issuer.count(keysPath) === 1);
      gateway.clock.advance(defaultLimits.issuerReadMs);
      const late = await first;
      expect([late.status, late.headers.get("retry-after")]).toEqual([503, "1"]);
      issuer.instead = () => ({ status: 503 });
      const again = await gateway.call(await token());
      expect([again.status, again.headers.get("retry-after")]).toEqual([503, "5"]);
      expect(await again.json()).toEqual({
        jsonrpc: "2.0",
        error: {
          code: -32603,
          message: "The token's issuer cannot be reached",
          data: { reason: "issuer_unavailable", retryAfterMs: 5_000, outcome: "not_sent" },
        },
      });
      // Until then the issuer is left alone.
      gateway.clock.advance(issuerKeysRetryMs - 1_500);
      const third = await gateway.call(await token());
      expect([third.status, third.headers.get("retry-after")]).toEqual([503, "2"]);
      expect(issuer.count(keysPath)).toBe(2);
      issuer.instead = () => undefined;
      gateway.clock.advance(1_500);
      expect(await gateway.statusOf(await token())).toBe(200);
    });
  });

  const broken: Readonly<Record<string, JsonObject | string>> = {
    "are no JSON": "<html>",
    "are a list": [] as unknown as JsonObject,
    "have no list": { keys: {} },
    "have something else in the list": { keys: ["a"] },
    "are too many": { keys: Array.from({ length: 101 }, () => ({ kty: "EC" })) },
    "are too large": { keys: [], much: "x".repeat(300 * 1024) },
  };
  for (const [name, body] of Object.entries(broken)) {
    test(`let no token in if they ${name}`, async () => {
      await withIssuer(async ({ issuer, gateway, token }) => {
        issuer.instead = () => ({ body });
        expect(await gateway.statusOf(await token())).toBe(503);
      });
    });
  }

  test("are public: a secret in the key set signs nothing", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      const secret = { kty: "oct", kid: "secret", alg: "HS256", k: "c2VjcmV0" };
      issuer.instead = () => ({ body: { keys: [main.publicJwk, secret] } });
      expect(await gateway.statusOf(await token())).toBe(200);
      expect(await gateway.statusOf(await token(main, { kid: "secret" }))).toBe(401);
    });
  });
});

describe("H9 metadata of an issuer lets no token in", () => {
  const wrong: Readonly<Record<string, (issuer: JwtTestIssuer) => JsonObject>> = {
    "if it names another issuer": ({ jwksUrl }) => ({
      issuer: "https://other.example.com",
      jwks_uri: jwksUrl,
    }),
    "if it names the issuer with a slash": ({ issuer, jwksUrl }) => ({
      issuer: `${issuer}/`,
      jwks_uri: jwksUrl,
    }),
    "if it names no issuer": ({ jwksUrl }) => ({ jwks_uri: jwksUrl }),
    "if it names no keys": ({ issuer }) => ({ issuer }),
    "if its URL of keys has a log-in": ({ issuer, jwksUrl }) => ({
      issuer,
      jwks_uri: jwksUrl.replace("//", "//user:pass@"),
    }),
  };
  for (const [name, bodyOf] of Object.entries(wrong)) {
    test(name, async () => {
      await withIssuer(async ({ issuer, gateway, token }) => {
        issuer.instead = ({ path }) => path === metadataPath ? { body: bodyOf(issuer) } : undefined;
        expect(await gateway.statusOf(await token())).toBe(503);
        expect(issuer.count(keysPath)).toBe(0);
      }, { isNamed: false });
    });
  }
});

describe("no URL of an issuer reaches a private address that is not in the configuration:", () => {
  let sink: FaultServer;
  beforeAll(async () => {
    sink = await serveBytes(() => {});
  });
  afterAll(() => sink.close());

  /** Hosts of this machine and of its networks, as an attacker may spell them. */
  const hosts = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1.",
    "１２７.0.0.1",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00::1]",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "192.168.0.1",
    "100.100.100.200",
  ];
  const schemes = ["http", "https"];

  async function expectNothing(instead: (setup: Setup) => JwtTestIssuer["instead"]) {
    await withIssuer(async (setup) => {
      const { issuer, gateway, token } = setup;
      issuer.instead = instead(setup);
      expect(await gateway.statusOf(await token())).toBe(503);
      expect(sink.connections()).toBe(0);
      // What was allowed was the issuer's own.
      expect(gateway.allowed).toEqual(Array.from({ length: issuer.count() }, () => "127.0.0.1"));
    }, { isNamed: false });
  }

  for (const host of hosts) {
    for (const scheme of schemes) {
      test(`metadata with keys at ${scheme}://${host}`, async () => {
        await expectNothing(({ issuer: { issuer } }) => ({ path }) =>
          path === metadataPath
            ? { body: { issuer, jwks_uri: `${scheme}://${host}:${sink.port}/keys` } }
            : undefined
        );
      });
    }
  }

  for (const url of ["file:///etc/passwd", "data:application/json,{}", "ftp://127.0.0.1/", "//x"]) {
    test(`metadata with keys at ${url}`, async () => {
      await expectNothing(({ issuer: { issuer } }) => ({ path }) =>
        path === metadataPath ? { body: { issuer, jwks_uri: url } } : undefined
      );
    });
  }

  for (const status of [301, 302, 303, 307, 308]) {
    for (const from of [metadataPath, keysPath]) {
      test(`redirect with ${status} from ${from}`, async () => {
        await expectNothing(() => ({ path }) =>
          path === from
            ? { status, headers: { location: `http://127.0.0.1:${sink.port}/keys` } }
            : undefined
        );
      });
    }
  }

  test("redirect within the issuer", async () => {
    await expectNothing(() => ({ path }) => {
      if (path === "/other") return { body: { keys: [main.publicJwk] } };
      return path === keysPath ? { status: 302, headers: { location: "/other" } } : undefined;
    });
  });

  test("unless the configuration has exactly that URL", async () => {
    await withIssuer(async ({ issuer, gateway, token }) => {
      expect(await gateway.statusOf(await token())).toBe(200);
      expect(gateway.allowed).toEqual(["127.0.0.1"]);
      expect(issuer.count(keysPath)).toBe(1);
    });
  });
});

describe("the settings of external issuers", () => {
  const problemOf = async (settings: JsonObject): Promise<string> => {
    try {
      await (await createJwtGateway({ settings })).close();
      return "none";
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    }
  };
  const issuer = "https://id.example.com";
  const rows: readonly (readonly [JsonObject, string])[] = [
    [{}, "auth.jwt.issuers in mcp.json: expected a list of at least one issuer, got nothing"],
    [{ issuers: [] }, "auth.jwt.issuers in mcp.json: expected a list of at least one issuer"],
    [
      { issuer },
      'auth.jwt.issuer in mcp.json: expected no keys but issuers; did you mean "issuers"?',
    ],
    [
      { issuers: [{ isuer: issuer }] },
      "auth.jwt.issuers[0].isuer in mcp.json: expected no keys but",
    ],
    [{ issuers: [{ issuer, jwksURL: "x" }] }, 'did you mean "jwksUrl"?'],
    [{ issuers: [{ issuer, claims: { role: "x" } }] }, 'did you mean "roles"?'],
    [{ issuers: [{ issuer: "http://id.example.com" }] }, "expected an https: URL without query"],
    [{ issuers: [{ issuer: `${issuer}?a=b` }] }, "expected an https: URL without query"],
    [{ issuers: [{ issuer: `${issuer}#a` }] }, "expected an https: URL without query"],
    [{ issuers: [{ issuer: "https://a:b@id.example.com" }] }, "expected an https: URL without"],
    [{ issuers: [{ issuer, jwksUrl: "http://id.example.com" }] }, "expected an https: URL (http:"],
    [{ issuers: [{ issuer, jwksUrl: "file:///keys" }] }, "expected an https: URL (http:"],
    [{ issuers: [{ issuer, algorithms: ["HS256"] }] }, "issuers[0].algorithms[0] in mcp.json"],
    [{ issuers: [{ issuer, algorithms: ["none"] }] }, "expected a list of RS256, RS384"],
    [{ issuers: [{ issuer, algorithms: [] }] }, "expected a list of RS256, RS384"],
    [{ issuers: [{ issuer, clockSkewSeconds: 301 }] }, "expected a whole number of seconds from 0"],
    [
      { issuers: [{ issuer, types: ["oauth-id-jag+jwt"] }] },
      "without those that are not for access",
    ],
    [{ issuers: [{ issuer, types: ["application/LOGOUT+jwt"] }] }, "that are not for access"],
    [{ issuers: [{ issuer, requiredScope: 'a"b' }] }, "expected scopes separated by spaces"],
    [
      { issuers: [{ issuer, audience: 7 }] },
      "expected a string or a list of strings, got a number",
    ],
    [{ issuers: [{ issuer }, { issuer }] }, "auth.jwt.issuers[1].issuer in mcp.json: expected an"],
  ];
  for (const [settings, problem] of rows) {
    test(`are refused with a reason: ${JSON.stringify(settings)}`, async () => {
      expect(await problemOf(settings)).toContain(problem);
    });
  }

  test("are taken when they are right", async () => {
    expect(
      await problemOf({
        issuers: [{
          issuer,
          jwksUrl: "http://[::1]:9/keys",
          audience: ["a"],
          algorithms: ["EdDSA"],
          clockSkewSeconds: 0,
          claims: { id: "email", scope: ["scp"] },
          requiredScope: "a b",
          types: ["JWT"],
        }, { issuer: "http://localhost:9" }],
      }),
    ).toBe("none");
  });
});
