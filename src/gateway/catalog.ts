/**
 * The merged catalog: capabilities, instructions and the four lists of a surface, in the order of
 * the configuration. A broken or slow server costs its own part only: its last good list stands in,
 * or it is named in the result's `_meta` and its items follow with a list_changed notice.
 */
import type { Clock } from "../clock.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Caller, Description, Freshness, JsonObject, ListKind } from "../model.ts";
import { leastFresh, listKinds } from "../model.ts";
import { type Access, isPartlyHidden, type PolicyItem, visibleTo } from "./access_policy.ts";
import { connectListFor, isConnectList, offersConnectTool } from "./connect_tool.ts";
import { mergeDescriptions, withoutInstructions } from "./merged_description.ts";
import { mergeNamed, mergeUris } from "./merged_lists.ts";
import { createNameTables, type NameTable, noFilter } from "./name.ts";
import { createPageNames, createPagesIn, type PageNames, type PagesIn } from "./pages.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import { createWaits, type Patience, type WithinPatience } from "./waits.ts";
import type { Scopes } from "./scope.ts";

/** One server's part of a list: its items, or why there are none but a tool to log in by. */
export interface Part {
  readonly server: Server;
  readonly items: readonly JsonObject[];
  readonly error?: GatewayError;
}

/** A server whose part of a list is absent. */
export interface MissingPart {
  readonly name: string;
  readonly reason: string;
}

/** A whole merged list. */
export interface MergedList {
  readonly items: readonly JsonObject[];
  readonly missing: readonly MissingPart[];
}

/** What a part is read for. */
export interface PartOptions {
  readonly patience: Patience;
  readonly source?: "nearest" | "own";
}

/** Reads and merges what servers offer. */
export interface CatalogReader {
  /** One server's list, never later than the limits allow. Never rejects. */
  part(kind: ListKind, server: Server, caller: Caller, options: PartOptions): Promise<Part>;
  /**
   * The merged list; `hears` tells whether the client listens for changes now. Throws when the only
   * server is broken or late, or when no server has the capability.
   */
  list(
    kind: ListKind,
    view: ResolvedSurface,
    caller: Caller,
    hears: () => boolean,
  ): Promise<MergedList>;
  /** How fresh the list of a view is: as its least fresh part, and unknown when one part's is. */
  freshness(kind: ListKind, view: ResolvedSurface, caller: Caller): Freshness | undefined;
  describe(view: ResolvedSurface, caller: Caller): Promise<Description>;
  /** Whether a server has a capability, or may have it; known as soon as the first has it. */
  serves(view: ResolvedSurface, caller: Caller, capability: string): Promise<boolean>;
  /** The surface without the servers that the caller may not know. */
  visible(view: ResolvedSurface, caller: Caller): ResolvedSurface;
  /** The names in a server's list as this surface offers them. */
  names(
    server: Server,
    items: readonly JsonObject[],
    kind: "tools" | "prompts",
    prefixed: boolean,
  ): NameTable;
  /** The pages of apps that a part offers. */
  readonly pagesIn: PagesIn;
}

/** The `_meta` key of a list in which servers are missing. */
export const missingKey = "mcp-wrapper/unavailable";

/** What the reader works with. */
interface Reading {
  readonly limits: Limits;
  readonly scopes: Scopes;
  readonly access: Access;
  /** A list that a scope had to do without, or had an old one of, has come. */
  readonly arrived: (scope: string, kind: ListKind) => void;
  readonly withinPatience: WithinPatience;
  /** The names of each list, by filter and prefix. */
  readonly tables: ReturnType<typeof createNameTables>;
  readonly pagesIn: PagesIn;
}

/** Makes the reader; `stopping` ends the waiting for servers. */
export function createCatalogReader(
  deps: Omit<Reading, "withinPatience" | "tables" | "pagesIn"> & {
    readonly clock: Clock;
    readonly stopping: AbortSignal;
  },
): CatalogReader {
  const reading: Reading = {
    ...deps,
    withinPatience: createWaits(deps),
    tables: createNameTables(),
    pagesIn: createPagesIn(),
  };
  return {
    part: (kind, server, caller, options) => readPart(reading, kind, server, caller, options),
    list: (kind, view, caller, hears) => mergedList(reading, kind, view, caller, hears),
    visible: (view, { principal }) => visibleTo(reading.access, principal, view),
    names: (server, items, kind, prefixed) => namesOf(reading, server, items, kind, prefixed),
    pagesIn: reading.pagesIn,
    freshness(kind, { servers }, caller) {
      const parts = servers.map(({ upstream }) => upstream.freshness(kind, caller));
      const least = parts.includes(undefined) ? undefined : parts.reduce(leastFresh, undefined);
      const isSame = reading.access.isSameForAll(caller.principal);
      return least === undefined || isSame ? least : { ...least, isShared: false };
    },
    async describe(whole, caller) {
      const { access, scopes, limits } = reading;
      const view = visibleTo(access, caller.principal, whole);
      const known = await Promise.all(descriptions(reading, view, caller));
      if (known.includes(undefined)) scopes.of(caller.scope).declaredAll = true;
      // Instructions are free text, which may name what this caller must not know.
      const seen = known.map((one, at) =>
        one !== undefined && isPartlyHidden(access, caller, view.servers[at])
          ? withoutInstructions(one)
          : one
      );
      return mergeDescriptions(view, seen, limits);
    },
    serves: (whole, caller, capability) =>
      serves(reading, visibleTo(reading.access, caller.principal, whole), caller, capability),
  };
}

