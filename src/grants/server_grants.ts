/**
 * The seam between what needs a grant at a protected server (upstreams, the login step, pages,
 * commands) and the OAuth client that obtains, refreshes and revokes it. Types only.
 */
import type { ServerOAuthConfig } from "../config/config.ts";
import type { Authorization } from "../outgoing/authorization.ts";
import type { GrantFailure } from "./grant.ts";

/** A protected server, as the configuration has it. */
export interface ProtectedServer {
  readonly name: string;
  readonly url: string;
  readonly oauth: ServerOAuthConfig;
}

/** A log-in that a person begins. */
export interface LoginRequest {
  /** The server's name. */
  readonly server: string;
  /** For whom: the principal's id, or that of `sharedPrincipal`. */
  readonly principal: string;
  /** The URL of the gateway's own callback. */
  readonly redirectUri: string;
  /** Binds the log-in to one browser: only an answer with the same value ends it. */
  readonly browser: string;
  /** Where the person goes on afterwards: a path of the gateway. */
  readonly returnTo?: string | undefined;
}

/** Where the person's browser goes. */
export interface BegunLogin {
  /** The authorization endpoint with its parameters (RFC 6749, section 4.1.1). */
  readonly url: string;
}

/** What came back to the callback. */
export interface LoginAnswer {
  /** The query of the callback (RFC 6749, sections 4.1.2 and 4.1.2.1; RFC 9207). */
  readonly params: URLSearchParams;
  readonly browser: string;
}

/** A log-in that went well. */
export interface FinishedLogin {
  readonly server: string;
  readonly principal: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
  readonly returnTo?: string | undefined;
}

/** What the operator may know of one grant: no token. */
export interface GrantReport {
  readonly server: string;
  /** The id of the principal; that of `sharedPrincipal` if it serves all. */
  readonly principal: string;
  readonly issuer: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly grantedAt: number;
  readonly expiresAt?: number | undefined;
  readonly isRefreshable: boolean;
  readonly refreshedAt?: number | undefined;
  readonly failure?: GrantFailure | undefined;
}

/** A log-in that failed. */
export interface FailedLogin {
  /** For whom it was, as in `LoginRequest`. */
  readonly principal: string;
  /** What its person read. */
  readonly problem: string;
  readonly at: number;
}

/** A principal has a grant at a server now, or has none any more. */
export interface GrantChange {
  readonly server: string;
  readonly principal: string;
  readonly isGranted: boolean;
}

/** The grants of a gateway. */
export interface ServerGrants {
  /**
   * How requests to a server are authorized. Its `get` returns `needs_person` if the principal has
   * no usable grant at a server that wants one; its `renew` takes the server's challenge. The
   * server is known by its name from now on.
   */
  authorizationOf(server: ProtectedServer): Authorization;
  /** The id of the principal whose grant serves a caller at this server. */
  principalFor(server: string, principal: string): string;
  /**
   * Whether a principal has a usable grant at a server. Undefined: the server has not asked for one
   * so far.
   */
  hasGrant(server: string, principal: string): Promise<boolean | undefined>;
  /**
   * A principal is led to a log-in at a server, perhaps at another instance, which learns what the
   * server has asked for here.
   */
  tellNeeds(server: string, principal: string): Promise<void>;
  /**
   * Finds the authorization server, registers the gateway there if necessary, and returns where the
   * browser goes. Rejects with a GatewayError whose message says what to do.
   */
  begin(request: LoginRequest, signal: AbortSignal): Promise<BegunLogin>;
  /**
   * Ends a log-in: checks `state`, browser and `iss`, exchanges the code, and stores the grant.
   * Rejects with a GatewayError; a code is exchanged at most once.
   */
  finish(answer: LoginAnswer, signal: AbortSignal): Promise<FinishedLogin>;
  reports(server?: string): Promise<readonly GrantReport[]>;
  /** The latest log-in at a server, if it failed; it is known in memory only. */
  failedLogin(server: string): FailedLogin | undefined;
  /**
   * Revokes the grants at a server (RFC 7009), those of one principal or all, and forgets them even
   * if the issuer cannot be reached. Returns how many there were.
   */
  logOut(server: string, principal?: string): Promise<number>;
  /**
   * A principal is gone, and another one may get its id later: its open log-ins end, and its grants
   * are forgotten at once, and revoked meanwhile.
   */
  forget(principal: string): Promise<void>;
  /** The servers of a new configuration: what others had is revoked and forgotten. */
  keep(names: readonly string[]): void;
  /** Calls a listener for each change from now on, until the returned function is called. */
  watch(listener: (change: GrantChange) => void): () => void;
  close(): void;
}
