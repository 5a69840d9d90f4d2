/**
 * The credentials that an authorization server issues to the gateway itself, as the configuration
 * describes them: by which client, at which server, and in exchange for what. Types only, and the
 * names that the configuration uses.
 */

/** A known text, or the absolute path of a file that is read whenever the secret is needed. */
export type Secret = string | { readonly file: string };

/** How the gateway may authenticate to an authorization server. */
export const clientAuthentications = ["basic", "post", "private_key_jwt"] as const;

/** The algorithms of client assertions; none of them has a shared key. */
export const clientAlgorithms = ["ES256", "ES384", "EdDSA", "PS256", "RS256"] as const;

/** What an identity assertion is exchanged for, by the names of the configuration. */
export const subjectTokenTypes = ["id_token", "refresh_token", "saml2"] as const;

/** The gateway as a client of an authorization server (RFC 6749, 2.3; RFC 7523, 2.2). */
export interface OAuthClientConfig {
  readonly clientId: Secret;
  readonly clientSecret?: Secret | undefined;
  /**
   * Where the client's secret goes: an Authorization header, or the body (RFC 6749 2.3.1); or what
   * takes its place: a signed assertion.
   */
  readonly clientAuthentication: typeof clientAuthentications[number];
  /** The key of assertions: PKCS #8 as PEM, or a JWK. */
  readonly privateKey?: Secret | undefined;
  /** Absent: the algorithm of the JWK, else ES256. */
  readonly algorithm?: typeof clientAlgorithms[number] | undefined;
  /** Absent: the `kid` of the JWK, if it has one. */
  readonly keyId?: string | undefined;
}

/** The authorization server. Both absent: the MCP server itself says which one it is. */
export interface IssuerConfig {
  /** RFC 8414 finds the token URL from it. */
  readonly issuer?: string | undefined;
  readonly tokenUrl?: string | undefined;
}

/** What is requested there. */
export interface TokenTargetConfig extends IssuerConfig {
  readonly scope?: string | undefined;
  /** RFC 8707. */
  readonly resource?: string | undefined;
  /** Tokens are bound to a key of the gateway (RFC 9449). */
  readonly dpop?: boolean | undefined;
}

/** RFC 6749: client credentials (4.4), or a refresh token from an earlier log-in (6). */
export interface OAuth2Config extends OAuthClientConfig, TokenTargetConfig {
  readonly type: "oauth2";
  readonly grant: "client_credentials" | "refresh_token";
  readonly refreshToken?: Secret | undefined;
}

/**
 * An identity provider vouches for the user to the server's authorization server: token exchange
 * (RFC 8693) for an ID-JAG, then the grant `jwt-bearer` (RFC 7523, 2.1).
 */
export interface EnterpriseConfig extends OAuthClientConfig, TokenTargetConfig {
  readonly type: "enterprise";
  readonly identityProvider: OAuthClientConfig & IssuerConfig;
  /** What the identity provider issued to the user. */
  readonly subjectToken: Secret;
  readonly subjectTokenType: typeof subjectTokenTypes[number];
}

/** A JWT that the platform issues to this workload, by the grant `jwt-bearer` (RFC 7523, 2.1). */
export interface WorkloadConfig extends TokenTargetConfig {
  readonly type: "workload";
  readonly assertion: Secret;
  readonly clientId?: Secret | undefined;
}

/** How the gateway gets a grant at a remote server that asks for one. */
export interface ServerOAuthConfig {
  /** Whether each principal has a grant of its own, or one log-in of the operator serves all. */
  readonly grant: "each" | "shared";
  /** Why no grant can be used; it goes on after the server's name. Absent: one can. */
  readonly problem?: string | undefined;
  /** A client that was registered by hand at the server's issuer. Absent: the gateway registers. */
  readonly clientId?: Secret | undefined;
  readonly clientSecret?: Secret | undefined;
  /** What to request. Absent: what the server's challenge or metadata names. */
  readonly scopes?: readonly string[] | undefined;
  /** Replaces the URL of the gateway's callback; a client registered by hand may need it. */
  readonly redirectUri?: string | undefined;
  /** Where the gateway's client metadata document is. Absent: below MCP_PUBLIC_URL. */
  readonly clientMetadataUrl?: string | undefined;
  /** Tokens are bound to a key of the gateway (RFC 9449). */
  readonly dpop?: boolean | undefined;
  /** Whether a server that cannot list without a grant shows the tool `connect_{server}`. */
  readonly connectTool: boolean;
}
