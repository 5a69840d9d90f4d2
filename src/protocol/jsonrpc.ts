/**
 * JSON-RPC 2.0 messages as values: bytes -> checked message -> text. Strict where a lenient reader
 * would let two programs disagree about one message (duplicate keys, bad UTF-8, changed ids). Not
 * here: which methods exist and what their params hold (the codecs).
 */

import { GatewayError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject, RequestId } from "../model.ts";
import { readExactly, scanJson } from "./json_scan.ts";
import { keepSourceText, textOfValue } from "../source_text.ts";

export { isJsonObject };

/** The `error` member of a response. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** One message, by its kind. Absent params are an empty object. */
export type Message =
  | {
    readonly kind: "request";
    readonly id: RequestId;
    readonly method: string;
    readonly params: JsonObject;
  }
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonObject }
  | { readonly kind: "response"; readonly id: RequestId; readonly result: JsonObject }
  /** `id` is absent when the peer could not tell which request failed. */
  | { readonly kind: "error"; readonly id: RequestId | undefined; readonly error: RpcError };

/** Bounds of one message; a part of `Limits`. */
export interface MessageLimits {
  readonly jsonDepthMax: number;
  readonly requestIdCharsMax: number;
  readonly methodCharsMax: number;
  readonly sourceTextCharsMin: number;
}

// `ignoreBOM` keeps the mark in the text, where JSON.parse refuses it.
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const exactUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Control characters and lone surrogates. */
const unsafeText = /[\p{Cc}\p{Cs}]/u;

/** Bytes as text. Throws `parse_error` on invalid UTF-8; a BOM is refused too (RFC 8259 §8.1). */
export function decodeUtf8(bytes: Uint8Array): string {
  const text = lenientUtf8.decode(bytes);
  // What is invalid became U+FFFD, which valid text may hold too; the exact decoder is slow.
  if (text.includes("\ufffd")) assertUtf8(bytes);
  if (text.startsWith("\ufeff")) {
    throw new GatewayError("parse_error", "Cannot parse the body: remove the byte order mark");
  }
  return text;
}

function assertUtf8(bytes: Uint8Array): void {
  try {
    exactUtf8.decode(bytes);
  } catch (cause) {
    throw new GatewayError("parse_error", "Cannot read the body: not valid UTF-8", { cause });
  }
}

/**
 * Text as a JSON value. Throws `parse_error`; `invalid_request` for nesting beyond the limit (found
 * before parsing) and, when `strict`, for a key twice in the envelope or in params.
 * Integers beyond 2^53 keep their digits when the value is written again; a long result keeps its
 * text (source_text.ts), unless `strict`: readers may differ on a key that is repeated deeper.
 */
export function parseJson(text: string, limits: MessageLimits, strict: boolean): unknown {
  // A short text of a server needs no look at its keys: its result keeps no text.
  const needsKeys = strict || text.length >= limits.sourceTextCharsMin;
  const levels = !needsKeys ? 0 : isBatch(text) ? 3 : 2;
  const { isTooDeep, repeatsKey, mayBeMisread, result } = readOrRefuse(() =>
    scanJson(text, limits.jsonDepthMax, levels)
  );
  if (isTooDeep) {
    throw new GatewayError(
      "invalid_request",
      `Cannot take a message nested deeper than ${limits.jsonDepthMax} levels`,
    );
  }
  const value = readOrRefuse(() => JSON.parse(text) as unknown);
  if (strict && repeatsKey) {
    throw new GatewayError(
      "invalid_request",
      "Cannot take a message that has the same key twice in its envelope or params",
    );
  }
  if (mayBeMisread) return readExactly(text);
  // A part of a text keeps the whole in memory.
  const isMost = result !== undefined && 2 * result.length >= text.length;
  if (!strict && isMost && result.length >= limits.sourceTextCharsMin) {
    const { result: read } = value as JsonObject;
    if (isJsonObject(read)) keepSourceText(read, result);
  }
  return value;
}

function readOrRefuse<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new GatewayError("parse_error", undefined, { cause });
  }
}

function isBatch(text: string): boolean {
  return text.trimStart()[0] === "[";
}

/** Whether a name or URI is free of control characters and lone surrogates. */
export function isSafeText(text: string): boolean {
  return !unsafeText.test(text);
}

