/**
 * The receiving half of a peer: lines of text as answers, notices and questions, each given to the
 * request that it belongs to. Our ids are whole numbers, so an id or token that comes back as text is
 * read as its number. What fits no open request is dropped and counted; an error without an id
 * belongs to the only open request. Not here: making requests and ending them (peer.ts).
 */
import { errorTable, type GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Ending, JsonObject, Notice, RequestId } from "../../model.ts";
import type { UpstreamFacingCodec } from "../../protocol/codec.ts";
import {
  idOf,
  isJsonObject,
  type Message,
  parseJson,
  type RpcError,
  toMessage,
} from "../../protocol/jsonrpc.ts";
import { isNamed } from "../../protocol/names.ts";
import type { ServerRequests } from "./server_requests.ts";
import type { OversizedMessage } from "./oversized_message.ts";
import type { OpenRequests } from "./pending.ts";
import { createFramingCheck } from "./framing_check.ts";
import type { OutputGuard } from "./output_guard.ts";
import { createStrayAnswers } from "./stray_answers.ts";

/** What the receiving half works with. */
export interface IncomingOptions extends OpenRequests {
  readonly limits: Limits;
  readonly guard: OutputGuard;
  readonly codec: () => UpstreamFacingCodec;
  readonly asks: ServerRequests;
  /** Ends a request with the server's own answer. */
  readonly settle: (id: RequestId, reply: Ending) => void;
  /** A standing request was ended by the server. */
  readonly endStanding: (id: RequestId) => void;
  /** A notice that belongs to no request by its token; false when nothing takes it. */
  readonly notice: (notice: Notice) => boolean;
}

/** The receiving half of one peer. */
export interface Incoming {
  /** Takes a line; whether it holds a message. `owner` is the request in whose own stream it came. */
  take(line: string, owner: RequestId | undefined): boolean;
  /** A line was thrown away; when its ends show whose answer it was, that request fails. */
  takeLong(line: OversizedMessage): void;
  /** A notification was sent, which some servers answer by an error without an id. */
  told(): void;
  /** A request is not waited for any more, which the server may not know. */
  abandoned(): void;
}

const byteOrderMark = "\ufeff";
const progressMethod = "notifications/progress";

/** An id of ours that came back as the text of its number, as that number; others as they are. */
export function ownId<Id>(id: Id): Id | number {
  return typeof id === "string" && /^[1-9]\d{0,15}$/.test(id) ? Number(id) : id;
}

