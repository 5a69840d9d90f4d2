/**
 * The keys of a server's stored catalogs: all that its lists may depend on, digested with a key so
 * that values cannot be guessed from the database. How the server is spoken to is part of it, and,
 * where it is told at the start, what the client declared.
 */
import type { LaneServerConfig } from "../config/config.ts";
import type { Caller } from "../model.ts";
import { isJsonObject } from "../protocol/jsonrpc.ts";
import type { UpstreamDeps } from "./deps.ts";
import { declaredCapabilities, type Manner } from "./negotiate.ts";
import type { Verdicts } from "./verdicts.ts";

/** The keys of one server. */
export interface CatalogKeys {
  /** The key of the catalog of a lane in this manner. */
  of(caller: Caller, manner: Manner): Promise<string>;
  /** The keys of the catalogs that may answer a caller, the likeliest first. */
  all(caller: Caller): Promise<string[]>;
}

/** Makes the keys; `fingerprint` is what lists may depend on beside callers. */
export function createCatalogKeys(
  config: LaneServerConfig,
  fingerprint: unknown,
  verdicts: Verdicts,
  deps: Pick<UpstreamDeps, "digest" | "limits">,
): CatalogKeys {
  const fixed = [sorted(fingerprint), config.isolation, config.roots];
  const digests = new Map<string, Promise<string>>();
  const of: CatalogKeys["of"] = (caller, manner) => {
    const declared = manner.stateless ? {} : declaredCapabilities(config, caller);
    const variable = JSON.stringify([manner.name, sorted(declared)]);
    const known = digests.get(variable);
    if (known !== undefined) return known;
    const digest = deps.digest(JSON.stringify([...fixed, variable]));
    // What clients declare is theirs to choose: the map starts anew rather than grow.
    if (digests.size >= deps.limits.catalogsPerServerMax) digests.clear();
    digests.set(variable, digest);
    return digest;
  };
  return {
    of,
    all: (caller) => Promise.all(verdicts.of(caller).map((manner) => of(caller, manner))),
  };
}

/** The same value with the members of every object in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.entries(value)
    .sort(([left], [right]) => left < right ? -1 : 1)
    .map(([key, member]) => [key, sorted(member)]);
}
