/**
 * The seam to the fingerprints of tools: what an upstream of any kind does with each list of tools
 * that it reads, and how what is known of a server is stored. Types only.
 */
import type { JsonObject } from "../model.ts";

/** How a tool differs from what was accepted. */
export type ToolChangeKind = "new" | "changed" | "removed";

/** Where a list of tools comes from. */
export interface ListOrigin {
  /** The principal that alone gets this list; "" where principals share it. */
  readonly principal: string;
  /** What the server knew of the client; clients with the same variant get the same list. */
  readonly variant: string;
  /** The key of the stored catalog that the list goes into; "" if it is not stored. */
  readonly key: string;
  /** Changes with each version of the server and of its configuration. */
  readonly version: string;
  /** Whether it was read to its end: then a tool that it lacks was removed. */
  readonly isWhole: boolean;
}

/** The pins of one server, for its upstream. */
export interface ServerPins {
  /** Whether only accepted tools are offered. */
  readonly withholds: boolean;
  /**
   * Takes a list as its server gave it now: remembers a first one, and reports what changed. Rejects
   * if tools are withheld and cannot be told apart; otherwise a fault is logged alone.
   */
  see(tools: readonly JsonObject[], origin: ListOrigin): Promise<void>;
  /**
   * Takes a list from a stored catalog; false if nothing is known of a list with that key, so that
   * the server has to be asked.
   */
  recall(tools: readonly JsonObject[], key: string): Promise<boolean>;
  /**
   * The tools that may be offered, of a list that was seen or recalled: the same array for as long
   * as they stay the same. Nothing of any other list, where tools are withheld.
   */
  offered(tools: readonly JsonObject[]): readonly JsonObject[];
  /** Calls a listener when other tools may be offered, until the returned function is called. */
  watch(listener: () => void): () => void;
}

/** What was accepted of one list. */
export interface PinnedList {
  /** The digest of what the server is, whatever its version. */
  readonly subject: string;
  readonly principal: string;
  readonly variant: string;
  readonly key: string;
  readonly version: string;
  /** Name → the fingerprints that are accepted, the newest first. */
  readonly tools: ReadonlyMap<string, readonly string[]>;
}

/** A change of a tool, or what a person approved of one. */
export interface StoredChange {
  readonly tool: string;
  /** Of the tool as it is now; "" if it was removed. */
  readonly fingerprint: string;
  readonly kind: ToolChangeKind;
  /** Of the tool as it was accepted; "" if there was none. */
  readonly before: string;
  /** The principal and the variant of the list in which it was seen. */
  readonly principal: string;
  readonly variant: string;
  /** When it was seen or, if it is approved, when that was; in milliseconds since 1970. */
  readonly at: number;
  readonly isApproved: boolean;
}

/** What identifies a change of a server. */
export type ChangeKey = Pick<StoredChange, "tool" | "fingerprint">;

/** Changes of what is stored of a server; all of them happen, or none. */
export interface PinUpdate {
  readonly lists?: readonly PinnedList[];
  readonly droppedLists?: readonly Pick<PinnedList, "principal" | "variant">[];
  readonly changes?: readonly StoredChange[];
  readonly droppedChanges?: readonly ChangeKey[];
  /** Fingerprint → the definition as JSON. */
  readonly definitions?: ReadonlyMap<string, string>;
  /** The fingerprints of definitions to remove. */
  readonly droppedDefinitions?: readonly string[];
  /** Removes all other definitions of the server. */
  readonly keptDefinitions?: ReadonlySet<string>;
}

/** Keeps what was accepted of the tools of servers. Rejects when it cannot be read or written. */
export interface PinStore {
  /** The changes of all servers, the oldest first. */
  changes(): Promise<ReadonlyMap<string, readonly StoredChange[]>>;
  /** The lists of a server, those that were stored longest ago first. */
  lists(server: string): Promise<readonly PinnedList[]>;
  /** A definition as JSON; undefined if there is none. */
  definition(server: string, fingerprint: string): Promise<string | undefined>;
  /** Servers beyond the bound leave, those that were stored longest ago first. */
  update(server: string, update: PinUpdate): Promise<void>;
  /** Forgets these servers. */
  remove(servers: readonly string[]): Promise<void>;
  /** The servers of which anything is stored. */
  servers(): Promise<readonly string[]>;
}
