/**
 * The authenticator kind `jwt`: bearer tokens that other issuers signed (RFC 6750, RFC 9068). A token
 * is for the surface of a request, or for an audience that the configuration names. All tokens that
 * are refused get one answer; the log has the reasons. A verified token is remembered until it
 * expires, so that its next request costs one digest.
 */
import type { Principal } from "../model.ts";
import { createIssuerDocuments } from "../outgoing/issuer_documents.ts";
import type {
  Authentication,
  Authenticator,
  AuthenticatorDeps,
  AuthTarget,
  Challenge,
} from "./authenticator.ts";
import { bearerToken, refuseUrlToken } from "./bearer.ts";
import { createIssuerKeys } from "./issuer_keys.ts";
import { readJwtSettings } from "./jwt_settings.ts";
import { type TrustedIssuer, type VerifiedJwt, verifyJwt } from "./jwt_verifier.ts";
import { createVerifiedTokens, type VerifiedTokens } from "./verified_tokens.ts";

/** The name of the kind. */
const kind = "jwt";

interface JwtState {
  readonly deps: AuthenticatorDeps;
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
  readonly verified: VerifiedTokens;
  /** What a remembered principal's token said, beside who it is. */
  readonly grants: WeakMap<Principal, VerifiedJwt>;
  /** Whether there is no other kind that a bearer token may belong to. */
  readonly isOnly: boolean;
}

const absent: Challenge = { code: "unauthenticated" };
const invalid: Challenge = {
  code: "unauthenticated",
  error: "invalid_token",
  message: "The token is not valid for this resource",
};

/** Makes the authenticator. Throws a ConfigError when its settings are wrong. */
export function createJwtAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { config, bus } = deps;
  const issuers = readJwtSettings(deps.settings).map((issuer): TrustedIssuer => {
    const read = createIssuerDocuments({ ...deps, url: issuer.jwksUrl ?? issuer.issuer });
    return { ...issuer, keys: createIssuerKeys(issuer, { ...deps, read }) };
  });
  const verified = createVerifiedTokens(deps);
  const state: JwtState = {
    deps,
    issuers: new Map(issuers.map((one) => [one.issuer, one])),
    verified,
    grants: new WeakMap(),
    isOnly: config.auth === undefined || config.auth.kinds.length <= 1,
  };
  const unsubscribe = bus.subscribe(
    "accessRevoked",
    ({ principal }) => verified.forget(({ id }) => principal === undefined || principal === id),
  );
  return {
    authenticate: (request, target) => authenticate(state, request, target),
    issuers: issuers.map(({ issuer }) => issuer),
    close() {
      unsubscribe();
      for (const { keys } of issuers) keys.close();
    },
  };
}

/** Three parts of base64url (RFC 7515, 7.1). */
const jwtShape = /^[\w-]+\.[\w-]+\.[\w-]*$/;

function authenticate(
  state: JwtState,
  request: Request,
  target: AuthTarget,
): Authentication | Promise<Authentication> {
  const misplaced = refuseUrlToken(request);
  if (misplaced !== undefined) return misplaced;
  const token = bearerToken(request.headers);
  if (token === undefined) return absent;
  if (!jwtShape.test(token)) return state.isOnly ? invalid : absent;
  if (token.length > state.deps.limits.jwtCharsMax) return invalid;
  const digest = state.deps.runtime.sha256(token);
  const known = state.verified.get(digest);
  const grant = known && state.grants.get(known);
  return grant === undefined
    ? authenticateNew(state, token, digest, target)
    : toAuthentication(state, grant, target);
}

async function authenticateNew(
  state: JwtState,
  token: string,
  digest: string,
  target: AuthTarget,
): Promise<Authentication> {
  const { deps, issuers, verified, grants } = state;
  const began = verified.generation;
  const outcome = await verifyJwt(token, issuers, deps.clock);
  if ("refusal" in outcome) return refuse(state, outcome.refusal);
  // Another request may have brought the same token meanwhile; they share one principal.
  const known = verified.get(digest);
  const grant = (known && grants.get(known)) ?? outcome;
  if (grant === outcome) {
    grants.set(grant.principal, grant);
    verified.put(digest, grant.principal, grant.expiresAt, began);
  }
  return toAuthentication(state, grant, target);
}

/** What a valid token gives at one endpoint. */
function toAuthentication(
  state: JwtState,
  { principal, audiences, issuer, lacksScope }: VerifiedJwt,
  { resource }: AuthTarget,
): Authentication {
  const isForUs = audiences.some((one) => one === resource || issuer.audience.includes(one));
  if (!isForUs) return refuse(state, "it is for another audience");
  if (!lacksScope) return principal;
  return {
    code: "forbidden",
    error: "insufficient_scope",
    scope: issuer.requiredScope.join(" "),
  };
}

function refuse({ deps: { log } }: JwtState, reason: string): Challenge {
  log.info("Refused a token", { kind, reason });
  return invalid;
}
