/**
 * The endpoint of a request as an authenticator sees it: its path, the name of its surface, and the
 * canonical URL of that surface. A surface with this name need not exist.
 */
import type { AuthTarget } from "../auth/authenticator.ts";
import type { BaseUrl } from "./gateway_url.ts";
import type { OpenContext } from "./request_context.ts";
import type { Match } from "./route_match.ts";
import { fillName, type SurfaceKind } from "./surface_kinds.ts";

type ArrivedRequest = Pick<OpenContext, "request" | "fetchContext">;

/** The target of one request. A class, so that its names are only made when they are read. */
export class EndpointTarget implements AuthTarget {
  readonly path: string;
  readonly #baseUrl: BaseUrl;
  readonly #arrived: ArrivedRequest;
  readonly #kind: SurfaceKind;
  readonly #name: string | undefined;

  constructor(
    baseUrl: BaseUrl,
    arrived: ArrivedRequest,
    kind: SurfaceKind,
    { path, name }: Pick<Match, "path" | "name">,
  ) {
    this.path = path;
    this.#baseUrl = baseUrl;
    this.#arrived = arrived;
    this.#kind = kind;
    this.#name = name;
  }

  get surface(): string {
    return namedSurface(this.#kind, this.#name);
  }

  get resource(): string {
    const { request, fetchContext } = this.#arrived;
    return `${this.#baseUrl(request, fetchContext)}${fillName(this.#kind.path, this.#name)}/mcp`;
  }
}

/** The surface that a path names, whether or not there is one; broken escapes stay as they are. */
export function namedSurface({ surface }: SurfaceKind, name: string | undefined): string {
  if (name === undefined) return surface;
  try {
    return fillName(surface, decodeURIComponent(name));
  } catch {
    return fillName(surface, name);
  }
}
