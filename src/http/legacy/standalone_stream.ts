/**
 * The standing streams of one session, which GET opens for what belongs to no call. The newest
 * gets the messages, each exactly once. An owned message that finds no stream waits for one; a
 * state notice is never stored: what changed while nobody listened, or while the reader lagged, is
 * told once later. Follows "Multiple Connections" of the Streamable HTTP transport. Not here: ids
 * and replay (session_streams.ts).
 */
import type { Limits } from "../../limits.ts";
import type { FrameStreamEnd } from "../../sse/encode.ts";
import type { Connection } from "../event_stream.ts";

/** One standing stream. */
export interface StandingStream {
  readonly connection: Connection;
  /** Its number in the event log; absent when its frames carry no ids. */
  readonly number?: number;
  /** Writes an owned message. */
  readonly write: (text: string) => void;
  /** State notices that the reader may not have seen yet. */
  readonly unread: Map<string, Uint8Array>;
}

interface Letter {
  readonly text: string;
  readonly isWanted: () => boolean;
}

/** The standing streams and what waits for one. */
export interface Standing {
  readonly limits: Limits;
  /** Oldest first. */
  readonly open: StandingStream[];
  /** Owned messages without a stream. */
  letters: Letter[];
  /** State notices without a stream, by what they say has changed. */
  readonly changed: Map<string, Uint8Array>;
  /** Owned messages wait until the handshake is over: nobody may be asked before. */
  mayOwn: boolean;
  /** Called once for each stream that is left. */
  readonly onLeave: (stream: StandingStream) => void;
}

/** Makes a session's standing streams: none yet. */
export function createStanding(limits: Limits, onLeave: Standing["onLeave"]): Standing {
  return { limits, open: [], letters: [], changed: new Map(), mayOwn: false, onLeave };
}

/** Adds a stream; the oldest gives way when there are too many. */
export function stand(standing: Standing, stream: StandingStream): void {
  const oldest = standing.open[0];
  if (oldest !== undefined && standing.open.length >= standing.limits.sessionStreamsMax) {
    dismiss(standing, oldest);
  }
  standing.open.push(stream);
  stream.connection.closed.then((how) => leave(standing, stream, how));
  stream.connection.onBeat(() => flush(standing));
  flush(standing);
}

/** Ends a stream; with a hint when its reader shall come back. */
export function dismiss(standing: Standing, stream: StandingStream, retryMs?: number): void {
  leave(standing, stream, "ended");
  stream.connection.end(retryMs);
}

/** Takes a stream off the list. What its reader did not see is told to the next. */
export function leave(standing: Standing, stream: StandingStream, how: FrameStreamEnd): void {
  const at = standing.open.indexOf(stream);
  if (at < 0) return;
  standing.open.splice(at, 1);
  if (how !== "ended") { for (const [key, bytes] of stream.unread) remember(standing, key, bytes); }
  standing.onLeave(stream);
}

/** Sends to the newest stream, or waits for one while `isWanted`. False when too much waits. */
export function sendOwned(standing: Standing, text: string, isWanted: () => boolean): boolean {
  const { limits } = standing;
  const letters = standing.letters.filter((letter) => letter.isWanted());
  const chars = letters.reduce((sum, letter) => sum + letter.text.length, text.length);
  standing.letters = letters;
  const isFull = letters.length >= limits.sessionWaitingMax || chars > limits.replayBytesMax;
  if (isFull && letters.length > 0) return false;
  letters.push({ text, isWanted });
  flush(standing);
  return true;
}

/** Tells what `key` names has changed; true when a stream took it now. */
export function sendState(standing: Standing, key: string, bytes: Uint8Array): boolean {
  const newest = newestOf(standing);
  if (newest === undefined || isLagging(standing, newest)) {
    remember(standing, key, bytes);
    return false;
  }
  writeState(newest, key, bytes);
  return true;
}

/** The handshake is over: owned messages may go. */
export function allowOwned(standing: Standing): void {
  if (standing.mayOwn) return;
  standing.mayOwn = true;
  flush(standing);
}

function flush(standing: Standing): void {
  const newest = newestOf(standing);
  if (newest === undefined) return;
  if (standing.mayOwn && standing.letters.length > 0) {
    const letters = standing.letters;
    standing.letters = [];
    for (const { text, isWanted } of letters) if (isWanted()) newest.write(text);
  }
  if (isLagging(standing, newest)) return;
  for (const [key, bytes] of standing.changed) writeState(newest, key, bytes);
  standing.changed.clear();
}

/** The stream that gets the messages; those whose readers fell too far behind are left. */
function newestOf(standing: Standing): StandingStream | undefined {
  for (;;) {
    const newest = standing.open.at(-1);
    if (newest === undefined || !newest.connection.isOver()) return newest;
    leave(standing, newest, "overflow");
  }
}

function isLagging({ limits }: Standing, { connection }: StandingStream): boolean {
  return connection.queuedBytes() > limits.streamBytesMax / 2;
}

function writeState(stream: StandingStream, key: string, bytes: Uint8Array): void {
  if (stream.connection.queuedBytes() === 0) stream.unread.clear();
  stream.unread.set(key, bytes);
  stream.connection.write(bytes);
}

function remember({ changed, limits }: Standing, key: string, bytes: Uint8Array): void {
  changed.delete(key);
  changed.set(key, bytes);
  dropOldest(changed, limits.sessionWaitingMax);
}

/** Keeps a map or set within a bound. */
export function dropOldest(kept: Map<unknown, unknown> | Set<unknown>, itemsMax: number): void {
  const oldest = kept.keys().next();
  if (kept.size > itemsMax && !oldest.done) kept.delete(oldest.value);
}
