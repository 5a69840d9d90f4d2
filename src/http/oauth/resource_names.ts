/**
 * The URLs of MCP endpoints as resources (RFC 8707, RFC 9728): which surface a URL stands for, and
 * under which paths the metadata of resources is. Whether a surface exists is never looked at, so
 * that a URL does not reveal which servers there are.
 */
import { isLoopback } from "../../config/loopback.ts";
import type { ResourceTarget } from "../../oauth/oauth_request.ts";
import { pathPrefix } from "../gateway_url.ts";
import { fillName, type SurfaceKinds } from "../surface_kinds.ts";

/** One endpoint of a kind of surface. */
export interface ResourceEndpoint {
  /** With `:name` for the name of one surface of several. */
  readonly path: string;
  /** The surface's name, in the same form. */
  readonly surface: string;
}

/** All endpoints whose URL a person may have given to a client, or a client may derive. */
export function endpointsOf(kinds: SurfaceKinds): ResourceEndpoint[] {
  return kinds.flatMap(({ path, surface, formerNames = [] }) =>
    ["mcp", "sse", "messages", ...formerNames].map((name) => ({
      path: `${path}/${name}`,
      surface,
    }))
  );
}

/** Finds the surface of an endpoint's path; undefined: it is no endpoint's. */
export type SurfaceOfPath = (path: string) => string | undefined;

/** Makes the function for these kinds of surfaces. */
export function createSurfaceOfPath(kinds: SurfaceKinds): SurfaceOfPath {
  const endpoints = endpointsOf(kinds).map(({ path, surface }) => ({
    form: toForm(path),
    surface,
  }));
  return (path) => {
    for (const { form, surface } of endpoints) {
      const match = form.exec(path);
      if (match !== null) return nameSurface(surface, match[1]);
    }
    return undefined;
  };
}

function toForm(path: string): RegExp {
  const parts = path.split(":name").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("([^/]+)")}$`);
}

function nameSurface(surface: string, name: string | undefined): string | undefined {
  try {
    return fillName(surface, name && decodeURIComponent(name));
  } catch {
    return undefined;
  }
}

/**
 * What a `resource` stands for; undefined: it is none of the gateway at `bases`. The gateway's own
 * URL stands for all its surfaces. On loopback, every name of the machine is the same.
 */
export function resolveResource(
  resource: string,
  bases: readonly string[],
  surfaceOfPath: SurfaceOfPath,
): ResourceTarget | undefined {
  if (resource.includes("#") || !URL.canParse(resource)) return undefined;
  const url = new URL(resource);
  if (url.username !== "" || url.password !== "" || url.search !== "") return undefined;
  for (const base of bases.map((text) => new URL(text))) {
    if (!isSameOrigin(url, base)) continue;
    const prefix = pathPrefix(base);
    if (!url.pathname.startsWith(prefix)) continue;
    const path = url.pathname.slice(prefix.length).replace(/\/$/, "");
    if (path === "") return {};
    const surface = surfaceOfPath(path);
    if (surface !== undefined) return { surface };
  }
  return undefined;
}

function isSameOrigin(one: URL, other: URL): boolean {
  if (one.origin === other.origin) return true;
  return one.protocol === other.protocol && one.port === other.port &&
    isLoopback(one.hostname) && isLoopback(other.hostname);
}
