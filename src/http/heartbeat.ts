/**
 * A comment on every open stream, so that dead peers are noticed and idle timeouts do not fire. One
 * timer serves all streams of a pace, and its frame is encoded once. Streams whose listener closes
 * silent connections get the faster pace.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { type SharedFrame, shareFrame } from "../sse/encode.ts";

/** A stream that gets heartbeats. */
export interface Beating {
  /** Whether its listener lets it be silent; otherwise it beats faster. */
  readonly isHeldOpen: boolean;
  beat(frame: SharedFrame): void;
}

/** The streams that get heartbeats. */
export interface Heartbeats {
  /** Beats until the stream is removed. */
  add(stream: Beating): void;
  remove(stream: Beating): void;
}

/** Makes the heartbeats of one handler. */
export function createHeartbeats(clock: Clock, limits: Limits): Heartbeats {
  const held = createPace(clock, limits.heartbeatMs);
  const bare = createPace(clock, limits.heartbeatBareMs);
  const paceOf = ({ isHeldOpen }: Beating): Heartbeats => isHeldOpen ? held : bare;
  return {
    add: (stream) => paceOf(stream).add(stream),
    remove: (stream) => paceOf(stream).remove(stream),
  };
}

/** The timer runs only while at least one stream is open. */
function createPace(clock: Clock, ms: number): Heartbeats {
  const streams = new Set<Beating>();
  let stopTimer: (() => void) | undefined;
  const tick = (): void => {
    const frame = shareFrame({ comment: `heartbeat ${new Date(clock.wall()).toISOString()}` });
    stopTimer = clock.after(ms, tick);
    for (const stream of streams) stream.beat(frame);
  };
  return {
    add(stream) {
      streams.add(stream);
      stopTimer ??= clock.after(ms, tick);
    },
    remove(stream) {
      streams.delete(stream);
      if (streams.size > 0) return;
      stopTimer?.();
      stopTimer = undefined;
    },
  };
}
