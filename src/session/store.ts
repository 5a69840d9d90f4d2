/**
 * The seam to where sessions are kept. A store answers look-ups from memory and is the only owner
 * of its records; `sqlite.ts` keeps them on disk, `memory.ts` is the oracle that both are tested
 * against. Sessions belong to the handshake era alone. Types only; kinds are rows in `kinds.ts`.
 */
import type { JsonObject, LogLevel } from "../model.ts";

/** One session as it is stored. `key` is the SHA-256 of the id in hex: the id itself is never stored. */
export interface SessionRecord {
  readonly key: string;
  /** The surface it was opened on; it can be used on no other. */
  readonly surface: string;
  readonly principal: string;
  readonly revision: string;
  readonly clientInfo: JsonObject;
  readonly capabilities: JsonObject;
  readonly logLevel: LogLevel | null;
  /** URIs subscribed to, as the client knows them. */
  readonly subscriptions: readonly string[];
  /** Wall clock, milliseconds since 1970. */
  readonly createdAt: number;
  readonly activeAt: number;
}

/** The members that change after creation. */
export type SessionPatch = Partial<Pick<SessionRecord, "logLevel" | "subscriptions">>;

/** Keeps sessions. Functions may be asynchronous, so that a distributed store can be a kind. */
export interface SessionStore {
  /** Resolves once the record would survive a crash. Rejects when it cannot be stored or the key is taken. */
  create(record: SessionRecord): Promise<void>;
  find(key: string): SessionRecord | undefined | Promise<SessionRecord | undefined>;
  /** Notes activity; written behind in batches, never moved backwards. */
  touch(key: string, at: number): void;
  /** Resolves once the change is kept; false when the session is gone. */
  update(key: string, patch: SessionPatch): Promise<boolean>;
  /** Resolves once the removal would survive a crash; false when there was none. */
  remove(key: string): Promise<boolean>;
  /** Moves the activity of every session by `ms`, none later than `latest`. */
  shift(ms: number, latest: number): Promise<void>;
  /** Removes every session last active before `before`; the removed keys. */
  expire(before: number): Promise<readonly string[]>;
  count(): number;
  /** Writes what is pending and lets go. */
  close(): Promise<void>;
}
