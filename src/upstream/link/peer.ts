/**
 * The JSON-RPC correspondent of one upstream process: own ids and progress tokens, what is pending,
 * the limits of each call, answers to what the upstream asks. Any message of a server is a sign of
 * life of its open calls; what comes in a request's own stream, of that request. It knows lines of
 * text, no process and no scope. JSON-RPC 2.0; MCP basic utilities (cancellation, ping, progress).
 * Not here: requests on their way out (pending_request.ts), and what comes (incoming.ts).
 */
import type { GatewayError } from "../../errors.ts";
import type { RequestId } from "../../model.ts";
import type { UpstreamFacingCodec } from "../../protocol/codec.ts";
import { createFramingCheck } from "./framing_check.ts";
import { takeLine, takeLong } from "./incoming.ts";
import type { OversizedMessage } from "./oversized_message.ts";
import type { Link } from "./link.ts";
import { fail, type PeerOptions, type PeerState, type Pending } from "./peer_state.ts";
import { openRequest, tell } from "./pending_request.ts";
import { RequestTimer } from "./request_timer.ts";
import { createServerRequests } from "./server_requests.ts";
import { createStrayMemory } from "./stray_answers.ts";

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
  /** How long the server has said nothing; 0 while it waits for the answer to a question. */
  silentMs(): number;
}

/** Makes a peer. */
export function createPeer(options: PeerOptions): Peer {
  const pending = new Map<RequestId, Pending>();
  const state: PeerState = {
    options,
    pending,
    timer: new RequestTimer(options.clock, pending),
    givenUp: new Set(),
    asks: createServerRequests({
      limits: options.limits,
      guard: options.guard,
      codec: () => state.codec,
      send(line) {
        state.repliedAt = options.clock.monotonic();
        return options.send(line);
      },
      events: options.events,
      pinged: options.pinged,
    }),
    framing: createFramingCheck(options.limits),
    strays: createStrayMemory(),
    codec: options.codec,
    lastId: 0,
    takenAt: -Infinity,
    room: undefined,
    heardAt: -Infinity,
    repliedAt: -Infinity,
    closed: undefined,
  };
  return {
    receive: (lines, owner) => receive(state, lines, owner),
    fail: (id, error) => fail(state, id, error),
    isPending: (id) => state.pending.has(id),
    receiveTooLong: (line) => takeLong(state, line),
    request: (wanted) => openRequest(state, wanted),
    notify(method, params) {
      if (state.closed === undefined) tell(state, method, params);
    },
    close: (error) => close(state, error),
    open: () => state.pending.size + state.asks.open(),
    speak: (codec) => void (state.codec = codec),
    silentMs: () => silentMs(state),
  };
}

function receive(
  state: PeerState,
  lines: readonly string[],
  owner: RequestId | undefined,
): void | Promise<void> {
  const { clock, guard } = state.options;
  // The clock is read once for all lines of a chunk.
  state.takenAt = clock.monotonic();
  let isHeard = false;
  for (const line of lines) {
    if (state.closed === undefined) isHeard = takeLine(state, line, owner) || isHeard;
  }
  if (isHeard && owner === undefined) state.heardAt = state.takenAt;
  else if (isHeard && owner !== undefined) state.pending.get(owner)?.touch(state.takenAt);
  const { room } = state;
  const held = guard.hold(state.takenAt);
  if (room === undefined) return held;
  state.room = undefined;
  return held === undefined ? room : Promise.all([held, room]).then(() => {});
}

function silentMs({ options, asks, heardAt, repliedAt }: PeerState): number {
  return asks.open() > 0 ? 0 : options.clock.monotonic() - Math.max(heardAt, repliedAt);
}

function close(state: PeerState, error: GatewayError): void {
  if (state.closed !== undefined) return;
  state.closed = error;
  for (const id of [...state.pending.keys()]) fail(state, id, error);
  state.timer.stop();
  state.asks.close();
}
