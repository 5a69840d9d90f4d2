/**
 * The JSON-RPC correspondent of one upstream process: own ids and progress tokens, what is pending,
 * the limits of each call, answers to what the upstream asks. Any message of a server is a sign of
 * life of its open calls; what comes in a request's own stream, of that request. It knows lines of
 * text, no process and no scope. JSON-RPC 2.0; MCP basic utilities (cancellation, ping, progress).
 * Not here: what comes (incoming.ts).
 */
import type { Clock } from "../../clock.ts";
import { GatewayError, withOutcome } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Ending, JsonObject, Notice, RequestId } from "../../model.ts";
import type { UpstreamFacingCodec, WireMessage } from "../../protocol/codec.ts";
import { notificationText, requestText } from "../../protocol/jsonrpc.ts";
import { createServerRequests, type ServerRequestsOptions } from "./server_requests.ts";
import { type CallTimeout, startCallTimeout } from "./call_timeout.ts";
import { createIncoming } from "./incoming.ts";
import type { OversizedMessage } from "./oversized_message.ts";
import type { Link, LinkRequest, OpenRequest } from "./link.ts";
import type { Pending } from "./pending.ts";

/** A request on its way, for senders that send each apart. */
export interface Outgoing {
  readonly id: RequestId;
  readonly wire: WireMessage;
  readonly request: LinkRequest;
}

/** What a peer works with. */
export interface PeerOptions extends Omit<ServerRequestsOptions, "send"> {
  /** Queues one message; false when the upstream does not read. */
  readonly send: (line: string, outgoing?: Outgoing) => boolean;
  /** A request is over: answered, or else failed or given up. */
  readonly over?: (id: RequestId, isAnswered: boolean) => void;
  /** For messages to people. */
  readonly server: string;
  readonly limits: Limits;
  readonly clock: Clock;
  /** A notice that belongs to no request by its token; false when nobody wants it. */
  readonly notice: (notice: Notice) => boolean;
  /** What comes is not written as messages are, beyond doubt; `line` may show it. */
  readonly misspoken?: (why: string, line?: string) => void;
}

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
  const { server, limits, clock, guard } = options;
  let codec = options.codec();
  const pending = new Map<RequestId, Pending>();
  /** Requests whose maker left: what the server still says of them is no fault of its own. */
  const givenUp = new Set<RequestId>();
  const asks = createServerRequests({ ...options, codec: () => codec });
  let lastId = 0;
  /** When the server last said something that belongs to no single request's own stream. */
  let heardAt = -Infinity;
  let closed: GatewayError | undefined;

  const settle = (id: RequestId, reply: Ending, isAnswered: boolean): void => {
    const request = pending.get(id);
    if (request === undefined) return;
    pending.delete(id);
    request.clock.stop();
    options.over?.(id, isAnswered);
    request.end(reply);
  };
  const fail = (id: RequestId, error: GatewayError) =>
    settle(id, { kind: "failure", error }, false);

  const tell = (method: string, params: JsonObject): void => {
    incoming.told();
    options.send(notificationText(method, params));
  };
  const cancel = (id: number, reason: string): void => {
    const request = pending.get(id);
    if (request === undefined) return;
    pending.delete(id);
    request.clock.stop();
    incoming.abandoned();
    if (request.cancellable) tell("notifications/cancelled", { requestId: id, reason });
    options.over?.(id, false);
  };

  /** Who made the request has left, which the server may not know when it answers. */
  const giveUp = (id: number, reason: string): void => {
    if (pending.has(id)) givenUp.add(id);
    for (const oldest of givenUp) {
      if (givenUp.size <= limits.givenUpMax) break;
      givenUp.delete(oldest);
    }
    cancel(id, reason);
  };

  const expire = (id: number, request: LinkRequest): void => {
    const message = `Server "${server}" did not answer ${request.method} in time`;
    const error = new GatewayError("upstream_timeout", message, { data: { server } });
    cancel(id, "No answer in time");
    request.end({
      kind: "failure",
      error: request.cancellable ? withOutcome(error, "unknown") : error,
    });
  };

  const request = (wanted: LinkRequest): OpenRequest => {
    const id = ++lastId;
    const wire = codec.encodeCall({
      method: wanted.method,
      params: wanted.params,
      progressToken: wanted.wantsProgress ? id : undefined,
      clientContext: wanted.clientContext ?? ownContext,
      resume: wanted.resume,
    });
    const refuse = (error: GatewayError): OpenRequest => {
      pending.delete(id);
      wanted.end({ kind: "failure", error: withOutcome(error, "not_sent") });
      return ignoredHandle;
    };
    if (closed !== undefined) return refuse(closed);
    const { timeoutMs } = wanted;
    const callClock = timeoutMs === 0 ? noClock : startCallTimeout(
      clock,
      {
        quietMs: timeoutMs,
        totalMs: Math.max(timeoutMs, limits.callMsMax),
        // What a server says while it starts keeps no start waiting.
        heardAt: () => wanted.cancellable ? heardAt : -Infinity,
      },
      () => expire(id, wanted),
    );
    pending.set(id, { ...wanted, clock: callClock });
    const text = requestText(id, wire.method, wire.params);
    if (!options.send(text, { id, wire, request: wanted })) {
      callClock.stop();
      return refuse(
        new GatewayError(
          "overloaded",
          `Server "${server}" does not read its input fast enough; retry later`,
          { data: { server } },
        ),
      );
    }
    const { touch, hold, resume } = callClock;
    return { cancel: (reason) => giveUp(id, reason), touch, hold, resume };
  };

  const incoming = createIncoming({
    ...options,
    codec: () => codec,
    pending,
    givenUp,
    asks,
    lastId: () => lastId,
    settle: (id, reply) => settle(id, reply, true),
    failBadly(id, why) {
      const known = pending.get(id);
      if (known !== undefined) fail(id, badAnswer(server, known, why));
    },
    endStanding: (id) => fail(id, new GatewayError("cancelled")),
    misspoken: (why, line) => options.misspoken?.(why, line),
  });

  return {
    receive(lines, owner) {
      let isHeard = false;
      for (const line of lines) {
        if (closed === undefined) isHeard = incoming.take(line, owner) || isHeard;
      }
      if (isHeard && owner === undefined) heardAt = clock.monotonic();
      else if (isHeard && owner !== undefined) pending.get(owner)?.clock.touch();
      return guard.hold();
    },
    fail,
    isPending: (id) => pending.has(id),
    receiveTooLong: incoming.takeLong,
    request,
    notify(method, params) {
      if (closed === undefined) tell(method, params);
    },
    close(error) {
      if (closed !== undefined) return;
      closed = error;
      for (const id of [...pending.keys()]) fail(id, error);
      asks.close();
    },
    open: () => pending.size + asks.open(),
    speak: (next) => void (codec = next),
  };
}

function badAnswer(
  server: string,
  { method, cancellable }: LinkRequest,
  why: string,
): GatewayError {
  const message = `Server "${server}" gave an answer to ${method} that is not valid${why}`;
  const error = new GatewayError("bad_upstream_response", message, { data: { server } });
  // A first message has no effect that its failure could leave unknown.
  return cancellable ? withOutcome(error, "unknown") : error;
}
