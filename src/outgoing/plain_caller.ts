/**
 * A caller for public documents and for requests whose repetition would do harm: it sends no
 * credentials of its own, follows no redirect, repeats nothing, opens no circuit, and takes small
 * answers only. The caller below decides which addresses may be connected to.
 */
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";
import { noAuthorization } from "./authorization.ts";
import { createHttpCaller, type HttpCallerOptions } from "./caller.ts";
import type { HttpAnswer } from "./http_answer.ts";
import type { HttpRequest } from "./http_request.ts";

/** What a plain caller is made from; `url`: its origin alone may be at a private address. */
export interface PlainCallerOptions
  extends Pick<HttpCallerOptions, "runtime" | "limits" | "clock" | "log" | "server" | "url"> {
  readonly answerBytesMax: number;
}

/** Makes plain requests; rejects with a GatewayError as other callers do. */
export interface PlainCaller {
  call(
    request: Omit<HttpRequest, "repeatable" | "final">,
    signal: AbortSignal,
  ): Promise<HttpAnswer>;
}

/** Makes the caller. */
export function createPlainCaller(
  { runtime, limits, clock, log, server, url, answerBytesMax }: PlainCallerOptions,
): PlainCaller {
  const caller = createHttpCaller({
    runtime,
    limits: {
      ...limits,
      circuitFailuresMax: Infinity,
      httpRetriesMax: 0,
      responseBytesMax: answerBytesMax,
    },
    clock,
    log,
    server,
    url,
    headers: {},
    authorization: noAuthorization,
  });
  return {
    call: (request, signal) => caller.call({ ...request, repeatable: false, final: true }, signal),
  };
}

/** An answer to a request for a JSON document. */
export interface JsonDocument {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined if the answer is no JSON object. */
  readonly value: JsonObject | undefined;
}

/** Gets the document at a URL. Rejects with a GatewayError if there is no answer. */
export async function getDocument(
  caller: PlainCaller,
  url: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<JsonDocument> {
  const answer = await caller.call({
    url,
    method: "GET",
    headers: { accept: "application/json" },
    timeoutMs,
  }, signal);
  return { status: answer.status, headers: answer.headers, value: toObject(await answer.text()) };
}

function toObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
