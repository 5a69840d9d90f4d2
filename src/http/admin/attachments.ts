/**
 * Programs that are attached to the gateway: each holds an event stream open for as long as it
 * needs the gateway. A gateway that was started for such programs stops after the last one has
 * left. Not here: who may attach (admin_api.ts), and how the gateway stops.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { FetchContext } from "../../runtime/runtime.ts";
import { type EventStream, openEventStream } from "../event_stream.ts";
import { createHeartbeats } from "../heartbeat.ts";
import { streamResponse } from "../respond.ts";

/** The attached programs. */
export interface Attachments {
  /** Attaches one more program. Throws `overloaded` or `draining`. */
  attach(context: FetchContext): Response;
  count(): number;
  /** Calls back once, when no program needs the gateway any more. */
  onUnattached(run: () => void): void;
  /** Ends all streams, with the time of the next try, and takes no more. */
  close(): void;
}

/** Makes the list, empty. */
export function createAttachments(clock: Clock, limits: Limits): Attachments {
  const heartbeats = createHeartbeats(clock, limits);
  const streams = new Set<EventStream>();
  let isClosed = false;
  let onUnattached: (() => void) | undefined;
  let stopWaiting = (): void => {};
  const wait = (ms: number): void => {
    stopWaiting();
    stopWaiting = clock.after(ms, () => {
      const run = onUnattached;
      onUnattached = undefined;
      run?.();
    });
  };
  const leave = (stream: EventStream): void => {
    streams.delete(stream);
    if (streams.size === 0 && onUnattached !== undefined && !isClosed) wait(limits.unattachedMs);
  };
  return {
    attach({ holdOpen }) {
      if (isClosed) throw new GatewayError("draining");
      if (streams.size >= limits.attachmentsMax) {
        throw new GatewayError("overloaded", "Too many programs are attached; retry later");
      }
      holdOpen?.();
      // The faster pace: some listeners notice only by a write that the reader has left.
      const stream = openEventStream({ limits, heartbeats, isHeldOpen: false });
      streams.add(stream);
      stopWaiting();
      stream.closed.then(() => leave(stream));
      stream.write({ event: "attached", data: JSON.stringify({ attached: streams.size }) });
      return streamResponse(stream.body);
    },
    count: () => streams.size,
    onUnattached(run) {
      onUnattached = run;
      if (streams.size === 0 && !isClosed) wait(limits.firstAttachMs);
    },
    close() {
      isClosed = true;
      stopWaiting();
      for (const stream of [...streams]) stream.end(limits.sseRetryMs);
    },
  };
}
