/**
 * What every upstream kind is given: the platform, the bounds, and what all upstreams share. Types
 * only.
 */
import type { Clock } from "../clock.ts";
import type { CredentialStore } from "../credentials/provider.ts";
import type { ServerGrants } from "../grants/server_grants.ts";
import type { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Correction, Description, JsonObject, ListKind } from "../model.ts";
import type { Emit } from "../telemetry/events.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { ServerPins } from "./pins.ts";
import type { ReadTurns } from "./read_turns.ts";

/** What a server once said of itself: enough to answer a handshake and the lists without it. */
export interface Catalog {
  readonly description: Description;
  readonly lists: Readonly<Record<ListKind, readonly JsonObject[]>>;
}

/** Keeps catalogs across restarts, by a key that covers all that a list may depend on. */
export interface CatalogStore {
  load(key: string): Promise<Catalog | undefined>;
  /** The keys of all that is stored of a server, the newest first. Never rejects. */
  keys(server: string): Promise<readonly string[]>;
  /**
   * Never rejects: a catalog that cannot be kept is only slower. The older one is then forgotten.
   */
  save(key: string, server: string, catalog: Catalog): Promise<void>;
  /** Forgets these catalogs. Never rejects. */
  remove(keys: readonly string[]): Promise<void>;
}

/** The process group of a running child, as the next start must know it. */
export interface ProcessGroup {
  readonly groupId: number;
  /** Tells this process from any other that ever has the same id. */
  readonly identity: string;
  readonly server: string;
}

/** Keeps which children run, so that the next start of a gateway ends what is left of them. */
export interface ProcessGroupStore {
  all(): Promise<readonly ProcessGroup[]>;
  /** In the place of what had the same id. */
  add(group: ProcessGroup): Promise<void>;
  remove(groupId: number): Promise<void>;
}

/** The ceilings that all upstreams share. */
export interface ConnectionLimit {
  /**
   * Waits for a place among the starting and the living, in which consumers take turns; a connection
   * that is not in use gives way if there is none (client_shares.ts). Rejects if there is no place for
   * `waitMs`, or too many wait: with `rate_limited` if the consumer has its share, else with
   * `overloaded`, as when `signal` aborts.
   */
  acquire(connection: Evictable, signal: AbortSignal, waitMs: number): Promise<ProcessPlace>;
  /** Why a connection that waits has no place; undefined if it only waits for other starts. */
  refusal(connection: Evictable): GatewayError | undefined;
  /** A connection has less to do than before: it may be able to give way. */
  changed(): void;
  /** Whether another can start soon without evicting one: for starts that no caller waits for. */
  hasRoom(): boolean;
}

/** The ceilings on processes. */
export interface ProcessLimit extends ConnectionLimit {
  /** The processes that have a place, and the starts that wait for one. */
  counts(): { readonly running: number; readonly waiting: number };
  /**
   * Gives a place to a process that no caller waits for, as soon as nothing starts and no
   * connection has to give way for it. It counts as started at once. The returned function gives
   * that up.
   */
  acquireQuietly(connection: Evictable, grant: (place: ProcessPlace) => void): () => void;
}

/** The ceiling that the spares of all servers share. */
export interface Spares {
  /** How many there are. */
  count(): number;
  /** Waits for a seat; the returned function gives that up. */
  want(connection: Evictable, start: (seat: SpareSeat) => void): () => void;
}

/** A spare's place in the limit, and its seat among the spares. */
export interface SpareSeat {
  readonly place: ProcessPlace;
  /** It is no spare any more, whatever becomes of its place. */
  free(): void;
}

/** A connection that can be told to stop to make room. */
export interface Evictable {
  /** The server that it is connected to; absent: it serves no client. */
  readonly server?: string;
  /** The consumer that it serves alone. Undefined or absent: it serves several, or no client. */
  consumer?(): string | undefined;
  /** Since when it has had nothing to do (monotonic); undefined while it is in use. */
  idleSince(): number | undefined;
  /**
   * Since when all that it does is to wait for clients, which may never return (monotonic);
   * undefined while it does something else, or nothing.
   */
  restingSince?(): number | undefined;
  /** Ends it; calls that wait for their clients give way. */
  evict(): void;
}

/** A place in the limit. */
export interface ProcessPlace {
  /** The start is over, well or not; the next may start. */
  started(): void;
  /** The connection is gone. */
  release(): void;
}

/** Makes sure that no child outlives the gateway, not even after `kill -9` of it. */
export interface Warden {
  /** Kills this group when the gateway ends, however it ends. */
  hold(groupId: number, server: string): Promise<void>;
  /** The group is gone. */
  release(groupId: number): void;
  close(): Promise<void>;
}

/** Logs the corrections of one server. */
export interface CorrectionLog {
  /** Warns of those that were not logged before; `method` is that of the list. */
  add(method: string, corrections: readonly Correction[]): void;
}

/** At most so many requests in any period of this length. */
export interface BudgetWindow {
  readonly requests: number;
  readonly perMs: number;
}

/** The budget of one web API, which all instances use. Rejects if it cannot be reached. */
export interface SharedBudget {
  /** Takes requests that may be sent now; fewer than wanted: after `waitMs` there is another. */
  take(wanted: number): Promise<{ readonly granted: number; readonly waitMs: number }>;
  /** The API asks that nothing is sent for this long. */
  pause(ms: number): Promise<void>;
}

/** The budgets of all web APIs. */
export interface SharedBudgets {
  of(server: string, window: BudgetWindow): SharedBudget;
}

/** What a kind's constructor is given. */
export interface UpstreamDeps {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  readonly catalogs: CatalogStore;
  readonly processLimit: ConnectionLimit;
  readonly spares: Spares;
  readonly warden: Warden;
  /** In which the outputs of all programs are read. */
  readonly readTurns: ReadTurns;
  /** Keyed digest (hex) of a text: equal texts can be told, values cannot be guessed. */
  readonly digest: (text: string) => Promise<string>;
  readonly credentialStore: CredentialStore;
  /** Absent: this instance alone sends requests. */
  readonly budgets?: SharedBudgets | undefined;
  /** What protected servers granted to the gateway, and to whom. */
  readonly grants: ServerGrants;
  /** Hides these values from the log from now on. */
  readonly addSecrets: (values: readonly string[]) => void;
  /** Identity shown to upstreams: name and version of the gateway. */
  readonly identity: { readonly name: string; readonly version: string };
  /**
   * This gateway's own random name, sent to remote servers: what leads back to it is refused there.
   */
  readonly instance: string;
  /** Tells what was corrected in the lists of this server. */
  readonly corrections: CorrectionLog;
  /** Compares this server's tools with those that were seen first; absent: nothing does. */
  readonly pins?: ServerPins | undefined;
}
