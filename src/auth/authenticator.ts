/**
 * The interface of authenticators. An authenticator finds the principal of a request, or the
 * challenge that the client gets instead. It runs once for each request, before any session, server
 * or body is read, so all later code can rely on the principal. A kind is one file and one row in
 * `authenticator_kinds.ts`. Not here: what a principal may do.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Principal } from "../model.ts";

/** Why a request has no principal, and what the client needs. */
export interface Challenge {
  /**
   * `unauthenticated` (401): no credentials, or none that are valid. `forbidden` (403): valid
   * credentials that do not cover this request.
   */
  readonly code: "unauthenticated" | "forbidden";
  /** The value of the `WWW-Authenticate` header (RFC 9110, 11.6.1; RFC 6750, 3). */
  readonly wwwAuthenticate: string;
  /** Public; absent: the text of the error table. */
  readonly message?: string | undefined;
}

/** Finds the principal of each request. */
export interface Authenticator {
  /**
   * The principal of a request. Reads only headers and URL, since the body is read once, later. The
   * same client must get the same id each time: sessions, cursors and waiting calls are bound to
   * it. A throw or a rejection fails the request as an internal error; it never lets the request
   * in.
   */
  authenticate(request: Request): Principal | Challenge | Promise<Principal | Challenge>;
}

/** What a kind may use. */
export interface AuthenticatorDeps {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** Makes the authenticator of one gateway. */
export type AuthenticatorKind = (deps: AuthenticatorDeps) => Authenticator;

/** Whether the outcome of an authentication is a challenge. */
export function isChallenge(outcome: Principal | Challenge): outcome is Challenge {
  return "wwwAuthenticate" in outcome;
}
