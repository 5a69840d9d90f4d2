/**
 * Clients that authenticate by a JWT of their own key (`private_key_jwt`: RFC 7523, 2.2 and 3). The
 * keys are in the client's metadata, or at its `jwks_uri`, which is fetched as carefully as a
 * client's document.
 */
import { decodeJwt } from "jose";
import type { JsonObject } from "../model.ts";
import { useOnce, verifyAssertion } from "./assertions.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import type { OAuthRequest } from "./oauth_request.ts";

/** The type of a JWT as a client's authentication. */
export const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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
  { issuer, tokenEndpoint, address }: Pick<OAuthRequest, "issuer" | "tokenEndpoint" | "address">,
): Promise<void> {
  const { id } = client;
  const claims = await verifyAssertion(deps, assertion, await keysOf(deps, client, address), {
    issuer: id,
    subject: id,
    audience: [issuer, tokenEndpoint],
  });
  if (claims === undefined) {
    throw new OAuthError("invalid_client", "The client assertion is not valid");
  }
  if (await useOnce(deps, id, claims)) return;
  throw new OAuthError("invalid_client", "The assertion was used before");
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
