/**
 * One request of a session, from its message to its answer. The request is decoded, passed to the
 * gateway, read to its end even if the client disconnects (a disconnect does not cancel), and its
 * answer encoded. Notices and questions go to the request's sink in order. Follows the lifecycle,
 * cancellation, progress and utilities pages of the handshake revisions.
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { toCallFailure } from "../../gateway/call_failure.ts";
import { outcomeFor } from "../../gateway/outcome.ts";
import type { Ask, CallTarget, Exchange, Reply, RequestId, Result } from "../../model.ts";
import type { Decoded, WireMessage } from "../../protocol/codec.ts";
import { errorText, type Message, resultText } from "../../protocol/jsonrpc.ts";
import { decodeForeign } from "../../protocol/names.ts";
import type { TraceContext } from "../../trace_context.ts";
import type { CallProgress } from "../keep_alive.ts";
import { isProgress, type ProgressGap } from "../progress_gap.ts";
import { callStatus, logFault } from "../respond.ts";
import { type NoticeReader, SlowReader } from "../slow_reader.ts";
import { toRefusal } from "../../protocol/shared/ask_refusal.ts";
import type { OpenAsk } from "./asks.ts";
import { changes, fullFor } from "./changes.ts";
import type { LiveSession, ReplySink, SessionCall } from "./live_session.ts";
import { dropNotice, sendNotice } from "./call_notices.ts";
import { sendOwned } from "./standalone_stream.ts";

/** A request message. */
export type RequestMessage = Extract<Message, { kind: "request" }>;

/** A sink that also takes the one answer of a request. */
export interface AnswerSink extends ReplySink {
  /** The answer of a request, its HTTP status if it stands alone; no text: the client cancelled. */
  settle(text: string | undefined, status: number, id: RequestId): void;
}

/** Throws unless these requests may begin: their ids are free, and the session has room. */
export function assertCallable(session: LiveSession, requests: readonly RequestMessage[]): void {
  const { calls, deps } = session;
  const taken = requests.find(({ id }, at) =>
    calls.has(id) || requests.findIndex((other) => other.id === id) < at
  );
  if (taken !== undefined) {
    throw new GatewayError(
      "invalid_request",
      `Cannot take request id ${JSON.stringify(taken.id)}: a request with it is under way`,
    );
  }
  if (calls.size + requests.length > deps.limits.sessionCallsMax) {
    throw new GatewayError("overloaded");
  }
}

/** Runs a request; its sink is settled exactly once. `trace` is that of its POST. */
export function runCall(
  session: LiveSession,
  message: RequestMessage,
  sink: AnswerSink,
  trace: TraceContext | undefined,
): void {
  const { id, method } = message;
  const decoded = decode(session, message);
  if (decoded.kind !== "ok") {
    return refuse(session, message, toDecodeError(method, decoded), sink);
  }
  if (method === "ping") return sink.settle(resultText(id, {}), 200, id);
  const full = fullFor(session, method, decoded.params);
  if (full !== undefined) return refuse(session, message, full, sink);
  const running = new RunningCall(session, id, decoded, sink, trace);
  if (decoded.progressToken !== undefined) running.progress = keepAlive(running);
  running.exchange.read((reply) => take(running, reply));
}

function decode(
  { deps, revision, surface, caller }: LiveSession,
  { method, params }: RequestMessage,
) {
  const decoded = deps.codec.decodeRequest(method, params, revision);
  const isForeign = decoded.kind === "unknown" &&
    deps.gateway.surface(surface, caller.principal)?.takesForeign === true;
  return (isForeign ? decodeForeign(method, params) : undefined) ?? decoded;
}

/** Answers a request that does not reach the gateway. */
function refuse(
  session: LiveSession,
  { id, method, params }: RequestMessage,
  error: GatewayError,
  sink: AnswerSink,
): void {
  const { deps, caller, surface } = session;
  const fault = { code: error.code, reason: error.message };
  const failure = toCallFailure({ params, caller }, fault, deps.limits);
  const principal = caller.principal.id;
  deps.emit({ type: "call_refused", surface, method, principal, failure });
  const text = failureText(session, id, { method, params }, withOutcome(error, "not_sent"));
  sink.settle(text, error.status, id);
}

/** Why a request could not be decoded. */
function toDecodeError(method: string, decoded: Exclude<Decoded, { kind: "ok" }>): GatewayError {
  return decoded.kind === "unknown"
    ? new GatewayError("method_not_found", `Unknown method "${method}"`)
    : new GatewayError("invalid_params", decoded.message);
}

/** The answer with its HTTP status if it stands alone; no text when the client cancelled. */
interface Ending {
  readonly text: string | undefined;
  readonly status: number;
}

/** A running call. Parts that few calls need are made when they are first used. */
class RunningCall implements SessionCall, NoticeReader {
  readonly session: LiveSession;
  readonly id: RequestId;
  readonly request: Extract<Decoded, { kind: "ok" }>;
  readonly target: CallTarget = {};
  readonly exchange: Exchange;
  readonly sink: AnswerSink;
  /** The questions that the client has not answered. */
  asks: Set<OpenAsk> | undefined;
  /** Absent before the first progress. */
  gap: ProgressGap | undefined;
  /** Absent if the client wants none. */
  progress: CallProgress | undefined;
  /** How the call ended, once that is known. */
  ending: Ending | undefined;
  isAnswered = false;

