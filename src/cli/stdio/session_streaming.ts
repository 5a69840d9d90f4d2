/**
 * The event streams of a session: the stream of what belongs to no request, which is kept open, and
 * the streams of requests, which are resumed where they broke off. Only the gateway that began a
 * stream can resume it. Follows "Resumability and Redelivery" of the Streamable HTTP transport.
 */
import { sleep } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import { resumingAfter, sessionHeaders } from "../../protocol/legacy/http_wire.ts";
import {
  beforeFirst,
  discard,
  readStream,
  type SeeResult,
  type StreamPlace,
} from "./answer_stream.ts";
import { backOff, eitherOf, type GatewayAnswer, send } from "./gateway_http.ts";
import { areOver, type ClientRequest, deliver } from "./client_requests.ts";
import type { SessionState, SettledSession } from "./session_state.ts";

/**
 * Reads the stream of some requests until all are answered, or it cannot be resumed: then the caller
 * says that they are lost, since they were carried out.
 */
export async function readToAnswers(
  { bridge }: SessionState,
  first: GatewayAnswer,
  settled: SettledSession | undefined,
  requests: readonly ClientRequest[],
  see: SeeResult,
): Promise<void> {
  const { http, limits, closing, out } = bridge;
  const take = (text: string) => deliver(out, text, requests, see);
  let place = await readStream(bridge, first, beforeFirst, true, take);
  for (let vain = 0; vain < limits.resumesMax;) {
    const isLost = place.eventId === undefined || place.isOther || settled === undefined;
    if (isLost || areOver(requests) || closing.aborted) return;
    await sleep(http.clock, waitMs(limits, place, vain), closing);
    const answer = await send(http, {
      method: "GET",
      headers: streamHeaders(settled, place),
      signal: closing,
      mayStart: false,
      instance: first.endpoint.instance,
    }).catch(() => undefined);
    if (answer === undefined) return;
    if (!answer.isStream) return discard(answer);
    place = await readStream(bridge, answer, place, true, take);
    vain = place.hasMoved ? 0 : vain + 1;
  }
}

/** Keeps the stream of what belongs to no request open until it is left. */
export async function keepStanding(
  state: SessionState,
  left: AbortSignal,
  renew: (gone: string | undefined) => Promise<void>,
): Promise<void> {
  const { bridge } = state;
  const { http, limits, out } = bridge;
  const { signal, release } = eitherOf(bridge.closing, left);
  const { settled } = state;
  let place = beforeFirst;
  for (let failures = 0; !signal.aborted && settled !== undefined; failures += 1) {
    try {
      const headers = streamHeaders(settled, place);
      const answer = await send(http, { method: "GET", headers, signal, mayStart: false });
      if (answer.isStream) {
        place = await readStream(bridge, answer, place, false, (text) => out.write(text));
        if (place.hasMoved) failures = 0;
      } else {
        discard(answer);
        if (answer.status === 405) break;
        if (answer.status === 404) {
          // A session that cannot be opened now is opened by the client's next message.
          await renew(settled.session).catch(() => {});
          break;
        }
      }
    } catch {
      // No gateway is there; the next one is joined when it comes.
    }
    if (!signal.aborted) await sleep(http.clock, waitMs(limits, place, failures), signal);
  }
  release();
}

function streamHeaders(settled: SettledSession, { eventId }: StreamPlace): Record<string, string> {
  return {
    accept: "text/event-stream",
    ...sessionHeaders(settled),
    ...resumingAfter(eventId),
  };
}

/** As the gateway asks, within reason. */
function waitMs(limits: Limits, { retryMs = 0 }: StreamPlace, failures: number): number {
  return Math.max(backOff(limits, failures), Math.min(retryMs, limits.bridgeRetryMsMax));
}
