/**
 * The JSON-RPC correspondent of one upstream process: own ids and progress tokens, what is pending,
 * the limits of each call, answers to what the upstream asks. What fits no open request is dropped
 * and counted, never guessed. It knows lines of text, no process and no scope. JSON-RPC 2.0; MCP
 * basic utilities (cancellation, ping, progress).
 */
import type { Clock } from "../clock.ts";
import { GatewayError, withOutcome } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Ending, JsonObject, Notice, RequestId } from "../model.ts";
import type { UpstreamFacingCodec, WireMessage } from "../protocol/codec.ts";
import {
  idOf,
  isJsonObject,
  type Message,
  notificationText,
  parseJson,
  requestText,
  toMessage,
} from "../protocol/jsonrpc.ts";
import { type AskDeskOptions, createAskDesk } from "./ask_desk.ts";
import { type CallClock, startCallClock } from "./call_clock.ts";
import type { LongLine } from "./lines.ts";
import type { Link, LinkRequest, OpenRequest } from "./link.ts";

/** A request on its way, for senders that send each apart. */
export interface Outgoing {
  readonly id: RequestId;
  readonly wire: WireMessage;
  readonly request: LinkRequest;
}

/** What a peer works with. */
export interface PeerOptions extends Omit<AskDeskOptions, "send"> {
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
  receiveTooLong(line: LongLine): void;
  /** How requests from now on are put, and all that comes is read. */
  speak(codec: UpstreamFacingCodec): void;
}

interface Pending extends LinkRequest {
  readonly clock: CallClock;
}

/** The clock of a request that stands until it is cancelled. */
const noClock: CallClock = { touch: () => {}, hold: () => {}, resume: () => {}, stop: () => {} };
/** Requests of our own ask for nothing. */
const ownBehalf = { capabilities: {} };

const ignoredHandle: OpenRequest = {
  cancel: () => {},
  touch: () => {},
  hold: () => {},
  resume: () => {},
};

