/**
 * What the authorization server stores: clients, grants, and the digests of codes and tokens. The
 * interface alone; its kinds are in src/store/. Every change is on disk before its promise
 * resolves, so that an answer never promises what a crash could lose.
 */
import type { JsonObject } from "../model.ts";
import type { OAuthClientKind } from "./waiting_authorizations.ts";

/** A client that registered, or whose document was used. Static ones are in the settings. */
export interface ClientRow {
  readonly id: string;
  readonly kind: Exclude<OAuthClientKind, "static">;
  /** Its metadata (RFC 7591, 2). */
  readonly body: JsonObject;
  readonly createdAt: number;
  /** Absent: no grant was ever given to it. */
  readonly usedAt?: number | undefined;
}

/** What one principal granted to one client. */
export interface GrantRow {
  readonly id: string;
  readonly client: string;
  readonly principal: string;
  readonly body: JsonObject;
  readonly createdAt: number;
  readonly usedAt?: number | undefined;
}

/** A code or token by its digest, or an assertion that was used. */
export interface OAuthTokenRow {
  readonly digest: string;
  readonly grantId: string;
  readonly kind: "code" | "access" | "refresh" | "assertion";
  readonly body: JsonObject;
  readonly expiresAt: number;
}

/** Changes that are made together or not at all. */
export interface OAuthChanges {
  /** The stored row of this digest must still be this one; undefined stands for no row. */
  readonly expect?: { readonly digest: string; readonly row: OAuthTokenRow | undefined };
  readonly clients?: readonly ClientRow[];
  readonly grants?: readonly GrantRow[];
  readonly tokens?: readonly OAuthTokenRow[];
}

/** Which grants. */
export interface GrantFilter {
  readonly id?: string | undefined;
  readonly client?: string | undefined;
  readonly principal?: string | undefined;
}

/** The store. Each function rejects when the storage fails. */
export interface OAuthStore {
  client(id: string): Promise<ClientRow | undefined>;
  clients(): Promise<readonly ClientRow[]>;
  countClients(): Promise<number>;
  /** Makes room: removes the oldest client that was never used, if it registered before a time. */
  removeUnused(before: number): Promise<boolean>;
  grants(filter?: GrantFilter): Promise<readonly GrantRow[]>;
  /** Expired rows are returned, too, until they are swept. */
  token(digest: string): Promise<OAuthTokenRow | undefined>;
  /** Puts rows, replacing those of the same key; false if `expect` does not hold. */
  commit(changes: OAuthChanges): Promise<boolean>;
  /** Removes grants with their codes and tokens; returns those that existed. */
  removeGrants(filter: GrantFilter): Promise<readonly GrantRow[]>;
  /** Removes a client with its grants, codes and tokens; false if it did not exist. */
  removeClient(id: string): Promise<boolean>;
  removeToken(digest: string): Promise<boolean>;
  /** Removes what is over; a client with a grant always stays. */
  sweep(times: SweepTimes): Promise<void>;
}

/** What a sweep removes. All times are in milliseconds since 1970. */
export interface SweepTimes {
  /** Codes and tokens that expired before it, and grants that have none left. */
  readonly now: number;
  /** Clients without a grant that were registered before it, and never used. */
  readonly unusedBefore: number;
  /** Clients without a grant that were last used before it. */
  readonly idleBefore: number;
}
