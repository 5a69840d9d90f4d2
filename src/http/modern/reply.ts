/**
 * The answer to one stateless request: a JSON body, or an event stream scoped to it, decided as late
 * as possible, since an error that comes first has a status of its own. A notice or a long silence
 * decides. Nothing is resumable, and a reader who goes has cancelled. Follows "Receiving Messages"
 * and "Cancellation" of the Streamable HTTP transport, 2026-07-28.
 */
import type { RequestContext } from "../../runtime/runtime.ts";
import { encodeFrame } from "../../sse/encode.ts";
import type { Accepts } from "../accept.ts";
import { type Connection, openConnection } from "../connection.ts";
import { emptyResponse, jsonResponse, streamResponse } from "../respond.ts";
import type { Stateless } from "./stateless.ts";

/** An answer under way. */
export interface Reply {
  readonly response: Promise<Response>;
  /** Sends a message before the answer; false when this client takes no stream. */
  send(text: string): boolean;
  /** The answer, with its status if it stands alone. */
  settle(text: string, status: number): void;
  /** There is no answer any more. */
  abandon(): void;
}

/** What an answer is made for. */
export interface ReplyOptions {
  readonly request: Request;
  readonly context: RequestContext;
  readonly accepts: Accepts;
  /** The client went away before it had its answer; called at most once. */
  readonly gone: () => void;
}

/** The first bytes of a stream that has nothing else to say: some listeners send no head without. */
const opening = encodeFrame({ comment: "open" });

/** Begins an answer. */
export function openReply({ deps }: Stateless, options: ReplyOptions): Reply {
  const { request, context, accepts } = options;
  const { clock, limits, heartbeats } = deps;
  const { promise, resolve } = Promise.withResolvers<Response>();
  let connection: Connection | undefined;
  let isOver = false;

  const over = (): void => {
    isOver = true;
    cancelTimer();
    request.signal.removeEventListener("abort", leave);
  };
  const leave = (): void => {
    if (isOver) return;
    over();
    resolve(emptyResponse(204));
    options.gone();
  };
  const commit = (): Connection => {
    if (connection !== undefined) return connection;
    const { holdOpen } = context;
    connection = openConnection({ limits, heartbeats, isHeldOpen: holdOpen !== undefined });
    connection.closed.then(leave);
    resolve(streamResponse(connection.body));
    return connection;
  };
  const wait = (): void => {
    if (isOver || connection !== undefined || !accepts.stream) return;
    commit().write(opening);
  };
  // An answer without a listener that holds silence is cut sooner.
  const waitMs = context.holdOpen === undefined
    ? Math.min(limits.sseCommitLateMs, limits.heartbeatBareMs)
    : limits.sseCommitLateMs;
  context.holdOpen?.();
  const cancelTimer = clock.after(waitMs, wait);
  request.signal.addEventListener("abort", leave);
  if (request.signal.aborted) leave();

  return {
    response: promise,
    send(text) {
      if (isOver || !accepts.stream) return false;
      return commit().write({ data: text });
    },
    settle(text, status) {
      if (isOver) return;
      over();
      if (connection === undefined && (accepts.json || status !== 200)) {
        return resolve(jsonResponse(text, status));
      }
      const stream = commit();
      stream.write({ data: text });
      stream.end();
    },
    abandon() {
      if (isOver) return;
      over();
      connection?.end();
      resolve(emptyResponse(204));
    },
  };
}
