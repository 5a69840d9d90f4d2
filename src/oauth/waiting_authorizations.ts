/**
 * Authorization requests that were checked and wait for a person: the consent page shows one and
 * approves or refuses it. Types only; the engine that holds them is `waiting_table.ts`.
 */

/** Where the gateway knows a client from: its settings, a registration, or a document at its id. */
export type OAuthClientKind = "static" | "registration" | "document";

/** A client, as a page shows it. All but the id and the kind are the client's own words. */
export interface WaitingClient {
  readonly id: string;
  readonly kind: OAuthClientKind;
  readonly name?: string | undefined;
  /** Its home page. */
  readonly uri?: string | undefined;
  /** The host that vouches for it: that of its document. Absent: nothing vouches for it. */
  readonly host?: string | undefined;
}

/** One request. */
export interface WaitingAuthorization {
  /** Not guessable: 256 random bits. It is in a URL, so a page binds it to the browser by a cookie. */
  readonly id: string;
  readonly client: WaitingClient;
  /** Checked: it belongs to the client. */
  readonly redirectUri: string;
  /** The name of the surface that the token is for; absent: any surface of this gateway. */
  readonly surface?: string | undefined;
  readonly scopes: readonly string[];
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
}

/** The person who approves, as the log-in found. The principal is `user:NAME`. */
export interface Person {
  readonly name: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
}

/**
 * The requests that wait. Each ends by one approval or refusal, at whichever instance. Each function
 * rejects when the store is unavailable.
 */
export interface WaitingAuthorizations {
  /** The request of this id; undefined if it expired, was answered or never existed. */
  find(id: string): Promise<WaitingAuthorization | undefined>;
  /**
   * Issues a code for these scopes, of which those that were not requested are ignored. Returns the
   * URL to redirect the browser to; undefined as for `find`. Rejects when the code cannot be
   * stored.
   */
  approve(id: string, person: Person, scopes: readonly string[]): Promise<string | undefined>;
  /** Returns the URL to redirect the browser to, with `access_denied`; undefined as for `find`. */
  refuse(id: string): Promise<string | undefined>;
}
