/**
 * The seam between the gateway and the servers behind it. The gateway sees only `Upstream`, never
 * a kind, a process, an era or HTTP; a kind is one file, one row in `kinds.ts`, and the contract
 * suite. Types only.
 */
import type { UpstreamDeps } from "./deps.ts";
import type { ServerConfig } from "../config/config.ts";
import type {
  Call,
  Caller,
  Description,
  Exchange,
  Freshness,
  JsonObject,
  ListKind,
  Watcher,
} from "../model.ts";

/** For `/health` and the log. */
export interface UpstreamStatus {
  /** `idle`: nothing runs because nobody needs it. `failed`: cannot run until something changes. */
  readonly state: "idle" | "starting" | "running" | "crash_loop" | "failed";
  /** Processes or connections alive. */
  readonly lanes: number;
  /** What is wrong, for the person; absent when nothing is. */
  readonly problem?: string | undefined;
  /** The last call was made without the credentials that could not be had. */
  readonly isDegraded?: boolean | undefined;
}

/** What a caller keeps beyond single calls; replayed on every new lane of its scope. */
export interface Interest {
  /** URIs subscribed to, as this upstream knows them. */
  readonly subscriptions: readonly string[];
}

/** One configured server. */
export interface Upstream {
  readonly name: string;
  /**
   * Capabilities, identity and instructions, from the scope's lane, the stored catalog or a lane
   * started for it. Rejects with a GatewayError when none can be had.
   */
  describe(caller: Caller): Promise<Description>;
  /** One whole list (pages drained), from the same sources. Empty when the capability is absent. */
  list(kind: ListKind, caller: Caller): Promise<readonly JsonObject[]>;
  /** How fresh the list is that `list` gave last; undefined when nobody can tell. */
  freshness(kind: ListKind, caller: Caller): Freshness | undefined;
  /** Any other request; names and URIs are the upstream's own. */
  open(call: Call): Exchange;
  /** A notification of the client (`notifications/roots/list_changed`) for its scope's lane, if any runs. */
  notify(caller: Caller, method: string, params: JsonObject): void;
  /**
   * Registers who hears what belongs to no call of this scope. `interest` is read whenever a lane
   * starts. Ends by the returned function.
   */
  watch(scope: string, watcher: Watcher, interest: () => Interest): () => void;
  /** Releases the scope's lane and forgets the scope. */
  endScope(scope: string): void;
  status(): UpstreamStatus;
  /** Ends every lane within the limits' stop times. Open calls fail first. */
  close(): Promise<void>;
}

/** Makes an upstream of one kind. */
export type CreateUpstream<Config extends ServerConfig> = (
  config: Config,
  deps: UpstreamDeps,
) => Upstream;
