/** Grants whose tokens are bound to a key (DPoP, RFC 9449), with nonces of both servers. */
import { describe, expect, test } from "bun:test";
import { createGrantSender } from "../../support/grant_sender.ts";
import { startGrantGateway, tokenOf } from "../../support/grant_gateway.ts";
import { hashOfToken, readProof } from "../../support/token_kinds.ts";

const nonces = { issuer: "of-issuer", server: "of-server" };
const oauth = { dpop: true };

describe("a grant that is bound to a key", () => {
  test("is requested, sent and refreshed with proofs of the same key", async () => {
    const gateway = await startGrantGateway({ knobs: { nonces }, oauth });
    const { far, clock, get, logIn, secrets, store } = gateway;
    await logIn("user:ada");
    const send = await createGrantSender(gateway);
    const first = await send("user:ada");
    expect(first).toMatchObject({ status: 200, sent: 2 });
    clock.advance(3_600_000);
    expect(await send("user:ada")).toMatchObject({ status: 200 });
    const asked = await Promise.all(far.at("/token").map(({ proof }) => readProof(proof)));
    expect(asked.map(({ nonce }) => nonce))
      .toEqual([undefined, "of-issuer", undefined, "of-issuer"]);
    const shown = await Promise.all(first.proofs.map(readProof));
    expect(shown.map(({ nonce }) => nonce)).toEqual([undefined, "of-server"]);
    expect(new Set([...asked, ...shown].map(({ thumbprint }) => thumbprint)).size).toBe(1);
    expect(new Set([...asked, ...shown].map(({ jti }) => jti)).size).toBe(6);
    expect(shown[0]?.ath).toBe(hashOfToken(first.token));
    const credential = await get("user:ada");
    expect(JSON.stringify(credential)).toContain("DPoP access-");
    // The key is stored with the grant, and hidden from the log.
    const [stored] = await store.find("far", "user:ada");
    const grant = stored?.grant;
    const key = typeof grant === "object" ? grant.proofKey?.["d"] : undefined;
    expect(typeof key).toBe("string");
    expect(secrets).toContain(String(key));
    await gateway.close();
  });

  test("of two principals are bound to two keys", async () => {
    const gateway = await startGrantGateway({ knobs: { nonces }, oauth });
    for (const principal of ["user:ada", "user:bob"]) await gateway.logIn(principal);
    const proofs = await Promise.all(gateway.far.at("/token").map(({ proof }) => readProof(proof)));
    expect(new Set(proofs.map(({ thumbprint }) => thumbprint)).size).toBe(2);
    await gateway.close();
  });

  test("is not taken from an issuer that does not bind it", async () => {
    const gateway = await startGrantGateway({ oauth });
    await expect(gateway.logIn("user:ada")).rejects.toThrow("not bound to the gateway's key");
    expect(tokenOf(await gateway.get("user:ada"))).toBeUndefined();
    await gateway.close();
  });

  test("is not requested where the metadata names other algorithms only", async () => {
    const metadata = { dpop_signing_alg_values_supported: ["RS256"] };
    const gateway = await startGrantGateway({ knobs: { metadata }, oauth });
    await expect(gateway.logIn("user:ada")).rejects.toThrow("accepts no ES256 for proofs");
    expect(gateway.far.at("/register")).toEqual([]);
    await gateway.close();
  });
});