/** Makes a peer. */
export function createPeer(options: PeerOptions): Peer {
  const { server, limits, clock, noise } = options;
  let codec = options.codec();
  const pending = new Map<RequestId, Pending>();
  /** Requests whose maker left: what the server still says of them is no fault of its own. */
  const givenUp = new Set<RequestId>();
  const asks = createAskDesk({ ...options, codec: () => codec });
  let lastId = 0;
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

  const cancel = (id: number, reason: string): void => {
    const request = pending.get(id);
    if (request === undefined) return;
    pending.delete(id);
    request.clock.stop();
    if (request.cancellable) {
      options.send(notificationText("notifications/cancelled", { requestId: id, reason }));
    }
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
      error: withOutcome(error, "unknown"),
    });
  };

  const request = (wanted: LinkRequest): OpenRequest => {
    const id = ++lastId;
    const wire = codec.encodeCall({
      method: wanted.method,
      params: wanted.params,
      progressToken: wanted.wantsProgress ? id : undefined,
      behalf: wanted.behalf ?? ownBehalf,
      resume: wanted.resume,
    });
    const refuse = (error: GatewayError): OpenRequest => {
      pending.delete(id);
      wanted.end({ kind: "failure", error: withOutcome(error, "not_sent") });
      return ignoredHandle;
    };
    if (closed !== undefined) return refuse(closed);
    const { timeoutMs } = wanted;
    const callClock = timeoutMs === 0 ? noClock : startCallClock(
      clock,
      { quietMs: timeoutMs, totalMs: Math.max(timeoutMs, limits.callMsMax) },
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

  const receiveAnswer = (message: Message & { kind: "response" | "error" }, line: string): void => {
    const known = message.id === undefined ? undefined : pending.get(message.id);
    if (known === undefined || message.id === undefined) {
      if (message.id !== undefined && givenUp.delete(message.id)) return noise.notice();
      return noise.garbage("it answers no open request", line);
    }
    if (message.kind === "error") {
      const error = codec.decodeError(message.error);
      return settle(message.id, { kind: "failure", error }, true);
    }
    const decoded = codec.decodeResult(known.method, message.result);
    if (decoded.kind === "ok") return settle(message.id, decoded.value, true);
    const why = decoded.kind === "invalid" ? `: ${decoded.message}` : "";
    fail(message.id, badAnswer(server, known.method, why));
  };

  const receiveNotification = (
    method: string,
    params: JsonObject,
    line: string,
    owner: RequestId | undefined,
  ): void => {
    if (method === "notifications/cancelled") return asks.withdraw(params.requestId, line);
    const decoded = codec.decodeNotice(method, params);
    if (decoded.kind !== "ok") return noise.garbage("it is no notification known here", line);
    noise.notice();
    const { notice, request = owner } = decoded.value;
    if (request === undefined) {
      if (!options.notice(notice)) noise.garbage("nothing waits for this notice", line);
      return;
    }
    const known = pending.get(request);
    if (known === undefined && givenUp.has(request)) return;
    if (known === undefined || (!known.wantsProgress && notice.method === progressMethod)) {
      return noise.garbage("it belongs to no open request", line);
    }
    known.clock.touch();
    if (!known.notice(notice)) noise.garbage("its reader is too slow for more notices", line);
  };

  const receiveValue = (value: unknown, line: string, owner: RequestId | undefined): void => {
    let message: Message;
    try {
      message = toMessage(value, limits);
    } catch {
      noise.garbage("it is not a JSON-RPC message", line);
      // A malformed answer still says whose it was: better to fail now than at the time limit.
      const id = idOf(value, limits);
      const known = id === undefined ? undefined : pending.get(id);
      if (id === undefined || known === undefined) return;
      if (isJsonObject(value) && value.method === undefined) {
        fail(id, badAnswer(server, known.method, ""));
      }
      return;
    }
    if (message.kind === "request") {
      const { ask } = (owner === undefined ? undefined : pending.get(owner)) ?? {};
      asks.receive(message.id, message.method, message.params, ask);
    } else if (message.kind === "notification") {
      receiveNotification(message.method, message.params, line, owner);
    } else receiveAnswer(message, line);
  };

  const receiveLine = (line: string, owner: RequestId | undefined): void => {
    const first = line.trimStart()[0];
    if (first === undefined) return;
    if (first !== "{" && first !== "[") return noise.garbage("it is not JSON", line);
    let value: unknown;
    try {
      value = parseJson(line, limits, false);
    } catch {
      return noise.garbage("it is not JSON", line);
    }
    if (!Array.isArray(value)) return receiveValue(value, line, owner);
    for (const item of value) receiveValue(item, line, owner);
  };

  return {
    receive(lines, owner) {
      for (const line of lines) {
        if (closed === undefined) receiveLine(line, owner);
      }
      return noise.hold();
    },
    fail,
    isPending: (id) => pending.has(id),
    receiveTooLong(line) {
      noise.garbage(`it is ${line.bytes} bytes long, more than ${limits.lineBytesMax}`, line.head);
      const id = answeredBy(line);
      const known = id === undefined ? undefined : pending.get(id);
      if (id !== undefined && known !== undefined) {
        fail(id, badAnswer(server, known.method, `: larger than ${limits.lineBytesMax} bytes`));
      }
    },
    request,
    notify(method, params) {
      if (closed === undefined) options.send(notificationText(method, params));
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

const progressMethod = "notifications/progress";

function badAnswer(server: string, method: string, why: string): GatewayError {
  const message = `Server "${server}" gave an answer to ${method} that is not valid${why}`;
  const error = new GatewayError("bad_upstream_response", message, { data: { server } });
  return withOutcome(error, "unknown");
}

/**
 * The id of the request that a discarded line answered, when one of its ends shows the envelope
 * beyond doubt: an id right before the last brace, or right after `jsonrpc` and before `result`.
 */
function answeredBy(line: LongLine): number | undefined {
  const found = /"id":\s*(\d+)\s*\}\s*$/.exec(line.tail) ??
    /^\s*\{"jsonrpc":\s*"2\.0",\s*"id":\s*(\d+),\s*"result"/.exec(line.head);
  return found === null ? undefined : Number(found[1]);
}
