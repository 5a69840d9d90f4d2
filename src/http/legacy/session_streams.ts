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
import type { RequestId } from "../../model.ts";
import { createEventLog, type EventLog, type Replay } from "../../session/event_log.ts";
import type { EventWriter } from "../../session/event_writer.ts";
import type { ReplayBudget } from "../../session/replay_budget.ts";
import type { FetchContext } from "../../runtime/runtime.ts";
import type { EncodedFrame, Frame } from "../../sse/encode.ts";
import type { EventStreamPlace } from "../../gateway/stream_places.ts";
import { type EventStream, openEventStream } from "../event_stream.ts";
import type { Heartbeats } from "../heartbeat.ts";
import { replayEarlier } from "./earlier_stream.ts";
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
  /** The key of the session. */
  readonly session: string;
  /** The bytes that the streams of all sessions keep. */
  readonly budget?: ReplayBudget;
  /** Absent: the streams end with the process. */
  readonly writer: EventWriter | undefined;
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
  /** Streams of POSTs that are not answered yet, by number; absent before the first. */
  channels: Map<number, Channel> | undefined;
  /** Standalone streams that ended: a client that resumes one continues on a new one. */
  pastStanding: Set<number> | undefined;
  readonly connections: Set<EventStream>;
}

/** The stream that answers one POST. */
export interface CallStream {
  /**
   * The client gets bytes from now on. Resolves, never rejects, when a resumption would survive a
   * crash; undefined if that takes no wait.
   */
  begin(): Promise<void> | undefined;
  /** The body of the response: one text if the stream has ended already. */
  takeBody(): ReadableStream<Uint8Array> | string;
  /** Sends a message, or keeps it until the stream has a reader. */
  send(text: string): void;
  /** A request is answered by what was sent, or needs no answer. */
  settle(id: RequestId): void;
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
      streams.log().noteReader(number, "lost");
      streams.log().endStream(number);
      addWithin(streams.pastStanding ??= new Set(), number, options.limits.replayStreamsMax);
    }),
    log() {
      streams.hasLog = true;
      return eventLog ??= createEventLog(options);
    },
    hasLog: false,
    channels: undefined,
    pastStanding: undefined,
    connections: new Set(),
  };
  return streams;
}

/** Opens the stream of a POST that answers these requests. */
export function openCallStream(
  streams: Streams,
  requests: readonly RequestId[],
  isHeldOpen: boolean,
): CallStream {
  const connection = connect(streams, isHeldOpen);
  const log = streams.log();
  const number = log.openStream(requests);
  const channel: Channel = { number, connection: undefined };
  (streams.channels ??= new Map()).set(number, channel);
  attach(streams, channel, connection);
  prime(streams, connection, number);
  // A listener may keep the head of a response back until its body begins.
  if (!streams.options.isPrimed) connection.write({ comment: "working" });
  return {
    begin: () => log.begin(number),
    takeBody: () => connection.takeWhole() ?? connection.body,
    send(text) {
      const { frame } = log.append(number, text);
      channel.connection?.write(frame);
    },
    settle: (id) => log.settle(number, id),
    isRead: () => channel.connection?.isOver() === false,
    queuedBytes: () =>
      channel.connection?.isOver() === false ? channel.connection.queuedBytes() : 0,
    end() {
      log.endStream(number);
      streams.channels?.delete(number);
      channel.connection?.end();
    },
  };
}

/**
 * What followed an event id; undefined if the session has no such stream. The stream may be of an
 * earlier run of the gateway.
 */
export async function findReplay(
  streams: Streams,
  lastEventId: string | null,
): Promise<Replay | undefined> {
  if (lastEventId === null) return undefined;
  const { writer, session } = streams.options;
  if (streams.hasLog && streams.log().owns(lastEventId)) return streams.log().replay(lastEventId);
  return writer && await replayEarlier(writer.store, session, lastEventId);
}

/**
 * Opens a standalone stream that begins with `greeting`, or resumes the stream of a replay.
 * Undefined if that stream has ended and its reader has seen all of it; null if the listener of the
 * context took the body. It leaves its place when it is over, or at once if there is none.
 */
export function openStandaloneStream(
  streams: Streams,
  context: FetchContext,
  replay: Replay | undefined,
  greeting: Frame,
  place: EventStreamPlace,
): ReadableStream<Uint8Array> | null | undefined {
  const goesOn = replay?.stream !== undefined && streams.pastStanding?.has(replay.stream) === true;
  const isOver = replay !== undefined && replay.ended && !goesOn;
  if (isOver && replay.frames.length === 0) {
    place.leave();
    return undefined;
  }
  const connection = connect(streams, context.holdOpen !== undefined);
  connection.whenClosed(place.leave);
  const { limits } = streams.options;
  if (replay !== undefined && !writeAll(connection, replay.frames, limits.streamBytesMax)) {
    // The backlog exceeds the limit of one connection; the client resumes again to get the rest.
    connection.end(limits.sseRetryMs);
  } else if (isOver) connection.end();
  else goOn(streams, connection, replay, greeting, place);
  return connection.bodyFor(context);
}

/** Continues what was replayed: a POST's stream itself, a standalone one on a new stream. */
function goOn(
  streams: Streams,
  connection: EventStream,
  replay: Replay | undefined,
  greeting: Frame,
  place: EventStreamPlace,
): void {
  const number = replay?.stream;
  const channel = number === undefined ? undefined : streams.channels?.get(number);
  if (channel !== undefined) return attach(streams, channel, connection);
  const { standalone } = streams;
  const before = standalone.open.find((stream) => stream.number === number);
  if (number !== undefined && before !== undefined) {
    // The client came back, so its old connection is dead even if it still seems open.
    leave(standalone, before, "cancelled");
    before.connection.end();
  }
  const log = streams.log();
  const next = log.openStream();
  prime(streams, connection, next);
  connection.write(greeting);
  const write = (text: string) => void connection.write(log.append(next, text).frame);
  const stream = { connection, number: next, write, unread: undefined };
  stand(standalone, stream);
  place.yieldsBy(() => dismiss(standalone, stream, streams.options.limits.sseRetryMs));
}

/** Makes a connection a standalone stream, with frames from `encode` and without ids. */
export function adopt(
  streams: Streams,
  connection: EventStream,
  encode: (text: string) => Frame,
): void {
  track(streams, connection);
  const write = (text: string) => void connection.write(encode(text));
  stand(streams.standalone, { connection, write, unread: undefined });
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

/** The session leaves memory, and its kept messages with it. */
export function releaseKept(streams: Streams): void {
  if (streams.hasLog) streams.log().leave();
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
  connection.whenClosed(() => connections.delete(connection));
}

function prime({ options, log }: Streams, connection: EventStream, number: number): void {
  if (!options.isPrimed) return;
  connection.write({ id: log().prime(number), retry: options.limits.sseRetryMs, data: "" });
}

/** Makes a connection the reader of a channel, in place of an earlier one. */
function attach(streams: Streams, channel: Channel, connection: EventStream): void {
  channel.connection?.end();
  channel.connection = connection;
  const log = streams.log();
  log.noteReader(channel.number, "here");
  connection.whenClosed((how) => {
    if (channel.connection !== connection) return;
    channel.connection = undefined;
    log.noteReader(channel.number, how === "ended" ? "done" : "lost");
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
