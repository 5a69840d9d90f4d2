/**
 * The parameters of a request to the authorization server, each at most once and of limited length,
 * and the surface that its `resource` names.
 */
import type { Limits } from "../limits.ts";
import { OAuthError } from "./oauth_error.ts";

/** Parameters by name; an empty one counts as absent (RFC 6749, 3.1). */
export type OAuthParams = Readonly<Record<string, string | undefined>>;

/** What a `resource` stands for; `surface` absent: every surface of this gateway. */
export interface ResourceTarget {
  readonly surface?: string | undefined;
}

/** Finds what a `resource` stands for; undefined: it is none of this gateway's. */
export type ResourceResolver = (resource: string) => ResourceTarget | undefined;

/** One request, as an endpoint got it. */
export interface OAuthRequest {
  readonly params: URLSearchParams;
  /** The issuer that this client knows. */
  readonly issuer: string;
  /** The URL of the token endpoint, as the metadata names it. */
  readonly tokenEndpoint: string;
  readonly resolveResource: ResourceResolver;
  /** The client's address; absent: unknown. */
  readonly address?: string | undefined;
}

/** The parameter that may be repeated (RFC 8707, 2). */
const resourceName = "resource";

/** Reads the parameters. Throws `invalid_request` if one is repeated or too long. */
export function readParams(
  params: URLSearchParams,
  { oauthParameterCharsMax }: Pick<Limits, "oauthParameterCharsMax">,
): OAuthParams {
  const found = new Map<string, string>();
  for (const [name, value] of params) {
    if (value.length > oauthParameterCharsMax) {
      throw new OAuthError("invalid_request", "A parameter is too long");
    }
    if (value === "" || name === resourceName) continue;
    if (found.has(name)) throw new OAuthError("invalid_request", "A parameter is repeated");
    found.set(name, value);
  }
  return Object.fromEntries(found);
}

/**
 * What the `resource` parameters of a request stand for; undefined if there is none. Throws
 * `invalid_target` unless all of them stand for the same of this gateway.
 */
export function readResource(
  { params, resolveResource }: OAuthRequest,
): ResourceTarget | undefined {
  const given = params.getAll(resourceName).filter((resource) => resource !== "");
  const targets = given.map(resolveResource);
  const [first] = targets;
  if (targets.every((target) => target !== undefined && target.surface === first?.surface)) {
    return first;
  }
  throw new OAuthError("invalid_target", "The resource is not an MCP endpoint of this gateway");
}

/**
 * The surface of a token whose grant is for `granted`. Throws `invalid_target` if the request names
 * another one.
 */
export function narrowSurface(
  granted: string | undefined,
  request: OAuthRequest,
): string | undefined {
  const wanted = readResource(request);
  if (wanted === undefined || wanted.surface === granted) return granted;
  if (granted === undefined) return wanted.surface;
  throw new OAuthError("invalid_target", "The resource is not the one that was granted");
}
