/**
 * The seam between the gateway and the servers behind it. The gateway sees only `Upstream`, never a
 * kind, a process, an era or HTTP; a kind is one file, one row in `upstream_kinds.ts`, and the
 * contract suite. Types only.
 */
import type { ErrorCode } from "../error_table.ts";
import type { UpstreamDeps } from "./deps.ts";
import type { ServerConfig } from "../config/config.ts";
import type {
  Answer,
  Ask,
  Call,
  Caller,
  Description,
  Exchange,
  Freshness,
  JsonObject,
  ListKind,
  Notice,
} from "../model.ts";

/**
 * `idle`: nothing runs because nothing needs it. `needs_login`: it wants credentials that it did not
 * get. `failing`: its last start failed, the next may not. `crash_loop`: several failed in a row. `failed`: it cannot run until its configuration
 * changes.
 */
export type UpstreamState =
  | "idle"
  | "starting"
  | "running"
  | "needs_login"
  | "failing"
  | "crash_loop"
  | "failed";

/** For `/health` and the log. */
export interface UpstreamStatus {
  readonly state: UpstreamState;
  /** When it came into this state, in milliseconds since 1970. */
  readonly since: number;
  /** Processes or connections alive. */
  readonly connections: number;
  /** Those that start. Absent: none. */
  readonly starting?: number | undefined;
  /** Calls that wait for their turn. Absent: none. */
  readonly waiting?: number | undefined;
  /** What is wrong, for the operator; absent when nothing is. */
  readonly problem?: string | undefined;
  /** Why it is degraded, as a code; absent when it is not. */
  readonly error?: ErrorCode | undefined;
  /** How many tools it has, as far as is known. */
  readonly tools?: number | undefined;
  readonly prompts?: number | undefined;
  /** Without templates. */
  readonly resources?: number | undefined;
  /** The protocol revision that is spoken with it, as far as is known. */
  readonly revision?: string | undefined;
  /** How it names itself, as far as is known. */
  readonly serverInfo?: { readonly name: string; readonly version: string } | undefined;
  /** All that it says of itself (`Implementation`), as far as is known. Absent: `serverInfo`. */
  readonly implementation?: JsonObject | undefined;
}

/** What a caller keeps beyond single calls; replayed on every new connection of its scope. */
export interface Interest {
  /** URIs subscribed to, as this upstream knows them. */
  readonly subscriptions: readonly string[];
}

/**
 * The clients of one surface, which get what belongs to no call. Each client has a
 * scope. No function of it throws, but `ask` may reject.
 */
export interface Audience {
  /** Its clients now, each as the caller that it watches as. */
  callers(): readonly Caller[];
  has(scope: string): boolean;
  /** Read whenever a connection starts. */
  interest(scope: string): Interest;
  /** A notice for the clients of one scope. */
  notice(notice: Notice, scope: string): void;
  /** A notice for all clients. */
  noticeAll(notice: Notice): void;
  /** Puts a question to a client of the scope; rejects when none can be asked. */
  ask(scope: string, ask: Ask): Promise<Answer>;
}

/** One configured server. */
export interface Upstream {
  readonly name: string;
  /**
   * Capabilities, identity and instructions, from the scope's connection, the stored catalog or a
   * connection started for it. Rejects with a GatewayError when none is available.
   */
  describe(caller: Caller): Promise<Description>;
  /**
   * The description that a caller would get without waiting: that of its own running connection.
   * Undefined when there is none.
   */
  knownDescription(caller: Caller): Description | undefined;
  /**
   * One whole list (pages drained), from the same sources. Empty when the capability is absent.
   * `nearest` (the default): that of a client with other capabilities will do, and that of one with
   * other extensions where the caller's own does not come soon. Waits for a start as long as the
   * server's configuration allows one to take, counted from its begin.
   */
  list(
    kind: ListKind,
    caller: Caller,
    source?: "nearest" | "own",
  ): Promise<readonly JsonObject[]>;
  /**
   * The list that a caller would get without waiting: from its own connection, which has fetched it
   * and not said since that it changed. Undefined when that is not known.
   */
  known(kind: ListKind, caller: Caller): readonly JsonObject[] | undefined;
  /**
   * Whether it listed an item of this name lately, to any client: what nothing lists is no label of
   * metrics. Absent: not known.
   */
  hasListed?(kind: ListKind, own: string): boolean;
  /** How fresh the list is that `list` returned last; undefined when that is unknown. */
  freshness(kind: ListKind, caller: Caller): Freshness | undefined;
  /** Any other request; names and URIs are the upstream's own. */
  open(call: Call): Exchange;
  /**
   * A notification of the client (`notifications/roots/list_changed`) for its scope's connection,
   * if any runs.
   */
  notify(caller: Caller, method: string, params: JsonObject): void;
  /** Registers clients that get what belongs to no call. Ends by the returned function. */
  watch(audience: Audience): () => void;
  /** Releases the scope's connection and forgets the scope. */
  endScope(scope: string): void;
  /**
   * Starts the server once, for no client: when nothing is known of it, or in any case (`again`).
   * Never rejects.
   */
  trial(again?: "again"): Promise<void>;
  status(): UpstreamStatus;
  /** Ends every connection within the limits' stop times. Open calls fail first. */
  close(): Promise<void>;
}

/** Makes an upstream of one kind. */
export type CreateUpstream<Config extends ServerConfig> = (
  config: Config,
  deps: UpstreamDeps,
) => Upstream;
