/** The events of servers and profiles: states, starts, connections, changed tools and profiles. */
import type { LogFields } from "../log.ts";

/** The state of a server changed. */
export interface ServerStateEvent {
  readonly type: "server_state";
  readonly server: string;
  readonly state: string;
  /** Why it does not work, in one line for the operator. */
  readonly problem?: string | undefined;
}

/**
 * A server failed to start, and what follows: `retry` soon, `crash_loop` slowly, `failed` never.
 */
export interface StartFailedEvent {
  readonly type: "start_failed";
  readonly server: string;
  readonly reason: string;
  readonly next: "retry" | "crash_loop" | "failed";
  /** Starts that failed in a row. */
  readonly failures: number;
  /** When the next start is allowed; absent: never. */
  readonly retryAfterMs?: number | undefined;
  /** Whether `next` differs from that of the previous failure. */
  readonly isChange: boolean;
  /** Whether a server in a crash loop failed for the same reason as before. */
  readonly isRepeated: boolean;
  /** What the program printed, or what the system said. */
  readonly details?: LogFields | undefined;
}

/** Processes of one scope ended soon after they were ready, several in a row. */
export interface DeathsEvent {
  readonly type: "deaths_in_a_row";
  readonly server: string;
  readonly reason: string;
  readonly deaths: number;
  /** Whether all clients share the process; else only one client's calls wait. */
  readonly isForAll: boolean;
  /** Whether there are as many as make a crash loop, and whether this one made it one. */
  readonly isLoop: boolean;
  readonly isChange: boolean;
  readonly retryAfterMs: number;
}

/** A connection to a server begins to start, or the operator's command restarts the server. */
export interface StartingEvent {
  readonly type: "server_starting" | "server_restarted";
  readonly server: string;
}

/** What a server offers was read from it: it was not known before, or may have changed. */
export interface LearnedEvent {
  readonly type: "catalog_learned";
  readonly server: string;
}

/** Another configuration of servers is in effect. */
export interface ConfiguredEvent {
  readonly type: "servers_configured";
}

/** A server started well after its starts had failed in a row. */
export interface RecoveredEvent {
  readonly type: "server_recovered";
  readonly server: string;
}

/** Why a server is started again: what came before the start. */
export const restartReasons = {
  exited: "its process or connection ended by itself",
  hung: "it did not answer health checks",
  start_failed: "a start failed",
  command: "an operator's command",
} as const;

/** One row of `restartReasons`. */
export type RestartReason = keyof typeof restartReasons;

/** The kinds of unexpected ends. */
export type DeathCause = Extract<RestartReason, "exited" | "hung">;

/**
 * A connection to a server opened, or closed; `died` says why when the gateway did not close it, and
 * `cause` of which kind that is.
 */
export interface ConnectionEvent {
  readonly type: "connection_opened" | "connection_closed";
  readonly server: string;
  readonly died?: string | undefined;
  /** Absent: `exited`. */
  readonly cause?: DeathCause | undefined;
}

/** Profiles were added, changed or removed. */
export interface ProfilesEvent {
  readonly type: "profiles_changed";
  /** Their names. */
  readonly profiles: readonly string[];
}

/** A tool is not as it was when it was first seen, or a person approved how it is now. */
export interface ToolEvent {
  readonly type: "tool_changed" | "tool_approved";
  readonly server: string;
  readonly tool: string;
  readonly change: "new" | "changed" | "removed";
}
