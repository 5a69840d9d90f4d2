/**
 * The answer to a POST that holds requests: JSON or an event stream, decided as late as possible. A
 * notice, a question or `sseCommitMs` of silence makes it a stream; answers alone are JSON. A
 * client that accepts only one of the two always gets that one. Follows "Sending Messages to the
 * Server" of the Streamable HTTP transport, batches of its first revision included.
 */
import type { Accepts } from "../accept.ts";
import { emptyResponse, type HeaderPairs, jsonResponse, streamResponse } from "../respond.ts";
import type { RequestId } from "../../model.ts";
import type { AnswerSink, RequestMessage } from "./call.ts";
import type { LiveSession } from "./live_session.ts";
import { type CallStream, openCallStream } from "./session_streams.ts";

/** What decides the form of a reply. */
export interface ReplyOptions {
  readonly accepts: Accepts;
  /** What to answer. */
  readonly requests: readonly Pick<RequestMessage, "id">[];
  readonly isBatch: boolean;
  readonly headers?: HeaderPairs;
  readonly holdOpen?: (() => void) | undefined;
}

/** A reply under way: the sink of each of its requests, and the response once it is decided. */
export class PostReply implements AnswerSink {
  readonly response: Promise<Response>;
  readonly #session: LiveSession;
  readonly #options: ReplyOptions;
  /** Answers so far, while the form is open. */
  readonly #answers: string[] = [];
  #respond: (response: Response) => void = () => {};
  #status = 200;
  #open: number;
  /** Of several requests, those that were answered before there was a stream. */
  #settled: RequestId[] | undefined;
  #stream: CallStream | undefined;
  readonly #cancelTimer: () => void;

  constructor(session: LiveSession, options: ReplyOptions) {
    this.#session = session;
    this.#options = options;
    this.#open = options.requests.length;
    this.response = new Promise((resolve) => (this.#respond = resolve));
    const { clock, limits } = session.deps;
    if (!options.accepts.json) this.#commit();
    this.#cancelTimer = clock.after(limits.sseCommitMs, () => {
      if (options.accepts.stream) this.#commit();
      else options.holdOpen?.();
    });
  }

  send(text: string): boolean {
    if (!this.#options.accepts.stream || this.#open === 0) return false;
    this.#commit().send(text);
    return true;
  }

  isHeard(): boolean {
    return this.#open > 0 && (this.#stream?.isRead() ?? this.#options.accepts.stream);
  }

  settle(text: string | undefined, status: number, id: RequestId): void {
    this.#open -= 1;
    if (text !== undefined) this.#add(text, status);
    if (this.#stream !== undefined) this.#stream.settle(id);
    else if (this.#open > 0) (this.#settled ??= []).push(id);
    if (this.#open > 0) return;
    this.#cancelTimer();
    this.#end();
  }

  /** Makes the reply a stream; what was answered before goes first. */
  #commit(): CallStream {
    if (this.#stream !== undefined) return this.#stream;
    const { holdOpen, headers, requests } = this.#options;
    holdOpen?.();
    const ids = requests.map(({ id }) => id).filter((id) => !this.#settled?.includes(id));
    const stream = openCallStream(this.#session.streams, ids, holdOpen !== undefined);
    this.#stream = stream;
    for (const text of this.#answers) stream.send(text);
    // After a microtask, so that an answer that is complete by then is one body without a stream.
    const respond = () => this.#respond(streamResponse(stream.takeBody(), headers));
    queueMicrotask(() => {
      const begun = stream.begin();
      if (begun === undefined) respond();
      else void begun.then(respond);
    });
    return stream;
  }

  #add(text: string, status: number): void {
    if (this.#stream !== undefined) return this.#stream.send(text);
    this.#answers.push(text);
    this.#status = status;
  }

  #end(): void {
    if (this.#stream !== undefined) return this.#stream.end();
    const { isBatch, headers } = this.#options;
    const [only] = this.#answers;
    // Every request was cancelled, so there is nothing to answer.
    if (only === undefined) return this.#respond(emptyResponse(202, headers));
    this.#respond(
      isBatch
        ? jsonResponse(`[${this.#answers.join(",")}]`, 200, headers)
        : jsonResponse(only, this.#status, headers),
    );
  }
}
