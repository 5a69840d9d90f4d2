/**
 * Catalogs in the engine. A catalog is only a cache: a fault is logged, and at worst the server
 * starts once more; an older catalog than the one that could not be stored is not trusted.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import type { CatalogStore } from "../upstream/deps.ts";
import { toBody, toCatalog } from "./catalog_body.ts";
import { createBoundedTable } from "./redis_bounded_table.ts";
import { createRetries } from "./redis_retries.ts";

/** What the store is made from. */
export interface RedisCatalogOptions {
  readonly engine: RedisConnection;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    "catalogsMax" | "catalogsPerServerMax" | "catalogCharsMax" | "backlogMax" | "storageRetryMs"
  >;
  readonly log: Log;
}

/** The store; closing it writes what waits. */
export interface RedisCatalogs extends CatalogStore {
  close(): Promise<void>;
}

/** Makes the store. */
export function createRedisCatalogs(options: RedisCatalogOptions): RedisCatalogs {
  const { engine, clock, limits, log } = options;
  const table = createBoundedTable(engine, "catalogs", {
    groupMax: limits.catalogsPerServerMax,
    allMax: limits.catalogsMax,
  });
  /** Keys of catalogs that are no longer true, while their removal is not written. */
  const outdated = createRetries<true>({
    what: "removals of stored catalogs",
    changesMax: limits.backlogMax,
    retryMs: limits.storageRetryMs,
    write: (_, key) => table.remove([key]),
    clock,
    log,
  });
  return {
    async load(key) {
      if (outdated.get(key) !== undefined) return undefined;
      try {
        const body = await table.get(key);
        if (body === undefined) return undefined;
        const catalog = toCatalog(body);
        if (catalog !== undefined) return catalog;
        log.warn("Cannot read a stored catalog; it is removed", { key });
        await table.remove([key]);
      } catch (fault) {
        log.warn("Cannot load a stored catalog", { key, fault });
      }
      return undefined;
    },
    async keys(server) {
      try {
        return (await table.ids(server)).filter((key) => outdated.get(key) === undefined);
      } catch (fault) {
        log.warn("Cannot look up the stored catalogs of a server", { server, fault });
        return [];
      }
    },
    async save(key, server, catalog) {
      try {
        const body = toBody(catalog, server, limits, log);
        // The next start would trust the older catalog.
        if (body === undefined) return await outdated.put(key, true);
        await table.put(key, body, server);
        outdated.drop(key);
      } catch (fault) {
        outdated.keep(key, true);
        log.warn("Cannot keep the catalog of a server", { server, fault });
      }
    },
    async remove(keys) {
      try {
        await table.remove(keys);
        for (const key of keys) outdated.drop(key);
      } catch (fault) {
        for (const key of keys) outdated.keep(key, true);
        log.warn("Cannot forget stored catalogs: it is tried again", { fault });
      }
    },
    close: outdated.close,
  };
}
