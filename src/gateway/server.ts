/**
 * A configured server with its upstream, and which servers are behind one surface. Types, and the
 * map that treats a server as the same one on every surface.
 */
import type { CardAudience, Naming, ServerConfig } from "../config/config.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** One server of the running configuration. */
export interface Server {
  readonly config: ServerConfig;
  readonly upstream: Upstream;
}

/** The running configuration, which surfaces are made from. */
export interface RunningServers {
  readonly servers: readonly Server[];
  readonly names: Naming;
  /** Who may read the card of the surface of all servers. Absent: its clients. */
  readonly card?: CardAudience | undefined;
}

/** What a surface offers, and how. */
export interface SurfaceContent {
  /**
   * The servers behind it. One that is offered in part has `config.tools` of its own beside the
   * same upstream, and is the same object for as long as the server is.
   */
  readonly servers: readonly Server[];
  /** Whether names carry their server's. */
  readonly prefixed: boolean;
  /** Whether requests by methods that the protocol does not name reach its one server. */
  readonly takesForeign: boolean;
  /** Who may read its card. Absent: its clients. */
  readonly card?: CardAudience | undefined;
  /** Its tools are found by a search and not listed. Absent: they are listed. */
  readonly search?: SearchMode | undefined;
}

/** How a surface offers its tools by a search. */
export interface SearchMode {
  /** Patterns of the offered names of tools that are listed nevertheless; `*` is any characters. */
  readonly pinned: readonly string[];
}

/** A surface by its name, which means nothing here: the rows of surfaces make it (http/). */
export interface ResolvedSurface extends SurfaceContent {
  readonly surface: string;
}

/** Finds what a surface offers now; undefined when no surface has this name. */
export type ResolveSurface = (
  surface: string,
  running: RunningServers,
) => ResolvedSurface | undefined;

/** Values by server: two objects with one upstream are one server. */
export function createServerMap<Value>() {
  const values = new Map<Upstream, Value>();
  return {
    get: ({ upstream }: Server): Value | undefined => values.get(upstream),
    set: ({ upstream }: Server, value: Value): void => void values.set(upstream, value),
    delete: ({ upstream }: Server): boolean => values.delete(upstream),
    values: () => values.values(),
  };
}