/**
 * A JSON value as a message. Throws `invalid_request`; `idOf` tells which id the answer may carry.
 */
export function toMessage(value: unknown, limits: MessageLimits): Message {
  if (!isJsonObject(value)) throw refuse("Cannot take the message: it must be a JSON object");
  if (value.jsonrpc !== "2.0") throw refuse('Cannot take the message: "jsonrpc" must be "2.0"');
  // `"result": null` alone is an empty result; next to another member it is absent.
  const kinds = kindNames.filter((name) => !isAbsent(value[name]));
  if (kinds.length > 1 || (kinds.length === 0 && value.result === undefined)) {
    throw refuse('Cannot take the message: it must have one of "method", "result" and "error"');
  }
  if (kinds[0] === "method") return toRequest(value, limits);
  return kinds[0] === "error" ? toError(value, limits) : toResponse(value, limits);
}

/** The members that tell the kind of a message; each message has one. */
const kindNames = ["method", "result", "error"] as const;

/**
 * Whether a member is absent, or is an empty list, which PHP writes for an empty object. Many
 * programs write `null` for absent members.
 */
export function isAbsent(member: unknown): boolean {
  return member === undefined || member === null || (Array.isArray(member) && member.length === 0);
}

function toRequest(value: JsonObject, limits: MessageLimits): Message {
  const { id, method } = value;
  const params = isAbsent(value.params) ? {} : value.params;
  if (typeof method !== "string") {
    throw refuse('Cannot take the message: "method" must be a string');
  }
  if (method.length > limits.methodCharsMax) {
    throw refuse(`Cannot take a method longer than ${limits.methodCharsMax} characters`);
  }
  if (!isSafeText(method)) {
    throw refuse('Cannot take the message: "method" has control characters or lone surrogates');
  }
  if (!isJsonObject(params)) {
    throw refuse('Cannot take the message: "params" must be an object');
  }
  if (id === undefined) return { kind: "notification", method, params };
  return { kind: "request", id: checkedId(id, limits), method, params };
}

function toResponse(value: JsonObject, limits: MessageLimits): Message {
  const result = isAbsent(value.result) ? {} : value.result;
  if (!isJsonObject(result)) throw refuse('Cannot take the response: "result" must be an object');
  return { kind: "response", id: checkedId(value.id, limits), result };
}

function toError({ id, error }: JsonObject, limits: MessageLimits): Message {
  if (!isJsonObject(error) || !Number.isSafeInteger(error.code)) throw refuse(errorProblem);
  const code = Number(error.code);
  const message = isAbsent(error.message) ? `Error ${code}, without a message` : error.message;
  if (typeof message !== "string") throw refuse(errorProblem);
  const unreadable = id === undefined || id === null;
  return {
    kind: "error",
    id: unreadable ? undefined : checkedId(id, limits),
    error: { ...error, code, message },
  };
}

const errorProblem = 'Cannot take the response: "error" must hold an integer code and a message';

function isId(value: unknown, limits: MessageLimits): value is RequestId {
  if (typeof value === "string") return value.length <= limits.requestIdCharsMax;
  return Number.isSafeInteger(value);
}

function checkedId(id: unknown, limits: MessageLimits): RequestId {
  if (isId(id, limits)) return id;
  throw refuse(
    `Cannot take the message: "id" must be a string of at most ${limits.requestIdCharsMax} ` +
      "characters or an integer within 2^53",
  );
}

function refuse(message: string): GatewayError {
  return new GatewayError("invalid_request", message);
}

/** The id of a malformed message, if it is readable, for the error answer. */
export function idOf(value: unknown, limits: MessageLimits): RequestId | undefined {
  return isJsonObject(value) && isId(value.id, limits) ? value.id : undefined;
}

/** A request as one line of JSON, without its newline. */
export function requestText(id: RequestId, method: string, params: JsonObject): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

/** A notification as one line of JSON. */
export function notificationText(method: string, params: JsonObject): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

/** A result as one line of JSON: its own text where it still has one. */
export function resultText(id: RequestId, result: JsonObject): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${textOfValue(result)}}`;
}

/**
 * An error as one line of JSON; without an id the member is left out (`null` is not valid
 * anywhere).
 */
export function errorText(id: RequestId | undefined, error: RpcError): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error });
}
