/**
 * What an authorization server granted to the gateway at a protected server, and whose it is. Types
 * only.
 */
import type { JsonObject } from "../model.ts";

/** Which grant is meant. A grant serves exactly this, and is never used for anything else. */
export interface GrantKey {
  /** The id of its principal; the id of `sharedPrincipal` if it serves all principals. */
  readonly principal: string;
  /** The name of the server in the configuration. */
  readonly server: string;
  /** The authorization server (RFC 8414), as its metadata names itself. */
  readonly issuer: string;
  /** The canonical URI of the server (RFC 8707). */
  readonly resource: string;
}

/** A grant. Times are in milliseconds since 1970. */
export interface Grant {
  /** The access token. */
  readonly token: string;
  /** When a log-in or a refresh gave this token. */
  readonly obtainedAt: number;
  /** Absent: the token is used until the server refuses it. */
  readonly expiresAt?: number | undefined;
  /** Absent: the person logs in again when the token expires. */
  readonly refreshToken?: string | undefined;
  /** What was granted (RFC 6749, section 5.1); without an answer, what was requested. */
  readonly scopes: readonly string[];
  /** The client that it was granted to; another client cannot refresh it. */
  readonly clientId: string;
  /** How that client authenticates at the token endpoint; absent: as the configuration says. */
  readonly authMethod?: ClientAuthMethod | undefined;
  readonly clientSecret?: string | undefined;
  /** When a person logged in. */
  readonly grantedAt: number;
  /** Absent: never. */
  readonly refreshedAt?: number | undefined;
  /** Why the latest refresh failed; absent: it did not. */
  readonly failure?: GrantFailure | undefined;
  /** The private key that tokens are bound to, as a JWK (RFC 9449); absent: bearer tokens. */
  readonly proofKey?: JsonObject | undefined;
}

/** Why a refresh failed. */
export interface GrantFailure {
  /** Goes on after the server's name, without a secret. */
  readonly problem: string;
  readonly at: number;
  /** Only a person can help: the grant is dead. */
  readonly isFinal: boolean;
}

/** A grant with its key. `unreadable`: it is stored, but it was sealed with another key. */
export interface StoredGrant {
  readonly key: GrantKey;
  readonly grant: Grant | "unreadable";
}

/** How a client authenticates at the token endpoint (RFC 7591, section 2). */
export type ClientAuthMethod = "none" | "client_secret_basic" | "client_secret_post";

/** A client of the gateway's own at an authorization server; never used at another issuer. */
export interface ClientRegistration {
  readonly issuer: string;
  /** What it was registered with. */
  readonly redirectUri: string;
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  readonly authMethod: ClientAuthMethod;
  /** When the secret expires; absent: never. */
  readonly secretExpiresAt?: number | undefined;
}

/**
 * Keeps grants and registrations, sealed. A fault of the store is logged and never thrown, and a
 * change that could not be stored is tried again; look-ups find it meanwhile. Only `find` throws,
 * because no principal may be taken for one without a grant; and `inTurn`.
 */
export interface GrantStore {
  /** The grants of a principal at a server, the newest first. Rejects if they cannot be read. */
  find(server: string, principal: string): Promise<readonly StoredGrant[]>;
  /** All grants, or those at one server. */
  list(server?: string): Promise<readonly StoredGrant[]>;
  /** Replaces the grant; false if it is not stored yet. */
  save(key: GrantKey, grant: Grant): Promise<boolean>;
  remove(key: GrantKey): Promise<void>;
  /**
   * Runs `work` while no other work is done on this grant, at any instance; its signal aborts when
   * that is not certain any more. Rejects also if it cannot be made certain.
   */
  inTurn<Value>(key: GrantKey, work: (lost: AbortSignal) => Promise<Value>): Promise<Value>;
  findRegistration(issuer: string, redirectUri: string): Promise<ClientRegistration | undefined>;
  saveRegistration(registration: ClientRegistration): Promise<void>;
  removeRegistration(issuer: string, redirectUri: string): Promise<void>;
}
