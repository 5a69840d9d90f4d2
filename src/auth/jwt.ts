/**
 * The authenticator kind `jwt`: bearer tokens that other issuers signed (RFC 6750, RFC 9068). A token
 * is for the surface of a request, or for an audience that the configuration names. All tokens that
 * are refused get one answer; the log has the reasons.
 */
import { createIssuerDocuments } from "../outgoing/issuer_documents.ts";
import type {
  Authentication,
  Authenticator,
  AuthenticatorDeps,
  AuthTarget,
  Challenge,
} from "./authenticator.ts";
import { createBearerAuthenticator } from "./bearer_authenticator.ts";
import { createIssuerKeys } from "./issuer_keys.ts";
import { readJwtSettings } from "./jwt_settings.ts";
import { type TrustedIssuer, type VerifiedJwt, verifyJwt } from "./jwt_verifier.ts";

/** The name of the kind. */
const kind = "jwt";

const absent: Challenge = { code: "unauthenticated" };
const invalid: Challenge = {
  code: "unauthenticated",
  error: "invalid_token",
  message: "The token is not valid for this resource",
};

/** Three parts of base64url (RFC 7515, 7.1). */
const jwtShape = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Makes the authenticator. Throws a ConfigError when its settings are wrong. */
export function createJwtAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { limits, clock, log } = deps;
  const issuers = readJwtSettings(deps.settings).map((issuer): TrustedIssuer => {
    const read = createIssuerDocuments({ ...deps, url: issuer.jwksUrl ?? issuer.issuer });
    return { ...issuer, keys: createIssuerKeys(issuer, { ...deps, read }) };
  });
  const byName = new Map(issuers.map((one) => [one.issuer, one]));
  const refuse = (reason: string): Challenge => {
    log.info("Refused a token", { kind, reason });
    return invalid;
  };
  const bearer = createBearerAuthenticator<VerifiedJwt>(deps, {
    absent,
    invalid,
    hasForm: (token) => jwtShape.test(token),
    async verify(token) {
      if (token.length > limits.jwtCharsMax) return invalid;
      const outcome = await verifyJwt(token, byName, clock);
      return "refusal" in outcome ? refuse(outcome.refusal) : outcome;
    },
    admit: (token, target) => admit(token, target, refuse),
  });
  return {
    ...bearer,
    issuers: issuers.map(({ issuer }) => issuer),
    close() {
      bearer.close();
      for (const { keys } of issuers) keys.close();
    },
  };
}

/** What a valid token gives at one endpoint. */
function admit(
  { principal, audiences, issuer, lacksScope }: VerifiedJwt,
  { resource }: AuthTarget,
  refuse: (reason: string) => Challenge,
): Authentication {
  const isForUs = audiences.some((one) => one === resource || issuer.audience.includes(one));
  if (!isForUs) return refuse("it is for another audience");
  if (!lacksScope) return principal;
  return {
    code: "forbidden",
    error: "insufficient_scope",
    scope: issuer.requiredScope.join(" "),
  };
}
