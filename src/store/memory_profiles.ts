/** The profiles of the registry in memory: they end with the process. */
import type { ProfileRow, ProfileStore } from "../config/registry_store.ts";

/** Makes an empty store. */
export function createMemoryProfiles(): ProfileStore {
  const rows = new Map<string, ProfileRow>();
  return {
    all: async () => [...rows.values()],
    async put(row) {
      const addedAt = rows.get(row.name)?.addedAt ?? row.addedAt;
      rows.set(row.name, { ...row, addedAt });
    },
    remove: async (name) => rows.delete(name),
  };
}
