/**
 * The requests that a peer sends. One object is the entry in the table of open requests, its time
 * limits, and the handle for the code that sent it. One limit is for silence, and each message
 * restarts it; the other is for the whole request. Both stop while an ask is open. Not here: the
 * answers (incoming.ts), and the timer that all requests share (request_timer.ts).
 */
import { addWithin } from "../../bounded.ts";
import { GatewayError, withOutcome } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import { notificationText, requestText } from "../../protocol/jsonrpc.ts";
import type { LinkRequest, OpenRequest } from "./link.ts";
import type { PeerState, Pending } from "./peer_state.ts";
import { abandoned, told } from "./stray_answers.ts";

/** For the gateway's own requests: during them the server may ask nothing. */
const ownContext = { capabilities: {} };

const ignoredHandle: OpenRequest = {
  cancel: () => {},
  touch: () => {},
  hold: () => {},
  resume: () => {},
};

/** One open request. */
class PendingRequest implements Pending {
  readonly request: LinkRequest;
  isHeardOf = false;
  private readonly state: PeerState;
  private readonly id: number;
  /** The last sign of life that counts for this request alone. */
  private heardAt: number;
  private totalEnd: number;
  private heldSince: number | undefined = undefined;

  constructor(state: PeerState, id: number, request: LinkRequest) {
    const { clock, limits } = state.options;
    this.state = state;
    this.id = id;
    this.request = request;
    // Without a limit the request stays open until it is cancelled.
    this.heardAt = request.timeoutMs === 0 ? Infinity : clock.monotonic();
    this.totalEnd = this.heardAt + Math.max(request.timeoutMs, limits.callMsMax);
  }

  endsAt(): number {
    if (this.heldSince !== undefined) return Infinity;
    const { timeoutMs, cancellable } = this.request;
    // Other messages do not extend a start request, which alone cannot be cancelled.
    const heardAt = cancellable ? Math.max(this.heardAt, this.state.heardAt) : this.heardAt;
    return Math.min(heardAt + timeoutMs, this.totalEnd);
  }

  touch(at: number = this.state.options.clock.monotonic()): void {
    this.heardAt = Math.max(this.heardAt, at);
  }

  hold(): void {
    this.heldSince ??= this.state.options.clock.monotonic();
  }

  resume(): void {
    if (this.heldSince === undefined) return;
    const now = this.state.options.clock.monotonic();
    this.totalEnd += now - this.heldSince;
    this.heldSince = undefined;
    this.touch(now);
    if (this.state.pending.get(this.id) === this) this.state.timer.watch(this.endsAt());
  }

  /** Cancels the request. Its id is remembered, because the server may still answer. */
  cancel(reason: string): void {
    const { pending, givenUp, options } = this.state;
    if (pending.has(this.id)) addWithin(givenUp, this.id, options.limits.givenUpMax);
    this.abandon(reason);
  }

  expire(): void {
    const { state: { pending, options: { server } }, id, request } = this;
    if (pending.get(id) !== this) return;
    const message = `Server "${server}" did not answer ${request.method} in time`;
    const error = new GatewayError("upstream_timeout", message, { data: { server } });
    this.abandon("No answer in time");
    request.end({
      kind: "failure",
      error: request.cancellable ? withOutcome(error, "unknown") : error,
    });
  }

  private abandon(reason: string): void {
    const { state, id, request } = this;
    if (!state.pending.delete(id)) return;
    abandoned(state);
    if (request.cancellable) tell(state, "notifications/cancelled", { requestId: id, reason });
    state.options.over?.(id, false);
  }
}

/** Sends a request; it fails at once if the peer is closed or the server does not read. */
export function openRequest(state: PeerState, wanted: LinkRequest): OpenRequest {
  const id = ++state.lastId;
  const wire = state.codec.encodeCall({
    method: wanted.method,
    params: wanted.params,
    progressToken: wanted.wantsProgress ? id : undefined,
    clientContext: wanted.clientContext ?? ownContext,
    resume: wanted.resume,
  });
  if (state.closed !== undefined) return refuse(wanted, state.closed);
  const opened = new PendingRequest(state, id, wanted);
  state.pending.set(id, opened);
  const text = requestText(id, wire.method, wire.params);
  if (!state.options.send(text, { id, wire, request: wanted })) {
    state.pending.delete(id);
    return refuse(wanted, doesNotRead(state.options.server));
  }
  state.timer.watch(opened.endsAt());
  return opened;
}

/** Sends a notification. */
export function tell(state: PeerState, method: string, params: JsonObject): void {
  told(state);
  state.options.send(notificationText(method, params));
}

function refuse(wanted: LinkRequest, error: GatewayError): OpenRequest {
  wanted.end({ kind: "failure", error: withOutcome(error, "not_sent") });
  return ignoredHandle;
}

function doesNotRead(server: string): GatewayError {
  const message = `Server "${server}" does not read its input fast enough; retry later`;
  return new GatewayError("overloaded", message, { data: { server } });
}
