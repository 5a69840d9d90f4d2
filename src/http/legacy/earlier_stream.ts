/**
 * A stream of an earlier run of the gateway, as its client resumes it: the frames that were stored,
 * and an honest end for each request that was open when the gateway ended. An id that is newer than
 * the stored frames is no fault: the client has seen what the store has not.
 */
import { GatewayError } from "../../errors.ts";
import type { RequestId } from "../../model.ts";
import { errorText } from "../../protocol/jsonrpc.ts";
import { keptFrame } from "../../sse/encode.ts";
import { eventId, parseEventId } from "../../session/event_id.ts";
import type { Replay } from "../../session/event_log.ts";
import type { EventStore } from "../../session/event_store.ts";

/**
 * The position of the first end, behind any frame that a client may have seen: an end has one id,
 * however often and from where the client resumes.
 */
const endsFrom = 2 ** 52;

/** The rest of a stream; undefined if the session never had it, or it is no longer stored. */
export async function replayEarlier(
  store: EventStore,
  session: string,
  lastEventId: string,
): Promise<Replay | undefined> {
  const place = parseEventId(lastEventId);
  const stream = place && await store.find(session, place.stream);
  if (place === undefined || stream === undefined) return undefined;
  const ends = stream.requests.map((id, at) => {
    const position = endsFrom + at;
    return { position, frame: toEnd(eventId(place.stream, position), id) };
  });
  const frames = [...stream.frames, ...ends]
    .filter(({ position }) => position > place.position)
    .map(({ frame }) => frame);
  // A standalone stream goes on with another.
  return { frames, ended: stream.isCall };
}

/** The frame that says that nothing is known of a request. */
function toEnd(id: string, request: RequestId) {
  const error = new GatewayError("outcome_unknown", undefined, { data: { outcome: "unknown" } });
  return keptFrame({ id, data: errorText(request, error.toRpc()) });
}
