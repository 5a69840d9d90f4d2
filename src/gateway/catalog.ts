/**
 * The merged catalog: capabilities, instructions and the four lists of a surface, in the order of
 * the configuration. A broken or slow server costs its own part only: its last good list stands in,
 * or it is named in the result's `_meta` and its items follow with a list_changed notice.
 */
import type { Clock } from "../clock.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import { beginning } from "../excerpt.ts";
import type { Limits } from "../limits.ts";
import type { Caller, Description, Freshness, JsonObject, ListKind } from "../model.ts";
import { leastFresh, listKinds } from "../model.ts";
import { createNameTables, type NameTable, noFilter } from "./name.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import { createWaits, type Patience } from "./waits.ts";
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
  /** The names of a part as this surface offers them. */
  names(part: Part, kind: "tools" | "prompts", prefixed: boolean): NameTable;
}

/** The `_meta` key of a list in which servers are missing. */
export const missingKey = "mcp-wrapper/unavailable";

/** Makes the reader. */
export function createCatalogReader(
  deps: {
    readonly limits: Limits;
    readonly clock: Clock;
    readonly scopes: Scopes;
    /** Ends the waiting for servers. */
    readonly stopping: AbortSignal;
    /** A list that a scope had to do without, or had an old one of, has come. */
    readonly arrived: (scope: string, kind: ListKind) => void;
  },
): CatalogReader {
  const { limits, scopes, arrived } = deps;
  const withinPatience = createWaits(deps);
  const tables = createNameTables();

  async function part(
    kind: ListKind,
    server: Server,
    caller: Caller,
    { patience, source }: PartOptions,
  ): Promise<Part> {
    const { lists } = scopes.server(caller.scope, server.config.name);
    /** What this answer had instead of the list; another one in its scope may have the list already. */
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

  function names(from: Part, kind: "tools" | "prompts", prefixed: boolean): NameTable {
    const { name, tools } = from.server.config;
    return tables(from.items, kind === "tools" ? tools : noFilter, prefixed ? name : undefined);
  }

  async function list(
    kind: ListKind,
    view: ResolvedSurface,
    caller: Caller,
    hears: () => boolean,
  ): Promise<MergedList> {
    const isAlone = view.servers.length === 1;
    const options: PartOptions = { patience: { kind: "list", hears, isAlone } };
    const parts = await Promise.all(
      view.servers.map((server) => part(kind, server, caller, options)),
    );
    const missing = parts.flatMap(({ server, error }) =>
      error === undefined ? [] : [{ name: server.config.name, reason: error.message }]
    );
    const sole = isAlone ? parts[0]?.error : undefined;
    if (sole !== undefined) throw sole;
    const named = kind === "tools" || kind === "prompts";
    const items = named ? mergeNamed(parts, kind, view, names) : mergeUris(parts, kind);
    if (items.length === 0 && missing.length === 0) await assertCapability(kind, view, caller);
    return { items, missing };
  }

  async function descriptions(
    view: ResolvedSurface,
    caller: Caller,
  ): Promise<(Description | undefined)[]> {
    return await Promise.all(view.servers.map((server) => {
      const reading = server.upstream.describe(caller);
      reading.catch(() => {});
      return withinPatience(server, caller, { patience: { kind: "glance" } }, reading)
        .catch(() => undefined);
    }));
  }

  async function assertCapability(
    kind: ListKind,
    view: ResolvedSurface,
    caller: Caller,
  ): Promise<void> {
    if (view.servers.length === 0 || scopes.of(caller.scope).declaredAll) return;
    const { capability, method } = listKinds[kind];
    const known = await descriptions(view, caller);
    if (known.some((one) => one === undefined || one.capabilities[capability] !== undefined)) {
      return;
    }
    throw new GatewayError("method_not_found", `No server here offers "${method}"`);
  }

  return {
    part,
    list,
    names,
    freshness(kind, { servers }, caller) {
      const parts = servers.map(({ upstream }) => upstream.freshness(kind, caller));
      return parts.includes(undefined) ? undefined : parts.reduce(leastFresh, undefined);
    },
    async describe(view, caller) {
      const known = await descriptions(view, caller);
      if (known.includes(undefined)) scopes.of(caller.scope).declaredAll = true;
      return mergeDescriptions(view, known, limits);
    },
  };
}

function mergeNamed(
  parts: readonly Part[],
  kind: "tools" | "prompts",
  view: ResolvedSurface,
  names: CatalogReader["names"],
): JsonObject[] {
  const items: JsonObject[] = [];
  const taken = new Set<string>();
  for (const part of parts) {
    const table = names(part, kind, view.prefixed);
    const listed = new Set<string>();
    for (const item of part.items) {
      const own = item["name"];
      if (typeof own !== "string" || listed.has(own)) continue;
      listed.add(own);
      let name = table.toOffered(own);
      // Bare names of two servers may meet: the later one is offered under its prefixed name.
      if (name !== undefined && taken.has(name)) name = names(part, kind, true).toOffered(own);
      if (name === undefined || taken.has(name)) continue;
      taken.add(name);
      items.push(name === own ? item : { ...item, name });
    }
  }
  return items;
}

function mergeUris(parts: readonly Part[], kind: ListKind): JsonObject[] {
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
      items.push(offered === uri ? item : { ...item, [identity]: offered });
    }
  }
  return items;
}

/** The union of what is known; where a server is silent, everything is declared, since lists can follow. */
function mergeDescriptions(
  view: ResolvedSurface,
  known: readonly (Description | undefined)[],
  limits: Limits,
): Description {
  const all = known.filter((one) => one !== undefined);
  const silent = all.length < known.length;
  const has = (name: string): boolean =>
    silent || all.some((one) => one.capabilities[name] !== undefined);
  const subscribe = silent ||
    all.some((one) =>
      (one.capabilities["resources"] as JsonObject | undefined)?.["subscribe"] === true
    );
  const only = view.servers.length === 1 ? all[0] : undefined;
  const tasks = all.map((one) => one.capabilities["tasks"]).find((one) => one !== undefined);
  const capabilities: JsonObject = {
    ...(only?.capabilities["experimental"] === undefined
      ? {}
      : { experimental: only.capabilities["experimental"] }),
    // The gateway itself tells of servers that restart, and a reload of its configuration changes lists.
    logging: {},
    ...(has("completions") ? { completions: {} } : {}),
    ...(has("prompts") ? { prompts: { listChanged: true } } : {}),
    ...(has("resources") ? { resources: { subscribe, listChanged: true } } : {}),
    ...(tasks === undefined ? {} : { tasks }),
    ...(has("tools") || all.length === 0 ? { tools: { listChanged: true } } : {}),
  };
  const instructions = only !== undefined
    ? only.instructions
    : joinInstructions(view, known, limits);
  return { capabilities, serverInfo: only?.serverInfo, instructions };
}

function joinInstructions(
  view: ResolvedSurface,
  known: readonly (Description | undefined)[],
  limits: Limits,
): string | undefined {
  const texts = view.servers.flatMap((server, index) => {
    const text = known[index]?.instructions;
    return text === undefined || text === "" ? [] : [`# ${server.config.name}\n\n${text}`];
  });
  if (texts.length === 0) return undefined;
  return beginning(texts.join("\n\n"), limits.instructionsCharsMax);
}
