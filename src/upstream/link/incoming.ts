/**
 * The receiving half of a peer: lines of text as answers, notices and questions, each given to the
 * request that it belongs to. Our ids are whole numbers, so an id or token that comes back as text
 * is read as its number. What fits no open request is dropped and counted; an error without an id
 * belongs to the only open request. Not here: requests on their way out
 * (pending_request.ts), and how they end (peer_state.ts).
 */
import { errorTable } from "../../error_table.ts";
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject, Notice, RequestId } from "../../model.ts";
import { idOf, type Message, parseJson, type RpcError, toMessage } from "../../protocol/jsonrpc.ts";
import { isPlainAnswer } from "../../protocol/plain_messages.ts";
import { isNamed } from "../../protocol/names.ts";
import type { NoticeFate } from "./link.ts";
import type { OversizedMessage } from "./oversized_message.ts";
import { fail, failBadly, type PeerState, settle } from "./peer_state.ts";
import { answered, settleError, takeStray } from "./stray_answers.ts";

const byteOrderMark = "\ufeff";
const progressMethod = "notifications/progress";

/** An id of ours that came back as the text of its number, as that number; others as they are. */
function ownId<Id>(id: Id): Id | number {
  return typeof id === "string" && /^[1-9]\d{0,15}$/.test(id) ? Number(id) : id;
}

/** Takes a line; whether it holds a message. `owner` is the request in whose own stream it came. */
export function takeLine(state: PeerState, whole: string, owner: RequestId | undefined): boolean {
  if (whole[0] === "{") return takeJson(state, whole, owner);
  const line = whole[0] === byteOrderMark ? whole.slice(1) : whole;
  const first = line.trimStart()[0];
  if (first === undefined) return false;
  // The second half of a line end in UTF-16, as some starters of programs write.
  if (first === "\0") return takeLine(state, line.replace(/^[\s\0]+/, ""), owner);
  if (first === "{" || first === "[") return takeJson(state, line, owner);
  takeOther(state, line);
  return false;
}

function takeJson(state: PeerState, line: string, owner: RequestId | undefined): boolean {
  if (owner === undefined && isDropped(state, line)) return true;
  let value: unknown;
  try {
    value = parseJson(line, state.options.limits, false);
  } catch {
    takeOther(state, line);
    return false;
  }
  let isMessage = false;
  if (!Array.isArray(value)) isMessage = takeValue(state, value, line, owner);
  else for (const item of value) isMessage = takeValue(state, item, line, owner) || isMessage;
  if (state.framing.isOpen()) state.framing.pass(line, isMessage);
  return isMessage;
}