/** Makes the receiving half. */
export function createIncoming(options: IncomingOptions): Incoming {
  const { limits, guard, pending, givenUp, asks } = options;
  const framing = createFramingCheck(limits);
  const settleError = (id: RequestId, error: RpcError): void =>
    options.settle(id, { kind: "failure", error: options.codec().decodeError(error) });
  const strays = createStrayAnswers({ ...options, settleError });

  const receiveAnswer = (
    message: Message & { kind: "response" | "error" },
    line: string,
    owner: RequestId | undefined,
  ): void => {
    const id = ownId(message.id);
    const known = id === undefined ? undefined : pending.get(id);
    if (known === undefined || id === undefined) {
      const error = message.kind === "error" ? message.error : undefined;
      return strays.take(id, error, line, owner);
    }
    strays.answered(id, line);
    if (message.kind === "error") return settleError(id, message.error);
    const decoded = options.codec().decodeResult(known.method, message.result);
    if (decoded.kind === "ok") return options.settle(id, decoded.value);
    options.failBadly(id, decoded.kind === "invalid" ? `: ${decoded.message}` : "");
  };

  const receiveNotification = (
    method: string,
    params: JsonObject,
    line: string,
    owner: RequestId | undefined,
  ): void => {
    if (method === "notifications/cancelled") return receiveCancel(params.requestId, line);
    const decoded = options.codec().decodeNotice(method, params);
    if (decoded.kind === "invalid") {
      return guard.garbage("it is not a known notification", line);
    }
    guard.notice();
    if (decoded.kind === "unknown" && isNamed(method)) {
      return guard.dropped("this server's revision has no such notification", line);
    }
    const { notice, request = owner } = decoded.kind === "ok"
      ? decoded.value
      : { notice: { kind: "notice", method, params } as const };
    const drop = decoded.kind === "ok" ? guard.garbage : guard.dropped;
    if (request === undefined) {
      if (!options.notice(notice)) drop("nothing waits for this notice", line);
      return;
    }
    const id = ownId(request);
    const known = pending.get(id);
    if (known === undefined && givenUp.has(id)) return;
    if (known === undefined || (!known.wantsProgress && notice.method === progressMethod)) {
      return drop("it belongs to no open request", line);
    }
    known.isHeardOf = true;
    known.clock.touch();
    if (!known.notice(notice)) drop("its reader is too slow for more notices", line);
  };

  /** A question of the server's own, under its id as it came, or a standing request of ours. */
  const receiveCancel = (requestId: unknown, line: string): void => {
    if (asks.withdraw(requestId)) return;
    const id = ownId(requestId);
    if (isId(id) && pending.get(id)?.timeoutMs === 0) return options.endStanding(id);
    guard.garbage("it cancels nothing", line);
  };

  const receiveValue = (value: unknown, line: string, owner: RequestId | undefined): boolean => {
    let message: Message;
    try {
      message = toMessage(value, limits);
    } catch (thrown) {
      receiveMalformed(value, thrown as GatewayError, line, owner);
      return false;
    }
    if (message.kind === "request") {
      const { ask } = (owner === undefined ? undefined : pending.get(owner)) ?? {};
      asks.receive(message.id, message.method, message.params, ask);
    } else if (message.kind === "notification") {
      receiveNotification(message.method, message.params, line, owner);
    } else receiveAnswer(message, line, owner);
    return true;
  };
  /** A malformed answer still says whose it was: better to fail now than at the time limit. */
  const receiveMalformed = (
    value: unknown,
    { message }: GatewayError,
    line: string,
    owner: RequestId | undefined,
  ): void => {
    const id = ownId(idOf(value, limits));
    if (id === undefined && isAnswer(value) && value.jsonrpc === "2.0") {
      const { result, error } = value;
      if (isGiven(error)) return strays.take(value.id, toRpcError(error), line, owner);
      if (isJsonObject(result)) return strays.take(value.id, undefined, line, owner);
    }
    guard.garbage("it is not a JSON-RPC message", line);
    if (id === undefined || !pending.has(id) || !isJsonObject(value)) return;
    const isMeant = value.jsonrpc !== undefined || isAnswer(value);
    if (value.method !== undefined || !isMeant) return;
    options.failBadly(id, `: ${message.replace(/^Cannot take [^:]*: /, "")}`);
  };

  /** A line that is not JSON; one that shows another framing beyond doubt ends the wait. */
  const receiveOther = (line: string): void => {
    guard.garbage("it is not JSON", line);
    const found = framing.take(line);
    if (found === undefined) return;
    const { why } = found;
    const value = Array.isArray(found.value) ? found.value.find(isAnswer) : found.value;
    if (found.value !== undefined && !isAnswer(value)) return;
    options.misspoken(why, value === undefined ? line : undefined);
    const id = value === undefined ? undefined : ownId(idOf(value, limits));
    if (id !== undefined && pending.has(id)) options.failBadly(id, `: ${why}`);
  };

  const take: Incoming["take"] = (whole, owner) => {
    const line = whole[0] === byteOrderMark ? whole.slice(1) : whole;
    const first = line.trimStart()[0];
    if (first === undefined) return false;
    // The second half of a line end in UTF-16, as some starters of programs write.
    if (first === "\0") return take(line.replace(/^[\s\0]+/, ""), owner);
    if (first !== "{" && first !== "[") {
      receiveOther(line);
      return false;
    }
    let value: unknown;
    try {
      value = parseJson(line, limits, false);
    } catch {
      receiveOther(line);
      return false;
    }
    let isMessage = false;
    if (!Array.isArray(value)) isMessage = receiveValue(value, line, owner);
    else for (const item of value) isMessage = receiveValue(item, line, owner) || isMessage;
    if (framing.isOpen()) framing.pass(line, isMessage);
    return isMessage;
  };

  return {
    take,
    takeLong(line) {
      guard.garbage(`it is ${line.bytes} bytes long, more than ${limits.lineBytesMax}`, line.head);
      const id = answeredBy(line);
      if (id !== undefined) options.failBadly(id, `: larger than ${limits.lineBytesMax} bytes`);
    },
    told: strays.told,
    abandoned: strays.abandoned,
  };
}

function isId(value: unknown): value is RequestId {
  return typeof value === "string" || typeof value === "number";
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** A malformed error, in the server's words. */
function toRpcError(error: unknown): RpcError {
  const { code, message } = isJsonObject(error) ? error : {};
  return {
    code: Number.isSafeInteger(code) ? Number(code) : errorTable.internal.rpc,
    message: typeof message === "string" ? message : JSON.stringify(error),
  };
}

/** Whether a value is a response by its members, valid or not. */
function isAnswer(value: unknown): value is JsonObject {
  return isJsonObject(value) && value.method === undefined &&
    (value.result !== undefined || value.error !== undefined);
}

/**
 * The id of the request that a discarded line answered, when one of its ends shows the envelope
 * beyond doubt: an id right before the last brace, or right after `jsonrpc` and before `result`.
 */
function answeredBy(line: OversizedMessage): number | undefined {
  const found = /"id":\s*("?)([1-9]\d*)\1\s*\}\s*$/.exec(line.tail) ??
    /^\ufeff?\s*\{"jsonrpc":\s*"2\.0",\s*"id":\s*("?)([1-9]\d*)\1,\s*"result"/.exec(line.head);
  return found === null ? undefined : Number(found[2]);
}
