/** The users in memory: they end with the process. */
import type { UserRow, UserStore } from "../oauth/user_store.ts";

/** Makes an empty store. */
export function createMemoryUsers(): UserStore {
  const rows = new Map<string, UserRow>();
  return {
    all: async () => [...rows.values()].sort((one, other) => one.name < other.name ? -1 : 1),
    find: async (name) => rows.get(name),
    async add(row) {
      if (rows.has(row.name)) return false;
      rows.set(row.name, row);
      return true;
    },
    async update(name, change) {
      const row = rows.get(name);
      const next = row === undefined ? undefined : change(row);
      if (next === undefined) return false;
      rows.set(name, { ...next, name });
      return true;
    },
    remove: async (name) => rows.delete(name),
  };
}
