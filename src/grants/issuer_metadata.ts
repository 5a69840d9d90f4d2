/**
 * What an authorization server says about itself (RFC 8414; OpenID Connect Discovery 1.0), in the
 * order of places that MCP prescribes. The document must name exactly the issuer that was asked
 * for. Whether persons can log in there is looked at when one does: an issuer for machines alone
 * needs no more than a token endpoint.
 */
import type { JsonObject } from "../model.ts";
import { type GrantProblem, refuseIssuerMetadata } from "./grant_problem.ts";
import { readScopeList, type ScopeLimits } from "./granted_scopes.ts";
import { type AskIssuer, toNamedUrl } from "./issuer_requests.ts";
import { getJson } from "./resource_metadata.ts";

/** What it says, checked. */
export interface IssuerMetadata {
  readonly issuer: string;
  /** Undefined: it names none, or one that the gateway does not use. */
  readonly authorizationEndpoint: string | undefined;
  readonly tokenEndpoint: string;
  /** It says that it supports PKCE with S256. */
  readonly checksCodes: boolean;
  readonly registrationEndpoint: string | undefined;
  readonly revocationEndpoint: string | undefined;
  /** How clients may authenticate; undefined: it does not say. */
  readonly authMethods: readonly string[] | undefined;
  readonly scopes: readonly string[];
  /** Clients may be known by the URL of their own document. */
  readonly takesDocuments: boolean;
  /** Each answer to an authorization request names the issuer (RFC 9207, section 3). */
  readonly sendsIssuer: boolean;
  /** The whole document. */
  readonly document: JsonObject;
}

/** Where the metadata of an issuer may be. */
function placesOf(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const [oauth, openid] = ["/.well-known/oauth-authorization-server", openIdPlace];
  const inserted = [`${origin}${oauth}${path}`, `${origin}${openid}${path}`];
  // The last one is in no specification, but older servers have it.
  const appended = path === "" ? [] : [`${origin}${path}${openid}`, `${origin}${path}${oauth}`];
  return [...inserted, ...appended];
}

const openIdPlace = "/.well-known/openid-configuration";

/**
 * Reads the metadata; undefined: it has none. `home`: the URL of the server that names the issuer.
 * Rejects with a GrantProblem.
 */
export async function readIssuerMetadata(
  issuer: string,
  home: string,
  ask: AskIssuer,
  limits: ScopeLimits,
  signal: AbortSignal,
): Promise<IssuerMetadata | undefined> {
  let problem: GrantProblem | undefined;
  for (const url of placesOf(issuer)) {
    const value = await getJson(url, ask, signal);
    if (value === undefined) continue;
    if (isSame(value["issuer"], issuer)) return checkDocument(issuer, value, home, limits);
    problem ??= refuseIssuerMetadata("names another issuer than itself in its metadata");
  }
  if (problem !== undefined) throw problem;
  return undefined;
}

/** Simple comparison (RFC 3986, section 6.2.1): not even a slash at the end is overlooked. */
function isSame(named: unknown, issuer: string): named is string {
  return named === issuer;
}

function checkDocument(
  issuer: string,
  document: JsonObject,
  home: string,
  limits: ScopeLimits,
): IssuerMetadata {
  const tokenEndpoint = toNamedUrl(document["token_endpoint"], home);
  if (tokenEndpoint === undefined) throw refuseIssuerMetadata(noUsableUrl);
  return {
    issuer,
    authorizationEndpoint: toNamedUrl(document["authorization_endpoint"], home),
    tokenEndpoint,
    checksCodes: toTexts(document["code_challenge_methods_supported"])?.includes("S256") === true,
    registrationEndpoint: toNamedUrl(document["registration_endpoint"], home),
    revocationEndpoint: toNamedUrl(document["revocation_endpoint"], home),
    authMethods: toTexts(document["token_endpoint_auth_methods_supported"]),
    scopes: readScopeList(document["scopes_supported"], limits) ?? [],
    takesDocuments: document["client_id_metadata_document_supported"] === true,
    sendsIssuer: document["authorization_response_iss_parameter_supported"] === true,
    document,
  };
}

const noUsableUrl = "names no usable URL for log-ins or tokens in its metadata";

/** Whether persons can log in there. */
export function takesLogins({ authorizationEndpoint, checksCodes }: IssuerMetadata): boolean {
  return authorizationEndpoint !== undefined && checksCodes;
}

/**
 * Where persons log in (MCP authorization, "Authorization Code Protection"). Throws a GrantProblem
 * if no log-in is possible there.
 */
export function loginEndpointOf({ authorizationEndpoint, checksCodes }: IssuerMetadata): string {
  if (authorizationEndpoint === undefined) throw refuseIssuerMetadata(noUsableUrl);
  if (checksCodes) return authorizationEndpoint;
  throw refuseIssuerMetadata(
    "does not say that it supports PKCE with S256, which the MCP specification requires",
  );
}

/**
 * What is assumed of a server of revision 2025-03-26 without metadata ("Fallbacks for Servers
 * without Metadata Discovery"): it is its own authorization server, with fixed paths.
 */
export function assumedMetadata(issuer: string): IssuerMetadata {
  const { origin } = new URL(issuer);
  const [authorizationEndpoint, tokenEndpoint, registrationEndpoint] = [
    `${origin}/authorize`,
    `${origin}/token`,
    `${origin}/register`,
  ];
  return {
    issuer,
    authorizationEndpoint,
    tokenEndpoint,
    checksCodes: true,
    registrationEndpoint,
    revocationEndpoint: undefined,
    authMethods: undefined,
    scopes: [],
    takesDocuments: false,
    sendsIssuer: false,
    document: {
      issuer,
      authorization_endpoint: authorizationEndpoint,
      token_endpoint: tokenEndpoint,
      registration_endpoint: registrationEndpoint,
    },
  };
}

function toTexts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((item) => typeof item === "string");
}
