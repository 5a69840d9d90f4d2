/**
 * The state of one link over Streamable HTTP, and its end. What works on it: requests
 * (streamable_request.ts), their answers (streamable_answer.ts), and the link as a whole
 * (streamable.ts).
 */
import type { RequestId } from "../../model.ts";
import { endRemote, type RemoteLink } from "./remote_link.ts";
import type { ListeningStream } from "./server_streams.ts";
import type { SessionRecovery } from "./session_recovery.ts";
import type { StreamableWire } from "./streamable_wire.ts";

/** One link. */
export interface StreamableLink extends RemoteLink {
  readonly wire: StreamableWire;
  /** The stream of what belongs to no request. */
  readonly standalone: ListeningStream;
  readonly recovery: SessionRecovery;
  /** Requests under way; each signal ends the reading for one. */
  readonly open: Map<RequestId, AbortController>;
  /** Accepted requests, to be answered on the standalone stream, and how each fails. */
  readonly accepted: Map<RequestId, (why: string) => void>;
  /** Resolves when the server's session has ended. */
  stopping: Promise<void> | undefined;
}

/** Ends a link; `died` says why when it was not stopped. */
export function endLink(link: StreamableLink, died: string | undefined): void {
  endRemote(link, died, () => {
    link.standalone.stop();
    for (const over of link.open.values()) over.abort();
  });
}

/** Ends it after the calls that found out have failed: their errors say more. */
export function endSoon(link: StreamableLink, died: string): void {
  link.options.deps.clock.after(0, () => endLink(link, died));
}
