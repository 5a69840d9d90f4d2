/**
 * The client's session at the gateway: its handshake, its messages, and another session in its
 * place when the gateway does not know it any more, opened with the client's own messages. A
 * message that the gateway refused with its session is sent once more; no other is. Not here: the
 * stream of what belongs to no request, and broken streams (session_streaming.ts).
 */
import { putWithin } from "../../bounded.ts";
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import { sessionHeaders, sessionIn } from "../../protocol/legacy/http_wire.ts";
import type { RelayedLine } from "../../protocol/relayed_line.ts";
import { collect, discard, refusal, takeBody } from "./answer_stream.ts";
import type { Bridge } from "./bridge_parts.ts";
import { eitherOf, errorIn, type GatewayAnswer, lost, postHeaders, send } from "./gateway_http.ts";
import { areOver, type ClientRequest, deliver, fail } from "./client_requests.ts";
import type { SessionState, SettledSession } from "./session_state.ts";
import { keepStanding, readToAnswers } from "./session_streaming.ts";

/** The session of one client. */
export interface SessionLeg {
  /** Carries the requests of a line out; resolves when they are over. */
  request(line: RelayedLine, requests: readonly ClientRequest[]): Promise<void>;
  /** Sends a line without requests. */
  aside(line: RelayedLine): Promise<void>;
  /** Ends the session at the gateway. */
  end(): Promise<void>;
}

/** Makes it; there is no session yet. */
export function createSessionLeg(bridge: Bridge): SessionLeg {
  const state: SessionState = {
    bridge,
    settled: undefined,
    opening: undefined,
    opened: undefined,
    ready: Promise.resolve(),
    renewing: undefined,
    standing: undefined,
    settings: new Map(),
  };
  return {
    async request(line, requests) {
      if (line.kind !== "opening") {
        await state.ready;
        return await whileWanted(
          state,
          requests,
          (sending) => call(state, line, requests, sending),
        );
      }
      const work = open(state, line, requests);
      state.ready = work.catch(() => {});
      return await work;
    },
    aside: (line) => aside(state, line),
    end: () => end(state),
  };
}

/** How a message is sent. */
interface Sending {
  /** Whether a gateway is started if none runs. */
  readonly mayStart?: boolean;
  readonly signal?: AbortSignal;
  readonly onSend?: (isSent: boolean) => void;
}

function post(
  { bridge: { http, closing } }: SessionState,
  settled: SettledSession | undefined,
  body: string,
  { mayStart = true, signal = closing, ...sending }: Sending = {},
): Promise<GatewayAnswer> {
  const headers = { ...postHeaders, ...(settled && sessionHeaders(settled)) };
  return send(http, { method: "POST", headers, body, signal, mayStart, ...sending });
}

/** Runs `work`; a request that the client cancels before it was sent is not sent. */
async function whileWanted(
  { bridge: { closing } }: SessionState,
  requests: readonly ClientRequest[],
  work: (sending: Sending) => Promise<void>,
): Promise<void> {
  const [only] = requests;
  const cancelled = requests.length === 1 ? only?.cancelled.signal : undefined;
  const unsent = new AbortController();
  let isSent = false;
  const leave = () => {
    if (!isSent) unsent.abort();
  };
  cancelled?.addEventListener("abort", leave);
  const { signal, release } = eitherOf(closing, unsent.signal);
  try {
    await work({ signal, onSend: (now) => isSent = now });
  } finally {
    cancelled?.removeEventListener("abort", leave);
    release();
  }
}

async function open(
  state: SessionState,
  line: RelayedLine,
  requests: readonly ClientRequest[],
): Promise<void> {
  const { out } = state.bridge;
  // A client that begins again ends its former session.
  void end(state);
  Object.assign(state, { opening: line, opened: undefined, settled: undefined });
  state.settings.clear();
  const answer = await post(state, undefined, line.text);
  const settle = (result: JsonObject) => void (state.settled = toSettled(answer, result));
  if (answer.isStream) {
    for (const message of await collect(state.bridge, answer)) {
      await deliver(out, message, requests, settle);
    }
  } else await takeBody(state.bridge, answer, requests, settle);
  if (!areOver(requests)) await fail(out, requests, lost());
}

function toSettled({ headers }: GatewayAnswer, { protocolVersion }: JsonObject): SettledSession {
  const revision = typeof protocolVersion === "string" ? protocolVersion : undefined;
  return { session: sessionIn(headers), revision };
}

