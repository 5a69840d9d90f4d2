/**
 * The keys of a server's stored catalogs: all that its lists may depend on, digested with a key so
 * that values cannot be guessed from the database. How the server is spoken to is part of it, and
 * what the client declared: all of it where the server hears that at its start, the extensions
 * where each request says so. The names of what was declared stand in the key as they are, and a
 * digest of the extensions, so that the catalog of the most similar client can be found.
 */
import type { McpServerConfig } from "../../config/config.ts";
import { isJsonObject } from "../../json.ts";
import type { Caller, JsonObject } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import { declaredCapabilities, listContextOf } from "../link/client_shown.ts";
import type { Dialect } from "../link/dialect.ts";
import type { KnownDialects } from "./known_dialects.ts";

/** Counts what may be stored of lists: older ones were not checked as those of today are. */
const listsFormat = 2;

/** The keys of one server. */
export interface CatalogKeys {
  /** The key of the catalog of a connection in this dialect. */
  of(caller: Caller, dialect: Dialect): Promise<string>;
  /** The keys of the catalogs that may answer a caller, the likeliest first. */
  all(caller: Caller): Promise<string[]>;
  /**
   * Of these keys the one whose client is most like the caller; undefined when none is of this
   * server as it is configured now.
   */
  nearest(caller: Caller, keys: readonly string[]): Promise<NearestKey | undefined>;
}

/** The key of another client's catalog. */
export interface NearestKey {
  readonly key: string;
  readonly hasSameExtensions: boolean;
}

/** Makes the keys; `fingerprint` is what lists may depend on beside callers. */
export function createCatalogKeys(
  config: McpServerConfig,
  fingerprint: unknown,
  knownDialects: KnownDialects,
  deps: Pick<UpstreamDeps, "digest" | "limits">,
): CatalogKeys {
  const server = deps.digest(
    JSON.stringify([listsFormat, sorted(fingerprint), config.isolation, config.roots]),
  );
  const keys = new Map<string, Promise<string>>();

  /** The names of what is declared, of which that of extensions tells different ones apart. */
  const namesOf = (declared: JsonObject): Promise<string[]> =>
    Promise.all(
      Object.keys(declared).sort().map(async (name) =>
        name === extensionsName
          ? `${name}:${await deps.digest(JSON.stringify(sorted(declared[name])))}`
          : name
      ),
    );
  const make = async (dialect: string, declared: JsonObject): Promise<string> => {
    const details = await deps.digest(JSON.stringify(sorted(declared)));
    const names = (await namesOf(declared)).join(",");
    return [await server, dialect, names, details].join("/");
  };
  const declaredIn = (dialect: Dialect, caller: Caller): JsonObject =>
    dialect.clientContext === "handshake"
      ? declaredCapabilities(config, caller)
      : listContextOf(dialect, caller)?.capabilities ?? {};
  const of: CatalogKeys["of"] = (caller, dialect) => {
    const declared = declaredIn(dialect, caller);
    const variable = JSON.stringify([dialect.name, sorted(declared)]);
    const known = keys.get(variable);
    if (known !== undefined) return known;
    const key = make(dialect.name, declared);
    // What clients declare is theirs to choose: the map starts afresh rather than grow.
    if (keys.size >= deps.limits.catalogsPerServerMax) keys.clear();
    keys.set(variable, key);
    return key;
  };
  return {
    of,
    all: (caller) => Promise.all(knownDialects.of(caller).map((dialect) => of(caller, dialect))),
    async nearest(caller, candidates) {
      const prefix = `${await server}/`;
      const known = knownDialects.of(caller);
      const dialects = known.map(({ name }) => name);
      const extensions = await Promise.all(
        known.map(async (dialect) => extensionsAmong(await namesOf(declaredIn(dialect, caller)))),
      );
      const own = await namesOf(declaredCapabilities(config, caller));
      let found: (NearestKey & { readonly distance: number }) | undefined;
      for (const key of candidates) {
        if (!key.startsWith(prefix)) continue;
        const [dialect = "", names = ""] = key.slice(prefix.length).split("/");
        const theirs = names === "" ? [] : names.split(",");
        // Any of the caller's own dialects is nearer than one that its server refused.
        const rank = dialects.indexOf(dialect);
        const ownExtensions = rank < 0 ? extensionsAmong(own) : extensions[rank];
        const hasSameExtensions = ownExtensions === extensionsAmong(theirs);
        const distance = (rank < 0 ? dialects.length : rank) * (own.length + theirs.length + 1) +
          differences(own, theirs);
        if (found !== undefined && !isNearer({ hasSameExtensions, distance }, found)) continue;
        found = { key, hasSameExtensions, distance };
      }
      return found;
    },
  };
}

const extensionsName = "extensions";

/** What stands for the extensions among the names of what was declared. */
function extensionsAmong(names: readonly string[]): string | undefined {
  return names.find((name) => name.startsWith(extensionsName));
}

type Nearness = Pick<NearestKey, "hasSameExtensions"> & { readonly distance: number };

/** Servers list other things for other extensions, rarely for other capabilities. */
function isNearer(one: Nearness, other: Nearness): boolean {
  return one.hasSameExtensions === other.hasSameExtensions
    ? one.distance < other.distance
    : one.hasSameExtensions;
}

/** How many names only one of the two lists has. */
function differences(one: readonly string[], other: readonly string[]): number {
  return one.filter((name) => !other.includes(name)).length +
    other.filter((name) => !one.includes(name)).length;
}

/** The same value with the members of every object in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.entries(value)
    .sort(([left], [right]) => left < right ? -1 : 1)
    .map(([key, member]) => [key, sorted(member)]);
}
