/**
 * The grant `jwt-bearer` for identity assertions (ID-JAG, `typ` `oauth-id-jag+jwt`; RFC 7523, 2.1):
 * an enterprise's identity provider vouches for a user to this gateway, so no person logs in here.
 * Only issuers of the settings are accepted. An assertion is used once.
 */
import { decodeJwt, type JWTPayload } from "jose";
import { userPrincipal } from "../principals.ts";
import { type AssertionClaims, useOnce, verifyAssertion } from "./assertions.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { TokenAnswer } from "./issued_tokens.ts";
import { issueAlone } from "./machine_grant.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import { narrowSurface, type OAuthParams, type OAuthRequest } from "./oauth_request.ts";
import type { GrantBody } from "./oauth_rows.ts";
import type { AssertionIssuer } from "./oauth_settings.ts";
import { narrowScopes, toRequestedScopes } from "./scopes.ts";

const assertionTyp = "oauth-id-jag+jwt";

const invalid = (why: string) => new OAuthError("invalid_grant", why);

/** Exchanges an assertion for a token. Throws an OAuthError. */
export async function exchangeAssertion(
  deps: OAuthDeps,
  client: OAuthClient,
  params: OAuthParams,
  request: OAuthRequest,
): Promise<TokenAnswer> {
  const { assertionIssuers } = deps.settings;
  if (assertionIssuers.length === 0) {
    throw new OAuthError("unsupported_grant_type", "Identity assertions are not accepted here");
  }
  const { assertion } = params;
  if (assertion === undefined) throw new OAuthError("invalid_request", "assertion is missing");
  const provider = assertionIssuers.find(({ issuer }) => issuer === issuerOf(assertion));
  if (provider === undefined) throw invalid("The issuer of the assertion is not accepted");
  const claims = await verify(deps, provider, assertion, request.issuer);
  // The assertion names the client that it was issued to (ID-JAG, 3.1).
  if (claims["client_id"] !== client.id) throw invalid("The assertion is another client's");
  const name = claims[provider.nameClaim];
  if (typeof name !== "string" || name === "") throw invalid("The assertion names no user");
  const surface = surfaceOf(claims, request);
  const granted = toRequestedScopes(scopeOf(claims));
  const scopes = narrowScopes(granted, params["scope"]);
  if (!await useOnce(deps, provider.issuer, claims)) {
    throw invalid("The assertion was used before");
  }
  const body: GrantBody = {
    kind: "external",
    name,
    roles: [],
    groups: [],
    scopes: granted,
    surface,
  };
  const answer = await issueAlone(deps, client, body, { scopes, surface });
  const principal = userPrincipal(name);
  deps.emit({ type: "oauth_step", step: "assertion_token", client: client.id, principal, surface });
  return answer;
}

function issuerOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).iss;
  } catch {
    throw invalid("Cannot read the assertion");
  }
}

async function verify(
  deps: OAuthDeps,
  { issuer, jwksUri }: AssertionIssuer,
  assertion: string,
  audience: string,
): Promise<AssertionClaims> {
  const keys = await deps.readKeys(jwksUri);
  if (keys === undefined) {
    throw new OAuthError("temporarily_unavailable", "The issuer's keys are unavailable");
  }
  const claims = await verifyAssertion(deps, assertion, keys, {
    issuer,
    audience: [audience],
    typ: assertionTyp,
    claims: ["sub", "client_id"],
  });
  if (claims === undefined) throw invalid("The assertion is not valid");
  return claims;
}

/** The surface of the assertion's `resource`, which the request may not leave. */
function surfaceOf(payload: JWTPayload, request: OAuthRequest): string | undefined {
  const { resource } = payload;
  if (resource === undefined) return narrowSurface(undefined, request);
  const target = typeof resource === "string" ? request.resolveResource(resource) : undefined;
  if (target !== undefined) return narrowSurface(target.surface, request);
  throw new OAuthError("invalid_target", "The assertion is for another resource");
}

function scopeOf({ scope }: JWTPayload): string | undefined {
  return typeof scope === "string" ? scope : undefined;
}
