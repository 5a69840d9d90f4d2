/**
 * JSON-RPC 2.0 messages as values: bytes -> checked message -> text. Strict where a lenient reader
 * would let two programs disagree about one message (duplicate keys, bad UTF-8, changed ids).
 */

import type { JsonObject, RequestId } from "../model.ts";

/** The `error` member of a response. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** One message, told apart. Absent params are an empty object. */
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
}

/** Bytes as text. Throws `parse_error` on invalid UTF-8; a BOM is refused too (RFC 8259 §8.1). */
export declare function decodeUtf8(bytes: Uint8Array): string;

/**
 * Text as a JSON value. Throws `parse_error`; `invalid_request` for nesting beyond the limit (found
 * before parsing) and, when `strict`, for a key twice in the envelope or in params.
 * Integers beyond 2^53 keep their digits when the value is written again.
 */
export declare function parseJson(text: string, limits: MessageLimits, strict: boolean): unknown;

/** A JSON value as a message. Throws `invalid_request`; `idOf` tells which id the answer may carry. */
export declare function toMessage(value: unknown, limits: MessageLimits): Message;

/** The id of a malformed message when it is readable, for the error answer. */
export declare function idOf(value: unknown, limits: MessageLimits): RequestId | undefined;

/** A request as one line of JSON, without its newline. */
export declare function requestText(id: RequestId, method: string, params: JsonObject): string;
/** A notification as one line of JSON. */
export declare function notificationText(method: string, params: JsonObject): string;
/** A result as one line of JSON. */
export declare function resultText(id: RequestId, result: JsonObject): string;
/** An error as one line of JSON; without an id the member is left out (`null` is not valid anywhere). */
export declare function errorText(id: RequestId | undefined, error: RpcError): string;
