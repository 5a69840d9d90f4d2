/**
 * The grant `jwt-bearer` for identity assertions (ID-JAG, `typ` `oauth-id-jag+jwt`; RFC 7523, 2.1):
 * an enterprise's identity provider vouches for a user to this gateway, so no person logs in here.
 * Only issuers of the settings are accepted. An assertion is used once.
 */
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { msPerSecond } from "../limits.ts";
import { assertionAlgorithms, useOnce } from "./client_assertion.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { TokenAnswer } from "./issued_tokens.ts";
import { issueAlone } from "./machine_grant.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import { narrowSurface, type OAuthParams, type OAuthRequest } from "./oauth_request.ts";
import type { GrantBody } from "./oauth_rows.ts";
import type { AssertionIssuer } from "./oauth_settings.ts";
import { narrowScopes, toRequestedScopes } from "./scopes.ts";
import { toVouchedName } from "./vouched_name.ts";

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
  const payload = await verify(deps, provider, assertion, request.issuer);
  // The assertion names the client that it was issued to (ID-JAG, 3.1).
  if (payload["client_id"] !== client.id) throw invalid("The assertion is another client's");
  const name = toVouchedName(provider.issuer, payload[provider.nameClaim], deps.limits);
  if (name === undefined) throw invalid("The assertion names no user");
  const surface = surfaceOf(payload, request);
  const granted = toRequestedScopes(scopeOf(payload));
  const scopes = narrowScopes(granted, params["scope"]);
  await useOnce(deps, `${provider.issuer} ${payload.jti}`, payload.exp ?? 0).catch((thrown) => {
    throw thrown instanceof OAuthError ? invalid(thrown.message) : thrown;
  });
  const body: GrantBody = {
    kind: "external",
    name,
    roles: [],
    groups: [],
    scopes: granted,
    surface,
  };
  const answer = await issueAlone(deps, client, body, { scopes, surface });
  const principal = `user:${name}`;
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
  { readKeys, clock, limits }: OAuthDeps,
  { issuer, jwksUri }: AssertionIssuer,
  assertion: string,
  audience: string,
): Promise<JWTPayload> {
  const keys = await readKeys(jwksUri);
  if (keys === undefined) {
    throw new OAuthError("temporarily_unavailable", "The issuer's keys are unavailable");
  }
  const verified = await jwtVerify(
    assertion,
    createLocalJWKSet(keys as unknown as JSONWebKeySet),
    {
      issuer,
      audience,
      typ: assertionTyp,
      algorithms: [...assertionAlgorithms],
      requiredClaims: ["exp", "jti", "sub", "client_id"],
      clockTolerance: limits.assertionSkewMs / msPerSecond,
      currentDate: new Date(clock.wall()),
    },
  ).catch(() => undefined);
  if (verified === undefined) throw invalid("The assertion is not valid");
  const latest = (clock.wall() + limits.assertionMsMax) / msPerSecond;
  if ((verified.payload.exp ?? 0) > latest) throw invalid("The assertion is valid for too long");
  return verified.payload;
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
