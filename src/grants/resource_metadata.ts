/**
 * What a protected server says about itself (RFC 9728): where its authorization servers are, and
 * which scopes it knows. The metadata is at the URL of the challenge, else below `/.well-known/`
 * with the server's path, else at the root. It must be about the server's own URL: a server that
 * names another resource would get that resource's tokens.
 */
import type { JsonObject } from "../model.ts";
import type { TokenChallenge } from "./challenge.ts";
import { refuseMetadata } from "./grant_problem.ts";
import { readScopeList, type ScopeLimits } from "./granted_scopes.ts";
import { type AskIssuer, type RequestedServer, toNamedUrl } from "./issuer_requests.ts";

/** What it says, checked. */
export interface ResourceMetadata {
  /** The canonical URI of the server, as it names itself (RFC 8707, section 2). */
  readonly resource: string;
  /** At least one. */
  readonly issuers: readonly string[];
  /** Undefined: it does not say. */
  readonly scopes: readonly string[] | undefined;
}

/** Bounds on it. */
export type MetadataLimits = ScopeLimits & {
  readonly grantIssuersMax: number;
  readonly grantTextCharsMax: number;
};

/**
 * Reads the metadata; undefined: the server has none, as servers of the oldest revision. Rejects
 * with a GrantProblem.
 */
export async function readResourceMetadata(
  server: RequestedServer,
  challenge: TokenChallenge | undefined,
  ask: AskIssuer,
  limits: MetadataLimits,
  signal: AbortSignal,
): Promise<ResourceMetadata | undefined> {
  const named = challenge?.resourceMetadata;
  const places = named === undefined ? [] : [named];
  for (const url of new Set([...places, ...wellKnownPlaces(server.url)])) {
    const value = await getJson(url, ask, signal);
    if (value !== undefined) return checkMetadata(value, server.url, limits);
  }
  if (named === undefined) return undefined;
  throw refuseMetadata("cannot be found where the server says");
}

/** The JSON object at a URL; undefined: there is none, but an error page or a page for persons. */
export async function getJson(
  url: string,
  ask: AskIssuer,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const headers = { accept: "application/json" };
  const { status, value } = await ask({ url, method: "GET", headers }, signal);
  return status === 200 ? value : undefined;
}

function wellKnownPlaces(server: string): readonly string[] {
  const { origin, pathname } = new URL(server);
  const root = `${origin}/.well-known/oauth-protected-resource`;
  return pathname === "/" ? [root] : [`${root}${pathname}`, root];
}

function checkMetadata(
  { resource, authorization_servers: issuers, scopes_supported: scopes }: JsonObject,
  server: string,
  limits: MetadataLimits,
): ResourceMetadata {
  const { grantIssuersMax, grantTextCharsMax } = limits;
  const isText = (value: unknown): value is string =>
    typeof value === "string" && value.length <= grantTextCharsMax;
  if (!isText(resource) || !coversServer(resource, server)) {
    throw refuseMetadata("is about another resource than the server's URL");
  }
  const named = Array.isArray(issuers) ? issuers.slice(0, grantIssuersMax).filter(isText) : [];
  const usable = named.filter((issuer) => isIssuer(issuer, server));
  if (usable.length === 0) throw refuseMetadata("names no authorization server that may be used");
  return { resource, issuers: usable, scopes: readScopeList(scopes, limits) };
}

/**
 * Whether a text may be an issuer (RFC 8414, section 2): a URL without a query and a fragment. It is
 * kept and shown as it is, so that characters which parsing would encode are not taken.
 */
function isIssuer(text: string, server: string): boolean {
  return toNamedUrl(text, server) !== undefined && /^[\x21-\x7e]+$/.test(text) &&
    !/[?#]/.test(text);
}

/**
 * Whether a token for a resource may be sent to a server: the resource is the server's URL or a
 * parent path of it, at the same origin.
 */
export function coversServer(resource: string, server: string): boolean {
  if (!URL.canParse(resource) || /[#?]/.test(resource)) return false;
  const { origin, pathname, username, password } = new URL(resource);
  const own = new URL(server);
  if (origin !== own.origin || username + password !== "") return false;
  const parent = pathname.endsWith("/") ? pathname : `${pathname}/`;
  return `${own.pathname}/`.startsWith(parent);
}

/** The canonical URI of a server that does not name itself (RFC 8707, section 2). */
export function toResource(server: string): string {
  const { origin, pathname } = new URL(server);
  return pathname === "/" ? origin : `${origin}${pathname}`;
}
