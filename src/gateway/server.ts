/**
 * A configured server with its upstream, and which servers are behind one surface. Types, and the
 * map that treats a server as the same one on every surface.
 */
import type { CardAudience, Naming, ProfileConfig, ServerConfig } from "../config/config.ts";
import type { ListKind } from "../model.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** One server of the running configuration. */
export interface Server {
  readonly config: ServerConfig;
  readonly upstream: Upstream;
  /** Lists of which a surface offers nothing. Absent: it offers all. */
  readonly withheld?: ReadonlySet<ListKind> | undefined;
}

/** Whether a surface offers nothing of this kind of a server. */
export function isWithheld({ withheld }: Server, kind: ListKind): boolean {
  return withheld?.has(kind) === true;
}

/** The running configuration, which surfaces are made from. */
export interface RunningServers {
  /** Another list whenever one of them is another. */
  readonly servers: readonly Server[];
  /** Absent: none. */
  readonly profiles?: readonly ProfileConfig[] | undefined;
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
  /** What it is for, by its configuration. */
  readonly description?: string | undefined;
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

/**
 * The only server of a surface that offers all of its resources: its URIs pass as they are. Others
 * are looked up.
 */
export function soleOwner({ servers: [only, ...others] }: SurfaceContent): Server | undefined {
  return only === undefined || others.length > 0 || isWithheld(only, "resources")
    ? undefined
    : only;
}

/** Whether two views of a surface list the same. */
export function isSameContent(
  one: SurfaceContent | undefined,
  other: SurfaceContent | undefined,
): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.prefixed === other.prefixed && one.servers.length === other.servers.length &&
    one.servers.every((server, at) => server === other.servers[at]) &&
    JSON.stringify(one.search) === JSON.stringify(other.search);
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
