/**
 * All event streams of one session: one for each POST that gets a stream, and the standalone
 * streams of GET. Owned messages get an id and are kept, so that a GET with `Last-Event-ID` resumes
 * exactly that stream. The stream of a POST continues where it stopped; a standalone one is
 * replayed and then continues. Follows "Resumability and Redelivery" of the Streamable HTTP
 * transport.
 */
import { addWithin } from "../../bounded.ts";
import type { Clock } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import { createEventLog, type EventLog, type Replay } from "../../session/event_log.ts";
import type { EncodedFrame, Frame } from "../../sse/encode.ts";
import { type EventStream, openEventStream } from "../event_stream.ts";
import type { Heartbeats } from "../heartbeat.ts";
import {
  createStandaloneStreams,
  dismiss,
  leave,
  stand,
  type StandaloneStreams,
} from "./standalone_stream.ts";

/** What the streams of a session are made from. */
export interface StreamsOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly heartbeats: Heartbeats;
  /** The name of this instance in event ids. */
  readonly epoch: string;
  /** Whether a stream begins with an id and empty data, to resume from. */
  readonly isPrimed: boolean;
  /** A frame that a client could have asked for again was dropped. */
  readonly evicted: () => void;
}

/** A stream that answers a POST, and its current connection. */
interface Channel {
  readonly number: number;
  connection: EventStream | undefined;
}

/** The streams of one session. */
export interface Streams {
  readonly options: StreamsOptions;
  readonly standalone: StandaloneStreams;
  /** Made with the first stream, since most sessions never stream. */
  readonly log: () => EventLog;
  hasLog: boolean;
  /** Streams of POSTs that are not answered yet, by number. */
  readonly channels: Map<number, Channel>;
  /** Standalone streams that ended: a client that resumes one continues on a new one. */
  readonly pastStanding: Set<number>;
  readonly connections: Set<EventStream>;
}

/** The stream that answers one POST. */
export interface CallStream {
  /** The body of the response: one text if the stream has ended already. */
  takeBody(): ReadableStream<Uint8Array> | string;
  /** Sends a message, or keeps it until the stream has a reader. */
  send(text: string): void;
  /** Whether the stream has a reader now. */
  isRead(): boolean;
  /** Bytes that wait for its reader; 0 without one. */
  queuedBytes(): number;
  /** Ends the stream: every message has been sent. */
  end(): void;
}

/** Makes the register of one session's streams, empty. */
export function createStreams(options: StreamsOptions): Streams {
  let eventLog: EventLog | undefined;
  const streams: Streams = {
    options,
    standalone: createStandaloneStreams(options.limits, ({ number }) => {
      if (number === undefined) return;
      streams.log().endStream(number);
      addWithin(streams.pastStanding, number, options.limits.replayStreamsMax);
    }),
    log() {
      streams.hasLog = true;
      return eventLog ??= createEventLog(options);
    },
    hasLog: false,
    channels: new Map(),
    pastStanding: new Set(),
    connections: new Set(),
  };
  return streams;
}

/** Opens the stream of a POST. */
export function openCallStream(streams: Streams, isHeldOpen: boolean): CallStream {
  const connection = connect(streams, isHeldOpen);
  const log = streams.log();
  const number = log.openStream();
  const channel: Channel = { number, connection: undefined };
  streams.channels.set(number, channel);
  attach(channel, connection);
  prime(streams, connection, number);
  // A listener may keep the head of a response back until its body begins.
  if (!streams.options.isPrimed) connection.write({ comment: "working" });
  return {
    takeBody: () => connection.takeWhole() ?? connection.body,
    send(text) {
      const { frame } = log.append(number, text);
      channel.connection?.write(frame);
    },
    isRead: () => channel.connection?.isOver() === false,
    queuedBytes: () =>
      channel.connection?.isOver() === false ? channel.connection.queuedBytes() : 0,
    end() {
      log.endStream(number);
      streams.channels.delete(number);
      channel.connection?.end();
    },
  };
}

/**
 * Opens a standalone stream that begins with `greeting`, or resumes the stream of an event id.
 * Undefined if that stream has ended and its reader has seen all of it. `closed` is called when the
 * stream is over, or at once if there is none.
 */
