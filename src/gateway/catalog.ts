/**
 * The merged catalog: capabilities, instructions and the lists of a surface, in the order of
 * the configuration. A broken or slow server costs its own part only: its last good list stands in,
 * or it is named in the result's `_meta` and its items follow with a list_changed notice.
 */
import type { Clock } from "../clock.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import { offersList } from "../extensions.ts";
import type { Limits } from "../limits.ts";
import type { Caller, Description, Freshness, JsonObject, ListKind } from "../model.ts";
import { leastFresh, listKinds } from "../model.ts";
import type { ClientBoundRules } from "./client_bounds.ts";
import { type Access, isPartlyHidden, type PolicyItem, visibleTo } from "./access_policy.ts";
import { connectListFor, isConnectList, offersConnectTool } from "./connect_tool.ts";
import { anyOffers, descriptionsOf, type IsOffered, mayOffer } from "./described.ts";
import { mergeDescriptions, withoutInstructions, withResources } from "./merged_description.ts";
import { mergeNamed, mergeSkills, mergeUris, type NoteOffered } from "./merged_lists.ts";
import { createNameTables, filterOf, type NameTable } from "./name.ts";
import { firstOwner, pageNames, type ReadList } from "./list_owners.ts";
import { createPagesIn, type PagesIn } from "./pages.ts";
import { reservedNames } from "./search_tools.ts";
import { isWithheld, type ResolvedSurface, type Server } from "./server.ts";
import { createUrisIn, type FirstOwner, isUriKind, type UrisIn } from "./skills.ts";
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
   * The merged list; `hears` tells whether the client listens for changes now, and `note` gets each
   * tool or prompt with its server. Throws when the only server is broken or late, or when no server
   * has the capability.
   */
  list(
    kind: ListKind,
    view: ResolvedSurface,
    caller: Caller,
    hears: () => boolean,
    note?: NoteOffered,
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
  /** Whether a server offers something, or may offer it; known as soon as the first one does. */
  offers(view: ResolvedSurface, caller: Caller, isOffered: IsOffered): Promise<boolean>;
  /** What `read` returns; fails with `upstream_late` where a look-up waits no longer. */
  inTime<T>(server: Server, caller: Caller, read: Promise<T>): Promise<T>;
  /** Whose the URIs of resources and skills are, by the lists in memory. */
  firstOwner(view: ResolvedSurface, caller: Caller): Promise<FirstOwner>;
  /** The pages of apps that a part offers. */
  readonly pagesIn: PagesIn;
  readonly urisIn: UrisIn;
}

/** The `_meta` key of a list in which servers are missing. */
export const missingKey = "mcp-wrapper/unavailable";

/** What the reader works with. */
interface Reading {
  readonly limits: Limits;
  readonly scopes: Scopes;
  readonly access: Access;
  readonly clients: Pick<ClientBoundRules, "mayKeep">;
  /** A list that a scope had to do without, or had an old one of, has come. */
  readonly arrived: (scope: string, kind: ListKind) => void;
  readonly withinPatience: WithinPatience;
  /** The names of each list, by filter and prefix. */
  readonly tables: ReturnType<typeof createNameTables>;
  readonly pagesIn: PagesIn;
  readonly urisIn: UrisIn;
}

