/**
 * The interface to the place where the frames of sessions are stored, so that a client can resume a
 * stream of a gateway that was killed. Types only. Not here: when something is written
 * (event_writer.ts), and what is kept (event_log.ts).
 */
import type { RequestId } from "../model.ts";
import type { EncodedFrame } from "../sse/encode.ts";

/** What the store shall know of a stream from now on. */
export interface StreamChange {
  /** The key of its session. A session that is not stored has no streams. */
  readonly session: string;
  /** Its event ids begin with it. */
  readonly stream: string;
  /** Whether it answers a POST; otherwise it is a standalone stream. */
  readonly isCall: boolean;
  /** Requests without an answer among the frames up to here. */
  readonly requests: readonly RequestId[];
  /** More frames, in order, and the position of the first. */
  readonly frames: readonly EncodedFrame[];
  readonly first: number;
  /** Frames up to this position are no longer kept. */
  readonly droppedTo: number;
  /** Nothing of the stream is kept any longer. */
  readonly isForgotten: boolean;
}

/** A stored frame, encoded. */
export interface StoredFrame {
  readonly position: number;
  readonly frame: string;
}

/** A stream as it is stored. */
export interface StoredStream extends Pick<StreamChange, "isCall" | "requests"> {
  /** In order. */
  readonly frames: readonly StoredFrame[];
}

/** Stores streams. */
export interface EventStore {
  /** Resolves once all of the changes would survive a crash; rejects if none of them would. */
  save(changes: readonly StreamChange[]): Promise<void>;
  /** A stream of a session; undefined if it is not stored. */
  find(session: string, stream: string): Promise<StoredStream | undefined>;
}
