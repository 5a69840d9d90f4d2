/**
 * The authenticator kind `oauth`: access tokens of the gateway's own authorization server (RFC 6750).
 * A token that is unknown, expired, revoked or for another surface gets one answer, which does not
 * say which of these it is.
 */
import type { CheckedToken } from "../oauth/oauth_server.ts";
import { hasTokenForm } from "../oauth/tokens.ts";
import type { Authenticator, AuthenticatorDeps, Challenge } from "./authenticator.ts";
import { createBearerAuthenticator, type ValidToken } from "./bearer_authenticator.ts";

const absent: Challenge = { code: "unauthenticated" };
const invalid: Challenge = {
  code: "unauthenticated",
  error: "invalid_token",
  message: "The access token is not valid here: it expired, was revoked or is for another URL",
};

/** Makes the authenticator. Throws if the gateway has no authorization server. */
export function createOAuthAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { oauth: server } = deps;
  if (server === undefined) throw new Error("Cannot use OAuth without an authorization server");
  const bearer = createBearerAuthenticator<CheckedToken & ValidToken>(deps, {
    absent,
    invalid,
    hasForm: (token) => hasTokenForm(token, "access"),
    async verify(token) {
      const checked = await server.check(token);
      return checked === undefined
        ? invalid
        : { ...checked, expiresAt: checked.principal.expiresAt };
    },
    admit: ({ principal, surface: own }, { surface }) =>
      own === undefined || own === surface ? principal : invalid,
  });
  return { ...bearer, hasOwnIssuer: true, isDiscoverable: server.settings.isDiscoverable };
}