/** Makes the reader; `stopping` ends the waiting for servers. */
export function createCatalogReader(
  deps: Omit<Reading, "withinPatience" | "tables" | "pagesIn" | "urisIn"> & {
    readonly clock: Clock;
    readonly stopping: AbortSignal;
  },
): CatalogReader {
  const reading: Reading = {
    ...deps,
    withinPatience: createWaits(deps),
    tables: createNameTables(),
    pagesIn: createPagesIn(),
    urisIn: createUrisIn(),
  };
  return {
    part: (kind, server, caller, options) => readPart(reading, kind, server, caller, options),
    list: (kind, view, caller, hears, note) => mergedList(reading, kind, view, caller, hears, note),
    visible: (view, { principal }) => visibleTo(reading.access, principal, view),
    names: (server, items, kind, prefixed) => namesOf(reading, server, items, kind, prefixed),
    pagesIn: reading.pagesIn,
    freshness(kind, { servers }, caller) {
      const parts = servers.filter((server) => mayOffer(server, kind, caller))
        .map(({ upstream }) => upstream.freshness(kind, caller));
      const least = parts.includes(undefined) ? undefined : parts.reduce(leastFresh, undefined);
      const isSame = reading.access.isSameForAll(caller.principal);
      return least === undefined || isSame ? least : { ...least, isShared: false };
    },
    async describe(whole, caller) {
      const { access, scopes, limits } = reading;
      const view = visibleTo(access, caller.principal, whole);
      const known = await Promise.all(descriptionsOf(reading, view, caller));
      if (known.includes(undefined)) scopes.of(caller.scope).declaredAll = true;
      // Instructions are free text, which may name what this caller must not know.
      const seen = known.map((one, at) =>
        one !== undefined && isPartlyHidden(access, caller, view.servers[at])
          ? withoutInstructions(one)
          : one
      );
      const merged = mergeDescriptions(view, seen, limits);
      return reading.clients.mayKeep(view, caller) ? withResources(merged) : merged;
    },
    async serves(whole, caller, capability) {
      const view = visibleTo(reading.access, caller.principal, whole);
      if (capability === "resources" && reading.clients.mayKeep(view, caller)) return true;
      return await anyOffers(reading, view, caller, (has) => has[capability] !== undefined);
    },
    offers: (view, caller, isOffered) => anyOffers(reading, view, caller, isOffered),
    inTime: (server, caller, read) =>
      reading.withinPatience(server, caller, { patience: { kind: "lookup" } }, read),
    urisIn: reading.urisIn,
    firstOwner: ({ servers }, caller) =>
      firstOwner(reading.urisIn, servers, caller, inMemory(reading, caller)),
  };
}

const nothing: readonly JsonObject[] = [];

async function readPart(
  { scopes, withinPatience, arrived }: Reading,
  kind: ListKind,
  server: Server,
  caller: Caller,
  { patience, source }: PartOptions,
): Promise<Part> {
  if (isWithheld(server, kind)) return { server, items: nothing };
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

/** Reads the lists of servers as far as they are known. */
function inMemory(reading: Reading, caller: Caller): ReadList {
  const options: PartOptions = { patience: { kind: "memory" } };
  return (kind, server) => readPart(reading, kind, server, caller, options);
}

function namesOf(
  { tables }: Reading,
  server: Server,
  items: readonly JsonObject[],
  kind: "tools" | "prompts",
  prefixed: boolean,
): NameTable {
  return tables(items, filterOf(server, kind), prefixed ? server.config.name : undefined);
}

async function mergedList(
  reading: Reading,
  kind: ListKind,
  whole: ResolvedSurface,
  caller: Caller,
  hears: () => boolean,
  note?: NoteOffered,
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
  const read = inMemory(reading, caller);
  const merging = {
    parts,
    prefixed,
    names: ({ server, items }: Part, of: "tools" | "prompts", isPrefixed: boolean) =>
      namesOf(reading, server, items, of, isPrefixed && !(prefixed && isConnectList(items))),
    isAllowed,
    note,
    reserved: reservedNames(view),
    pages: await pageNames(reading.pagesIn, kind, parts, read),
    ownerOf: isUriKind(kind) && parts.length > 1
      ? await firstOwner(
        reading.urisIn,
        view.servers,
        caller,
        async (of, server) =>
          of === kind
            ? parts.find((part) => part.server === server) ?? { server, items: [] }
            : await read(of, server),
      )
      : undefined,
    listedPage({ config: { name } }: Server, own: string, offered: string) {
      reading.scopes.listedPage(caller.scope, { surface, offered }, { server: name, uri: own });
    },
  };
  const items = kind === "tools" || kind === "prompts"
    ? mergeNamed(merging, kind)
    : kind === "skills"
    ? mergeSkills(merging)
    : mergeUris(merging, kind);
  if (items.length === 0 && missing.length === 0) {
    await assertCapability(reading, kind, view, caller);
  }
  return { items, missing };
}

async function assertCapability(
  reading: Reading,
  kind: ListKind,
  view: ResolvedSurface,
  caller: Caller,
): Promise<void> {
  if (view.servers.length === 0 || reading.scopes.of(caller.scope).declaredAll) return;
  const { method } = listKinds[kind];
  const isResources = kind === "resources" || kind === "templates";
  // Kept results are resources that no list has.
  if (isResources && reading.clients.mayKeep(view, caller)) return;
  if (await anyOffers(reading, view, caller, (has) => offersList(has, kind))) return;
  throw new GatewayError("method_not_found", `No server here offers "${method}"`);
}
