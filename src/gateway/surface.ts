/**
 * What the HTTP layer sees of the middle: surfaces (what one URL offers), what their rows are made
 * from, and the gateway behind them. Types only.
 */
import type { ServersConfig } from "../config/config.ts";
import type {
  Call,
  Caller,
  Description,
  Exchange,
  JsonObject,
  ListKind,
  Principal,
  Watcher,
} from "../model.ts";
import type { RevokedAccess } from "../principals.ts";
import type { UpstreamStatus } from "../upstream/upstream.ts";
import type { ConfiguredServer } from "./server_report.ts";

export type { ResolveSurface, RunningServers, Server, SurfaceContent } from "./server.ts";

/** What one surface offers. */
export interface Surface {
  readonly name: string;
  /** Whether requests by methods that the protocol does not name reach its server. */
  readonly takesForeign?: boolean;
  /** Whether the principal may know none of its servers. Absent: it may. */
  readonly isHidden?: boolean;
}

/** What the card of a surface can say now. */
export interface CardFacts {
  /** Whether every client may read the card. */
  readonly isPublic: boolean;
  /** Whether the principal may know none of the surface's servers. */
  readonly isHidden: boolean;
  /** How its only server describes itself; absent: that is not known yet, or it has not one. */
  readonly serverInfo?: JsonObject | undefined;
  /** What it is for, by its configuration. */
  readonly description?: string | undefined;
}

/** The names of what has surfaces of its own. */
export interface SurfaceNames {
  readonly servers: readonly string[];
  /** Those that can be used. */
  readonly profiles: readonly string[];
}

/** For `/health`. */
export interface GatewayStatus {
  readonly servers: readonly {
    readonly name: string;
    readonly status: UpstreamStatus;
    /** Whether it waits for its first start. */
    readonly isQueued: boolean;
  }[];
}

/** What the gateway has at the moment. */
export interface GatewayLoad {
  /** Calls that have not ended for their clients. */
  readonly calls: number;
  /** Calls that ended for their clients until these return with answers. */
  readonly parked: number;
}

/** The same with what an operator may see and do. */
export interface SteeredGateway extends Gateway {
  /** Every server that is not disabled. */
  servers(): readonly ConfiguredServer[];
  /** Whether a server listed an item of this name lately, to any client. */
  hasListed(server: string, kind: ListKind, own: string): boolean;
  /**
   * Ends a server's connections and forgets its failures. The next use starts it again; one that
   * was not idle starts at once. Resolves when the old connections are gone; false if there is no
   * such server.
   */
  restart(name: string): Promise<boolean>;
}

/** The middle of the gateway: every call of every binding goes through `call`. */
export interface Gateway {
  /** The surface of that name for a principal; undefined when no such server is configured. */
  surface(name: string, principal: Principal): Surface | undefined;
  /**
   * What the card of a surface can say to a principal, or to every client if `principal` is absent;
   * undefined when no such server is configured. Starts no server and waits for none.
   */
  cardFacts(name: string, principal?: Principal): CardFacts | undefined;
  /**
   * Capabilities (the union), identity and instructions of a surface. Never rejects for one broken
   * server.
   */
  describe(surface: string, caller: Caller): Promise<Description>;
  /**
   * Whether a server of a surface has a capability, or may have it because it does not answer in
   * time. Waits for no server once one has it.
   */
  serves(surface: string, caller: Caller, capability: string): Promise<boolean>;
  /** Any request of a client, lists included (`params.cursor` in, `nextCursor` out). */
  call(surface: string, call: Call): Exchange;
  /** A client's notification that concerns its upstreams (`notifications/roots/list_changed`). */
  notify(surface: string, caller: Caller, method: string, params: JsonObject): void;
  /**
   * Registers a watcher for what belongs to no call of this caller's scope; names and URIs are the
   * surface's. `subscriptions` is read whenever a connection starts. Ends by the returned function.
   */
  watch(
    surface: string,
    caller: Caller,
    watcher: Watcher,
    subscriptions: () => readonly string[],
  ): () => void;
  /**
   * The clients of a scope have this principal from now on, which has the same id. Says that lists
   * changed if it may have other rights.
   */
  follow(scope: string, principal: Principal): void;
  /**
   * Credentials were taken away: the running and the waiting calls of a principal and a client end, or
   * those of all.
   */
  revoke(revoked: RevokedAccess): void;
  /** Releases all that is kept for a scope. */
  endScope(scope: string): void;
  status(): GatewayStatus;
  load(): GatewayLoad;
  /** What has a surface of its own now. */
  names(): SurfaceNames;
  /**
   * Takes a new configuration: adds, removes and restarts only what changed, and tells the
   * watchers.
   */
  reconfigure(next: ServersConfig): Promise<void>;
  /** Starts no server for no client any more, and ends the waiting for those that start. */
  drain(): void;
  /** Ends every upstream. */
  close(): Promise<void>;
}
