/**
 * The kinds of surfaces: which URLs exist, the internal name of each, and which servers are behind
 * it. Routes and the front page are derived from these rows; the core knows no URL. Another kind is
 * one more row; an embedding program adds its own with `surfaceKinds` of `createGateway`.
 */
import { profileContent } from "../gateway/profile_content.ts";
import type {
  ResolveSurface,
  RunningServers,
  SurfaceContent,
  SurfaceNames,
} from "../gateway/surface.ts";

/** One kind of surface; `:name` stands for the name of one surface of several. */
export interface SurfaceKind {
  /** The path above its endpoints: `mcp`, `sse` and `messages`. */
  readonly path: string;
  /**
   * What its surfaces are called: in the log, in stored sessions and in cursors. It never changes
   * for a surface that stays, or its clients lose their sessions.
   */
  readonly surface: string;
  /** Names that the endpoint `mcp` had before; they work, and are marked as deprecated. */
  readonly formerNames?: readonly string[];
  /** Why a name is unknown, for the client. */
  readonly unknown: string;
  /** Whether the name of its surfaces is that of their only server. Absent: it is not. */
  readonly isServer?: boolean;
  /**
   * The names of its surfaces, for the catalog of cards; absent: the catalog lists the only one, and
   * none of several.
   */
  readonly names?: (names: SurfaceNames) => readonly string[];
  /** What it is for, on the front page; absent: it is not listed there. */
  readonly purpose?: string;
  /** The surface of this name, which is "" where there is only one; undefined: there is none. */
  readonly resolve: (name: string, running: RunningServers) => SurfaceContent | undefined;
}

/** The rows. */
export type SurfaceKinds = readonly SurfaceKind[];

const allServers: SurfaceKind = {
  path: "",
  surface: "/mcp",
  unknown: "no server is configured",
  resolve: (_name, { servers, names, card }) => ({
    servers,
    prefixed: names === "prefixed" || (names === "auto" && servers.length !== 1),
    takesForeign: false,
    card,
  }),
};

const searched: SurfaceKind = {
  path: "/search",
  surface: "/search",
  unknown: "no server is configured",
  // The catalog of cards has these servers already.
  names: () => [],
  purpose: "all servers, with three tools by which a model finds and calls the others",
  resolve: (_name, { servers, card }) => ({
    servers,
    // Always: what a model has learned keeps its name when another server is added.
    prefixed: true,
    takesForeign: false,
    card,
    search: { pinned: [] },
  }),
};

const oneServer: SurfaceKind = {
  path: "/servers/:name",
  surface: "/servers/:name",
  formerNames: ["streamable"],
  unknown: "no such server is configured",
  isServer: true,
  names: ({ servers }) => servers,
  purpose: "one server alone",
  resolve(name, { servers }) {
    const server = servers.find(({ config }) => config.name === name);
    if (server === undefined) return undefined;
    const { card } = server.config;
    return { servers: [server], prefixed: false, takesForeign: true, card };
  },
};

const profile: SurfaceKind = {
  path: "/profiles/:name",
  surface: "/profiles/:name",
  unknown: "no such profile is configured, or the operator's log says what is wrong with it",
  names: ({ profiles }) => profiles,
  purpose: "a profile: some tools of some servers",
  resolve: profileContent,
};

/** The table. */
export const surfaceKinds: SurfaceKinds = [allServers, searched, oneServer, profile];

/** The path of the MCP endpoint of a profile. */
export function profilePath(name: string): string {
  return `${fillName(profile.path, encodeURIComponent(name))}/mcp`;
}

const parameter = ":name";

/** A path or name of a row with the name of one surface in it. */
export function fillName(pattern: string, name: string | undefined): string {
  return pattern.replace(parameter, () => name ?? "");
}

/** The name inside a surface's own, by its row's pattern; undefined when it is of another kind. */
export function nameIn(surface: string, pattern: string): string | undefined {
  const at = pattern.indexOf(parameter);
  if (at < 0) return surface === pattern ? "" : undefined;
  return surface.startsWith(pattern.slice(0, at)) ? surface.slice(at) : undefined;
}

/** Finds what a surface offers by the first row that knows its name. */
export function createSurfaceResolver(kinds: SurfaceKinds): ResolveSurface {
  return (surface, running) => {
    for (const kind of kinds) {
      const name = nameIn(surface, kind.surface);
      const content = name === undefined ? undefined : kind.resolve(name, running);
      if (content === undefined) continue;
      const { servers, prefixed, takesForeign, card, search, description } = content;
      return { surface, servers, prefixed, takesForeign, card, search, description };
    }
    return undefined;
  };
}
