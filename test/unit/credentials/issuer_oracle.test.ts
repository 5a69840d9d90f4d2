/**
 * The gateway as a client of an authorization server of another project (`oidc-provider`): assertions
 * of its key, tokens that are bound to a key, and nonces, as that server checks them.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { exportJWK, generateKeyPair } from "jose";
import type { OAuth2Config } from "../../../src/config/config.ts";
import { systemClock } from "../../../src/clock.ts";
import { openMachineOracle } from "../../support/machine_oracle.ts";
import { hashOfToken, openKind, readProof } from "../../support/token_kinds.ts";

const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
const oracle = await openMachineOracle({ ...await exportJWK(publicKey), kid: "k", alg: "ES256" });
afterAll(() => oracle.close());

const config: OAuth2Config = {
  type: "oauth2",
  grant: "client_credentials",
  clientAuthentication: "private_key_jwt",
  issuer: oracle.issuer,
  clientId: oracle.clientId,
  privateKey: JSON.stringify({ ...await exportJWK(privateKey), kid: "k", alg: "ES256" }),
  scope: "mcp",
};

describe("another project's authorization server", () => {
  test("accepts the gateway's assertion", async () => {
    const { sent } = openKind({ credentials: config, clock: systemClock });
    expect(await sent()).toMatch(/^Bearer ./);
  });

  test("refuses the assertion of another key", async () => {
    const other = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...await exportJWK(other.privateKey), kid: "k" };
    const { problem } = openKind({
      credentials: { ...config, privateKey: JSON.stringify(jwk) },
      clock: systemClock,
    });
    expect(await problem()).toContain("refuses to issue a token (invalid_client)");
  });

  test("demands a nonce and binds the token to the gateway's key", async () => {
    const { context } = openKind({ credentials: { ...config, dpop: true }, clock: systemClock });
    const { headers, proof } = await context();
    const token = headers["authorization"]?.replace("DPoP ", "") ?? "";
    const shown = await proof?.headers("POST", "https://mcp.test/mcp");
    const { thumbprint, ath } = await readProof(shown?.["dpop"]);
    expect(ath).toBe(hashOfToken(token));
    expect(await oracle.boundTo(token)).toBe(thumbprint);
    expect(oracle.nonceDemands()).toBe(1);
  });
});
