/** Events of the connections of one upstream, and what their starts depend on. Types only. */
import type { GatewayError } from "../../errors.ts";
import type { Answer, Caller, Notice } from "../../model.ts";
import type { WireMessage } from "../../protocol/codec.ts";
import type { DeathCause } from "../../telemetry/server_events.ts";
import type { Connection } from "./connection.ts";
import type { PoolKey } from "./pool_key.ts";

/** What connections report and ask. */
export interface PoolEvents {
  /** A connection is up; called before any call is made on it. */
  ready(key: PoolKey, connection: Connection, caller: Caller): void;
  /** The server of a connection lost its state (log level, subscriptions). */
  renewed(key: PoolKey, connection: Connection): void;
  notice(key: PoolKey, notice: Notice): boolean;
  ask(key: PoolKey, question: WireMessage, signal: AbortSignal): Promise<Answer>;
  /** A server asked something that may belong to a call, without saying to which. */
  asked(): void;
  /** A connection ended unexpectedly. */
  died(key: PoolKey, reason: string, cause?: DeathCause): void;
  /** A start failed, and counts as a failed start. */
  startFailed(): void;
  /** Resolves when nothing stands in the way of a start: some servers cannot run twice at once. */
  clear(key: PoolKey): Promise<void>;
  /** The clients of a principal that watch the server now. */
  callersOf(principal: string): readonly Caller[];
  /** Whether a start for this scope goes on without the scope. */
  outlives(scope: string): boolean;
  /**
   * A principal has to log in before a connection can be opened for it, as this error says;
   * undefined: one was opened. The principal is that of `LinkOwner`.
   */
  loginRequired(principal: string, error: GatewayError | undefined): void;
  /** The state of a connection has changed. */
  changed(): void;
}
