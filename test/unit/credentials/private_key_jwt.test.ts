/** Clients that authenticate by assertions of their own key (RFC 7523), against real servers. */
import { afterEach, describe, expect, test } from "bun:test";
import { exportJWK, exportPKCS8, generateKeyPair, jwtVerify } from "jose";
import type { OAuth2Config } from "../../../src/config/config.ts";
import { createTestClock } from "../../support/clock.ts";
import { serveTokens, tokenReply, type TokenServer } from "../../support/token_server.ts";
import { openKind } from "../../support/token_kinds.ts";

const servers: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function open(
  config: Partial<OAuth2Config>,
  reply: TokenServer["reply"] = ({ count }) => tokenReply(`token-${count}`, { expires_in: 60 }),
  files = new Map<string, string | undefined>(),
) {
  const tokens = await serveTokens(reply);
  servers.push(tokens);
  const clock = createTestClock();
  const credentials: OAuth2Config = {
    type: "oauth2",
    grant: "client_credentials",
    clientAuthentication: "private_key_jwt",
    clientId: "me",
    tokenUrl: tokens.tokenUrl,
    ...config,
  };
  return { tokens, clock, ...openKind({ credentials, clock, files }) };
}

const makeKeys = (algorithm: string) => generateKeyPair(algorithm, { extractable: true });

describe("a client with a private key", () => {
  for (const algorithm of ["ES256", "ES384", "EdDSA", "PS256", "RS256"] as const) {
    test(`signs an assertion by ${algorithm} for each token request`, async () => {
      const { publicKey, privateKey } = await makeKeys(algorithm);
      const pem = await exportPKCS8(privateKey);
      const { tokens, clock, sent, deps } = await open({ privateKey: pem, algorithm, keyId: "k1" });
      expect(await sent()).toBe("Bearer token-1");
      clock.advance(60_000);
      expect(await sent()).toBe("Bearer token-2");
      const seen = new Set<unknown>();
      for (const { form, headers } of tokens.requests) {
        expect(headers["authorization"]).toBeUndefined();
        const { client_assertion: assertion = "", ...others } = form;
        expect(others).toEqual({
          grant_type: "client_credentials",
          client_id: "me",
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        });
        const { payload, protectedHeader } = await jwtVerify(assertion, publicKey, {
          issuer: "me",
          subject: "me",
          audience: tokens.tokenUrl,
          currentDate: new Date(clock.wall()),
          clockTolerance: 120,
        });
        expect(protectedHeader).toEqual({ alg: algorithm, kid: "k1" });
        expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(120);
        expect(deps.hidden.has(assertion)).toBe(true);
        seen.add(payload.jti);
      }
      expect(seen.size).toBe(2);
    });
  }

  test("names the issuer as its audience when the issuer is known", async () => {
    const { publicKey, privateKey } = await makeKeys("ES256");
    const jwk = { ...await exportJWK(privateKey), kid: "mine", alg: "ES256" };
    const opened = await open({
      privateKey: JSON.stringify(jwk),
      tokenUrl: undefined,
      issuer: "http://127.0.0.1:9",
    });
    const { tokens, clock } = opened;
    tokens.reply = ({ method }) =>
      method === "GET"
        ? { body: { issuer: tokens.origin, token_endpoint: `${tokens.origin}/t` } }
        : tokenReply("token-1");
    const { sent } = openKind({
      credentials: {
        type: "oauth2",
        grant: "client_credentials",
        clientAuthentication: "private_key_jwt",
        clientId: "me",
        issuer: tokens.origin,
        privateKey: JSON.stringify(jwk),
      },
      clock,
    });
    expect(await sent()).toBe("Bearer token-1");
    const assertion = tokens.requests.at(-1)?.form["client_assertion"] ?? "";
    const { protectedHeader } = await jwtVerify(assertion, publicKey, {
      audience: tokens.origin,
      currentDate: new Date(clock.wall()),
    });
    expect(protectedHeader.kid).toBe("mine");
  });

  test("reads its key from a file, and again when the file changes", async () => {
    const keys = [await makeKeys("ES256"), await makeKeys("ES256")];
    const files = new Map<string, string | undefined>();
    const { tokens, clock, sent } = await open({ privateKey: { file: "/k" } }, undefined, files);
    for (const { publicKey, privateKey } of keys) {
      files.set("/k", `${await exportPKCS8(privateKey)}\n`);
      await sent();
      await jwtVerify(tokens.requests.at(-1)?.form["client_assertion"] ?? "", publicKey, {
        currentDate: new Date(clock.wall()),
      });
      clock.advance(60_000);
    }
    expect(tokens.requests.length).toBe(2);
  });

  test("takes a key of one line, as variables have it", async () => {
    const { privateKey } = await makeKeys("ES256");
    const pem = (await exportPKCS8(privateKey)).replaceAll("\n", "\\n");
    const { sent } = await open({ privateKey: pem });
    expect(await sent()).toBe("Bearer token-1");
  });

  test("that is wrong sends nothing, and the reason does not show the key", async () => {
    const { publicKey, privateKey } = await makeKeys("RS256");
    const pem = await exportPKCS8(privateKey);
    const wrong: Partial<OAuth2Config>[] = [
      { privateKey: pem, algorithm: "ES256" },
      { privateKey: "hunter2" },
      { privateKey: "{hunter2" },
      { privateKey: JSON.stringify({ kty: "oct", k: "aHVudGVyMg", d: "hunter2" }) },
      { privateKey: JSON.stringify(await exportJWK(publicKey)), algorithm: "RS256" },
      { privateKey: pem.replace("PRIVATE", "EC PRIVATE") },
    ];
    for (const config of wrong) {
      const { tokens, problem, deps } = await open(config);
      const told = await problem();
      expect(told).toContain("has no credentials: credentials.privateKey is not a private key for");
      for (const secret of ["hunter2", "aHVudGVyMg", pem.slice(40, 80)]) {
        expect(told).not.toContain(secret);
        expect(JSON.stringify(deps.records)).not.toContain(secret);
      }
      expect(tokens.requests.length).toBe(0);
    }
  });

  test("learns how far the clocks are apart when its assertion is refused", async () => {
    const { privateKey } = await makeKeys("ES256");
    const pem = await exportPKCS8(privateKey);
    const refuse = (date: string): TokenServer["reply"] => () => ({
      status: 401,
      body: { error: "invalid_client" },
      headers: { date },
    });
    const now = createTestClock().wall();
    const shown = (aheadMs: number) => new Date(now - aheadMs).toUTCString();
    const told = async (aheadMs: number) =>
      await (await open({ privateKey: pem }, refuse(shown(aheadMs)))).problem();
    expect(await told(300_000)).toContain("clock is 300 seconds ahead of its clock");
    expect(await told(-400_000)).toContain("clock is 400 seconds behind its clock");
    expect(await told(2_000)).not.toContain("clock");
  });
});
