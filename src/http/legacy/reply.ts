/**
 * The answer to a POST that holds requests: JSON or an event stream, decided as late as possible. A
 * notice, a question or `sseCommitMs` of silence makes it a stream; answers alone are JSON. A
 * client that accepts only one of the two always gets that one. Follows "Sending Messages to the
 * Server" of the Streamable HTTP transport, batches of its first revision included.
 */
import type { Accepts } from "../accept.ts";
import { emptyResponse, type HeaderPairs, jsonResponse, streamResponse } from "../respond.ts";
import type { AnswerSink } from "./call.ts";
import type { LiveSession } from "./live_session.ts";
import { type CallStream, openCallStream } from "./session_streams.ts";

/** What decides the form of a reply. */
export interface ReplyOptions {
  readonly accepts: Accepts;
  /** Requests to answer. */
  readonly count: number;
  readonly isBatch: boolean;
  readonly headers?: HeaderPairs;
  readonly holdOpen?: (() => void) | undefined;
}

/** A reply under way: the sink of each of its requests, and the response once it is decided. */
export interface OpenReply {
  readonly sink: AnswerSink;
  readonly response: Promise<Response>;
}

interface ReplyState {
  readonly session: LiveSession;
  readonly options: ReplyOptions;
  readonly respond: (response: Response) => void;
  /** Answers so far, while the form is open. */
  readonly answers: string[];
  status: number;
  open: number;
  stream: CallStream | undefined;
}

/** Begins a reply. */
export function openReply(session: LiveSession, options: ReplyOptions): OpenReply {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const { clock, limits } = session.deps;
  const state: ReplyState = {
    session,
    options,
    respond: resolve,
    answers: [],
    status: 200,
    open: options.count,
    stream: undefined,
  };
  const { json, stream } = options.accepts;
  if (!json) commit(state);
  const cancelTimer = clock.after(limits.sseCommitMs, () => {
    if (stream) commit(state);
    else options.holdOpen?.();
  });
  const sink: AnswerSink = {
    send(text) {
      if (!stream || state.open === 0) return false;
      commit(state).send(text);
      return true;
    },
    isHeard: () => state.open > 0 && (state.stream?.isRead() ?? stream),
    settle(text, status) {
      state.open -= 1;
      if (text !== undefined) settle(state, text, status);
      if (state.open > 0) return;
      cancelTimer();
      end(state);
    },
  };
  return { sink, response: promise };
}

/** Makes the reply a stream; what was answered before goes first. */
function commit(state: ReplyState): CallStream {
  if (state.stream !== undefined) return state.stream;
  const { session, options } = state;
  options.holdOpen?.();
  const stream = openCallStream(session.streams, options.holdOpen !== undefined);
  state.stream = stream;
  for (const text of state.answers) stream.send(text);
  // An answer that is complete within this moment is one body without a stream.
  queueMicrotask(() => state.respond(streamResponse(stream.takeBody(), options.headers)));
  return stream;
}

function settle(state: ReplyState, text: string, status: number): void {
  if (state.stream !== undefined) return state.stream.send(text);
  state.answers.push(text);
  state.status = status;
}

function end(state: ReplyState): void {
  const { answers, options } = state;
  if (state.stream !== undefined) return state.stream.end();
  const [only] = answers;
  // Every request was cancelled, so there is nothing to answer.
  if (only === undefined) return state.respond(emptyResponse(202, options.headers));
  state.respond(
    options.isBatch
      ? jsonResponse(`[${answers.join(",")}]`, 200, options.headers)
      : jsonResponse(only, state.status, options.headers),
  );
}
