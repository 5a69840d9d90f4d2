/**
 * Where clients find out how to authenticate: the metadata of each resource (RFC 9728) and of the
 * authorization server (RFC 8414, and OpenID Connect Discovery), at the root, below each endpoint's
 * path, and at the places where clients look otherwise. All paths of a kind of surface answer
 * alike, whether or not there is such a surface. Browsers may read them from the origins that may
 * use the gateway, and no others: a page that cannot call /mcp needs no metadata.
 */
import type { Authenticator } from "../../auth/authenticator.ts";
import { GatewayError } from "../../errors.ts";
import { oauthPaths } from "../../oauth/oauth_metadata.ts";
import type { OAuthServer } from "../../oauth/oauth_server.ts";
import { usualScopes } from "../../oauth/scopes.ts";
import { resourceMetadataPath } from "../admission.ts";
import { type BaseUrl, pathPrefix } from "../gateway_url.ts";
import type { OpenContext } from "../request_context.ts";
import type { OpenEndpoint, OpenRow } from "../route_match.ts";
import type { SurfaceKinds } from "../surface_kinds.ts";
import { documentResponse } from "./oauth_responses.ts";
import { createSurfaceOfPath, endpointsOf, type SurfaceOfPath } from "./resource_names.ts";

/** What discovery is made of. */
export interface DiscoveryDeps {
  readonly authenticator: Pick<Authenticator, "issuers">;
  /** Absent: other issuers' tokens alone are taken. */
  readonly server: OAuthServer | undefined;
  readonly baseUrl: BaseUrl;
  readonly publicUrl: string | undefined;
  readonly surfaceKinds: SurfaceKinds;
}

const serverPath = "/.well-known/oauth-authorization-server";
const openIdPath = "/.well-known/openid-configuration";

/**
 * The issuer at a URL of the gateway. If clients of some surfaces must not find it, it has a path
 * of its own, because every client looks at the root.
 */
export function issuerOf(
  { hidesSurfaces }: OAuthServer["settings"],
  baseUrl: string,
): string {
  return hidesSurfaces ? `${baseUrl}/oauth` : baseUrl;
}

/** The rows; none if no kind of authenticator has an issuer. */
export function discoveryRows(deps: DiscoveryDeps): OpenRow[] {
  const { authenticator: { issuers = [] }, server, surfaceKinds, publicUrl } = deps;
  if (server === undefined && issuers.length === 0) return [];
  const surfaceOfPath = createSurfaceOfPath(surfaceKinds);
  const endpoints = endpointsOf(surfaceKinds).map(({ path }) => path);
  const prefix = pathPrefix(publicUrl);
  const rows = new Map<string, OpenRow>();
  const add = (path: string, answer: OpenEndpoint) =>
    rows.set(path, { path, openMethods: { GET: answer, HEAD: answer } });
  /** Each document at the well-known path with the endpoint's path after it, and below it. */
  const addAll = (wellKnown: string, toAnswer: (inner: string) => OpenEndpoint) => {
    for (const inner of ["", ...endpoints]) {
      const answer = toAnswer(inner);
      add(`${wellKnown}${inner}`, answer);
      if (inner !== "") add(`${inner}${wellKnown}`, answer);
      if (prefix !== "") add(`${wellKnown}${prefix}${inner}`, answer);
    }
  };
  addAll(resourceMetadataPath, (inner) => resourceAnswer(deps, surfaceOfPath, inner));
  if (server !== undefined) {
    const openId = openIdExtras;
    addAll(serverPath, (inner) => serverAnswer(deps, server, surfaceOfPath, inner, () => ({})));
    addAll(openIdPath, (inner) => serverAnswer(deps, server, surfaceOfPath, inner, openId));
    const always = (extras: typeof openId) => serverAnswer(deps, server, undefined, "", extras);
    for (const path of [`${serverPath}/oauth`, `/oauth${serverPath}`]) {
      add(path, always(() => ({})));
    }
    for (const path of [`${openIdPath}/oauth`, `/oauth${openIdPath}`]) add(path, always(openId));
    add(oauthPaths.keys, () => documentResponse({ keys: [] }));
  }
  return [...rows.values()];
}

/** Throws `path_unknown` if the clients of a path must not find what they look for. */
function assertDiscoverable(
  server: OAuthServer | undefined,
  surfaceOfPath: SurfaceOfPath,
  path: string,
): void {
  if (server === undefined) return;
  const { hidesSurfaces, isDiscoverable } = server.settings;
  const surface = path === "" ? undefined : surfaceOfPath(path);
  const isHidden = surface === undefined ? hidesSurfaces : !isDiscoverable(surface);
  if (isHidden) throw new GatewayError("path_unknown");
}

/** The endpoint's path within the path of its metadata, as the client wrote it. */
function innerPathOf({ path }: OpenContext, wellKnown: string, prefix: string): string {
  const inner = path.replace(wellKnown, "");
  return prefix !== "" && inner.startsWith(prefix) ? inner.slice(prefix.length) : inner;
}

function resourceAnswer(
  { authenticator: { issuers = [] }, server, baseUrl, publicUrl }: DiscoveryDeps,
  surfaceOfPath: SurfaceOfPath,
  inner: string,
): OpenEndpoint {
  const prefix = pathPrefix(publicUrl);
  return (context) => {
    const path = inner === "" ? "" : innerPathOf(context, resourceMetadataPath, prefix);
    assertDiscoverable(server, surfaceOfPath, path);
    const base = baseUrl(context.request, context.fetchContext);
    const own = server === undefined ? [] : [issuerOf(server.settings, base)];
    return documentResponse({
      // The URL that the person gave to the client; messages belong to the endpoint `sse`.
      resource: `${base}${path.replace(/\/messages$/, "/sse")}`,
      authorization_servers: [...own, ...issuers],
      scopes_supported: usualScopes,
      bearer_methods_supported: ["header"],
      resource_name: "mcp-wrapper",
    });
  };
}

/** What OpenID clients want to find. No ID token is ever issued, so there are no keys either. */
function openIdExtras(base: string): object {
  return {
    jwks_uri: `${base}${oauthPaths.keys}`,
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  };
}

function serverAnswer(
  { baseUrl, publicUrl }: DiscoveryDeps,
  server: OAuthServer,
  surfaceOfPath: SurfaceOfPath | undefined,
  inner: string,
  extras: (base: string) => object,
): OpenEndpoint {
  const prefix = pathPrefix(publicUrl);
  return (context) => {
    if (surfaceOfPath !== undefined) {
      const wellKnown = context.path.includes(openIdPath) ? openIdPath : serverPath;
      const path = inner === "" ? "" : innerPathOf(context, wellKnown, prefix);
      assertDiscoverable(server, surfaceOfPath, path);
    }
    const base = baseUrl(context.request, context.fetchContext);
    const metadata = server.metadata(issuerOf(server.settings, base), base);
    return documentResponse({ ...metadata, ...extras(base) });
  };
}
