/**
 * The events of access: rates, and the steps of log-ins here, at protected servers, and of the
 * operator's page.
 */
/** A principal exceeded one of its limits, and its request was refused. */
export interface RateEvent {
  readonly type: "rate_limited";
  readonly principal: string;
  /** Which limit, as a row of `limitedRates`. */
  readonly rate: Rate;
  /** After this time a retry can succeed; absent: that is not known. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the same was reported of this principal a short time ago. */
  readonly isRepeated: boolean;
}

/** The limits of a principal, in words. */
export const limitedRates = {
  calls_per_minute: "requests a minute",
  calls_at_once: "calls at once",
  sessions: "sessions",
  streams: "open streams",
  bodies: "large request bodies at once",
  processes: "processes of servers",
  leases: "processes for calls that may be asked something",
} as const;

/** One row of `limitedRates`. */
export type Rate = keyof typeof limitedRates;

/** A request to the admin API changed something: a server, a key, a person, a grant. */
export interface OperatorEvent {
  readonly type: "operator_change";
  /** Whose token it carried; absent: none is needed there. */
  readonly role?: string | undefined;
  readonly method: string;
  /** The path of the route, such as `/admin/servers/:name`. */
  readonly path: string;
  /** What it is about: the name in the path, or in the body. */
  readonly name?: string | undefined;
  /** The principal that it is about, if the body names one. */
  readonly principal?: string | undefined;
}

/** A client took a step toward an access token, or was refused one. */
export interface OAuthEvent {
  readonly type: "oauth_step";
  readonly step: OAuthStep;
  /** The id of the client, as it says; absent: it named none. */
  readonly client?: string | undefined;
  readonly principal?: string | undefined;
  /** The surface of the token; absent: any. */
  readonly surface?: string | undefined;
  /** Why a step was refused. */
  readonly reason?: string | undefined;
}

/** The steps, and what the log says about each. */
export const oauthSteps = {
  registered: "OAuth client registered",
  registration_refused: "OAuth client not registered",
  authorization_waits: "OAuth authorization waits for a person",
  authorization_refused: "OAuth authorization request refused",
  code_issued: "OAuth code issued; the client has to redeem it at /oauth/token",
  denied: "OAuth authorization denied by the person",
  code_redeemed: "OAuth code redeemed; access and refresh token issued",
  code_replayed: "OAuth code used twice; its grant is revoked",
  refreshed: "OAuth token refreshed",
  refresh_repeated: "OAuth refresh token used again; the same successor returned",
  refresh_replayed: "OAuth refresh token of an older generation used; its grant is revoked",
  machine_token: "OAuth access token issued to a machine",
  assertion_token: "OAuth access token issued for an identity assertion",
  token_refused: "OAuth token request refused",
  revoked: "OAuth grant revoked",
} as const;

/** One step. */
export type OAuthStep = keyof typeof oauthSteps;

/** A log-in at a protected server took a step, or its grant did. */
export interface GrantEvent {
  readonly type: "grant_step";
  readonly step: GrantStep;
  readonly server: string;
  /** The id of the principal; that of `sharedPrincipal` if the grant serves all. */
  readonly principal?: string | undefined;
  readonly issuer?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  /** Why a step failed, without a secret. */
  readonly reason?: string | undefined;
}

/** The steps, and what the log says about each. */
export const grantSteps = {
  registered: "Registered as a client at the authorization server",
  login_begun: "Log-in begun; the browser is at the authorization server",
  login_failed: "Log-in failed",
  granted: "Logged in; the grant is stored",
  refreshed: "Grant refreshed",
  refresh_failed: "Cannot refresh the grant",
  ended: "The grant ended; a new log-in is needed",
  revoked: "Grant revoked and deleted",
  revocation_failed: "Grant deleted, but not revoked at the authorization server",
} as const;

/** One step. */
export type GrantStep = keyof typeof grantSteps;

/** The operator's page was opened by a link, or not, or it shows more of the calls. */
export interface PageEvent {
  readonly type: "page_step";
  readonly step: PageStep;
  readonly reason?: string | undefined;
}

/** The steps, and what the log says about each. */
export const pageSteps = {
  link_made: "Made a link that opens the operator's page once",
  opened: "The operator's page was opened by a link",
  refused: "A link to the operator's page was refused",
  ended: "A log-in of the operator's page ended",
  arguments_shown: "The operator sees the arguments of calls from now on",
  arguments_hidden: "The operator sees the arguments of calls no longer",
} as const;

/** One step. */
export type PageStep = keyof typeof pageSteps;
