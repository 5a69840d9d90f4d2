/**
 * The authorization server of the gateway, as pages, endpoints and commands use it. It knows no
 * HTTP: src/http/oauth/ has its endpoints. Types only.
 */
import type { JsonObject, Principal } from "../model.ts";
import type { AuthorizationOutcome } from "./authorization_request.ts";
import type { TokenAnswer } from "./issued_tokens.ts";
import type { OAuthRequest } from "./oauth_request.ts";
import type { OAuthSettings } from "./oauth_settings.ts";
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

/** What a valid access token stands for. */
export interface CheckedToken {
  readonly principal: Principal;
  /** The surface that it is for; absent: any surface of this gateway. */
  readonly surface?: string | undefined;
}

/** What the endpoints of /oauth/ do. All of them reject with an OAuthError for a refusal. */
export interface OAuthEndpoints {
  /** An authorization request: never an OAuthError, since its outcome says where an error goes. */
  authorize(request: OAuthRequest): Promise<AuthorizationOutcome>;
  /** A token request; `authorization`: the header of that name. */
  token(request: OAuthRequest, authorization: string | null): Promise<TokenAnswer>;
  /** A revocation (RFC 7009). */
  revoke(request: OAuthRequest, authorization: string | null): Promise<void>;
  /** A registration (RFC 7591): the client information response. */
  register(body: unknown, address: string | undefined): Promise<JsonObject>;
  /** The metadata (RFC 8414) of an issuer. */
  metadata(issuer: string, baseUrl: string): JsonObject;
}

/** The server. */
export interface OAuthServer extends OAuthSteering, OAuthEndpoints {
  readonly settings: OAuthSettings;
  readonly waiting: WaitingAuthorizations;
  /** The principal of an access token; undefined if it is unknown, expired or revoked. */
  check(token: string): Promise<CheckedToken | undefined>;
  /** The gateway closes. */
  close(): void;
}
