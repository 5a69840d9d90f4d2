/**
 * Sessions that end with the process. The caller bounds their number.
 */
import { GatewayError } from "../errors.ts";
import type { SessionRecord, SessionStore } from "../session/session_store.ts";
import { createConsumerCounts } from "./consumer_counts.ts";

/** Makes an empty store. */
export function createMemorySessionStore(): SessionStore {
  const records = new Map<string, SessionRecord>();
  const counts = createConsumerCounts();
  const remove = (key: string): boolean => {
    const record = records.get(key);
    if (record !== undefined) counts.add(record.consumer, -1);
    return records.delete(key);
  };
  return {
    async create(record) {
      if (records.has(record.key)) {
        throw new GatewayError("internal", "Cannot create session: its key is taken");
      }
      records.set(record.key, record);
      counts.add(record.consumer, 1);
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
        const activeAt = Math.min(record.activeAt + ms, latest);
        records.set(key, {
          ...record,
          activeAt,
          createdAt: isUnused(record) ? activeAt : record.createdAt,
        });
      }
    },
    async expire(before, unusedBefore = before) {
      const expired = [...records.values()].filter((record) =>
        record.activeAt < (isUnused(record) ? Math.max(before, unusedBefore) : before)
      );
      for (const { key } of expired) remove(key);
      return expired.map(({ key }) => key);
    },
    count: async () => counts.all(),
    countOf: async (consumer) => counts.of(consumer),
    greediest: async (max) => counts.greediest(max),
    async giveWay(consumer, kind, before) {
      const [oldest] = [...records.values()]
        .filter((record) => record.consumer === consumer)
        .filter((record) => record.activeAt < before && (kind === "every" || isUnused(record)))
        .sort((one, other) => one.activeAt - other.activeAt);
      if (oldest !== undefined) remove(oldest.key);
      return oldest?.key;
    },
    async earliest(consumer) {
      const times: { used?: number; unused?: number } = {};
      for (const record of records.values()) {
        if (consumer !== undefined && record.consumer !== consumer) continue;
        const kind = isUnused(record) ? "unused" : "used";
        times[kind] = Math.min(record.activeAt, times[kind] ?? Infinity);
      }
      return times;
    },
    async close() {
      for (const key of [...records.keys()]) remove(key);
    },
  };
}

function isUnused({ activeAt, createdAt }: SessionRecord): boolean {
  return activeAt === createdAt;
}