/** How the usual notices of calls begin, with the parts of their method that differ. */
const callNotice = /^\{(?:"jsonrpc": ?"2\.0", ?)?"method": ?"notifications\/(message|progress)"/;

/**
 * Whether a line is a notice for a client that reads nothing: it is dropped before it is parsed, so
 * that a flood for one client costs the others little. A line with a member `id`, however that is
 * written, is no such notice.
 */
function isDropped({ options: { events, guard } }: PeerState, line: string): boolean {
  const kind = callNotice.exec(line)?.[1];
  if (kind === undefined || events.drops === undefined) return false;
  if (line.includes('"id"') || line.includes("\\u00")) return false;
  if (!events.drops(kind === "message" ? "notifications/message" : progressMethod)) return false;
  guard.notice();
  return true;
}

/** A line was thrown away; when its ends show whose answer it was, that request fails. */
export function takeLong(state: PeerState, line: OversizedMessage): void {
  const { guard, limits } = state.options;
  guard.garbage(`it is ${line.bytes} bytes long, more than ${limits.lineBytesMax}`, line.head);
  const id = answeredBy(line);
  if (id !== undefined) failBadly(state, id, `: larger than ${limits.lineBytesMax} bytes`);
}

function takeValue(
  state: PeerState,
  value: unknown,
  line: string,
  owner: RequestId | undefined,
): boolean {
  if (isPlainAnswer(value)) {
    takeAnswer(state, value, line, owner);
    return true;
  }
  let message: Message;
  try {
    message = toMessage(value, state.options.limits);
  } catch (thrown) {
    takeMalformed(state, value, thrown as GatewayError, line, owner);
    return false;
  }
  if (message.kind === "request") {
    const own = owner === undefined ? undefined : state.pending.get(owner);
    state.asks.receive(message.id, message.method, message.params, own?.request);
  } else if (message.kind === "notification") {
    takeNotification(state, message.method, message.params, line, owner);
  } else takeAnswer(state, message, line, owner);
  return true;
}

/** An answer, with a result or an error. */
interface Answer {
  readonly id: RequestId | undefined;
  readonly result?: JsonObject;
  readonly error?: RpcError | undefined;
}

function takeAnswer(
  state: PeerState,
  answer: Answer,
  line: string,
  owner: RequestId | undefined,
): void {
  const { result, error } = answer;
  const id = ownId(answer.id);
  const known = id === undefined ? undefined : state.pending.get(id);
  if (known === undefined || id === undefined) return takeStray(state, id, error, line, owner);
  answered(state, id, line);
  if (error !== undefined) return settleError(state, id, error);
  const decoded = state.codec.decodeResult(known.request.method, result);
  if (decoded.kind === "ok") return settle(state, id, decoded.value, true);
  failBadly(state, id, decoded.kind === "invalid" ? `: ${decoded.message}` : "");
}

function takeNotification(
  state: PeerState,
  method: string,
  params: JsonObject,
  line: string,
  owner: RequestId | undefined,
): void {
  if (method === "notifications/cancelled") return takeCancel(state, params.requestId, line);
  const { guard } = state.options;
  const decoded = state.codec.decodeNotice(method, params);
  if (decoded.kind === "invalid") return guard.garbage("it is not a known notification", line);
  guard.notice();
  if (decoded.kind === "ok") {
    const { notice, request = owner } = decoded.value;
    const unused = giveNotice(state, notice, request);
    if (unused !== undefined) guard.garbage(unused, line);
    return;
  }
  const unused = isNamed(method)
    ? "this server's revision has no such notification"
    : giveNotice(state, { kind: "notice", method, params }, owner);
  if (unused !== undefined) guard.dropped(unused, line);
}

/** Gives a notice to the request that it belongs to; why it is dropped, where it is. */
function giveNotice(
  state: PeerState,
  notice: Notice,
  request: RequestId | undefined,
): string | undefined {
  if (request === undefined) {
    const fate = state.options.events.notice(notice);
    return isTaken(state, fate) ? undefined : "nothing waits for this notice";
  }
  const id = ownId(request);
  const known = state.pending.get(id);
  if (known === undefined && state.givenUp.has(id)) return void state.options.guard.late();
  if (known === undefined || (!known.request.wantsProgress && notice.method === progressMethod)) {
    return "it belongs to no open request";
  }
  known.isHeardOf = true;
  known.touch(state.takenAt);
  const fate = known.request.notice(notice);
  return isTaken(state, fate) ? undefined : "its reader is too slow for more notices";
}

/** Whether a notice was taken; a reader that lags makes the next lines wait. */
function isTaken(state: PeerState, fate: NoticeFate): boolean {
  if (typeof fate === "boolean") return fate;
  state.room = fate;
  return true;
}

/** A question of the server's own, under its id as it came, or a listen request of ours. */
function takeCancel(state: PeerState, requestId: unknown, line: string): void {
  if (state.asks.withdraw(requestId)) return;
  const id = ownId(requestId);
  if (isId(id) && state.pending.get(id)?.request.timeoutMs === 0) {
    return fail(state, id, new GatewayError("cancelled"));
  }
  state.options.guard.garbage("it cancels nothing", line);
}

/** A malformed answer still says whose it was: better to fail now than at the time limit. */
function takeMalformed(
  state: PeerState,
  value: unknown,
  { message }: GatewayError,
  line: string,
  owner: RequestId | undefined,
): void {
  const { limits, guard } = state.options;
  const id = ownId(idOf(value, limits));
  if (id === undefined && isAnswer(value) && value.jsonrpc === "2.0") {
    const { result, error } = value;
    if (isGiven(error)) return takeStray(state, value.id, toRpcError(error), line, owner);
    if (isJsonObject(result)) return takeStray(state, value.id, undefined, line, owner);
  }
  guard.garbage("it is not a JSON-RPC message", line);
  if (id === undefined || !state.pending.has(id) || !isJsonObject(value)) return;
  const isMeant = value.jsonrpc !== undefined || isAnswer(value);
  if (value.method !== undefined || !isMeant) return;
  failBadly(state, id, `: ${message.replace(/^Cannot take [^:]*: /, "")}`);
}

/** A line that is not JSON; one that shows another framing beyond doubt ends the wait. */
function takeOther(state: PeerState, line: string): void {
  const { guard, limits } = state.options;
  guard.garbage("it is not JSON", line);
  const found = state.framing.take(line);
  if (found === undefined) return;
  const { why } = found;
  const value = Array.isArray(found.value) ? found.value.find(isAnswer) : found.value;
  if (found.value !== undefined && !isAnswer(value)) return;
  state.options.misspoken?.(why, value === undefined ? line : undefined);
  const id = value === undefined ? undefined : ownId(idOf(value, limits));
  if (id !== undefined) failBadly(state, id, `: ${why}`);
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
