/**
 * Tokens bound to a key (DPoP, RFC 9449): keys as they are made and stored, proofs for single
 * requests, and the nonces that servers demand in them. A key belongs to one grant and is stored
 * sealed next to its token. Not here: who sends proofs (outgoing/request_proof.ts,
 * token_grant.ts).
 */
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import * as v from "valibot";
import { bytesToBase64url } from "../bytes_text.ts";
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { isNonceChallenge, type RequestProof } from "../outgoing/request_proof.ts";

/** The algorithm of every proof; each authorization server with DPoP is expected to know it. */
const proofAlgorithm = "ES256";

/** Why an authorization server (RFC 8414) takes no proofs of the gateway (section 5.1). */
export function proofProblem(metadata: JsonObject | undefined, key: string): string | undefined {
  const algorithms = metadata?.["dpop_signing_alg_values_supported"];
  return Array.isArray(algorithms) && !algorithms.includes(proofAlgorithm)
    ? `accepts no ${proofAlgorithm} for proofs; remove ${key}`
    : undefined;
}

const coordinate = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/));

/** A stored private key: an EC key on P-256 (RFC 7518, section 6.2). */
export const proofJwkSchema = v.object({
  kty: v.literal("EC"),
  crv: v.literal("P-256"),
  x: coordinate,
  y: coordinate,
  d: coordinate,
});

/** A private key as it is stored. */
export type ProofJwk = v.InferOutput<typeof proofJwkSchema>;

/** A key that makes proofs. */
export interface ProofKey {
  /** Its secret form, for sealed storage only. */
  readonly jwk: ProofJwk;
  readonly sign: (claims: Readonly<Record<string, string | number>>) => Promise<string>;
}

/** What a proof is for. */
export interface ProvenRequest {
  readonly method: string;
  /** Query and fragment are left out of the proof (section 4.2). */
  readonly url: string;
  /** The access token that is sent along; absent: a token request. */
  readonly token?: string | undefined;
  readonly nonce?: string | undefined;
}

/** Makes the key of a new grant. */
export async function createProofKey(): Promise<ProofKey> {
  const { privateKey } = await generateKeyPair(proofAlgorithm, { extractable: true });
  return await importProofKey(v.parse(proofJwkSchema, await exportJWK(privateKey)));
}

/** The key that was stored; undefined if it is no such key. */
export async function readProofKey(stored: unknown): Promise<ProofKey | undefined> {
  const parsed = v.safeParse(proofJwkSchema, stored);
  if (!parsed.success) return undefined;
  // Coordinates that are no point on the curve make no key.
  return await importProofKey(parsed.output).catch(() => undefined);
}

async function importProofKey(jwk: ProofJwk): Promise<ProofKey> {
  const key = await importJWK(jwk as JWK, proofAlgorithm);
  const { d: _secret, ...published } = jwk;
  const header = { typ: "dpop+jwt", alg: proofAlgorithm, jwk: published };
  return { jwk, sign: (claims) => new SignJWT({ ...claims }).setProtectedHeader(header).sign(key) };
}

/** Makes the proof of one request (section 4.2). */
export async function makeProof(
  key: ProofKey,
  { method, url, token, nonce }: ProvenRequest,
  clock: Pick<Clock, "wall">,
): Promise<string> {
  const { origin, pathname } = new URL(url);
  return await key.sign({
    jti: crypto.randomUUID(),
    htm: method,
    htu: `${origin}${pathname}`,
    iat: Math.floor(clock.wall() / msPerSecond),
    ...(token === undefined ? {} : { ath: await hashOf(token) }),
    ...(nonce === undefined ? {} : { nonce }),
  });
}

/** The latest nonces of servers, by origin; the oldest gives way. */
export interface Nonces {
  get(url: string): string | undefined;
  /** Remembers the nonce of an answer; false if it has none, or one that is not valid. */
  learn(url: string, headers: Headers): boolean;
}

/** The characters of a nonce (section 8.1). */
const nonceForm = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * Makes an empty memory. Nonces of authorization servers and of resource servers are different ones
 * (section 9), so each role has a memory of its own.
 */
export function createNonces(
  { dpopNonceCharsMax, dpopNoncesMax }: Pick<Limits, "dpopNonceCharsMax" | "dpopNoncesMax">,
): Nonces {
  const byOrigin = new Map<string, string>();
  return {
    get: (url) => byOrigin.get(new URL(url).origin),
    learn(url, headers) {
      const nonce = headers.get("dpop-nonce") ?? "";
      if (nonce.length > dpopNonceCharsMax || !nonceForm.test(nonce)) return false;
      putWithin(byOrigin, new URL(url).origin, nonce, dpopNoncesMax);
      return true;
    },
  };
}

/** Proves the requests that a token is sent with. */
export function createRequestProof(
  key: ProofKey,
  token: string,
  nonces: Nonces,
  clock: Pick<Clock, "wall">,
): RequestProof {
  return {
    headers: async (method, url) => ({
      dpop: await makeProof(key, { method, url, token, nonce: nonces.get(url) }, clock),
    }),
    learn: (url, answer) => nonces.learn(url, answer.headers) && isNonceChallenge(answer),
  };
}

/** `ath` (section 4.2): the hash of an access token, which is ASCII. */
async function hashOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return bytesToBase64url(new Uint8Array(digest));
}
