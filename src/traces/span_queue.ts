/**
 * The spans on their way to a collector. They wait in a bounded queue and leave in batches, one at a
 * time: when a batch is full, when its first span has waited long enough, or when the gateway stops.
 * A collector that is slow or away costs spans, which are counted, and never a call.
 */
import { type Clock, withDeadline } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { oneLine } from "../one_line.ts";
import type { Emit } from "../telemetry/events.ts";
import type { Span } from "./call_spans.ts";
import type { OtlpWriter } from "./otlp_json.ts";
import type { Delivery, SendBatch } from "./otlp_sender.ts";

/** The queue. */
export interface SpanQueue {
  add(span: Span): void;
  /** Sends what waits, each batch once, within the limit for that. */
  close(): Promise<void>;
}

/** What a queue is made from. */
export interface SpanQueueOptions {
  readonly send: SendBatch;
  readonly writer: OtlpWriter;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly emit: Emit;
  readonly log: Log;
  /** Where spans go, for the log. */
  readonly place: string;
}

/** The state of one queue. */
interface QueueState {
  readonly options: SpanQueueOptions;
  readonly waiting: Span[];
  /** Aborts when no more than one attempt is made for a batch. */
  readonly stopping: AbortController;
  /** Aborts when the time for the last spans is over. */
  readonly stopped: AbortController;
  /** Stops the wait for a full batch. */
  cancelWait: (() => void) | undefined;
  /** The sending that is under way. */
  sending: Promise<void> | undefined;
  /** Whether the last batch was not taken. */
  isFailing: boolean;
  /** The collector asked for quiet until then; monotonic. */
  quietUntil: number;
}

/** Makes an empty queue. */
export function createSpanQueue(options: SpanQueueOptions): SpanQueue {
  const state: QueueState = {
    options,
    waiting: [],
    stopping: new AbortController(),
    stopped: new AbortController(),
    cancelWait: undefined,
    sending: undefined,
    isFailing: false,
    quietUntil: -Infinity,
  };
  return {
    add: (span) => add(state, span),
    close: () => close(state),
  };
}

function add(state: QueueState, span: Span): void {
  const { options: { limits }, waiting, stopping } = state;
  if (stopping.signal.aborted || waiting.length >= limits.spansWaitingMax) return drop(state, 1);
  waiting.push(span);
  if (state.sending !== undefined) return;
  if (waiting.length >= limits.spanBatchMax && !isQuiet(state)) return begin(state);
  wait(state);
}

/** Whether the collector asked for quiet. */
function isQuiet({ options: { clock }, quietUntil }: QueueState): boolean {
  return clock.monotonic() < quietUntil;
}

/** Lets spans gather for a batch. */
function wait(state: QueueState): void {
  const { options: { clock, limits }, quietUntil } = state;
  state.cancelWait ??= clock.after(
    Math.max(limits.spanBatchMs, quietUntil - clock.monotonic()),
    () => begin(state),
  );
}

/** Sends the batch that is due, and full ones after it. */
function begin(state: QueueState): void {
  const { waiting, stopping } = state;
  state.cancelWait?.();
  state.cancelWait = undefined;
  state.sending ??= sendAll(state).finally(() => {
    state.sending = undefined;
    if (waiting.length > 0 && !stopping.signal.aborted) wait(state);
  });
}

async function sendAll(state: QueueState): Promise<void> {
  const { options: { send, writer, limits }, waiting, stopping, stopped } = state;
  const isDue = (): boolean =>
    stopping.signal.aborted
      ? waiting.length > 0
      : waiting.length >= limits.spanBatchMax && !isQuiet(state);
  do {
    if (waiting.length === 0) return;
    const spans = takeBatch(state);
    const delivery = await send(writer.body(spans), stopping.signal, stopped.signal);
    note(state, delivery, spans.length);
    if (stopped.signal.aborted) return drop(state, waiting.splice(0).length);
  } while (isDue());
}

/** Takes a batch out of the queue: at least one span, and no more than one request may have. */
function takeBatch({ options: { writer, limits }, waiting }: QueueState): string[] {
  const texts: string[] = [];
  let chars = 0;
  while (texts.length < limits.spanBatchMax) {
    const [first] = waiting;
    if (first === undefined) break;
    const text = writer.span(first);
    if (texts.length > 0 && chars + text.length > limits.spanBatchCharsMax) break;
    waiting.shift();
    texts.push(text);
    chars += text.length;
  }
  return texts;
}

/** Counts what was lost, and logs the changes: not each batch of a collector that is away. */
function note(state: QueueState, delivery: Delivery, spans: number): void {
  const { options: { log, limits, clock, place } } = state;
  const { isTaken, words, askedMs = 0 } = delivery;
  // A collector may say any number.
  const rejected = Math.min(delivery.rejected, spans);
  state.quietUntil = clock.monotonic() + Math.min(askedMs, limits.retryAfterMsMax);
  const reason = words === undefined ? undefined : oneLine(words, limits.logReasonCharsMax);
  if (!isTaken) {
    drop(state, spans);
    const say = state.isFailing ? log.debug : log.warn;
    say(`Cannot send spans to ${place}; they are dropped until it works again`, { spans, reason });
    state.isFailing = true;
    return;
  }
  if (state.isFailing) log.info(`Spans reach ${place} again`);
  state.isFailing = false;
  drop(state, rejected);
  if (rejected > 0) log.warn("The collector rejected spans", { rejected, of: spans, reason });
  else if (reason !== undefined) log.info("The collector took the spans and says", { reason });
}

function drop({ options: { emit } }: QueueState, count: number): void {
  for (let dropped = 0; dropped < count; dropped += 1) emit({ type: "dropped", what: "span" });
}

async function close(state: QueueState): Promise<void> {
  const { options: { clock, limits }, waiting, stopping, stopped } = state;
  stopping.abort();
  state.cancelWait?.();
  state.cancelWait = undefined;
  const flush = async (): Promise<void> => {
    await state.sending;
    if (waiting.length > 0) await sendAll(state);
  };
  const flushed = flush();
  // The last spans leave while servers stop.
  const withinMs = Math.min(limits.spanFlushMs, limits.stopMs);
  await withDeadline(clock, withinMs, flushed, () => stopped.abort());
  await flushed;
}
