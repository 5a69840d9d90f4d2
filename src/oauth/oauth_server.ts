/**
 * The authorization server of the gateway, as pages, endpoints and commands use it. It knows no
 * HTTP: src/http/oauth/ has its endpoints. Types only.
 */
import type { ClientRow, GrantFilter, GrantRow } from "./oauth_store.ts";
import type { OAuthClientKind, WaitingAuthorizations } from "./waiting_authorizations.ts";

/** A client, as an operator sees it. */
export interface ListedClient {
  readonly id: string;
  readonly kind: OAuthClientKind;
  readonly name?: string | undefined;
  readonly redirectUris: readonly string[];
  readonly grants: number;
  readonly createdAt?: ClientRow["createdAt"] | undefined;
  readonly usedAt?: ClientRow["usedAt"];
}

/** A grant, as an operator sees it. */
export interface ListedGrant extends Omit<GrantRow, "body"> {
  readonly scopes: readonly string[];
  readonly surface?: string | undefined;
}

/** What operators do with clients and grants. A revocation also ends streams and waiting calls. */
export interface OAuthSteering {
  listClients(): Promise<readonly ListedClient[]>;
  /** Removes a client with its grants; false if there is none, or if it is one of the settings. */
  revokeClient(id: string): Promise<boolean>;
  listGrants(filter?: GrantFilter): Promise<readonly ListedGrant[]>;
  /** False if there is no such grant. */
  revokeGrant(id: string): Promise<boolean>;
  /** Removes all grants of a principal, such as a user that was removed; returns how many. */
  revokePrincipal(principal: string, reason: string): Promise<number>;
}

/** The server. */
export interface OAuthServer extends OAuthSteering {
  readonly waiting: WaitingAuthorizations;
}