export function openStandaloneStream(
  streams: Streams,
  isHeldOpen: boolean,
  lastEventId: string | null,
  greeting: Frame,
  closed: () => void,
): ReadableStream<Uint8Array> | undefined {
  const known = lastEventId !== null && streams.hasLog;
  const replay = known ? streams.log().replay(lastEventId) : undefined;
  const isOver = replay !== undefined && replay.ended && !streams.pastStanding.has(replay.stream);
  if (isOver && replay.frames.length === 0) {
    closed();
    return undefined;
  }
  const connection = connect(streams, isHeldOpen);
  connection.closed.then(closed);
  const { limits } = streams.options;
  if (replay !== undefined && !writeAll(connection, replay.frames, limits.streamBytesMax)) {
    // The backlog exceeds the limit of one connection; the client resumes again to get the rest.
    connection.end(limits.sseRetryMs);
  } else if (isOver) {
    connection.end();
  } else {
    goOn(streams, connection, replay, greeting);
  }
  return connection.body;
}

/** Continues what was replayed: a POST's stream itself, a standalone one on a new stream. */
function goOn(
  streams: Streams,
  connection: EventStream,
  replay: Replay | undefined,
  greeting: Frame,
): void {
  const channel = replay && streams.channels.get(replay.stream);
  if (channel !== undefined) return attach(channel, connection);
  const { standalone } = streams;
  const before = standalone.open.find((stream) => stream.number === replay?.stream);
  if (replay !== undefined && before !== undefined) {
    // The client came back, so its old connection is dead even if it still seems open.
    leave(standalone, before, "cancelled");
    before.connection.end();
  }
  const log = streams.log();
  const number = log.openStream();
  prime(streams, connection, number);
  connection.write(greeting);
  const write = (text: string) => void connection.write(log.append(number, text).frame);
  stand(standalone, { connection, number, write, unread: new Map() });
}

/** Makes a connection a standalone stream, with frames from `encode` and without ids. */
export function adopt(
  streams: Streams,
  connection: EventStream,
  encode: (text: string) => Frame,
): void {
  track(streams, connection);
  const write = (text: string) => void connection.write(encode(text));
  stand(streams.standalone, { connection, write, unread: new Map() });
}

/** Drops kept messages that are too old, in a session without activity. */
export function dropAged(streams: Streams): void {
  if (streams.hasLog) streams.log().dropAged();
}

/** Ends the standalone streams and tells their readers when to reconnect. */
export function closeForNow(streams: Streams): void {
  const { standalone, options } = streams;
  for (const stream of [...standalone.open]) dismiss(standalone, stream, options.limits.sseRetryMs);
}

/** Tells the readers of all streams when to reconnect, before the gateway stops. */
export function hintStreams({ connections, options: { limits } }: Streams): void {
  for (const connection of connections) connection.write({ retry: limits.sseRetryMs });
}

/** Ends every stream. */
export function endStreams(streams: Streams): void {
  for (const stream of [...streams.standalone.open]) dismiss(streams.standalone, stream);
  for (const connection of streams.connections) connection.end();
}

function connect(streams: Streams, isHeldOpen: boolean): EventStream {
  const { limits, heartbeats } = streams.options;
  const connection = openEventStream({ limits, heartbeats, isHeldOpen });
  track(streams, connection);
  return connection;
}

function track({ connections }: Streams, connection: EventStream): void {
  connections.add(connection);
  connection.closed.then(() => connections.delete(connection));
}

function prime({ options, log }: Streams, connection: EventStream, number: number): void {
  if (!options.isPrimed) return;
  connection.write({ id: log().prime(number), retry: options.limits.sseRetryMs, data: "" });
}

/** Makes a connection the reader of a channel, in place of an earlier one. */
function attach(channel: Channel, connection: EventStream): void {
  channel.connection?.end();
  channel.connection = connection;
  connection.closed.then(() => {
    if (channel.connection === connection) channel.connection = undefined;
  });
}

/**
 * False if the limit stopped the writing. One frame always fits, so each attempt makes progress.
 */
function writeAll(
  connection: EventStream,
  frames: readonly EncodedFrame[],
  bytesMax: number,
): boolean {
  for (const frame of frames) {
    const queued = connection.queuedBytes();
    if (queued > 0 && queued + frame.length > bytesMax) return false;
    connection.write(frame);
  }
  return true;
}
