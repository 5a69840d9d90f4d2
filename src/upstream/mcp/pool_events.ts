/** Events of the lanes of one upstream, and what their starts depend on. Types only. */
import type { Answer, Caller, Notice } from "../../model.ts";
import type { WireMessage } from "../../protocol/codec.ts";
import type { Lane } from "./connection.ts";
import type { LaneKey } from "./pool_key.ts";

/** What lanes report and ask. */
export interface LanesHooks {
  /** A lane is up; called before any call is made on it. */
  ready(key: LaneKey, lane: Lane, caller: Caller): void;
  /** The server of a lane forgot what it had been told. */
  renewed(key: LaneKey, lane: Lane): void;
  notice(key: LaneKey, notice: Notice): boolean;
  ask(key: LaneKey, question: WireMessage, signal: AbortSignal): Promise<Answer>;
  /** A lane ended unexpectedly. */
  died(key: LaneKey, reason: string): void;
  /** Resolves when nothing stands in the way of a start: some servers cannot run twice at once. */
  clear(key: LaneKey): Promise<void>;
  /** Whether a start for this scope goes on without the scope. */
  outlives(scope: string): boolean;
  /** The state of a lane has changed. */
  changed(): void;
}