  constructor(
    session: LiveSession,
    id: RequestId,
    request: Extract<Decoded, { kind: "ok" }>,
    sink: AnswerSink,
    trace: TraceContext | undefined,
  ) {
    this.session = session;
    this.id = id;
    this.request = request;
    this.sink = sink;
    this.exchange = session.deps.gateway.call(session.surface, {
      method: request.method,
      params: request.params,
      wantsProgress: request.progressToken !== undefined,
      caller: session.caller,
      hears: () => session.streams.standalone.open.length > 0,
      room: new SlowReader(this, session.deps),
      target: this.target,
      trace,
    });
    session.calls.set(id, this);
  }

  queuedBytes(): number {
    return this.ending === undefined ? this.sink.queuedBytes() : 0;
  }

  drop(): void {
    dropNotice(this);
  }

  abort(reason: string, error?: GatewayError): void {
    if (this.isAnswered) return;
    // Set the ending first, since the exchange ends at once when it is cancelled.
    if (error === undefined) {
      this.ending = undefined;
      finish(this, { text: undefined, status: 200 }, "the call was cancelled");
    } else if (this.ending === undefined) fail(this, error);
    this.exchange.cancel(reason);
    // The session ends, so the answer cannot wait.
    settle(this);
  }
}

/** Sends the gateway's own progress while the server is silent and the client listens. */
function keepAlive(running: RunningCall): CallProgress {
  const { session, sink, target } = running;
  return session.deps.keepAlive.add({
    doing: () =>
      running.asks !== undefined && running.asks.size > 0
        ? "Waiting for an answer"
        : "Still working",
    send(notice) {
      const isHeard = sink.isHeard() || session.streams.standalone.open.length > 0;
      if (isHeard && target.keepAlive !== false) sendNotice(running, notice);
    },
  });
}

/** Takes one reply. */
function take(running: RunningCall, reply: Reply): void {
  if (running.ending !== undefined) return;
  try {
    switch (reply.kind) {
      case "notice":
        return sendNotice(
          running,
          isProgress(reply) ? running.progress?.relay(reply) ?? reply : reply,
        );
      case "ask":
        return put(running, reply);
      case "failure":
        return fail(running, reply.error);
      case "inputRequired":
        // Sessions are asked while a call runs, so their calls never end with questions.
        return fail(running, new GatewayError("ask_unanswerable"));
      case "result":
        return succeed(running, reply);
    }
  } catch (thrown) {
    fault(running, thrown);
  }
}

function succeed(running: RunningCall, reply: Result): void {
  const { session, request: { method, params } } = running;
  const change = changes.get(method);
  if (change === undefined) return answer(running, reply);
  change(session, params)
    .then(() => answer(running, { ...reply, value: {} }))
    .catch((thrown) => fault(running, thrown));
}

function answer(running: RunningCall, result: Result): void {
  if (running.ending !== undefined) return;
  const { session, id, request: { method } } = running;
  const encoded = session.deps.codec.encodeResult(method, result, session.caller);
  finish(running, { text: resultText(id, encoded), status: 200 });
}

function fault(running: RunningCall, thrown: unknown): void {
  logFault(running.session.deps.log, "Cannot finish a call", thrown);
  fail(running, toGatewayError(thrown));
}

/** Sends a question to the client while the call runs; its answer arrives by a later POST. */
function put(running: RunningCall, ask: Ask): void {
  const { session, exchange, sink } = running;
  const { standalone } = session.streams;
  const wire = session.deps.codec.encodeAsk(ask, session.caller);
  if (wire instanceof Error) return void exchange.answer(ask.id, toRefusal(wire));
  const open = session.asks.open(wire, (text, isWanted) => {
    const isReachable = standalone.open.length > 0;
    // A stream without a reader keeps the question for the client's return, unless the client has a
    // standalone stream open now.
    if ((sink.isHeard() || !isReachable) && sink.send(text)) return true;
    return isReachable && sendOwned(standalone, text, isWanted);
  });
  const asks = running.asks ??= new Set();
  asks.add(open);
  open.answer.then((answer) => {
    asks.delete(open);
    exchange.answer(ask.id, answer);
  }).catch((thrown) => logFault(session.deps.log, "Cannot pass on an answer", thrown));
}

function fail(running: RunningCall, error: GatewayError): void {
  const { session, id, request } = running;
  if (error.code === "internal") {
    logFault(session.deps.log, `Cannot answer "${request.method}"`, error);
  }
  const told = withOutcome(error, outcomeFor(error, running.target));
  const text = failureText(session, id, request, told);
  finish(running, { text, status: callStatus(error, error.status) });
}

/** Ends a call; its answer leaves after its last progress. */
function finish(running: RunningCall, ending: Ending, why = "the call has ended"): void {
  if (running.ending !== undefined) return;
  running.ending = ending;
  running.progress?.stop();
  for (const ask of [...running.asks ?? []]) ask.withdraw(why);
  if (running.gap === undefined) settle(running);
  else running.gap.after(() => settle(running));
}

function settle(running: RunningCall): void {
  const { session, id, sink, gap, ending } = running;
  if (running.isAnswered || ending === undefined) return;
  running.isAnswered = true;
  gap?.close();
  session.calls.delete(id);
  sink.settle(ending.text, ending.status, id);
}

function failureText(
  { deps }: LiveSession,
  id: RequestId,
  request: WireMessage,
  error: GatewayError,
): string {
  return errorText(id, deps.codec.encodeError(error, request).error);
}
