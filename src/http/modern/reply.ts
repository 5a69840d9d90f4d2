/**
 * The answer to one stateless request: a JSON body, or an event stream scoped to it. The choice is
 * made as late as possible, since an early error has an HTTP status of its own; a notice or a long
 * silence makes it a stream. Nothing is resumable, and a client that disconnects has cancelled.
 * Follows "Receiving Messages" and "Cancellation" of the Streamable HTTP transport, 2026-07-28.
 */
import { type EventStream, openEventStream } from "../event_stream.ts";
import { emptyResponse, jsonResponse, streamResponse } from "../respond.ts";
import { hasRoomFor } from "../slow_reader.ts";
import type { ModernRequest, StatelessDeps } from "./requests.ts";

/**
 * The first bytes of a silent stream: some listeners send no response head before the first byte.
 */
const opening = { comment: "working" };

/** The status that proxies log for a client that left; it is never received. */
const clientLeft = 499;

/** An answer under way. */
export class PendingReply {
  readonly response: Promise<Response>;
  readonly #deps: StatelessDeps;
  readonly #asked: ModernRequest;
  /** Called at most once, if the client leaves before the answer is complete. */
  readonly #gone: () => void;
  #respond: (response: Response) => void = () => {};
  #connection: EventStream | undefined;
  /** Fixes the form of the answer. From now on only a stream can report that the client left. */
  #isDecided = false;
  #isOver = false;
  #cancelTimer: () => void;

  constructor(deps: StatelessDeps, asked: ModernRequest, gone: () => void) {
    this.#deps = deps;
    this.#asked = asked;
    this.#gone = gone;
    this.response = new Promise((resolve) => (this.#respond = resolve));
    const { clock, limits: { sseCommitMs } } = deps;
    this.#cancelTimer = clock.after(sseCommitMs, () => {
      asked.holdOpen?.();
      if (!asked.accepts.stream) return;
      this.#cancelTimer = clock.after(
        lateMsOf(deps, asked) - sseCommitMs,
        () => void this.#commit().write(opening),
      );
    });
    const { signal } = asked;
    // Never removed, which spares every call the removal; the listener ends with the request.
    signal.addEventListener("abort", () => {
      if (!this.#isDecided) this.#leave();
    });
    if (signal.aborted) queueMicrotask(() => this.#leave());
  }

  /**
   * Sends a notice before the answer. It is dropped (false) when the client takes no stream, and
   * when so much waits for a slow reader that the answer itself would find no room.
   */
  notice(text: string): boolean {
    if (this.#isOver || !this.#asked.accepts.stream) return false;
    const queued = this.#connection?.queuedBytes() ?? 0;
    return hasRoomFor(text.length, queued, this.#deps.limits) &&
      this.#commit().write({ data: text });
  }

  /** Whether so much waits for a slow reader that every notice is dropped. */
  isFull(): boolean {
    return !hasRoomFor(0, this.#connection?.queuedBytes() ?? 0, this.#deps.limits);
  }

  /** Sends the reconnection delay on an open stream, before the gateway ends it. */
  hint(): void {
    this.#connection?.write({ retry: this.#deps.limits.sseRetryMs });
  }

  /** The answer, with its status if it stands alone; nothing is sent after it. */
  settle(text: string, status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#decide();
    if (this.#connection === undefined && (this.#asked.accepts.json || status !== 200)) {
      return this.#respond(jsonResponse(text, status));
    }
    const stream = this.#commit();
    stream.write({ data: text });
    stream.end();
  }

  #decide(): void {
    this.#isDecided = true;
    this.#cancelTimer();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#decide();
    this.#respond(emptyResponse(clientLeft));
    this.#gone();
  }

  #commit(): EventStream {
    if (this.#connection !== undefined) return this.#connection;
    this.#decide();
    const { limits, heartbeats } = this.#deps;
    const { holdOpen } = this.#asked;
    holdOpen?.();
    const connection = openEventStream({ limits, heartbeats, isHeldOpen: holdOpen !== undefined });
    this.#connection = connection;
    connection.closed.then(() => this.#leave());
    // After a microtask, so that an answer that is complete by then is one body without a stream.
    queueMicrotask(() => this.#respond(streamResponse(connection.takeWhole() ?? connection.body)));
    return connection;
  }
}

/**
 * When a silent answer becomes a stream. Some listeners soon close a silent connection. Where a
 * disconnect is invisible until the answer begins, noticing a cancellation is worth more than a
 * late status.
 */
function lateMsOf({ limits }: StatelessDeps, asked: ModernRequest): number {
  if (asked.disconnectHidden) return limits.sseCommitMs;
  return asked.holdOpen === undefined
    ? Math.min(limits.sseCommitLateMs, limits.heartbeatBareMs)
    : limits.sseCommitLateMs;
}
