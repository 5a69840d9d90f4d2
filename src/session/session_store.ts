/**
 * The interface to the place where sessions are stored. A store is the only owner of its records.
 * `sqlite_sessions.ts` keeps them on disk and none in memory; `memory_sessions.ts` is the reference
 * in tests. Sessions belong to the handshake era alone. Types only; kinds are rows in
 * `session_kinds.ts`.
 */
import type { JsonObject, LogLevel } from "../model.ts";

/**
 * One session as it is stored. `key` is the SHA-256 of the id in hex; the id itself is never
 * stored.
 */
export interface SessionRecord {
  readonly key: string;
  /** The surface on which it was opened; it is valid on no other. */
  readonly surface: string;
  readonly principal: string;
  /** Whose share it takes: see `consumers.ts`. */
  readonly consumer: string;
  readonly revision: string;
  readonly clientInfo: JsonObject;
  readonly capabilities: JsonObject;
  readonly logLevel: LogLevel | null;
  /** Subscribed URIs, as the client knows them, in the order of subscription. */
  readonly subscriptions: readonly string[];
  /** Wall clock, milliseconds since 1970. */
  readonly createdAt: number;
  /** As long as it equals `createdAt`, the session was never used after its handshake. */
  readonly activeAt: number;
  /**
   * The instance of the gateway that brought it to life last: it has the session's connections and
   * streams. Empty in records of gateways that did not note it.
   */
  readonly owner: string;
}

/** The members that change after creation, beside subscriptions. */
export type SessionPatch = Partial<Pick<SessionRecord, "logLevel" | "owner">>;

/** Which sessions give way: those that were never used after their handshake, or every one. */
export type YieldingKind = "unused" | "every";

/** When sessions were active first; undefined if there is none of a kind. */
export interface EarliestActivity {
  readonly used?: number | undefined;
  readonly unused?: number | undefined;
}

/** Keeps sessions. Every function that answers is asynchronous, so that a store on another machine can be a kind. */
export interface SessionStore {
  /**
   * Resolves once the record would survive a crash. Rejects if it cannot be stored or the key
   * exists.
   */
  create(record: SessionRecord): Promise<void>;
  /** The record as it is now. Rejects when it cannot be read. */
  find(key: string): Promise<SessionRecord | undefined>;
  /** Notes activity; written behind in batches, never moved backwards. */
  touch(key: string, at: number): void;
  /** Resolves once the change is stored; false if the session is gone. */
  update(key: string, patch: SessionPatch): Promise<boolean>;
  /** Adds a subscription; resolves once it is stored. Does nothing if the session is gone. */
  subscribe(key: string, uri: string): Promise<void>;
  unsubscribe(key: string, uri: string): Promise<void>;
  /**
   * Resolves once the removal would survive a crash; false when there was none. If it rejects, the
   * store no longer finds the session, and tries again to remove it.
   */
  remove(key: string): Promise<boolean>;
  /**
   * The time of the store, in milliseconds since 1970, at the zero of the monotonic clock. Absent: its
   * times are those of this machine, and `shift` lets them follow a jump of the wall clock.
   */
  readonly origin?: number;
  /**
   * Moves the activity of every session by `ms`, none later than `latest`; those that were never
   * used stay so.
   */
  shift?(ms: number, latest: number): Promise<void>;
  /**
   * Removes sessions last active before `before`, or before `unusedBefore` if they were never used,
   * a batch at a time. Returns the removed keys, none at the end. One time alone is for both.
   */
  expire(before: number, unusedBefore?: number): Promise<readonly string[]>;
  /**
   * Removes the session of a consumer that was last active longest ago, of those never used or of
   * all, if that was before `before`; returns its key, undefined if there is none.
   */
  giveWay(consumer: string, kind: YieldingKind, before: number): Promise<string | undefined>;
  /** The earliest activity of the stored sessions, of a consumer or of all. */
  earliest(consumer?: string): Promise<EarliestActivity>;
  /** How many are stored. */
  count(): Promise<number>;
  /** How many of a consumer are stored. */
  countOf(consumer: string): Promise<number>;
  /** The consumers with most sessions, those with most first: at most `max` of them. */
  greediest(max: number): Promise<readonly string[]>;
  /** Writes what is pending and lets go. */
  close(): Promise<void>;
}
