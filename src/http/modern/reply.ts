/**
 * The answer to one stateless request: a JSON body, or an event stream scoped to it. The choice is
 * made as late as possible, since an early error has an HTTP status of its own; a notice or a long
 * silence makes it a stream. Nothing is resumable, and a client that disconnects has cancelled.
 * Follows "Receiving Messages" and "Cancellation" of the Streamable HTTP transport, 2026-07-28.
 */
import { type EventStream, openEventStream } from "../event_stream.ts";
import { emptyResponse, jsonResponse, streamResponse } from "../respond.ts";
import type { ModernRequest, StatelessDeps } from "./requests.ts";

/** An answer under way. */
export interface PendingReply {
  readonly response: Promise<Response>;
  /**
   * Sends a notice before the answer. It is dropped (false) when the client takes no stream, and
   * when so much waits for a slow reader that the answer itself would find no room.
   */
  notice(text: string): boolean;
  /** Sends the reconnection delay on an open stream, before the gateway ends it. */
  hint(): void;
  /** The answer, with its status if it stands alone; nothing is sent after it. */
  settle(text: string, status: number): void;
}

/**
 * The first bytes of a silent stream: some listeners send no response head before the first byte.
 */
const opening = { comment: "working" };

/** The status that proxies log for a client that left; it is never received. */
const clientLeft = 499;

/**
 * Begins an answer; `gone` is called at most once, if the client leaves before the answer is
 * complete.
 */
export function openReply(
  { clock, limits, heartbeats }: StatelessDeps,
  { accepts, signal, holdOpen, disconnectHidden }: ModernRequest,
  gone: () => void,
): PendingReply {
  const { promise, resolve } = Promise.withResolvers<Response>();
  let connection: EventStream | undefined;
  let isOver = false;
  let cancelTimer = (): void => {};

  /** From here on the client is watched by its stream, or not at all. */
  const decide = (): void => {
    cancelTimer();
    signal.removeEventListener("abort", leave);
  };
  const leave = (): void => {
    if (isOver) return;
    isOver = true;
    decide();
    resolve(emptyResponse(clientLeft));
    gone();
  };
  const commit = (): EventStream => {
    if (connection !== undefined) return connection;
    decide();
    holdOpen?.();
    const stream = openEventStream({ limits, heartbeats, isHeldOpen: holdOpen !== undefined });
    connection = stream;
    stream.closed.then(leave);
    // An answer that is complete within this moment is one body without a stream.
    queueMicrotask(() => resolve(streamResponse(stream.takeWhole() ?? stream.body)));
    return stream;
  };

  // Some listeners soon close a silent connection. Where a disconnect is invisible until the answer
  // begins, noticing a cancellation is worth more than a late status.
  const lateMs = disconnectHidden
    ? limits.sseCommitMs
    : holdOpen === undefined
    ? Math.min(limits.sseCommitLateMs, limits.heartbeatBareMs)
    : limits.sseCommitLateMs;
  cancelTimer = clock.after(limits.sseCommitMs, () => {
    holdOpen?.();
    if (!accepts.stream) return;
    cancelTimer = clock.after(lateMs - limits.sseCommitMs, () => void commit().write(opening));
  });
  signal.addEventListener("abort", leave);
  if (signal.aborted) queueMicrotask(leave);

  return {
    response: promise,
    notice(text) {
      if (isOver || !accepts.stream) return false;
      const queued = connection?.queuedBytes() ?? 0;
      return queued + text.length <= limits.streamBytesMax / 2 && commit().write({ data: text });
    },
    hint: () => void connection?.write({ retry: limits.sseRetryMs }),
    settle(text, status) {
      if (isOver) return;
      isOver = true;
      decide();
      if (connection === undefined && (accepts.json || status !== 200)) {
        return resolve(jsonResponse(text, status));
      }
      const stream = commit();
      stream.write({ data: text });
      stream.end();
    },
  };
}