/** Whether an answer says that the gateway does not know the session: it did nothing. */
function isUnknown({ status }: GatewayAnswer, settled: SettledSession | undefined): boolean {
  return status === 404 && settled?.session !== undefined;
}

async function call(
  state: SessionState,
  line: RelayedLine,
  requests: readonly ClientRequest[],
  sending: Sending,
): Promise<void> {
  const { bridge } = state;
  let { settled } = state;
  let answer = await post(state, settled, line.text, sending);
  if (isUnknown(answer, settled)) {
    discard(answer);
    await renew(state, settled?.session);
    ({ settled } = state);
    answer = await post(state, settled, line.text, sending);
  }
  const [only] = requests;
  const cancellation = only?.cancellation;
  // The first one may have come to the gateway before its request.
  if (answer.isStream && cancellation !== undefined) {
    void aside(state, cancellation).catch(() => {});
  }
  const see = (_: JsonObject, request: ClientRequest) => {
    if (requests.length === 1) noteSetting(state, request, line.text);
  };
  if (answer.isStream) await readToAnswers(state, answer, settled, requests, see);
  else await takeBody(bridge, answer, requests, see);
  if (!areOver(requests)) await fail(bridge.out, requests, lost());
}

/** Keeps what changed the session, so that another one can be changed alike. */
function noteSetting(
  { settings, bridge }: SessionState,
  request: ClientRequest,
  text: string,
): void {
  const { method, params } = request;
  const max = bridge.limits.bridgeSettingsMax;
  if (method === "logging/setLevel") putWithin(settings, method, text, max);
  if (method === "resources/subscribe") putWithin(settings, `uri ${params.uri}`, text, max);
  if (method === "resources/unsubscribe") settings.delete(`uri ${params.uri}`);
}

async function aside(state: SessionState, line: RelayedLine): Promise<void> {
  if (line.kind === "opened") state.opened = line;
  await state.ready;
  const { settled } = state;
  if (settled === undefined) return;
  const isForThisSession = line.isAnswer || line.kind === "cancellation";
  const answer = await post(state, settled, line.text, { mayStart: !isForThisSession });
  discard(answer);
  if (isUnknown(answer, settled) && !isForThisSession) {
    await renew(state, settled.session);
    if (line.kind === "opened") return;
    return discard(await post(state, state.settled, line.text));
  }
  if (line.kind === "opened") stand(state);
}

/** Opens another session in the place of this one, once for all that find it unknown. */
export function renew(state: SessionState, gone: string | undefined): Promise<void> {
  if (state.renewing === undefined && state.settled?.session !== gone) return Promise.resolve();
  return state.renewing ??= openAgain(state).finally(() => state.renewing = undefined);
}

async function openAgain(state: SessionState): Promise<void> {
  const { bridge, opening, opened, settings } = state;
  if (opening === undefined) throw new GatewayError("session_unknown");
  bridge.note("The gateway does not know the session any more; opening another");
  state.standing?.abort();
  const answer = await post(state, undefined, opening.text);
  const messages = await collect(bridge, answer);
  const result = messages.map(resultIn).find((found) => found !== undefined);
  if (result === undefined) {
    const { message } = errorIn(messages[0] ?? "") ?? refusal(answer.status);
    throw new GatewayError("gateway_unavailable", `Cannot open another session: ${message}`);
  }
  const settled = state.settled = toSettled(answer, result);
  if (opened === undefined) return;
  discard(await post(state, settled, opened.text));
  for (const text of settings.values()) await collect(bridge, await post(state, settled, text));
  stand(state);
}

function resultIn(text: string): JsonObject | undefined {
  const value: unknown = text === "" ? undefined : JSON.parse(text);
  return isJsonObject(value) && isJsonObject(value.result) ? value.result : undefined;
}

/** Opens the stream of what belongs to no request, in the place of an earlier one. */
function stand(state: SessionState): void {
  state.standing?.abort();
  const standing = state.standing = new AbortController();
  void keepStanding(state, standing.signal, (gone) => renew(state, gone));
}

async function end(state: SessionState): Promise<void> {
  const { settled, bridge: { http, limits } } = state;
  state.standing?.abort();
  state.settled = undefined;
  if (settled?.session === undefined) return;
  const late = new AbortController();
  const stopWaiting = http.clock.after(limits.flushMs, () => late.abort());
  const headers = sessionHeaders(settled);
  // Without a gateway, or too late, the session ends after its own time.
  await send(http, { method: "DELETE", headers, signal: late.signal, mayStart: false })
    .then(discard, () => {});
  stopWaiting();
}
