/**
 * The JSON-RPC correspondent of one upstream process: own ids and progress tokens, what is pending,
 * the limits of each call, answers to what the upstream asks. What fits no open request is dropped
 * and counted, never guessed. It knows lines of text, no process and no scope. JSON-RPC 2.0; MCP
 * basic utilities (cancellation, ping, progress).
 */
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Failure, JsonObject, Notice, RequestId, Result } from "../model.ts";
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

/** What a peer works with. */
export interface PeerOptions extends AskDeskOptions {
  /** For messages to people. */
  readonly server: string;
  readonly limits: Limits;
  readonly clock: Clock;
  /** A notice that belongs to no request by its token; false when nobody wants it. */
  readonly notice: (notice: Notice) => boolean;
}

/** How a request is to be made. */
export interface PeerRequest {
  readonly method: string;
  readonly params: JsonObject;
  readonly wantsProgress: boolean;
  readonly timeoutMs: number;
  /** Whether the upstream is told when the request is given up (never for a handshake). */
  readonly cancellable: boolean;
  /** A progress notice of this request; false when it was dropped. */
  readonly notice: (notice: Notice) => boolean;
  /** Called once; possibly before `request` returns. */
  readonly end: (reply: Result | Failure) => void;
}

/** A request under way. */
export interface OpenRequest {
  /** Forgets it and tells the upstream; `end` is not called. */
  cancel(reason: string): void;
  /** Another sign of life, beside its own progress. */
  touch(): void;
  /** Stops its clock while the client is asked something. */
  hold(): void;
  resume(): void;
}

/** One correspondent. */
export interface Peer {
  /** Takes lines; a returned promise asks the reader to wait. */
  receive(lines: readonly string[]): void | Promise<void>;
  /** A line was thrown away; when its ends show whose answer it was, that request fails. */
  receiveTooLong(line: LongLine): void;
  request(request: PeerRequest): OpenRequest;
  notify(method: string, params: JsonObject): void;
  /** Fails what is open and takes nothing more. */
  close(error: GatewayError): void;
  /** Requests and questions under way. */
  open(): number;
}

interface Pending extends PeerRequest {
  readonly clock: CallClock;
}

const ignoredHandle: OpenRequest = {
  cancel: () => {},
  touch: () => {},
  hold: () => {},
  resume: () => {},
};

/** Makes a peer. */
export function createPeer(options: PeerOptions): Peer {
  const { server, codec, limits, clock, noise } = options;
  const pending = new Map<RequestId, Pending>();
  const asks = createAskDesk(options);
  let lastId = 0;
  let closed: GatewayError | undefined;

  const settle = (id: RequestId, reply: Result | Failure): void => {
    const request = pending.get(id);
    if (request === undefined) return;
    pending.delete(id);
    request.clock.stop();
    request.end(reply);
  };
  const fail = (id: RequestId, error: GatewayError) => settle(id, { kind: "failure", error });

  const cancel = (id: number, reason: string): void => {
    const request = pending.get(id);
    if (request === undefined) return;
    pending.delete(id);
    request.clock.stop();
    if (!request.cancellable) return;
    options.send(notificationText("notifications/cancelled", { requestId: id, reason }));
  };

  const expire = (id: number, request: PeerRequest): void => {
    const message = `Server "${server}" did not answer ${request.method} in time`;
    cancel(id, "No answer in time");
    request.end({
      kind: "failure",
      error: new GatewayError("upstream_timeout", message, { data: { server } }),
    });
  };

  const request = (wanted: PeerRequest): OpenRequest => {
    const id = ++lastId;
    const wire = codec.encodeCall(
      wanted.method,
      wanted.params,
      wanted.wantsProgress ? id : undefined,
    );
    const refused = closed ??
      (options.send(requestText(id, wire.method, wire.params)) ? undefined : new GatewayError(
        "overloaded",
        `Server "${server}" does not read its input fast enough; retry later`,
        { data: { server } },
      ));
    if (refused !== undefined) {
      wanted.end({ kind: "failure", error: refused });
      return ignoredHandle;
    }
    const callClock = startCallClock(
      clock,
      { quietMs: wanted.timeoutMs, totalMs: Math.max(wanted.timeoutMs, limits.callMsMax) },
      () => expire(id, wanted),
    );
    pending.set(id, { ...wanted, clock: callClock });
    const { touch, hold, resume } = callClock;
    return { cancel: (reason) => cancel(id, reason), touch, hold, resume };
  };

  const receiveAnswer = (message: Message & { kind: "response" | "error" }, line: string): void => {
    const known = message.id === undefined ? undefined : pending.get(message.id);
    if (known === undefined || message.id === undefined) {
      return noise.garbage("it answers no open request", line);
    }
    if (message.kind === "error") {
      return fail(
        message.id,
        new GatewayError("upstream_error", message.error.message, { upstream: message.error }),
      );
    }
    const decoded = codec.decodeResult(known.method, message.result);
    if (decoded.kind === "ok") return settle(message.id, { kind: "result", value: decoded.value });
    const why = decoded.kind === "invalid" ? `: ${decoded.message}` : "";
    fail(message.id, badAnswer(server, known.method, why));
  };

  const receiveNotification = (method: string, params: JsonObject, line: string): void => {
    if (method === "notifications/cancelled") return asks.withdraw(params.requestId, line);
    const decoded = codec.decodeNotice(method, params);
    if (decoded.kind !== "ok") return noise.garbage("it is no notification known here", line);
    noise.notice();
    const { notice, progressToken } = decoded.value;
    if (progressToken === undefined) {
      if (!options.notice(notice)) noise.garbage("nobody waits for this notice", line);
      return;
    }
    const known = pending.get(progressToken);
    if (known === undefined || !known.wantsProgress) {
      return noise.garbage("it is progress of no open request", line);
    }
    known.clock.touch();
    if (!known.notice(notice)) noise.garbage("its reader is too slow for more notices", line);
  };

  const receiveValue = (value: unknown, line: string): void => {
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
    if (message.kind === "request") asks.receive(message.id, message.method, message.params);
    else if (message.kind === "notification") {
      receiveNotification(message.method, message.params, line);
    } else receiveAnswer(message, line);
  };

  const receiveLine = (line: string): void => {
    const first = line.trimStart()[0];
    if (first === undefined) return;
    if (first !== "{" && first !== "[") return noise.garbage("it is not JSON", line);
    let value: unknown;
    try {
      value = parseJson(line, limits, false);
    } catch {
      return noise.garbage("it is not JSON", line);
    }
    if (!Array.isArray(value)) return receiveValue(value, line);
    for (const item of value) receiveValue(item, line);
  };

  return {
    receive(lines) {
      for (const line of lines) {
        if (closed === undefined) receiveLine(line);
      }
      return noise.hold();
    },
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
  };
}

function badAnswer(server: string, method: string, why: string): GatewayError {
  const message = `Server "${server}" gave an answer to ${method} that is not valid${why}`;
  return new GatewayError("bad_upstream_response", message, { data: { server } });
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
