/**
 * Clients that authenticate by a JWT of their own key (`private_key_jwt`: RFC 7523, 2.2 and 3). The
 * keys are in the client's metadata, or at its `jwks_uri`, which is fetched as carefully as a
 * client's document. An assertion is used once.
 */
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from "jose";
import { msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { sha256Hex } from "../seal.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import type { OAuthRequest } from "./oauth_request.ts";

/** The type of a JWT as a client's authentication. */
export const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** The algorithms that clients may sign with; none of them has a shared key. */
export const assertionAlgorithms: readonly string[] = [
  "ES256",
  "ES384",
  "EdDSA",
  "Ed25519",
  "PS256",
  "RS256",
];

/** The client that an assertion speaks for, unchecked. Throws `invalid_client`. */
export function subjectOf(assertion: string): string {
  try {
    const { sub } = decodeJwt(assertion);
    if (typeof sub === "string" && sub !== "") return sub;
  } catch {
    // The same refusal as for an assertion without a subject.
  }
  throw new OAuthError("invalid_client", "Cannot read the client assertion");
}

/** Checks an assertion and notes that it was used. Throws `invalid_client`. */
export async function assertClientAssertion(
  deps: OAuthDeps,
  client: OAuthClient,
  assertion: string,
  { issuer, address }: Pick<OAuthRequest, "issuer" | "address">,
): Promise<void> {
  const keys = await keysOf(deps, client, address);
  const payload = await verify(deps, client, assertion, keys, issuer).catch(() => undefined);
  if (payload === undefined) {
    throw new OAuthError("invalid_client", "The client assertion is not valid");
  }
  await useOnce(deps, `${client.id} ${payload.jti}`, payload.exp);
}

async function keysOf(
  { readKeys }: OAuthDeps,
  client: OAuthClient,
  address: string | undefined,
): Promise<JsonObject> {
  if (client.jwks !== undefined) return client.jwks;
  const keys = client.jwksUri === undefined ? undefined : await readKeys(client.jwksUri, address);
  if (keys !== undefined) return keys;
  throw new OAuthError("invalid_client", "The client's keys are unavailable");
}

async function verify(
  { clock, limits }: OAuthDeps,
  client: OAuthClient,
  assertion: string,
  keys: JsonObject,
  issuer: string,
): Promise<{ readonly jti: string; readonly exp: number }> {
  const { payload } = await jwtVerify(
    assertion,
    createLocalJWKSet(keys as unknown as JSONWebKeySet),
    {
      issuer: client.id,
      subject: client.id,
      audience: [issuer, `${issuer}/oauth/token`],
      algorithms: [...assertionAlgorithms],
      requiredClaims: ["exp", "jti"],
      clockTolerance: limits.assertionSkewMs / msPerSecond,
      currentDate: new Date(clock.wall()),
    },
  );
  const { jti, exp } = payload;
  if (typeof jti !== "string" || exp === undefined) throw new Error("A claim is missing");
  const latest = (clock.wall() + limits.assertionMsMax) / msPerSecond;
  if (exp > latest) throw new Error("It is valid for too long");
  return { jti, exp };
}

/** Notes that an assertion was used. Throws `invalid_client` if it was used before. */
export async function useOnce(
  { store, limits }: Pick<OAuthDeps, "store" | "limits">,
  name: string,
  exp: number,
): Promise<void> {
  const digest = await sha256Hex(`assertion ${name}`);
  const expiresAt = exp * msPerSecond + limits.assertionSkewMs;
  const row = { digest, grantId: "", kind: "assertion" as const, body: {}, expiresAt };
  const isFirst = await store.commit({ expect: { digest, row: undefined }, tokens: [row] });
  if (!isFirst) throw new OAuthError("invalid_client", "The assertion was used before");
}
