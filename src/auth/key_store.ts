/**
 * The store of API keys. It has their digests, never the keys themselves. Types only; src/store has
 * the kinds.
 */

/** A key, as it is stored. */
export interface StoredKey {
  /** Unique; the principal of the key has it in its id. */
  readonly name: string;
  /** SHA-256 of the key, in hex. */
  readonly digest: string;
  readonly roles: readonly string[];
  /** The servers that it is limited to; undefined: all. */
  readonly servers: readonly string[] | undefined;
  /** The same for tools. */
  readonly tools: readonly string[] | undefined;
  /** Milliseconds since 1970, as the other times. */
  readonly createdAt: number;
  /** Undefined: never. */
  readonly expiresAt: number | undefined;
  /** The last use that was stored; undefined: it was never used. */
  readonly usedAt: number | undefined;
}

/** The keys by name and by digest. */
export interface KeyStore {
  /** All keys, by name. */
  all(): Promise<readonly StoredKey[]>;
  /** The key with a digest; undefined if there is none. */
  find(digest: string): Promise<StoredKey | undefined>;
  /** Adds a key; false, and nothing changes, if its name or its digest is taken. */
  add(key: StoredKey): Promise<boolean>;
  /** False if there was none of this name. */
  remove(name: string): Promise<boolean>;
  /** Notes when keys were last used; unknown names are left out, and no time moves backwards. */
  noteUse(times: ReadonlyMap<string, number>): Promise<void>;
}
