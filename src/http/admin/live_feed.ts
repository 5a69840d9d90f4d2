/**
 * The live stream of the operator's page: what happens in the gateway, as one event stream for each
 * open page. The feed listens only while a page is open, and gathers what happens, so that neither a
 * busy gateway nor a slow page costs more than its bounds. Not here: where the data comes from.
 */
import { putWithin } from "../../bounded.ts";
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { shareFrame } from "../../sse/encode.ts";
import type { Events, EventType } from "../../telemetry/events.ts";
import type { NotedCall, RecentCalls } from "../../telemetry/recent_calls.ts";
import type { RecentLog } from "../../telemetry/recent_log.ts";
import { createRing, type Ring } from "../../telemetry/ring.ts";
import { type EventStream, openEventStream } from "../event_stream.ts";
import { createHeartbeats } from "../heartbeat.ts";
import { logFault, streamResponse } from "../respond.ts";
import type { AdminRequest } from "./admin_request.ts";

/** A list that the stream sends whole when something in it may have changed. */
type LiveList = "servers" | "sessions";

/** What the feed reads. */
export interface LiveSources {
  readonly calls: RecentCalls;
  readonly log: RecentLog;
  readonly events: Pick<Events, "read">;
  /** Each list, as the members of its frame. */
  readonly lists: Readonly<Record<LiveList, () => object | Promise<object>>>;
}

/** The feed. */
export interface LiveFeed {
  /** Opens a stream. Throws `overloaded` or `draining`. */
  open(request: Pick<AdminRequest, "fetchContext" | "login">): Response;
  /** Ends all streams, with the time of the next try, and opens no more. */
  close(): void;
}