async function readPart(
  { scopes, withinPatience, arrived }: Reading,
  kind: ListKind,
  server: Server,
  caller: Caller,
  { patience, source }: PartOptions,
): Promise<Part> {
  const lists = scopes.lists(caller, server.config.name);
  /**
   * What this answer had instead of the list; another one in its scope may have the list already.
   */
  let stoodIn: { readonly items: readonly JsonObject[] | undefined } | undefined;
  const reading = server.upstream.list(kind, caller, source).then((items) => {
    lists.set(kind, items);
    if (stoodIn !== undefined && stoodIn.items !== items) arrived(caller.scope, kind);
    return items;
  });
  reading.catch(() => {});
  try {
    const items = await withinPatience(server, caller, { kind, patience }, reading);
    return { server, items };
  } catch (thrown) {
    const error = toGatewayError(thrown);
    // What was listed by a grant that is gone is not listed without it.
    if (error.code === "login_required") lists.delete(kind);
    const lastGood = lists.get(kind);
    stoodIn = { items: lastGood };
    if (lastGood !== undefined) return { server, items: lastGood };
    return { server, items: connectListFor(kind, server.config, error) ?? [], error };
  }
}

function namesOf(
  { tables }: Reading,
  { config }: Server,
  items: readonly JsonObject[],
  kind: "tools" | "prompts",
  prefixed: boolean,
): NameTable {
  const filter = kind === "tools" ? config.tools : noFilter;
  return tables(items, filter, prefixed ? config.name : undefined);
}

async function mergedList(
  reading: Reading,
  kind: ListKind,
  whole: ResolvedSurface,
  caller: Caller,
  hears: () => boolean,
): Promise<MergedList> {
  const { access: { policy } } = reading;
  const { principal } = caller;
  const isAllowed = ({ config }: Server, item: PolicyItem) =>
    policy(principal, config.name, item) !== "deny";
  const hasConnectTool = (part: Part) => offersConnectTool(part, isAllowed);
  const view = visibleTo(reading.access, principal, whole);
  const isAlone = view.servers.length === 1;
  const options: PartOptions = { patience: { kind: "list", hears, isAlone } };
  const parts = await Promise.all(
    view.servers.map((server) => readPart(reading, kind, server, caller, options)),
  );
  const missing = parts.flatMap((part) =>
    part.error === undefined || (kind === "tools" && hasConnectTool(part))
      ? []
      : [{ name: part.server.config.name, reason: part.error.message }]
  );
  const sole = isAlone ? parts.find((part) => !hasConnectTool(part))?.error : undefined;
  if (sole !== undefined) throw sole;
  const { surface, prefixed } = view;
  const merging = {
    parts,
    prefixed,
    names: ({ server, items }: Part, of: "tools" | "prompts", isPrefixed: boolean) =>
      namesOf(reading, server, items, of, isPrefixed && !(prefixed && isConnectList(items))),
    isAllowed,
    pages: await pageNames(reading, kind, parts, caller),
    listedPage({ config: { name } }: Server, own: string, offered: string) {
      reading.scopes.listedPage(caller.scope, { surface, offered }, { server: name, uri: own });
    },
  };
  const items = kind === "tools" || kind === "prompts"
    ? mergeNamed(merging, kind)
    : mergeUris(merging, kind);
  if (items.length === 0 && missing.length === 0) {
    await assertCapability(reading, kind, view, caller);
  }
  return { items, missing };
}

/**
 * What the surface calls the pages in these parts. Who offers a page is known by tools and resources
 * together, so the other list of each server is read, too, as far as it is known.
 */
async function pageNames(
  reading: Reading,
  kind: ListKind,
  parts: readonly Part[],
  caller: Caller,
): Promise<PageNames | undefined> {
  if (parts.length < 2 || (kind !== "tools" && kind !== "resources")) return undefined;
  if (parts.every((part) => reading.pagesIn(kind, part).size === 0)) return undefined;
  const other = kind === "tools" ? "resources" : "tools";
  const options: PartOptions = { patience: { kind: "memory" } };
  const others = await Promise.all(
    parts.map(({ server }) => readPart(reading, other, server, caller, options)),
  );
  const lists = parts.flatMap((part, index) =>
    [
      { kind, list: part },
      { kind: other, list: others[index] ?? { ...part, items: [] } },
    ] as const
  );
  return createPageNames(reading.pagesIn, lists);
}

/**
 * The description of each server; undefined for a server that does not answer in time. A known
 * description comes without a promise, which spares the wait and its timer.
 */
function descriptions(
  { scopes, withinPatience }: Reading,
  { servers }: ResolvedSurface,
  caller: Caller,
): (Description | undefined | Promise<Description | undefined>)[] {
  return servers.map((server) => {
    const known = server.upstream.knownDescription(caller);
    if (known !== undefined) {
      scopes.server(caller.scope, server.config.name).answered = true;
      return known;
    }
    const reading = server.upstream.describe(caller);
    reading.catch(() => {});
    return withinPatience(server, caller, { patience: { kind: "glance" } }, reading)
      .catch(() => undefined);
  });
}

/** A server that hangs delays no request that another can serve. */
function serves(
  reading: Reading,
  view: ResolvedSurface,
  caller: Caller,
  capability: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    const looking = descriptions(reading, view, caller).map(async (describing) => {
      const known = await describing;
      if (known === undefined || known.capabilities[capability] !== undefined) resolve(true);
    });
    Promise.all(looking).then(() => resolve(false));
  });
}

async function assertCapability(
  reading: Reading,
  kind: ListKind,
  view: ResolvedSurface,
  caller: Caller,
): Promise<void> {
  if (view.servers.length === 0 || reading.scopes.of(caller.scope).declaredAll) return;
  const { capability, method } = listKinds[kind];
  if (await serves(reading, view, caller, capability)) return;
  throw new GatewayError("method_not_found", `No server here offers "${method}"`);
}
