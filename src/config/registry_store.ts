/**
 * The registry's part of the store, as the registry (registry.ts, profile_registry.ts) needs it: the
 * servers and profiles that were added by the command line or the admin API. Types only; each kind
 * of storage has its own file.
 */
import type { JsonObject } from "../model.ts";

/** One added server. */
export interface RegistryRow {
  readonly name: string;
  /** As it would stand in `mcp.json`; `unreadable` if it was sealed with another key. */
  readonly entry: JsonObject | "unreadable";
  readonly disabled: boolean;
  /** When it was first added, in milliseconds since 1970. */
  readonly addedAt: number;
}

/** Keeps the added servers. Entries may hold secrets, so they are sealed where they are written. */
export interface RegistryStore {
  /** All rows, in the order in which they were added. */
  all(): Promise<readonly RegistryRow[]>;
  /**
   * Stores an entry in place of the one with the same name, which keeps its `addedAt`. Resolves
   * when it is on disk; rejects when it cannot be written.
   */
  put(row: RegistryRow & { readonly entry: JsonObject }): Promise<void>;
  /** Returns whether there was a row with this name; rejects when it cannot be written. */
  setDisabled(name: string, disabled: boolean): Promise<boolean>;
  /** The same for a removal. */
  remove(name: string): Promise<boolean>;
}

/** One added profile. */
export interface ProfileRow {
  readonly name: string;
  /** As it would stand in `mcp.json`. */
  readonly entry: JsonObject;
  /** When it was first added, in milliseconds since 1970. */
  readonly addedAt: number;
}

/** Keeps the added profiles, which hold no secrets. */
export interface ProfileStore {
  /** All rows, in the order in which they were added. */
  all(): Promise<readonly ProfileRow[]>;
  /**
   * Stores an entry in place of the one with the same name, which keeps its `addedAt`. Resolves
   * when it is on disk; rejects when it cannot be written.
   */
  put(row: ProfileRow): Promise<void>;
  /** Returns whether there was a row with this name; rejects when it cannot be written. */
  remove(name: string): Promise<boolean>;
}
