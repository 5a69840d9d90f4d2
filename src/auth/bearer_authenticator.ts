/**
 * What the kinds of bearer tokens share (RFC 6750). A token that was verified is remembered by its
 * digest until it expires or is revoked, so its next request costs a digest, and neither a store
 * access nor a promise. Not here: how a kind verifies a token.
 */
import type { Principal } from "../model.ts";
import {
  type Authentication,
  type Authenticator,
  type AuthenticatorDeps,
  type AuthTarget,
  type Challenge,
} from "./authenticator.ts";
import { bearerToken, refuseUrlToken } from "./bearer.ts";
import { createVerifiedTokens } from "./verified_tokens.ts";

/** A valid token: who it stands for, and what else its kind knows of it. */
export interface ValidToken {
  readonly principal: Principal;
  /** In milliseconds since 1970; undefined: never. */
  readonly expiresAt?: number | undefined;
}

/** One kind of bearer tokens. */
export interface BearerKind<Token extends ValidToken> {
  /** For a request without a token of this kind. */
  readonly absent: Challenge;
  /** For a token that cannot belong to any kind in use. */
  readonly invalid: Challenge;
  /** Whether a text can be a token of this kind. */
  hasForm(token: string): boolean;
  /** Verifies a token that is not remembered; `digest` is its SHA-256 in hex. */
  verify(token: string, digest: string): Promise<Token | Challenge>;
  /** What a valid token gives at one endpoint. */
  admit(token: Token, target: AuthTarget): Authentication;
}

/** Whether one kind alone is in use, so that every bearer token is meant for it. */
export function isOnlyKind({ auth }: AuthenticatorDeps["config"]): boolean {
  return auth === undefined || auth.kinds.length <= 1;
}

/** Makes the authenticator of a kind. Next to other kinds, a token of another form counts as none. */
export function createBearerAuthenticator<Token extends ValidToken>(
  deps: Pick<AuthenticatorDeps, "config" | "runtime" | "bus" | "clock" | "limits">,
  kind: BearerKind<Token>,
): Authenticator & { close(): void } {
  const { config, runtime, bus } = deps;
  const verified = createVerifiedTokens(deps);
  /** The token that a remembered principal comes from. */
  const tokens = new WeakMap<Principal, Token>();
  const forOtherForm = isOnlyKind(config) ? kind.invalid : kind.absent;
  const find = (digest: string): Token | undefined => {
    const principal = verified.get(digest);
    return principal && tokens.get(principal);
  };
  const verify = async (text: string, digest: string, target: AuthTarget) => {
    const began = verified.generation;
    const outcome = await kind.verify(text, digest);
    if ("code" in outcome) return outcome;
    // Another request may have brought the same token meanwhile; they share one principal.
    const token = find(digest) ?? outcome;
    if (token === outcome) {
      tokens.set(token.principal, token);
      verified.put(digest, token.principal, token.expiresAt, began);
    }
    return kind.admit(token, target);
  };
  const unsubscribe = bus.subscribe(
    "accessRevoked",
    ({ principal }) => verified.forget(({ id }) => principal === undefined || id === principal),
  );
  return {
    authenticate(request, target) {
      const misplaced = refuseUrlToken(request);
      if (misplaced !== undefined) return misplaced;
      const text = bearerToken(request.headers);
      if (text === undefined) return kind.absent;
      if (!kind.hasForm(text)) return forOtherForm;
      const digest = runtime.sha256(text);
      const token = find(digest);
      return token === undefined ? verify(text, digest, target) : kind.admit(token, target);
    },
    close: unsubscribe,
  };
}
