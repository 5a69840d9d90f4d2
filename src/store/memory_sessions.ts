/**
 * Sessions that end with the process. The caller bounds their number.
 */
import { GatewayError } from "../errors.ts";
import type { SessionRecord, SessionStore } from "../session/session_store.ts";
import { createPrincipalCounts } from "./principal_counts.ts";

/** Makes an empty store. */
export function createMemorySessionStore(): SessionStore {
  const records = new Map<string, SessionRecord>();
  const counts = createPrincipalCounts();
  const remove = (key: string): boolean => {
    const record = records.get(key);
    if (record !== undefined) counts.add(record.principal, -1);
    return records.delete(key);
  };
  return {
    async create(record) {
      if (records.has(record.key)) {
        throw new GatewayError("internal", "Cannot create session: its key is taken");
      }
      records.set(record.key, record);
      counts.add(record.principal, 1);
    },
    find: async (key) => records.get(key),
    touch(key, at) {
      const record = records.get(key);
      if (record !== undefined && record.activeAt < at) {
        records.set(key, { ...record, activeAt: at });
      }
    },
    async update(key, patch) {
      const record = records.get(key);
      if (record === undefined) return false;
      records.set(key, { ...record, ...patch });
      return true;
    },
    async subscribe(key, uri) {
      const record = records.get(key);
      if (record === undefined || record.subscriptions.includes(uri)) return;
      records.set(key, { ...record, subscriptions: [...record.subscriptions, uri] });
    },
    async unsubscribe(key, uri) {
      const record = records.get(key);
      if (record === undefined) return;
      const subscriptions = record.subscriptions.filter((one) => one !== uri);
      records.set(key, { ...record, subscriptions });
    },
    async remove(key) {
      return remove(key);
    },
    async shift(ms, latest) {
      for (const [key, record] of records) {
        records.set(key, { ...record, activeAt: Math.min(record.activeAt + ms, latest) });
      }
    },
    async expire(before) {
      const expired = [...records.values()].filter((record) => record.activeAt < before);
      for (const { key } of expired) remove(key);
      return expired.map(({ key }) => key);
    },
    count: async () => counts.all(),
    countOf: async (principal) => counts.of(principal),
    async close() {
      for (const key of [...records.keys()]) remove(key);
    },
  };
}
