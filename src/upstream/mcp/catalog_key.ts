/**
 * The keys of a server's stored catalogs: all that its lists may depend on, digested with a key so
 * that values cannot be guessed from the database. How the server is spoken to is part of it, and
 * what the client declared: all of it where the server hears that at its start, the extensions
 * where each request says so. The names of what was declared stand in the key as they are, and a
 * digest of the extensions, so that the catalog of the most similar client can be found. Where each
 * principal has a grant of its own, the key begins with the principal, and no other one finds it.
 */
import type { McpServerConfig } from "../../config/config.ts";
import { isJsonObject } from "../../json.ts";
import { putWithin } from "../../bounded.ts";
import { type Caller, gatewayPrincipal, type JsonObject } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import { declaredCapabilities, listContextOf } from "../link/client_shown.ts";
import type { Dialect } from "../link/dialect.ts";
import type { KnownDialects } from "./known_dialects.ts";

/** Counts what may be stored of lists: older ones were not checked as those of today are. */
const listsFormat = 2;

/** The keys of one server. */
export interface CatalogKeys {
  /** Whether each principal has catalogs of its own. */
  readonly isPerPrincipal: boolean;
  /** The key of the catalog of a connection in this dialect. */
  of(caller: Caller, dialect: Dialect): Promise<string>;
  /** The keys of the catalogs that may answer a caller, the likeliest first. */
  all(caller: Caller): Promise<string[]>;
  /**
   * Of these keys the one whose client is most like the caller; undefined when none is of this
   * server as it is configured now. A catalog that needed another principal's grant is never meant.
   */
  nearest(caller: Caller, keys: readonly string[]): Promise<NearestKey | undefined>;
  /** Of these keys those of a principal's catalogs; without a principal, or where all share them, all. */
  owned(principal: string | undefined, keys: readonly string[]): Promise<readonly string[]>;
}

/** The key of another client's catalog. */
export interface NearestKey {
  readonly key: string;
  readonly hasSameExtensions: boolean;
}

/**
 * Makes the keys; `fingerprint` is what lists may depend on beside callers. `isPerPrincipal`: each
 * principal has catalogs of its own.
 */
export function createCatalogKeys(
  config: McpServerConfig,
  fingerprint: unknown,
  knownDialects: KnownDialects,
  deps: Pick<UpstreamDeps, "digest" | "limits">,
  isPerPrincipal = false,
): CatalogKeys {
  const common = [listsFormat, sorted(fingerprint), config.isolation, config.roots];
  const servers = new Map<string, Promise<string>>();
  const keys = new Map<string, Promise<string>>();

  /** What the keys of a principal's catalogs begin with. */
  const serverFor = (principal: string): Promise<string> => {
    const owner = isPerPrincipal ? principal : "";
    const known = servers.get(owner);
    if (known !== undefined) return known;
    const made = deps.digest(JSON.stringify(isPerPrincipal ? [...common, owner] : common));
    putWithin(servers, owner, made, deps.limits.catalogsPerServerMax);
    return made;
  };

  /** The names of what is declared, of which that of extensions tells different ones apart. */
  const namesOf = (declared: JsonObject): Promise<string[]> =>
    Promise.all(
      Object.keys(declared).sort().map(async (name) =>
        name === extensionsName
          ? `${name}:${await deps.digest(JSON.stringify(sorted(declared[name])))}`
          : name
      ),
    );
  const make = async (owner: string, dialect: string, declared: JsonObject): Promise<string> => {
    const details = await deps.digest(JSON.stringify(sorted(declared)));
    const names = (await namesOf(declared)).join(",");
    return [await serverFor(owner), dialect, names, details].join("/");
  };
  const declaredIn = (dialect: Dialect, caller: Caller): JsonObject =>
    dialect.clientContext === "handshake"
      ? declaredCapabilities(config, caller)
      : listContextOf(dialect, caller)?.capabilities ?? {};
  const of: CatalogKeys["of"] = (caller, dialect) => {
    const declared = declaredIn(dialect, caller);
    const owner = isPerPrincipal ? caller.principal.id : "";
    const variable = JSON.stringify([owner, dialect.name, sorted(declared)]);
    const known = keys.get(variable);
    if (known !== undefined) return known;
    const key = make(owner, dialect.name, declared);
    // What clients declare is theirs to choose: the map starts afresh rather than grow.
    if (keys.size >= deps.limits.catalogsPerServerMax) keys.clear();
    keys.set(variable, key);
    return key;
  };
  const nearestIn = async (
    prefix: string,
    caller: Caller,
    candidates: readonly string[],
  ): Promise<NearestKey | undefined> => {
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
  };
  return {
    isPerPrincipal,
    of,
    all: (caller) => Promise.all(knownDialects.of(caller).map((dialect) => of(caller, dialect))),
    async nearest(caller, candidates) {
      // What the server lists without a grant, as the trial saw it, is no principal's own.
      const owners = isPerPrincipal ? [caller.principal.id, gatewayPrincipal.id] : [""];
      for (const owner of new Set(owners)) {
        const found = await nearestIn(`${await serverFor(owner)}/`, caller, candidates);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    async owned(principal, candidates) {
      if (principal === undefined || !isPerPrincipal) return candidates;
      const prefix = `${await serverFor(principal)}/`;
      return candidates.filter((key) => key.startsWith(prefix));
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
