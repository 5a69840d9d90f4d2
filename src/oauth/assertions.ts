/**
 * Signed assertions (RFC 7523): a client's own, and an identity provider's about a user. Signature,
 * audience and times are checked, and each assertion is used once. Not here: who may sign.
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { sha256Hex } from "../seal.ts";
import type { OAuthDeps } from "./oauth_deps.ts";

/** The algorithms that assertions may be signed with; none of them has a shared key. */
export const assertionAlgorithms: readonly string[] = [
  "ES256",
  "ES384",
  "EdDSA",
  "Ed25519",
  "PS256",
  "RS256",
];

/** What an assertion must say. */
export interface ExpectedAssertion {
  readonly issuer: string;
  readonly subject?: string;
  /** One of these. */
  readonly audience: readonly string[];
  readonly typ?: string;
  /** Claims that it must have, next to `exp` and `jti`. */
  readonly claims?: readonly string[];
}

/** The claims of a valid assertion. */
export interface AssertionClaims extends JWTPayload {
  readonly jti: string;
  readonly exp: number;
}

/** The claims of an assertion that one of these keys signed; undefined if it is not valid. */
export async function verifyAssertion(
  { clock, limits }: Pick<OAuthDeps, "clock" | "limits">,
  assertion: string,
  keys: JsonObject,
  { claims = [], audience, ...expected }: ExpectedAssertion,
): Promise<AssertionClaims | undefined> {
  const keySet = createLocalJWKSet(keys as unknown as JSONWebKeySet);
  const verified = await jwtVerify(assertion, keySet, {
    ...expected,
    audience: [...audience],
    algorithms: [...assertionAlgorithms],
    requiredClaims: ["exp", "jti", ...claims],
    clockTolerance: limits.assertionSkewMs / msPerSecond,
    currentDate: new Date(clock.wall()),
  }).catch(() => undefined);
  const { jti, exp } = verified?.payload ?? {};
  if (verified === undefined || typeof jti !== "string" || exp === undefined) return undefined;
  const latest = (clock.wall() + limits.assertionMsMax) / msPerSecond;
  return exp > latest ? undefined : { ...verified.payload, jti, exp };
}

/** Notes that the assertion of an issuer was used; false if it was used before. */
export async function useOnce(
  { store, limits }: Pick<OAuthDeps, "store" | "limits">,
  issuer: string,
  { jti, exp }: AssertionClaims,
): Promise<boolean> {
  const digest = await sha256Hex(`assertion ${issuer} ${jti}`);
  const expiresAt = exp * msPerSecond + limits.assertionSkewMs;
  const row = { digest, grantId: "", kind: "assertion" as const, body: {}, expiresAt };
  return await store.commit({ expect: { digest, row: undefined }, tokens: [row] });
}
