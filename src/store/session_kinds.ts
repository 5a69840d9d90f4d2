/** The kinds of session store, one row each; a new kind is one file, one row and the contract suite. */
import { createMemorySessionStore } from "./memory_sessions.ts";
import { openSqliteSessionStore, type SqliteSessionStoreOptions } from "./sqlite_sessions.ts";
import type { SessionStore } from "../session/session_store.ts";

/** Opens a store of each kind from what any of them may need. */
export const sessionStoreKinds = {
  /** Survives a crash of the gateway. */
  sqlite: openSqliteSessionStore,
  /** Keeps nothing on disk. */
  memory: createMemorySessionStore,
} as const satisfies Record<string, (options: SqliteSessionStoreOptions) => SessionStore>;

/** The name of one kind. */
export type SessionStoreKind = keyof typeof sessionStoreKinds;
