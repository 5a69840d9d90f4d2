/** The registry in memory: its servers end with the process. */
import type { RegistryRow, RegistryStore } from "../config/registry_store.ts";

/** Makes an empty store. */
export function createMemoryRegistry(): RegistryStore {
  const rows = new Map<string, RegistryRow>();
  return {
    all: async () => [...rows.values()],
    async put(row) {
      const addedAt = rows.get(row.name)?.addedAt ?? row.addedAt;
      rows.set(row.name, { ...row, addedAt });
    },
    async setDisabled(name, disabled) {
      const row = rows.get(name);
      if (row !== undefined) rows.set(name, { ...row, disabled });
      return row !== undefined;
    },
    remove: async (name) => rows.delete(name),
  };
}
