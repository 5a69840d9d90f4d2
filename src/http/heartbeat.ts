/**
 * A comment on every open stream, so that dead peers are noticed and idle timeouts do not fire. One
 * timer serves all streams of a pace, and its frame is encoded once. Streams whose listener closes
 * silent connections get the faster pace.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { type SharedFrame, shareFrame } from "../sse/encode.ts";

/** The streams that get heartbeats. */
export interface Heartbeats {
  /** Beats until the returned function is called. */
  add(beat: (frame: SharedFrame) => void, isHeldOpen: boolean): () => void;
}

/** Makes the heartbeats of one handler. */
export function createHeartbeats(clock: Clock, limits: Limits): Heartbeats {
  const held = createPace(clock, limits.heartbeatMs);
  const bare = createPace(clock, limits.heartbeatBareMs);
  return { add: (beat, isHeldOpen) => (isHeldOpen ? held : bare)(beat) };
}

type Beat = (frame: SharedFrame) => void;

/** The timer runs only while at least one stream is open. */
function createPace(clock: Clock, ms: number): (beat: Beat) => () => void {
  const beats = new Set<Beat>();
  let stopTimer: (() => void) | undefined;
  const tick = (): void => {
    const frame = shareFrame({ comment: `heartbeat ${new Date(clock.wall()).toISOString()}` });
    stopTimer = clock.after(ms, tick);
    for (const beat of beats) beat(frame);
  };
  return (beat) => {
    beats.add(beat);
    stopTimer ??= clock.after(ms, tick);
    return () => {
      beats.delete(beat);
      if (beats.size > 0) return;
      stopTimer?.();
      stopTimer = undefined;
    };
  };
}
