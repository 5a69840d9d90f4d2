/**
 * The standalone streams of one session, which GET opens for messages that belong to no call. The
 * newest gets the messages, each exactly once. An owned message waits if no stream is open. A state
 * notice is never stored: changes that happen without a stream, or while the reader lags, are sent
 * once later. Follows "Multiple Connections" of the Streamable HTTP transport. Not here: ids and
 * replay (session_streams.ts).
 */
import { putWithin } from "../../bounded.ts";
import type { Limits } from "../../limits.ts";
import type { SharedFrame } from "../../sse/encode.ts";
import type { FrameStreamEnd } from "../../sse/frame_stream.ts";
import type { EventStream } from "../event_stream.ts";

/** One standalone stream. */
export interface StandaloneStream {
  readonly connection: EventStream;
  /** Its number in the event log; absent when its frames carry no ids. */
  readonly number?: number;
  /** Writes an owned message. */
  readonly write: (text: string) => void;
  /** State notices that the reader may not have seen yet; absent before the first. */
  unread: Map<string, SharedFrame> | undefined;
}

interface QueuedMessage {
  readonly text: string;
  readonly isWanted: () => boolean;
}

/** The standalone streams and what waits for one. */
export interface StandaloneStreams {
  readonly limits: Limits;
  /** Oldest first. */
  readonly open: StandaloneStream[];
  /** Owned messages without a stream. */
  queued: readonly QueuedMessage[];
  /** State notices that wait for a stream, by the state that changed; absent before the first. */
  changed: Map<string, SharedFrame> | undefined;
  /** Owned messages wait for the end of the handshake: the client must not be asked before it. */
  mayOwn: boolean;
  /** Called once for each stream that leaves the list. */
  readonly onLeave: (stream: StandaloneStream) => void;
}

/** Most sessions never have a message without a stream. */
const nothing: readonly QueuedMessage[] = [];

/** Makes a session's standalone streams, empty. */
export function createStandaloneStreams(
  limits: Limits,
  onLeave: StandaloneStreams["onLeave"],
): StandaloneStreams {
  return { limits, open: [], queued: nothing, changed: undefined, mayOwn: false, onLeave };
}

/** Adds a stream; when there are too many, the oldest one is ended. */
export function stand(standalone: StandaloneStreams, stream: StandaloneStream): void {
  const oldest = standalone.open[0];
  if (oldest !== undefined && standalone.open.length >= standalone.limits.sessionStreamsMax) {
    dismiss(standalone, oldest);
  }
  standalone.open.push(stream);
  stream.connection.whenClosed((how) => leave(standalone, stream, how));
  stream.connection.onBeat(() => flush(standalone));
  flush(standalone);
}

/** Ends a stream; `retryMs` tells the reader when to reconnect. */
export function dismiss(
  standalone: StandaloneStreams,
  stream: StandaloneStream,
  retryMs?: number,
): void {
  leave(standalone, stream, "ended");
  stream.connection.end(retryMs);
}

/** Removes a stream. Notices that its reader did not see go to the next stream. */
export function leave(
  standalone: StandaloneStreams,
  stream: StandaloneStream,
  how: FrameStreamEnd,
): void {
  const at = standalone.open.indexOf(stream);
  if (at < 0) return;
  standalone.open.splice(at, 1);
  if (how !== "ended" && stream.unread !== undefined) {
    for (const [key, frame] of stream.unread) remember(standalone, key, frame);
  }
  standalone.onLeave(stream);
}

/**
 * Sends a message on the newest stream, or queues it as long as it is wanted. False if the queue is
 * full.
 */
export function sendOwned(
  standalone: StandaloneStreams,
  text: string,
  isWanted: () => boolean,
): boolean {
  const { limits } = standalone;
  const queued = standalone.queued.filter((message) => message.isWanted());
  const chars = queued.reduce((sum, message) => sum + message.text.length, text.length);
  standalone.queued = queued;
  const isFull = queued.length >= limits.sessionWaitingMax || chars > limits.replayBytesMax;
  if (isFull && queued.length > 0) return false;
  queued.push({ text, isWanted });
  flush(standalone);
  return true;
}

/** Sends the state notice for `key`; true when a stream took it now. */
export function sendState(standalone: StandaloneStreams, key: string, frame: SharedFrame): boolean {
  const newest = newestOf(standalone);
  if (newest === undefined || isLagging(standalone, newest)) {
    remember(standalone, key, frame);
    return false;
  }
  writeState(newest, key, frame);
  return true;
}

/** Sends owned messages from now on, because the handshake is over. */
export function allowOwned(standalone: StandaloneStreams): void {
  if (standalone.mayOwn) return;
  standalone.mayOwn = true;
  flush(standalone);
}

function flush(standalone: StandaloneStreams): void {
  const newest = newestOf(standalone);
  if (newest === undefined) return;
  if (standalone.mayOwn && standalone.queued.length > 0) {
    const queued = standalone.queued;
    standalone.queued = nothing;
    for (const { text, isWanted } of queued) if (isWanted()) newest.write(text);
  }
  if (isLagging(standalone, newest)) return;
  if (standalone.changed === undefined) return;
  for (const [key, frame] of standalone.changed) writeState(newest, key, frame);
  standalone.changed = undefined;
}

/** The stream that gets the messages; drops streams whose readers fell too far behind. */
function newestOf(standalone: StandaloneStreams): StandaloneStream | undefined {
  for (;;) {
    const newest = standalone.open.at(-1);
    if (newest === undefined || !newest.connection.isOver()) return newest;
    leave(standalone, newest, "overflow");
  }
}

function isLagging({ limits }: StandaloneStreams, { connection }: StandaloneStream): boolean {
  return connection.queuedBytes() > limits.streamBytesMax / 2;
}

function writeState(stream: StandaloneStream, key: string, frame: SharedFrame) {
  const { connection } = stream;
  const unread = stream.unread ??= new Map();
  // A stream that gets the same change again needs no look at its queue.
  const isSame = unread.size === 1 && unread.has(key);
  if (!isSame && unread.size > 0 && connection.queuedBytes() === 0) unread.clear();
  unread.set(key, frame);
  connection.write(frame);
}

function remember(standalone: StandaloneStreams, key: string, frame: SharedFrame): void {
  putWithin(standalone.changed ??= new Map(), key, frame, standalone.limits.sessionWaitingMax);
}
