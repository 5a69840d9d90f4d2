/**
 * One open event stream to one reader: its byte limit, its heartbeat, and the clean-up when the
 * reader leaves. The body's `cancel` signals that, since a request's abort signal also fires after
 * success on some runtimes. Not here: what the stream carries and how it is resumed
 * (session_streams.ts).
 */
import type { Limits } from "../limits.ts";
import type { EncodedFrame, Frame, SharedFrame } from "../sse/encode.ts";
import { type FrameStreamEnd, openFrameStream } from "../sse/frame_stream.ts";
import type { Heartbeats } from "./heartbeat.ts";

/** What a connection is made from. */
export interface EventStreamDeps {
  readonly limits: Limits;
  readonly heartbeats: Heartbeats;
  /** Whether the listener lets the stream be silent; otherwise it beats faster. */
  readonly isHeldOpen: boolean;
}

/** An open event stream. */
export interface EventStream {
  readonly body: ReadableStream<Uint8Array>;
  /** The body of a stream that ended before it was read; undefined for any other. */
  takeWhole(): string | undefined;
  /** False once the reader has used up its budget: the stream then ends after what is queued. */
  write(frame: Frame | SharedFrame | EncodedFrame): boolean;
  /** Ends after the queued frames; a delay tells the reader when to reconnect. */
  end(retryMs?: number): void;
  /** Whether nothing more can be written. */
  isOver(): boolean;
  queuedBytes(): number;
  /** Calls back at each heartbeat. */
  onBeat(run: () => void): void;
  readonly closed: Promise<FrameStreamEnd>;
}

/** Opens a connection. */
export function openEventStream({ limits, heartbeats, isHeldOpen }: EventStreamDeps): EventStream {
  const stream = openFrameStream(limits);
  let beat = (): void => {};
  const stopBeating = heartbeats.add((frame) => {
    if (connection.write(frame)) beat();
  }, isHeldOpen);
  let isOver = false;
  const end = (): void => {
    isOver = true;
    stopBeating();
    stream.end();
  };
  stream.closed.then(end);
  const connection: EventStream = {
    get body() {
      return stream.readable;
    },
    takeWhole: stream.takeWhole,
    write(frame) {
      if (isOver) return false;
      if (stream.offer(frame)) return true;
      // Queued frames are still sent: without the first event a reader could not resume.
      end();
      return false;
    },
    end(retryMs) {
      if (retryMs !== undefined) connection.write({ retry: retryMs });
      end();
    },
    isOver: () => isOver,
    queuedBytes: stream.queuedBytes,
    onBeat: (run) => void (beat = run),
    closed: stream.closed,
  };
  return connection;
}
