/**
 * Tokens that are bound to a key of the gateway (DPoP, RFC 9449): the proofs of token requests and
 * of calls, the nonces that servers demand, and what a server cannot cause by them.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { OAuth2Config } from "../../../src/config/config.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestCredentialStore, never, useOf } from "../../support/credentials.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";
import { createTestCaller } from "../../support/http_caller.ts";
import {
  serveTokens,
  type TokenReply,
  tokenReply,
  type TokenRequest,
  type TokenServer,
} from "../../support/token_server.ts";
import { hashOfToken, openKind, readProof } from "../../support/token_kinds.ts";

const runtime = await createTestRuntime();
const servers: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const bound = (token: string, more: object = {}): TokenReply =>
  tokenReply(token, { token_type: "DPoP", expires_in: 600, ...more });
const fine = (): TokenReply => ({ body: {} });
const demand = (nonce: string): TokenReply => ({
  status: 401,
  headers: { "www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": nonce },
});
const proofOf = (request: TokenRequest | undefined) => readProof(request?.headers["dpop"]);

interface Given {
  readonly issue?: TokenServer["reply"];
  readonly serve?: TokenServer["reply"];
  readonly config?: Partial<OAuth2Config>;
}

async function start(reply: TokenServer["reply"]): Promise<TokenServer> {
  const server = await serveTokens(reply);
  servers.push(server);
  return server;
}

async function open(
  { issue = ({ count }) => bound(`token-${count}`), serve = fine, config }: Given,
) {
  const issuer = await start(issue);
  const server = await start(serve);
  const store = createTestCredentialStore();
  const clock = createTestClock();
  const credentials: OAuth2Config = {
    type: "oauth2",
    grant: "client_credentials",
    clientAuthentication: "basic",
    tokenUrl: `${issuer.tokenUrl}?tenant=1`,
    clientId: "me",
    clientSecret: "client-secret",
    dpop: true,
    ...config,
  };
  const make = () => openKind({ credentials, clock, store });
  const kind = make();
  const caller = createTestCaller({
    runtime,
    url: `${server.origin}/mcp`,
    authorization: kind.authorization,
  });
  return { issuer, server, store, clock, make, caller, ...kind };
}

describe("a token that is bound to a key", () => {
  test("is requested and sent with proofs of the same key", async () => {
    const { issuer, server, clock, caller } = await open({});
    const answer = await caller.post({ url: `${server.origin}/mcp?key=a#b` });
    expect(answer.status).toBe(200);
    const asked = await proofOf(issuer.requests[0]);
    expect(asked).toMatchObject({
      htm: "POST",
      htu: issuer.tokenUrl,
      iat: Math.floor(clock.wall() / 1000),
      ath: undefined,
      nonce: undefined,
    });
    const [request] = server.requests;
    expect(request?.headers["authorization"]).toBe("DPoP token-1");
    expect(await proofOf(request)).toEqual({
      ...asked,
      jti: expect.any(String),
      htu: `${server.origin}/mcp`,
      ath: hashOfToken("token-1"),
    });
  });

  test("is sent with a new proof each time, also in retries and after redirects", async () => {
    const { server, caller, issuer } = await open({
      serve: ({ count, path }) => {
        if (count === 1) return { status: 503 };
        return path === "/mcp" ? { status: 307, headers: { location: "/moved" } } : fine();
      },
    });
    expect((await caller.get()).status).toBe(200);
    const proofs = await Promise.all(server.requests.map(proofOf));
    expect(proofs.map(({ htu }) => htu)).toEqual([
      `${server.origin}/mcp`,
      `${server.origin}/mcp`,
      `${server.origin}/moved`,
    ]);
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(3);
    expect(issuer.requests.length).toBe(1);
  });

  test("goes with its proof to no other origin", async () => {
    const other = await start(fine);
    const { server, caller } = await open({
      serve: () => ({ status: 307, headers: { location: `${other.origin}/elsewhere` } }),
    });
    await caller.get().catch(() => {});
    expect(server.requests.length).toBe(1);
    expect(JSON.stringify(other.requests)).not.toMatch(/dpop|token-1/i);
  });

  test("keeps its key across restarts and refreshes; the key is hidden from the log", async () => {
    const { issuer, store, clock, make, sent, deps } = await open({
      config: { grant: "refresh_token", refreshToken: "refresh-0" },
      issue: ({ count }) => bound(`token-${count}`, { refresh_token: `refresh-${count}` }),
    });
    expect(await sent()).toBe("DPoP token-1");
    const { proofKey } = store.saved[0] as { proofKey: { d: string } };
    expect(deps.hidden.has(proofKey.d)).toBe(true);
    const again = make();
    expect(await again.sent()).toBe("DPoP token-1");
    const headers = await (await again.context()).proof?.headers("GET", "https://mcp.test/a");
    clock.advance(600_000);
    expect(await again.sent()).toBe("DPoP token-2");
    const proofs = await Promise.all([
      ...issuer.requests.map(proofOf),
      readProof(headers?.["dpop"]),
    ]);
    expect(proofs.length).toBe(3);
    expect(new Set(proofs.map(({ thumbprint }) => thumbprint)).size).toBe(1);
  });

  test("has a key of its own", async () => {
    const thumbprints = await Promise.all([1, 2].map(async () => {
      const { issuer, sent } = await open({});
      await sent();
      return (await proofOf(issuer.requests[0])).thumbprint;
    }));
    expect(new Set(thumbprints).size).toBe(2);
  });

  test("is renewed when the server refuses it", async () => {
    const { issuer, server, caller } = await open({
      serve: ({ headers }) =>
        headers["authorization"] === "DPoP token-1"
          ? {
            status: 401,
            headers: { "www-authenticate": 'DPoP error="invalid_token"', "dpop-nonce": "n" },
          }
          : fine(),
    });
    expect((await caller.get()).status).toBe(200);
    expect(issuer.requests.length).toBe(2);
    expect(server.requests.length).toBe(2);
  });

  test("is not accepted without the binding, and says so", async () => {
    const { problem } = await open({ issue: () => tokenReply("hunter2") });
    const told = await problem();
    expect(told).toContain("issues a token that is not bound to the gateway's key; remove");
    expect(told).not.toContain("hunter2");
    const plain = await open({ config: { dpop: undefined } });
    expect(await plain.problem()).toContain("bound to a key; set credentials.dpop to true");
  });

  test("is not requested where the metadata names other algorithms only", async () => {
    const issuer: TokenServer = await start(() => ({
      body: {
        issuer: issuer.origin,
        token_endpoint: issuer.tokenUrl,
        dpop_signing_alg_values_supported: ["RS256"],
      },
    }));
    const { problem } = await open({ config: { tokenUrl: undefined, issuer: issuer.origin } });
    expect(await problem()).toContain("accepts no ES256 for proofs; remove credentials.dpop");
    expect(issuer.requests.map(({ method }) => method)).toEqual(["GET"]);
  });

  test("H13 200 calls cause one token request, and each has its own proof", async () => {
    const { issuer, server, caller } = await open({});
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => caller.post({ timeoutMs: 600_000 })),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(issuer.requests.length).toBe(1);
    const proofs = await Promise.all(server.requests.map(proofOf));
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(200);
  });
});

describe("a nonce", () => {
  test("that the authorization server demands is in the second request, and in later ones", async () => {
    const { issuer, sent, clock } = await open({
      issue: ({ count }) =>
        count === 1
          ? {
            status: 400,
            body: { error: "use_dpop_nonce" },
            headers: { "dpop-nonce": "of-issuer" },
          }
          : bound(`token-${count}`),
    });
    expect(await sent()).toBe("DPoP token-2");
    clock.advance(600_000);
    expect(await sent()).toBe("DPoP token-3");
    const proofs = await Promise.all(issuer.requests.map(proofOf));
    expect(proofs.map(({ nonce }) => nonce)).toEqual([undefined, "of-issuer", "of-issuer"]);
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(3);
  });

  test("that the server demands is in the second request, and in later ones", async () => {
    const { issuer, server, caller } = await open({
      serve: ({ count }) => count === 1 ? demand("of-server") : fine(),
    });
    // A refused request took no effect, so a message that must not be repeated is sent again, too.
    expect((await caller.post()).status).toBe(200);
    expect((await caller.post()).status).toBe(200);
    const proofs = await Promise.all(server.requests.map(proofOf));
    expect(proofs.map(({ nonce }) => nonce)).toEqual([undefined, "of-server", "of-server"]);
    expect(server.requests.every(({ body }) => body === "{}")).toBe(true);
    // The token is good: no other one is requested.
    expect(issuer.requests.length).toBe(1);
    expect((await proofOf(issuer.requests[0])).nonce).toBeUndefined();
  });

  test("that comes with a good answer is in the next request", async () => {
    const { server, caller } = await open({
      serve: ({ count }) => ({ body: {}, headers: { "dpop-nonce": `n${count}` } }),
    });
    for (const _ of [1, 2, 3]) await caller.get();
    const proofs = await Promise.all(server.requests.map(proofOf));
    expect(proofs.map(({ nonce }) => nonce)).toEqual([undefined, "n1", "n2"]);
  });

  test("that changes with each request is tried once more, and renews no token", async () => {
    const { issuer, server, caller } = await open({
      serve: ({ count }) => demand(`nonce-${count}`),
    });
    expect((await caller.get()).status).toBe(401);
    expect(server.requests.length).toBe(2);
    expect((await caller.get()).status).toBe(401);
    expect(server.requests.length).toBe(4);
    expect(issuer.requests.length).toBe(1);
  });

  test("that the authorization server changes with each request is tried once more", async () => {
    const { issuer, problem } = await open({
      issue: ({ count }) => ({
        status: 400,
        body: { error: "use_dpop_nonce" },
        headers: { "dpop-nonce": `nonce-${count}` },
      }),
    });
    expect(await problem()).toContain("refuses to issue a token (use_dpop_nonce)");
    expect(issuer.requests.length).toBe(2);
  });

  for (
    const [what, nonce] of [
      ["of 10 KB", "n".repeat(10_240)],
      ["with a quote", 'a"b'],
      ["of two words", "a b"],
      ["that is empty", ""],
    ] as const
  ) {
    test(`${what} is not sent`, async () => {
      const { server, issuer, caller } = await open({ serve: () => demand(nonce) });
      expect((await caller.get()).status).toBe(401);
      expect(server.requests.length).toBe(1);
      expect(issuer.requests.length).toBe(1);
    });
  }

  test("that is demanded of a token without a key causes no second request", async () => {
    const { server, caller } = await open({
      config: { dpop: undefined },
      issue: () => tokenReply("token"),
      serve: () => demand("nonce"),
    });
    expect((await caller.get()).status).toBe(401);
    expect(server.requests.length).toBe(1);
    expect(server.requests[0]?.headers["dpop"]).toBeUndefined();
  });

  test("is kept of a bounded number of servers", async () => {
    const { context, authorization, deps } = await open({});
    const { proof } = await context();
    const max = deps.limits.dpopNoncesMax;
    const urlOf = (index: number) => `https://s${index}.test/mcp`;
    for (let index = 0; index <= max; index += 1) {
      const headers = new Headers({ "dpop-nonce": `n${index}` });
      proof?.learn(urlOf(index), { status: 200, headers });
    }
    const nonceFor = async (index: number) =>
      (await readProof((await proof?.headers("GET", urlOf(index)))?.["dpop"])).nonce;
    expect([await nonceFor(0), await nonceFor(1), await nonceFor(max)])
      .toEqual([undefined, "n1", `n${max}`]);
    expect((await authorization.get(useOf(), never)).state).toBe("ready");
  });
});
