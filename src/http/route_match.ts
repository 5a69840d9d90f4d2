/**
 * Matches the path of a request to a row of the route table. Paths are compared as they are
 * written: dot segments, doubled slashes and encoded slashes match no route.
 */
import { IttyRouter } from "itty-router";
import { putWithin } from "../bounded.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { OpenContext, RequestContext } from "./request_context.ts";
import type { SurfaceKind } from "./surface_kinds.ts";

/** Answers one method of a URL, for a principal. */
export type Endpoint = (context: RequestContext) => Response | Promise<Response>;

/** Answers one method of a URL, for any client. */
export type OpenEndpoint = (context: OpenContext) => Response | Promise<Response>;

/** One URL with a surface behind it: its kind, its methods, and the path that took its place. */
export interface SurfaceRow {
  readonly path: string;
  readonly kind: SurfaceKind;
  readonly methods: Readonly<Record<string, Endpoint>>;
  readonly successor?: string;
  /**
   * For a document about an endpoint: what follows the endpoint's path. Its clients need the
   * credentials of that endpoint.
   */
  readonly suffix?: string;
  /** Answers every client, whatever its credentials; undefined: only clients that are admitted. */
  readonly openAnswer?: (context: OpenContext, name: string | undefined) => Response | undefined;
}

/** One URL that is open to all that the guard lets in. */
export interface OpenRow {
  readonly path: string;
  readonly openMethods: Readonly<Record<string, OpenEndpoint>>;
}

/** The row of a longer URL is searched each time. */
const rememberedCharsMax = 256;

/** One URL. */
export type RouteRow = SurfaceRow | OpenRow;

/** A row that was found. */
export interface Match<Row = RouteRow> {
  readonly row: Row;
  /** The path as it came, without a slash at the end. */
  readonly path: string;
  /** The name in the path, as it was written; absent: its row has none. */
  readonly name: string | undefined;
}

/** What the router finds: the row and the name in the path. */
const toFound = <Row>(row: Row) => ({ params }: { params: Record<string, string> }) => ({
  row,
  name: params.name,
});

/**
 * Finds rows by the URL of a request. A URL that was found before, or whose row has no name in its
 * path, is found at once. Throws `path_unknown`, or rejects with it.
 */
export function createMatcher<Row extends { readonly path: string }>(
  rows: readonly Row[],
  { rememberedHeadersMax }: Pick<Limits, "rememberedHeadersMax">,
): (url: string) => Match<Row> | Promise<Match<Row>> {
  const fixed = new Map<string, Row>();
  const router = IttyRouter();
  for (const row of rows) {
    if (row.path.includes(":")) router.all(row.path, toFound(row));
    else fixed.set(row.path, row);
  }
  const search = async (path: string): Promise<Match<Row>> => {
    const url = `http://gateway${path}`;
    // The router would follow dot segments and forgive any number of slashes at the end.
    const isAsWritten = new URL(url).pathname === path && !path.endsWith("/");
    const found: Omit<Match<Row>, "path"> | undefined = isAsWritten
      ? await router.fetch({ method: "GET", url })
      : undefined;
    if (found === undefined) throw new GatewayError("path_unknown");
    return { ...found, path };
  };
  /** Rows by exact URL, because clients repeat the same few URLs. */
  const remembered = new Map<string, Match<Row>>();
  const remember = (url: string, match: Match<Row>): Match<Row> => {
    if (url.length <= rememberedCharsMax) {
      putWithin(remembered, url, match, rememberedHeadersMax);
    }
    return match;
  };
  return (url) => {
    const known = remembered.get(url);
    if (known !== undefined) return known;
    const path = trimPath(pathOf(url));
    const row = fixed.get(path);
    if (row !== undefined) return remember(url, { row, path, name: undefined });
    return search(path).then((match) => remember(url, match));
  };
}

/** The path of a URL as text, without query and fragment. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

/** Without the one slash at the end that clients often add; `//` stays, and matches no route. */
function trimPath(path: string): string {
  return /[^/]\/$/.test(path) ? path.slice(0, -1) : path;
}

/** The name of a surface in a path. Throws `path_unknown` when its escapes are broken. */
export function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new GatewayError("path_unknown");
  }
}
