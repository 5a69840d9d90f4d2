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
import { mergeDescriptions } from "./merged_description.ts";
import { type Policy, type PolicyItem, visibleTo } from "./access_policy.ts";
import { createNameTables, type NameTable, noFilter } from "./name.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import { createWaits, type Patience, type WithinPatience } from "./waits.ts";
import type { Scopes } from "./scope.ts";
import { fromGatewayUri, toGatewayUri } from "./uri.ts";

/** One server's part of a list: its items, or why there are none. */
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
  /** The surface without the servers that the caller may not know. */
  visible(view: ResolvedSurface, caller: Caller): ResolvedSurface;
  /** The names of a part as this surface offers them. */
  names(
    part: Pick<Part, "server" | "items">,
    kind: "tools" | "prompts",
    prefixed: boolean,
  ): NameTable;
}

/** The `_meta` key of a list in which servers are missing. */
export const missingKey = "mcp-wrapper/unavailable";

/** What the reader works with. */
interface Reading {
  readonly limits: Limits;
  readonly scopes: Scopes;
  readonly policy: Policy;
  /** A list that a scope had to do without, or had an old one of, has come. */
  readonly arrived: (scope: string, kind: ListKind) => void;
  readonly withinPatience: WithinPatience;
  /** The names of each list, by filter and prefix. */
  readonly tables: ReturnType<typeof createNameTables>;
}

/** Makes the reader; `stopping` ends the waiting for servers. */
export function createCatalogReader(
  deps: Omit<Reading, "withinPatience" | "tables"> & {
    readonly clock: Clock;
    readonly stopping: AbortSignal;
  },
): CatalogReader {
  const reading: Reading = {
    ...deps,
    withinPatience: createWaits(deps),
    tables: createNameTables(),
  };
  return {
    part: (kind, server, caller, options) => readPart(reading, kind, server, caller, options),
    list: (kind, view, caller, hears) => mergedList(reading, kind, view, caller, hears),
    visible: (view, caller) => visible(reading, view, caller),
    names: (part, kind, prefixed) => namesOf(reading, part, kind, prefixed),
    freshness(kind, { servers }, caller) {
      const parts = servers.map(({ upstream }) => upstream.freshness(kind, caller));
      return parts.includes(undefined) ? undefined : parts.reduce(leastFresh, undefined);
    },
    async describe(whole, caller) {
      const view = visible(reading, whole, caller);
      const known = await descriptions(reading, view, caller);
      if (known.includes(undefined)) reading.scopes.of(caller.scope).declaredAll = true;
      return mergeDescriptions(view, known, reading.limits);
    },
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
    const lastGood = lists.get(kind);
    stoodIn = { items: lastGood };
    if (lastGood !== undefined) return { server, items: lastGood };
    return { server, items: [], error: toGatewayError(thrown) };
  }
}

function namesOf(
  { tables }: Reading,
  { server: { config }, items }: Pick<Part, "server" | "items">,
  kind: "tools" | "prompts",
  prefixed: boolean,
): NameTable {
  const filter = kind === "tools" ? config.tools : noFilter;
  return tables(items, filter, prefixed ? config.name : undefined);
}

function visible(
  { policy }: Reading,
  view: ResolvedSurface,
  { principal }: Caller,
): ResolvedSurface {
  return visibleTo(policy, principal, view);
}

/** Whether the caller may know an item. A hidden one keeps its name, so that names stay stable. */
function isAllowed(
  { policy }: Reading,
  { principal }: Caller,
  { config }: Server,
  item: PolicyItem,
): boolean {
  return policy(principal, config.name, item) !== "deny";
}

async function mergedList(
  reading: Reading,
  kind: ListKind,
  whole: ResolvedSurface,
  caller: Caller,
  hears: () => boolean,
): Promise<MergedList> {
  const view = visible(reading, whole, caller);
  const isAlone = view.servers.length === 1;
  const options: PartOptions = { patience: { kind: "list", hears, isAlone } };
  const parts = await Promise.all(
    view.servers.map((server) => readPart(reading, kind, server, caller, options)),
  );
  const missing = parts.flatMap(({ server, error }) =>
    error === undefined ? [] : [{ name: server.config.name, reason: error.message }]
  );
  const sole = isAlone ? parts[0]?.error : undefined;
  if (sole !== undefined) throw sole;
  const items = kind === "tools" || kind === "prompts"
    ? mergeNamed(reading, parts, kind, view, caller)
    : mergeUris(reading, parts, kind, caller);
  if (items.length === 0 && missing.length === 0) {
    await assertCapability(reading, kind, view, caller);
  }
  return { items, missing };
}

/** The description of each server; undefined for one that does not answer in time. */
async function descriptions(
  { withinPatience }: Reading,
  { servers }: ResolvedSurface,
  caller: Caller,
): Promise<(Description | undefined)[]> {
  return await Promise.all(servers.map((server) => {
    const reading = server.upstream.describe(caller);
    reading.catch(() => {});
    return withinPatience(server, caller, { patience: { kind: "glance" } }, reading)
      .catch(() => undefined);
  }));
}

async function assertCapability(
  reading: Reading,
  kind: ListKind,
  view: ResolvedSurface,
  caller: Caller,
): Promise<void> {
  if (view.servers.length === 0 || reading.scopes.of(caller.scope).declaredAll) return;
  const { capability, method } = listKinds[kind];
  const known = await descriptions(reading, view, caller);
  if (known.some((one) => one === undefined || one.capabilities[capability] !== undefined)) {
    return;
  }
  throw new GatewayError("method_not_found", `No server here offers "${method}"`);
}

function mergeNamed(
  reading: Reading,
  parts: readonly Part[],
  kind: "tools" | "prompts",
  view: ResolvedSurface,
  caller: Caller,
): JsonObject[] {
  const items: JsonObject[] = [];
  const taken = new Set<string>();
  for (const part of parts) {
    const table = namesOf(reading, part, kind, view.prefixed);
    const listed = new Set<string>();
    for (const item of part.items) {
      const own = item["name"];
      if (typeof own !== "string" || listed.has(own)) continue;
      listed.add(own);
      let name = table.toOffered(own);
      // Bare names of two servers may meet: the later one is offered under its prefixed name.
      if (name !== undefined && taken.has(name)) {
        name = namesOf(reading, part, kind, true).toOffered(own);
      }
      if (name === undefined || taken.has(name)) continue;
      taken.add(name);
      if (!isAllowed(reading, caller, part.server, { kind, own })) continue;
      items.push(name === own ? item : { ...item, name });
    }
  }
  return items;
}

function mergeUris(
  reading: Reading,
  parts: readonly Part[],
  kind: ListKind,
  caller: Caller,
): JsonObject[] {
  const { identity } = listKinds[kind];
  const items: JsonObject[] = [];
  const taken = new Set<string>();
  for (const { server, items: own } of parts) {
    for (const item of own) {
      const uri = item[identity];
      if (typeof uri !== "string") continue;
      const clash = taken.has(uri) || fromGatewayUri(uri) !== undefined;
      const offered = clash && parts.length > 1 ? toGatewayUri(server.config.name, uri) : uri;
      if (taken.has(offered)) continue;
      taken.add(offered);
      if (!isAllowed(reading, caller, server, { kind, own: uri })) continue;
      items.push(offered === uri ? item : { ...item, [identity]: offered });
    }
  }
  return items;
}
