/**
 * Stores in tests: records, and a kind of storage that answers late, as one on another machine would.
 */
import { setImmediate } from "node:timers";
import type { SessionRecord, SessionStore } from "../../src/session/session_store.ts";
import { openMemoryStore } from "../../src/store/memory_store.ts";
import type { StoreKind } from "../../src/store/stores.ts";

/** A session's record. */
export function createRecord(key: string, changes: Partial<SessionRecord> = {}): SessionRecord {
  return {
    key,
    surface: "/mcp",
    principal: "anonymous",
    consumer: "local",
    revision: "2025-11-25",
    clientInfo: { name: "a client", version: "1", "__proto__x": { nested: ["日本", null] } },
    capabilities: { sampling: {}, elicitation: { form: {} } },
    logLevel: null,
    subscriptions: [],
    createdAt: 1_700_000_000_000,
    activeAt: 1_700_000_000_000,
    owner: "one instance",
    ...changes,
  };
}

/** Everything a store holds under these keys. */
export async function contentOf(store: SessionStore, keys: Iterable<string>) {
  const found: Record<string, SessionRecord> = {};
  for (const key of keys) {
    const record = await store.find(key);
    if (record !== undefined) found[key] = record;
  }
  return found;
}

/** The stores in memory, of which every answer comes in a later turn of the event loop. */
export const openLateStore: StoreKind = async (options) => {
  const opened = await openMemoryStore(options);
  const {
    sessions,
    catalogs,
    pins,
    processGroups,
    credentials,
    grants,
    registry,
    profiles,
    keys,
    oauth,
    users,
    logins,
  } = opened;
  return {
    ...opened,
    sessions: lateAnswers(sessions),
    catalogs: lateAnswers(catalogs),
    pins: lateAnswers(pins),
    users: lateAnswers(users),
    processGroups: lateAnswers(processGroups),
    keys: lateAnswers(keys),
    credentials: (sealer) => lateAnswers(credentials(sealer)),
    grants: (sealer) => lateAnswers(grants(sealer)),
    registry: (sealer) => lateAnswers(registry(sealer)),
    profiles: lateAnswers(profiles),
    oauth: lateAnswers(oauth),
    logins: (sealer) => {
      const records = logins(sealer);
      return { table: (rules) => lateAnswers(records.table(rules)) };
    },
  };
};

/** The same store; what its functions do is done at once, and only their answers come late. */
function lateAnswers<Store extends object>(store: Store): Store {
  const late = (work: (...values: unknown[]) => unknown) => (...values: unknown[]) => {
    const answer = work(...values);
    return answer instanceof Promise ? answer.finally(nextTurn) : answer;
  };
  const members = Object.entries(store).map(([name, work]) => [name, late(work)]);
  return Object.fromEntries(members) as Store;
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
