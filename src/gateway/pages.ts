/**
 * Which pages of apps the servers of a surface offer: those in their resource lists, and those that
 * their tools name, which servers may leave out of the list. Where two servers offer the same page,
 * the first in the configuration keeps its URI. Worked out once for each list.
 */
import type { ToolFilter } from "../config/config.ts";
import { isOffered } from "../config/tool_filter.ts";
import { type JsonObject, type ListKind, listKinds } from "../model.ts";
import { isPageUri, namedPages } from "./app_meta.ts";
import type { Server } from "./server.ts";
import { fromGatewayUri, toGatewayUri } from "./uri.ts";

/** The list of one server. */
export interface ServerList {
  readonly server: Server;
  readonly items: readonly JsonObject[];
}

/** The pages in a list of a server; tools that the filter hides name none. */
export type PagesIn = (kind: ListKind, list: ServerList) => ReadonlySet<string>;

const none: ReadonlySet<string> = new Set();
const unfiltered: ToolFilter = {};

/** Makes the look-up and keeps what it found for as long as the lists live. */
export function createPagesIn(): PagesIn {
  const byFilter = new WeakMap<ToolFilter, WeakMap<readonly JsonObject[], ReadonlySet<string>>>();
  return (kind, { server: { config }, items }) => {
    if (kind === "prompts") return none;
    const filter = kind === "tools" ? config.tools : unfiltered;
    const known = byFilter.get(filter);
    const byItems = known ?? new WeakMap<readonly JsonObject[], ReadonlySet<string>>();
    if (known === undefined) byFilter.set(filter, byItems);
    const found = byItems.get(items) ??
      (kind === "tools" ? pagesOfTools(items, filter) : listedPages(kind, items));
    byItems.set(items, found);
    return found;
  };
}

function pagesOfTools(tools: readonly JsonObject[], filter: ToolFilter): ReadonlySet<string> {
  const offered = tools.filter(({ name }) => typeof name === "string" && isOffered(filter, name));
  return new Set(offered.flatMap(namedPages));
}

function listedPages(kind: ListKind, items: readonly JsonObject[]): ReadonlySet<string> {
  const { identity } = listKinds[kind];
  return new Set(items.map((item) => item[identity]).filter(isPageUri));
}

/** What a surface of several servers calls the pages of each. */
export interface PageNames {
  toOffered(server: Server, uri: string): string;
}

/** The names of pages by the lists of all servers, which stand in the order of the surface. */
export function createPageNames(
  pagesIn: PagesIn,
  lists: readonly { readonly kind: ListKind; readonly list: ServerList }[],
): PageNames {
  const owners = new Map<string, Server>();
  for (const { kind, list } of lists) {
    for (const uri of pagesIn(kind, list)) if (!owners.has(uri)) owners.set(uri, list.server);
  }
  return {
    toOffered: (server, uri) => offeredUri(server, uri, owners.get(uri)),
  };
}

/** What a surface of several servers calls a server's URI, of which `owner` is the first owner. */
export function offeredUri(server: Server, uri: string, owner: Server | undefined): string {
  const isOwn = owner === undefined || owner === server;
  // A URI that looks like a gateway's leads to the server that it names, so it is never bare.
  return isOwn && fromGatewayUri(uri) === undefined ? uri : toGatewayUri(server.config.name, uri);
}
