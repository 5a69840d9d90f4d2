/**
 * A stream of an earlier run of the gateway, as its client resumes it: the frames that were stored,
 * and an honest end for each request that was open when the gateway ended. The ends are stored, so
 * that each has one id however often the client comes back. An id that is newer than the stored
 * frames is no fault: the client has seen what the store has not.
 */
import { GatewayError } from "../errors.ts";
import type { RequestId } from "../model.ts";
import { errorText } from "../protocol/jsonrpc.ts";
import { keptFrame } from "../sse/encode.ts";
import { eventId, parseEventId } from "./event_id.ts";
import type { Replay } from "./event_log.ts";
import type { EventStore } from "./event_store.ts";

/** The rest of a stream; undefined if the session never had it, or it is no longer stored. */
export async function replayEarlier(
  store: EventStore,
  session: string,
  lastEventId: string,
): Promise<Replay | undefined> {
  const place = parseEventId(lastEventId);
  const stream = place && await store.find(session, place.stream);
  if (place === undefined || stream === undefined) return undefined;
  const frames = stream.frames
    .filter(({ position }) => position > place.position)
    .map(({ frame }) => frame);
  const first = Math.max(stream.position, place.position) + 1;
  const ends = stream.requests.map((id, at) => toEnd(eventId(place.stream, first + at), id));
  if (ends.length > 0) {
    const change = { session, stream: place.stream, isCall: true, requests: [] };
    // The ends are true in any case, also while the disk is full.
    await store.save([{ ...change, frames: ends, first, droppedTo: 0, isForgotten: false }])
      .catch(() => {});
  }
  // A standalone stream goes on with another.
  return { frames: [...frames, ...ends], ended: stream.isCall };
}

/** The frame that says that nothing is known of a request. */
function toEnd(id: string, request: RequestId) {
  const error = new GatewayError("outcome_unknown", undefined, { data: { outcome: "unknown" } });
  return keptFrame({ id, data: errorText(request, error.toRpc()) });
}
