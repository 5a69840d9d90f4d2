/**
 * The authenticator kind `oauth`: access tokens of the gateway's own authorization server (RFC 6750).
 * A token that was checked is remembered by its digest until it expires or is revoked, so that its
 * next request costs one digest. A token that is unknown, expired, revoked or for another surface
 * gets one answer; which of these it was is not told.
 */
import type { Principal } from "../model.ts";
import type { OAuthServer } from "../oauth/oauth_server.ts";
import { hasTokenForm } from "../oauth/tokens.ts";
import type {
  Authentication,
  Authenticator,
  AuthenticatorDeps,
  AuthTarget,
  Challenge,
} from "./authenticator.ts";
import { bearerToken, refuseUrlToken } from "./bearer.ts";
import { createVerifiedTokens, type VerifiedTokens } from "./verified_tokens.ts";

interface OAuthState {
  readonly server: OAuthServer;
  readonly deps: AuthenticatorDeps;
  readonly verified: VerifiedTokens;
  /** The surface that a remembered principal's token is for. */
  readonly surfaces: WeakMap<Principal, string>;
  /** Whether there is no other kind that a bearer token may belong to. */
  readonly isOnly: boolean;
}

const absent: Challenge = { code: "unauthenticated" };
const invalid: Challenge = {
  code: "unauthenticated",
  error: "invalid_token",
  message: "The access token is not valid here: it expired, was revoked or is for another URL",
};

/** Makes the authenticator. Throws if the gateway has no authorization server. */
export function createOAuthAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { oauth: server, config, bus } = deps;
  if (server === undefined) throw new Error("Cannot use OAuth without an authorization server");
  const verified = createVerifiedTokens(deps);
  const state: OAuthState = {
    server,
    deps,
    verified,
    surfaces: new WeakMap(),
    isOnly: config.auth === undefined || config.auth.kinds.length <= 1,
  };
  const unsubscribe = bus.subscribe(
    "accessRevoked",
    ({ principal }) => verified.forget(({ id }) => principal === undefined || principal === id),
  );
  return {
    authenticate: (request, target) => authenticate(state, request, target),
    hasOwnIssuer: true,
    isDiscoverable: server.settings.isDiscoverable,
    close: unsubscribe,
  };
}

function authenticate(
  state: OAuthState,
  request: Request,
  target: AuthTarget,
): Authentication | Promise<Authentication> {
  const misplaced = refuseUrlToken(request);
  if (misplaced !== undefined) return misplaced;
  const token = bearerToken(request.headers);
  if (token === undefined) return absent;
  if (!hasTokenForm(token, "access")) return state.isOnly ? invalid : absent;
  const digest = state.deps.runtime.sha256(token);
  const known = state.verified.get(digest);
  return known === undefined
    ? authenticateNew(state, token, digest, target)
    : atSurface(state, known, target);
}

async function authenticateNew(
  state: OAuthState,
  token: string,
  digest: string,
  target: AuthTarget,
): Promise<Authentication> {
  const { generation } = state.verified;
  const checked = await state.server.check(token);
  if (checked === undefined) return invalid;
  const { principal, surface } = checked;
  if (surface !== undefined) state.surfaces.set(principal, surface);
  state.verified.put(digest, principal, principal.expiresAt, generation);
  return atSurface(state, principal, target);
}

function atSurface(
  { surfaces }: OAuthState,
  principal: Principal,
  { surface }: AuthTarget,
): Authentication {
  const own = surfaces.get(principal);
  return own === undefined || own === surface ? principal : invalid;
}