/** What the feed is made of. */
export interface LiveDeps {
  readonly sources: LiveSources;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** The lists in which an event may change something. */
const listsOf: Partial<Record<EventType, readonly LiveList[]>> = {
  server_state: ["servers"],
  start_failed: ["servers"],
  server_starting: ["servers"],
  server_restarted: ["servers"],
  server_recovered: ["servers"],
  connection_opened: ["servers"],
  connection_closed: ["servers"],
  catalog_learned: ["servers"],
  servers_configured: ["servers"],
  grant_step: ["servers"],
  tool_changed: ["servers"],
  tool_approved: ["servers"],
  client_connected: ["sessions"],
  session_ended: ["sessions"],
  call_ended: ["servers", "sessions"],
};

/** What the page fetches again when one of these events comes; the frame has only this type. */
const signals: Partial<Record<EventType, string>> = {
  tool_changed: "tools",
  tool_approved: "tools",
  profiles_changed: "profiles",
};

/** What waits to be sent. */
interface Gathered {
  /** By number: a call that began and ended meanwhile is sent once. The oldest give way. */
  readonly calls: Map<number, NotedCall>;
  /** Calls that ended and that pages show as running: none of them may be left out. */
  readonly ended: Map<number, NotedCall>;
  readonly lines: Ring<string>;
  readonly lists: Set<LiveList>;
  readonly signals: Set<string>;
}

interface FeedState extends LiveDeps {
  readonly streams: Set<EventStream>;
  readonly gathered: Gathered;
  /** The calls that pages show as running. */
  readonly shown: Set<number>;
  /** When each list was sent last. */
  readonly sentAt: Map<LiveList, number>;
  isClosed: boolean;
  /** Whether the next part is due already. */
  stopTimer: (() => void) | undefined;
  stopReading: readonly (() => void)[];
}

/** Makes the feed, without a stream. */
export function createLiveFeed(deps: LiveDeps): LiveFeed {
  const { clock, limits } = deps;
  const heartbeats = createHeartbeats(clock, limits);
  const feed: FeedState = {
    ...deps,
    streams: new Set(),
    gathered: {
      calls: new Map(),
      ended: new Map(),
      lines: createRing(limits.liveRowsMax),
      lists: new Set(),
      signals: new Set(),
    },
    shown: new Set(),
    sentAt: new Map(),
    isClosed: false,
    stopTimer: undefined,
    stopReading: [],
  };
  return {
    open({ fetchContext: { holdOpen }, login }) {
      if (feed.isClosed) throw new GatewayError("draining");
      if (feed.streams.size >= limits.liveStreamsMax) {
        throw new GatewayError("overloaded", "Too many pages are open; close one, or retry later");
      }
      holdOpen?.();
      // The faster pace: some listeners notice only by a write that the reader has left.
      const stream = openEventStream({ limits, heartbeats, isHeldOpen: false });
      if (feed.streams.size === 0) begin(feed);
      feed.streams.add(stream);
      // A page fetches the list of calls when its stream is open.
      for (const { call, outcome } of feed.sources.calls.rows()) {
        if (outcome === undefined) feed.shown.add(call);
      }
      const stopWaiting = login?.onEnd(() => stream.end());
      stream.closed.then(() => {
        stopWaiting?.();
        feed.streams.delete(stream);
        if (feed.streams.size === 0) finish(feed);
      });
      // Some listeners send the head of a response with the first part of its body.
      stream.write({ comment: "open" });
      return streamResponse(stream.body);
    },
    close() {
      feed.isClosed = true;
      for (const stream of [...feed.streams]) stream.end(limits.sseRetryMs);
    },
  };
}

/** Begins to read the sources. */
function begin(feed: FeedState): void {
  const { sources: { calls, log, events }, gathered, limits } = feed;
  feed.stopReading = [
    calls.read((call) => {
      if (feed.shown.has(call.call)) gathered.ended.set(call.call, call);
      else putWithin(gathered.calls, call.call, call, limits.liveRowsMax);
      sendLater(feed);
    }),
    log.read((line) => {
      gathered.lines.push(line);
      sendLater(feed);
    }),
    events.read(({ type }) => {
      const lists = listsOf[type] ?? [];
      const signal = signals[type];
      for (const list of lists) gathered.lists.add(list);
      if (signal !== undefined) gathered.signals.add(signal);
      if (lists.length > 0 || signal !== undefined) sendLater(feed);
    }),
  ];
}

/** Stops reading after the last page has left. */
function finish(feed: FeedState): void {
  for (const stop of feed.stopReading) stop();
  feed.stopReading = [];
  feed.stopTimer?.();
  feed.stopTimer = undefined;
  feed.gathered.calls.clear();
  feed.gathered.ended.clear();
  feed.gathered.lists.clear();
  feed.gathered.signals.clear();
  while (feed.gathered.lines.shift() !== undefined);
  feed.shown.clear();
  feed.sentAt.clear();
}

function sendLater(feed: FeedState): void {
  feed.stopTimer ??= feed.clock.after(feed.limits.liveGatherMs, () => {
    feed.stopTimer = undefined;
    send(feed).catch((thrown) => logFault(feed.log, "Cannot send to the operator's page", thrown));
  });
}

/** Sends what was gathered. A list that was sent a short time ago waits for its turn. */
async function send(feed: FeedState): Promise<void> {
  const { gathered, sources, clock, limits } = feed;
  const due = [...gathered.lists].filter((list) =>
    clock.monotonic() - (feed.sentAt.get(list) ?? -Infinity) >= limits.liveListsMs
  );
  for (const signal of gathered.signals) write(feed, JSON.stringify({ type: signal }));
  gathered.signals.clear();
  for (const call of [...gathered.ended.values(), ...gathered.calls.values()]) {
    if (call.outcome === undefined) feed.shown.add(call.call);
    else feed.shown.delete(call.call);
    write(feed, JSON.stringify({ type: "call", call: sources.calls.toRow(call) }));
  }
  gathered.calls.clear();
  gathered.ended.clear();
  for (let line = gathered.lines.shift(); line !== undefined; line = gathered.lines.shift()) {
    write(feed, `{"type":"log","record":${line}}`);
  }
  for (const list of due) {
    gathered.lists.delete(list);
    feed.sentAt.set(list, clock.monotonic());
    write(feed, JSON.stringify({ type: list, ...await sources.lists[list]() }));
  }
  if (gathered.lists.size > 0 && feed.streams.size > 0) sendLater(feed);
}

/** One frame for all streams; a reader that has used up its budget loses its own. */
function write({ streams }: FeedState, data: string): void {
  const frame = shareFrame({ data });
  for (const stream of [...streams]) stream.write(frame);
}
