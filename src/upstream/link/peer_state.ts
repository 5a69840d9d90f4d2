/**
 * The state of one JSON-RPC correspondent: its open requests, what the server may still say of
 * those that were given up, and how a request ends. Its three parts work on this one record:
 * requests go out (pending_request.ts), messages come in (incoming.ts), and some answers fit no
 * request (stray_answers.ts).
 */
import type { Clock } from "../../clock.ts";
import { GatewayError, withOutcome } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Ending, RequestId } from "../../model.ts";
import type { UpstreamFacingCodec, WireMessage } from "../../protocol/codec.ts";
import type { FramingCheck } from "./framing_check.ts";
import type { LinkRequest, OpenRequest, ServerEvents } from "./link.ts";
import type { OutputGuard } from "./output_guard.ts";
import type { RequestTimer, TimedRequest } from "./request_timer.ts";
import type { ServerRequests } from "./server_requests.ts";

/** A request on its way, for senders that send each apart. */
export interface Outgoing {
  readonly id: RequestId;
  readonly wire: WireMessage;
  readonly request: LinkRequest;
}

/** What a peer works with. */
export interface PeerOptions {
  /** For messages to people. */
  readonly server: string;
  /** How the server is spoken to until `speak`. */
  readonly codec: UpstreamFacingCodec;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly guard: OutputGuard;
  /** Takes what belongs to no request by its token or its stream. */
  readonly events: ServerEvents;
  /** Queues one message; false when the upstream does not read. */
  readonly send: (line: string, outgoing?: Outgoing) => boolean;
  /** A request is over: answered, or else failed or given up. */
  readonly over?: (id: RequestId, isAnswered: boolean) => void;
  /** A ping was answered. */
  readonly pinged?: () => void;
  /** What comes is not written as messages are, beyond doubt; `line` may show it. */
  readonly misspoken?: (why: string, line?: string) => void;
}

/** A request that waits for its answer. */
export interface Pending extends OpenRequest, TimedRequest {
  readonly request: LinkRequest;
  /** Whether the server has said something of it. */
  isHeardOf: boolean;
  /** Notes a sign of life, now or at the given time. */
  touch(at?: number): void;
}

/** What answers without an open request are judged by. */
export interface StrayMemory {
  /** The last id before the last notification, until a later request is answered. */
  toldAfter: number;
  /** The last id when a request was abandoned last, until a later one is answered. */
  abandonedAfter: number;
  /** The only answer so far, and the last id by then. */
  firstAnswer:
    | { readonly id: RequestId; readonly line: string; readonly lastId: number }
    | undefined;
  hasAnswered: boolean;
}

/** One correspondent. */
export interface PeerState {
  readonly options: PeerOptions;
  readonly pending: Map<RequestId, Pending>;
  /** Watches over the time limits of `pending`. */
  readonly timer: RequestTimer;
  /** Requests whose maker left: what the server still says of them is no fault of its own. */
  readonly givenUp: Set<RequestId>;
  readonly asks: ServerRequests;
  readonly framing: FramingCheck;
  readonly strays: StrayMemory;
  /** How requests from now on are put, and all that comes is read. */
  codec: UpstreamFacingCodec;
  /** The last id that was given to a request. */
  lastId: number;
  /** When the lines that are being read arrived. */
  takenAt: number;
  /** Set when a notice among the lines that are being read asks the next ones to wait. */
  room: Promise<void> | undefined;
  /** When the server last said something that belongs to no single request's own stream. */
  heardAt: number;
  /** When a request of the server was last answered. */
  repliedAt: number;
  /** Set once nothing more is taken. */
  closed: GatewayError | undefined;
}

/** Ends an open request; one that is over already stays as it is. */
export function settle(
  { pending, options }: PeerState,
  id: RequestId,
  ending: Ending,
  isAnswered: boolean,
): void {
  const known = pending.get(id);
  if (known === undefined) return;
  pending.delete(id);
  options.over?.(id, isAnswered);
  known.request.end(ending);
}

/** Fails a request whose answer cannot come any more. */
export function fail(state: PeerState, id: RequestId, error: GatewayError): void {
  settle(state, id, { kind: "failure", error }, false);
}

/** Fails a request whose answer cannot be used; `why` follows what is said of it. */
export function failBadly(state: PeerState, id: RequestId, why: string): void {
  const known = state.pending.get(id);
  if (known === undefined) return;
  const { server } = state.options;
  const { method, cancellable } = known.request;
  const message = `Server "${server}" gave an answer to ${method} that is not valid${why}`;
  const error = new GatewayError("bad_upstream_response", message, { data: { server } });
  // A first message has no effect that its failure could leave unknown.
  fail(state, id, cancellable ? withOutcome(error, "unknown") : error);
}
