/**
 * The seam to where sessions are kept. The store alone has the records: its users ask for one and keep
 * no list of their own. Sessions belong to the handshake era alone. Types only; the kinds are rows of
 * the table in src/store.
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
  /** URIs subscribed to, as the client knows them, in the order in which they came. */
  readonly subscriptions: readonly string[];
  /** Wall clock, milliseconds since 1970. */
  readonly createdAt: number;
  readonly activeAt: number;
  /**
   * The instance of the gateway that brought it to life last: it has the session's connections and
   * streams. Empty in records of gateways that did not note it.
   */
  readonly owner: string;
}

/** The members that change after creation, beside subscriptions. */
export type SessionPatch = Partial<Pick<SessionRecord, "logLevel" | "owner">>;

/** Keeps sessions. Every function that answers is asynchronous, so that a store on another machine can be a kind. */
export interface SessionStore {
  /** Resolves once the record would survive a crash. Rejects when it cannot be stored or the key is taken. */
  create(record: SessionRecord): Promise<void>;
  /** The record as it is now. Rejects when it cannot be read. */
  find(key: string): Promise<SessionRecord | undefined>;
  /** Notes activity; written behind in batches, never moved backwards. */
  touch(key: string, at: number): void;
  /** Resolves once the change is kept; false when the session is gone. */
  update(key: string, patch: SessionPatch): Promise<boolean>;
  /** Adds a subscription; resolves once it is kept. Does nothing when the session is gone. */
  subscribe(key: string, uri: string): Promise<void>;
  unsubscribe(key: string, uri: string): Promise<void>;
  /** Resolves once the removal would survive a crash; false when there was none. */
  remove(key: string): Promise<boolean>;
  /** Moves the activity of every session by `ms`, none later than `latest`. */
  shift(ms: number, latest: number): Promise<void>;
  /** Removes sessions last active before `before`, a batch at a time; the removed keys, none at the end. */
  expire(before: number): Promise<readonly string[]>;
  /** How many are stored. */
  count(): Promise<number>;
  /** Writes what is pending and lets go. */
  close(): Promise<void>;
}
