/** The state of the client's session at the gateway. Types only. */
import type { RelayedLine } from "../../protocol/relayed_line.ts";
import type { Bridge } from "./bridge_parts.ts";

/** What the handshake has settled. */
export interface SettledSession {
  readonly session: string | undefined;
  readonly revision: string | undefined;
}

/** A session and what it takes to open it again. */
export interface SessionState {
  readonly bridge: Bridge;
  settled: SettledSession | undefined;
  opening: RelayedLine | undefined;
  opened: RelayedLine | undefined;
  /** The handshake under way: what follows it waits. */
  ready: Promise<void>;
  renewing: Promise<void> | undefined;
  /** Ends the stream of what belongs to no request. */
  standing: AbortController | undefined;
  /** Requests that changed the session, by what they changed. */
  readonly settings: Map<string, string>;
}
