/**
 * A line that a client sends to a bridge from stdio to HTTP: the messages in it, which era they
 * belong to, and what the bridge does with them beyond sending them on. Each line decides for
 * itself, so one stream can carry both eras. Not here: how the bridge sends them (cli/stdio).
 */
import { errorTable } from "../error_table.ts";
import { GatewayError } from "../errors.ts";
import type { JsonObject, RequestId } from "../model.ts";
import { classify } from "./era.ts";
import {
  isJsonObject,
  type Message,
  type MessageLimits,
  notificationText,
  parseJson,
  toMessage,
} from "./jsonrpc.ts";
import { envelopeKeys } from "./modern/envelope.ts";
import { headerNames, requestHeaders } from "./modern/http_wire.ts";
import { isAck, missedNotices } from "./modern/listen_filter.ts";

/**
 * What a line is for: it opens the session, ends the handshake, cancels a request, is any other
 * message of a session, a request without a session, a request for notices, or without effect over
 * HTTP.
 */
export type RelayedKind =
  | "opening"
  | "opened"
  | "cancellation"
  | "session"
  | "stateless"
  | "listen"
  | "idle";

/** A request, as its answer is matched to it. */
export interface RelayedRequest {
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
}

/** One line. */
export interface RelayedLine {
  readonly kind: RelayedKind;
  /** As it came. */
  readonly text: string;
  /** Those that get an answer: one, or several of a batch. */
  readonly requests: readonly RelayedRequest[];
  /** The request that a cancellation names. */
  readonly cancelled?: RequestId | undefined;
  /** Whether it holds only answers to requests of the server, which are lost with their session. */
  readonly isAnswer: boolean;
}

const noHeaders = new Headers();

/** Reads a line. Throws a GatewayError if it is no message, or a message of neither era. */
export function readRelayedLine(text: string, limits: MessageLimits): RelayedLine {
  const value = parseJson(text, limits, true);
  const era = classify(value, noHeaders);
  const isBatch = Array.isArray(value);
  const messages = isBatch
    ? value.map((item) => toMessage(item, limits))
    : [toMessage(value, limits)];
  const [only] = messages;
  if (only === undefined) throw new GatewayError("invalid_request", "Cannot take an empty batch");
  const requests = messages.filter((message) => message.kind === "request");
  const isAnswer = messages.every(({ kind }) => kind === "response" || kind === "error");
  const kind = isBatch ? "session" : kindOf(only, era === "modern");
  const cancelled = kind === "cancellation" ? cancelledBy(only) : undefined;
  return { kind, text, requests, cancelled, isAnswer };
}

function kindOf(message: Message, isStateless: boolean): RelayedKind {
  if (message.kind === "response" || message.kind === "error") return "session";
  const { kind, method } = message;
  if (kind === "notification") {
    if (method === "notifications/cancelled") return "cancellation";
    if (isStateless) return "idle";
    return method === "notifications/initialized" ? "opened" : "session";
  }
  if (!isStateless) return method === "initialize" ? "opening" : "session";
  return method === "subscriptions/listen" ? "listen" : "stateless";
}

function cancelledBy(message: Message): RequestId | undefined {
  const id = message.kind === "notification" ? message.params.requestId : undefined;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}

const idForm = String.raw`("(?:[^"\\]|\\.)*"|-?\d{1,15})`;
const version = String.raw`"jsonrpc"\s*:\s*"2\.0"\s*,\s*`;
const requestHead = new RegExp(
  String.raw`^\s*\{\s*(?:${version})?(?:"id"\s*:\s*${idForm}\s*,\s*)?(?:${version})?"method"`,
);
const requestTail = new RegExp(String.raw`"id"\s*:\s*${idForm}\s*\}\s*$`);

/** The id of a request of which only the two ends are known; undefined if they do not show it. */
export function idAtEnds({ head, tail }: { readonly head: string; readonly tail: string }) {
  const found = requestHead.exec(head);
  const id = found === null ? undefined : found[1] ?? requestTail.exec(tail)?.[1];
  return id === undefined ? undefined : JSON.parse(id) as RequestId;
}

/** The headers of a request without a session; `tool` is the called tool, if known. */
export function statelessHeaders(
  { method, params }: RelayedRequest,
  tool: JsonObject | undefined,
): Record<string, string> {
  const meta = isJsonObject(params._meta) ? params._meta : {};
  const revision = meta[envelopeKeys.revision];
  return {
    ...requestHeaders({ method, params }, tool),
    // The gateway says which revisions it serves, if it does not serve this one.
    ...(typeof revision === "string" && isToken(revision)
      ? { [headerNames.revision]: revision }
      : {}),
  };
}

function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** Whether an error says that headers which repeat arguments are missing or differ. */
export function isHeaderRefusal(code: number): boolean {
  return code === errorTable.header_mismatch.rpc;
}

/**
 * What a message on a stream of notices is: the acknowledgement, with the notices that stand for
 * what a client may have missed before it; the stream's normal end; an error; or a notice.
 */
export type ListenMessage =
  | { readonly kind: "ack"; readonly missed: readonly string[] }
  | { readonly kind: "end" | "error" | "notice" };

/** Reads a message of the stream that this request opened. */
export function readListenMessage(text: string, id: RequestId): ListenMessage {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) return { kind: "notice" };
  const { method, params, result, error } = value;
  if (result !== undefined) return { kind: "end" };
  if (error !== undefined) return { kind: "error" };
  if (typeof method !== "string" || !isAck({ method })) return { kind: "notice" };
  const missed = missedNotices(isJsonObject(params) ? params : {}, id)
    .map((notice) => notificationText(notice.method, notice.params));
  return { kind: "ack", missed };
}
