/**
 * Responses: JSON, errors, empty ones and event streams, with the headers each always has. A
 * failure's status and text come from the error table alone. Not here: headers for browsers of
 * other origins (guard.ts).
 */
import type { ErrorCode } from "../error_table.ts";
import { type GatewayError, toGatewayError, withOutcome } from "../errors.ts";
import { msPerSecond } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RequestId } from "../model.ts";
import { errorText, type RpcError } from "../protocol/jsonrpc.ts";

/** Headers beside the usual ones. */
export type HeaderPairs = Readonly<Record<string, string>>;

/** After these the rest of the request was not read, so the connection cannot be used again. */
const closing = new Set([408, 413]);

/** These say when to try again. */
const temporary = new Set([429, 503]);

/** The headers of most answers, made once. */
const plainJson: ResponseInit = { headers: { "content-type": "application/json" } };

/** A response with a JSON text. */
export function jsonResponse(text: string, status = 200, headers?: HeaderPairs): Response {
  if (status === 200 && headers === undefined) return new Response(text, plainJson);
  return new Response(text, {
    status,
    headers: {
      "content-type": "application/json",
      ...(temporary.has(status) && { "retry-after": retryAfterIn(text) }),
      ...headers,
    },
  });
}

/** When to try again, in whole seconds, as an error says it in milliseconds. */
function retryAfterIn(text: string): string {
  const [, ms = "0"] = /"retryAfterMs":(\d+)/.exec(text) ?? [];
  return String(toSeconds(Number(ms)));
}

/** Whole seconds, at least one. */
export function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / msPerSecond));
}

/** The header that says when to try again. */
export function toRetryAfter(waitMs: number): HeaderPairs {
  return { "retry-after": String(toSeconds(waitMs)) };
}

/** A response without a body. */
export function emptyResponse(status: number, headers: HeaderPairs = {}): Response {
  return new Response(null, { status, headers });
}

/**
 * A failure at the door as the whole answer: a JSON-RPC error, without `id` when the request's is
 * unknown. No server got the request.
 */
export function errorResponse(
  error: GatewayError,
  id?: RequestId,
  headers: HeaderPairs = {},
): Response {
  const rpc = withOutcome(error, "not_sent").toRpc();
  const response = rpcErrorResponse(rpc, error.status, id, headers);
  codes.set(response, error.code);
  return response;
}

const codes = new WeakMap<Response, ErrorCode>();

/** The code of the error that a response was made from, where it is one of the table. */
export function errorCodeOf(response: Response): ErrorCode | undefined {
  return codes.get(response);
}

/** The same for a failure that a revision puts in words of its own. */
export function rpcErrorResponse(
  error: RpcError,
  status: number,
  id?: RequestId,
  headers: HeaderPairs = {},
): Response {
  return jsonResponse(errorText(id, error), status, {
    ...(closing.has(status) && { connection: "close" }),
    ...headers,
  });
}

/** A client shows its user what it gets in band; to a 429 most say only that the request failed. */
const inBand: ReadonlySet<ErrorCode> = new Set(["rate_limited"]);

/** The status of a failure that answers a call, of which its codec says `status`. */
export function callStatus({ code }: GatewayError, status: number): number {
  return inBand.has(code) ? 200 : status;
}

/**
 * Turns anything thrown into a response; an unexpected error is logged and its text is not sent.
 */
export function faultResponse(thrown: unknown, log: Log): Response {
  const error = toGatewayError(thrown);
  if (error.code === "internal") logFault(log, "Cannot answer a request", thrown);
  return errorResponse(error);
}

/** Logs a fault with its text and stack, which never leave the process otherwise. */
export function logFault(log: Log, message: string, thrown: unknown): void {
  const root = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  log.error(message, {
    error: root instanceof Error ? root.stack ?? root.message : String(root),
  });
}

/** A response that is an event stream, or the text of a whole one. */
export function streamResponse(
  body: ReadableStream<Uint8Array> | string | null,
  headers: HeaderPairs = {},
): Response {
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      ...headers,
    },
  });
}
