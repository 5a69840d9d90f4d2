/**
 * Catalogs that end with the process. They are kept as JSON, so that no caller can change them.
 */
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { CatalogStore } from "../upstream/deps.ts";
import { toBody, toCatalog } from "./catalog_body.ts";
import { keepNewest, putNewest } from "./newest.ts";

/** What the store is made from. */
export interface MemoryCatalogOptions {
  readonly limits: Pick<Limits, "catalogsMax" | "catalogsPerServerMax" | "catalogCharsMax">;
  readonly log: Log;
}

/** Makes an empty store. */
export function createMemoryCatalogStore({ limits, log }: MemoryCatalogOptions): CatalogStore {
  const entries = new Map<string, { readonly server: string; readonly body: string }>();
  return {
    async load(key) {
      const entry = entries.get(key);
      return entry && toCatalog(entry.body);
    },
    async keys(server) {
      return [...entries].filter(([, entry]) => entry.server === server).map(([key]) => key)
        .reverse();
    },
    async save(key, server, catalog) {
      const body = toBody(catalog, server, limits, log);
      if (body === undefined) return void entries.delete(key);
      putNewest(entries, key, { server, body });
      keepNewest(entries, limits.catalogsPerServerMax, (entry) => entry.server === server);
      keepNewest(entries, limits.catalogsMax);
    },
    async remove(keys) {
      for (const key of keys) entries.delete(key);
    },
  };
}
