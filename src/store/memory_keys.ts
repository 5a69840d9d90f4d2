/** API keys in memory. */
import type { KeyStore, StoredKey } from "../auth/key_store.ts";

/** Makes an empty store. */
export function createMemoryKeyStore(): KeyStore {
  const keys = new Map<string, StoredKey>();
  const byDigest = (digest: string): StoredKey | undefined =>
    keys.values().find((key) => key.digest === digest);
  return {
    all: async () => [...keys.values()].sort((one, other) => one.name < other.name ? -1 : 1),
    find: async (digest) => byDigest(digest),
    async add(key) {
      if (keys.has(key.name) || byDigest(key.digest) !== undefined) return false;
      keys.set(key.name, key);
      return true;
    },
    remove: async (name) => keys.delete(name),
    async noteUse(times) {
      for (const [name, at] of times) {
        const key = keys.get(name);
        if (key !== undefined) keys.set(name, { ...key, usedAt: Math.max(at, key.usedAt ?? at) });
      }
    },
  };
}
