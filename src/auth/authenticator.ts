/**
 * The interface of authenticators. An authenticator finds the principal of a request, or the
 * challenge that the client gets instead. It runs once for each request, before any session, server
 * or body is read, so all later code can rely on the principal. A kind is one file and one row in
 * `authenticator_kinds.ts`. Not here: what a principal may do.
 */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject, Principal } from "../model.ts";
import type { OAuthServer } from "../oauth/oauth_server.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Sealer } from "../seal.ts";
import type { KeyStore } from "./key_store.ts";

/** The endpoint that a request is for; whether there is such a surface is not known yet. */
export interface AuthTarget {
  /** The path of the endpoint, such as `/servers/files/mcp`, as the client wrote it. */
  readonly path: string;
  /** The name of its surface. */
  readonly surface: string;
  /**
   * The canonical URL of its surface, which is the resource that a token is for (RFC 8707): that of
   * the surface's `mcp` endpoint, whichever endpoint the request is for.
   */
  readonly resource: string;
}

/** Why a request has no principal, and what the client needs. */
export interface Challenge {
  /**
   * `unauthenticated` (401): no credentials, or none that are valid. `forbidden` (403): valid
   * credentials that do not cover this request.
   */
  readonly code: "unauthenticated" | "forbidden";
  /** The error code of RFC 6750, 3.1; absent: the request carries no credentials. */
  readonly error?: "invalid_request" | "invalid_token" | "insufficient_scope" | undefined;
  /** The scopes that this request needs; absent: those of its surface. */
  readonly scope?: string | undefined;
  /**
   * The whole `WWW-Authenticate` header (RFC 9110, 11.6.1) of a scheme that is not Bearer; absent:
   * the gateway makes it.
   */
  readonly wwwAuthenticate?: string | undefined;
  /** Public; absent: the text of the error table. */
  readonly message?: string | undefined;
}

/** What an authenticator finds out about a request. */
export type Authentication = Principal | Challenge;

/** Finds the principal of each request. */
export interface Authenticator {
  /**
   * The principal of a request. Reads only headers and URL, since the body is read once, later. The
   * same client must get the same id each time: sessions, cursors and waiting calls are bound to
   * it; where nothing changed, the same object is best. A throw or a rejection fails the request as
   * an internal error; it never lets the request in.
   */
  authenticate(request: Request, target: AuthTarget): Authentication | Promise<Authentication>;
  /**
   * The issuers of the tokens that it takes (RFC 9728, `authorization_servers`); absent: clients
   * get their credentials elsewhere.
   */
  readonly issuers?: readonly string[] | undefined;
  /** Whether the gateway's own authorization server issues tokens that it takes. */
  readonly hasOwnIssuer?: boolean | undefined;
  /** Whether the clients of a surface may find the issuers; absent: those of all surfaces. */
  isDiscoverable?(surface: string): boolean;
  /** Whether every request has a principal: clients need no credentials. Absent: they do. */
  readonly letsAllIn?: boolean | undefined;
  /** The gateway closes; its stores stay open until the promise settles. */
  close?(): void | Promise<void>;
}

/** What a kind may use. */
export interface AuthenticatorDeps {
  readonly config: GatewayConfig;
  /** What stands under the kind's name in `auth` of `mcp.json`; the kind checks it. */
  readonly settings: JsonObject;
  readonly runtime: Runtime;
  readonly sealer: Sealer;
  readonly keys: KeyStore;
  readonly bus: Bus;
  /** Absent: the kind `oauth` is not in use. */
  readonly oauth?: OAuthServer | undefined;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** Makes the authenticator of one gateway. Throws a ConfigError when its settings are wrong. */
export type AuthenticatorKind = (
  deps: AuthenticatorDeps,
) => Authenticator | Promise<Authenticator>;

/** Whether the outcome of an authentication is a challenge. */
export function isChallenge(outcome: Authentication): outcome is Challenge {
  return "code" in outcome;
}
