/**
 * The JSON-RPC correspondent of one upstream process: own ids and progress tokens, what is pending,
 * the limits of each call, answers to what the upstream asks. Any message of a server is a sign of
 * life of its open calls; what comes in a request's own stream, of that request. It knows lines of
 * text, no process and no scope. JSON-RPC 2.0; MCP basic utilities (cancellation, ping, progress).
 * Not here: what comes (incoming.ts).
 */
import { addWithin } from "../../bounded.ts";
import { GatewayError, withOutcome } from "../../errors.ts";
import type { JsonObject, RequestId } from "../../model.ts";
import type { UpstreamFacingCodec } from "../../protocol/codec.ts";
import { notificationText, requestText } from "../../protocol/jsonrpc.ts";
import { type CallTimeout, startCallTimeout } from "./call_timeout.ts";
import { createFramingCheck } from "./framing_check.ts";
import { takeLine, takeLong } from "./incoming.ts";
import type { OversizedMessage } from "./oversized_message.ts";
import type { Link, LinkRequest, OpenRequest } from "./link.ts";
import { fail, type PeerOptions, type PeerState } from "./peer_state.ts";
import { createServerRequests } from "./server_requests.ts";
import { abandoned, createStrayMemory, told } from "./stray_answers.ts";

/** One correspondent. */
export interface Peer extends Link {
  /**
   * Takes messages; a returned promise asks the reader to wait. `owner` is the request in whose own
   * stream they came, where there is one.
   */
  receive(lines: readonly string[], owner?: RequestId): void | Promise<void>;
  /** Fails a request whose answer cannot come any more. */
  fail(id: RequestId, error: GatewayError): void;
  /** Whether a request waits for its answer. */
  isPending(id: RequestId): boolean;
  /** A line was thrown away; when its ends show whose answer it was, that request fails. */
  receiveTooLong(line: OversizedMessage): void;
  /** How requests from now on are put, and all that comes is read. */
  speak(codec: UpstreamFacingCodec): void;
}

/** The clock of a request that stands until it is cancelled. */
const noClock: CallTimeout = { touch: () => {}, hold: () => {}, resume: () => {}, stop: () => {} };
/** Requests of our own ask for nothing. */
const ownContext = { capabilities: {} };

const ignoredHandle: OpenRequest = {
  cancel: () => {},
  touch: () => {},
  hold: () => {},
  resume: () => {},
};

/** Makes a peer. */
export function createPeer(options: PeerOptions): Peer {
  const state: PeerState = {
    options,
    pending: new Map(),
    givenUp: new Set(),
    asks: createServerRequests({
      limits: options.limits,
      guard: options.guard,
      codec: () => state.codec,
      send: (line) => options.send(line),
      events: options.events,
      pinged: options.pinged,
    }),
    framing: createFramingCheck(options.limits),
    strays: createStrayMemory(),
    codec: options.codec,
    lastId: 0,
    heardAt: -Infinity,
    closed: undefined,
  };
  return {
    receive: (lines, owner) => receive(state, lines, owner),
    fail: (id, error) => fail(state, id, error),
    isPending: (id) => state.pending.has(id),
    receiveTooLong: (line) => takeLong(state, line),
    request: (wanted) => request(state, wanted),
    notify(method, params) {
      if (state.closed === undefined) tell(state, method, params);
    },
    close: (error) => close(state, error),
    open: () => state.pending.size + state.asks.open(),
    speak: (codec) => void (state.codec = codec),
  };
}

function receive(
  state: PeerState,
  lines: readonly string[],
  owner: RequestId | undefined,
): void | Promise<void> {
  let isHeard = false;
  for (const line of lines) {
    if (state.closed === undefined) isHeard = takeLine(state, line, owner) || isHeard;
  }
  const { clock, guard } = state.options;
  if (isHeard && owner === undefined) state.heardAt = clock.monotonic();
  else if (isHeard && owner !== undefined) state.pending.get(owner)?.clock.touch();
  return guard.hold();
}

function request(state: PeerState, wanted: LinkRequest): OpenRequest {
  const id = ++state.lastId;
  const wire = state.codec.encodeCall({
    method: wanted.method,
    params: wanted.params,
    progressToken: wanted.wantsProgress ? id : undefined,
    clientContext: wanted.clientContext ?? ownContext,
    resume: wanted.resume,
  });
  if (state.closed !== undefined) return refuse(wanted, state.closed);
  const clock = wanted.timeoutMs === 0 ? noClock : startClock(state, id, wanted);
  state.pending.set(id, { request: wanted, clock, isHeardOf: false });
  const text = requestText(id, wire.method, wire.params);
  if (!state.options.send(text, { id, wire, request: wanted })) {
    clock.stop();
    state.pending.delete(id);
    return refuse(wanted, doesNotRead(state.options.server));
  }
  const { touch, hold, resume } = clock;
  return { cancel: (reason) => giveUp(state, id, reason), touch, hold, resume };
}

function refuse(wanted: LinkRequest, error: GatewayError): OpenRequest {
  wanted.end({ kind: "failure", error: withOutcome(error, "not_sent") });
  return ignoredHandle;
}

function startClock(state: PeerState, id: number, wanted: LinkRequest): CallTimeout {
  const { clock, limits } = state.options;
  const { timeoutMs, cancellable } = wanted;
  return startCallTimeout(
    clock,
    {
      quietMs: timeoutMs,
      totalMs: Math.max(timeoutMs, limits.callMsMax),
      // What a server says while it starts keeps no start waiting.
      heardAt: () => cancellable ? state.heardAt : -Infinity,
    },
    () => expire(state, id, wanted),
  );
}

function expire(state: PeerState, id: number, wanted: LinkRequest): void {
  const { server } = state.options;
  const message = `Server "${server}" did not answer ${wanted.method} in time`;
  const error = new GatewayError("upstream_timeout", message, { data: { server } });
  cancel(state, id, "No answer in time");
  wanted.end({
    kind: "failure",
    error: wanted.cancellable ? withOutcome(error, "unknown") : error,
  });
}

/** The request's maker has left, which the server may not know when it answers. */
function giveUp(state: PeerState, id: number, reason: string): void {
  const { pending, givenUp, options } = state;
  if (pending.has(id)) addWithin(givenUp, id, options.limits.givenUpMax);
  cancel(state, id, reason);
}

function cancel(state: PeerState, id: number, reason: string): void {
  const known = state.pending.get(id);
  if (known === undefined) return;
  state.pending.delete(id);
  known.clock.stop();
  abandoned(state);
  if (known.request.cancellable) {
    tell(state, "notifications/cancelled", { requestId: id, reason });
  }
  state.options.over?.(id, false);
}

function tell(state: PeerState, method: string, params: JsonObject): void {
  told(state);
  state.options.send(notificationText(method, params));
}

function close(state: PeerState, error: GatewayError): void {
  if (state.closed !== undefined) return;
  state.closed = error;
  for (const id of [...state.pending.keys()]) fail(state, id, error);
  state.asks.close();
}

function doesNotRead(server: string): GatewayError {
  const message = `Server "${server}" does not read its input fast enough; retry later`;
  return new GatewayError("overloaded", message, { data: { server } });
}
