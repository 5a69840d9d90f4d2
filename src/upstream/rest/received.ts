/**
 * What an API answered, as far as it may be told (hostile case F5): JSON, text, an image or a sound,
 * or nothing. A refusal becomes an error with the API's own words, made one line and without secrets;
 * of what is not understood, nothing is relayed. Not here: what the model gets of it (result.ts).
 */
import { GatewayError } from "../../errors.ts";
import { truncate } from "../../excerpt.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import type { HttpAnswer } from "../../outgoing/answer.ts";
import type { SecurityContext } from "../../outgoing/authorization.ts";
import { decodeText } from "../../outgoing/text.ts";
import { isJsonObject, parseJson } from "../../protocol/jsonrpc.ts";
import type { Projection } from "./projection.ts";
import { type AnswerRedactor, createAnswerRedactor, hideSecrets } from "./redact.ts";
import { isJsonType } from "./request_body.ts";
import type { Operation } from "./service.ts";

/** An answer that went well. */
export interface Received {
  readonly content: Content;
  /** The `Link` header; empty where there is none. */
  readonly link: string;
  readonly isDegraded: boolean;
}

/** What it holds. */
export type Content =
  | { readonly kind: "json"; readonly value: unknown; readonly chars: number }
  | { readonly kind: "text"; readonly text: string }
  | {
    readonly kind: "media";
    readonly type: "image" | "audio";
    readonly mimeType: string;
    readonly data: string;
  }
  /** Bytes that no model can read, or too many. */
  | { readonly kind: "other"; readonly mediaType: string; readonly bytes: number | undefined }
  | { readonly kind: "empty"; readonly status: number };

/** How an answer is understood. */
export interface Reading {
  readonly operation: Pick<Operation, "produces" | "outputSchema" | "projection" | "repeatable">;
  readonly limits: Limits;
  /** What was shown to the API: it must not come back in a message. */
  readonly shown: SecurityContext;
  /** Of the configuration, which may hold secrets as well. */
  readonly headers: Readonly<Record<string, string>>;
  readonly errorMessages: readonly Projection[];
}

/** Reads an answer to its end. Rejects with a GatewayError for refusals and for what is not understood. */
export async function receive(answer: HttpAnswer, reading: Reading): Promise<Received> {
  const { status, headers, isDegraded } = answer;
  if (status >= 400) throw await toRefusal(answer, reading);
  // Redirects that can be followed have been.
  if (status >= 300) {
    throw answer.toError(`answered with status ${status}`, "bad_upstream_response");
  }
  const redactor = createAnswerRedactor(reading.shown, reading.headers);
  const content = await readContent(answer, reading, redactor);
  return { content, link: redactor.fromText(headers.get("link") ?? ""), isDegraded };
}

async function readContent(
  answer: HttpAnswer,
  { operation, limits }: Reading,
  redactor: AnswerRedactor,
): Promise<Content> {
  const { status, headers, body } = answer;
  const mediaType = (headers.get("content-type") ?? "").replace(/;.*$/s, "").trim().toLowerCase();
  const bytes = toLength(headers.get("content-length"));
  if (status === 204 || status === 205 || bytes === 0) {
    await body.cancel();
    return { kind: "empty", status };
  }
  const form = toForm(mediaType, operation);
  if (form === "image" || form === "audio") return readMedia(answer, form, mediaType, limits);
  if (form === "other") {
    await body.cancel();
    return { kind: "other", mediaType, bytes };
  }
  const text = form === "page" ? undefined : await answer.text();
  if (text?.trim() === "") return { kind: "empty", status };
  if (form === "text" && text !== undefined) {
    return { kind: "text", text: redactor.fromText(text) };
  }
  const parsed = text === undefined ? undefined : parse(text, limits);
  if (text !== undefined && parsed !== undefined) {
    const { value } = parsed;
    const safe = redactor.mayConcern(text) ? redactor.fromValue(value) : value;
    return { kind: "json", value: safe, chars: text.length };
  }
  const what = mediaType === "" ? "something without a type" : `"${mediaType}"`;
  throw answer.toError(
    isJsonType(mediaType) ? "gave JSON that is not valid" : `gave ${what} in the place of JSON`,
    "bad_upstream_response",
  );
}

/** As what an answer of this type is read; `page`: it is for people, and nobody said there are such. */
function toForm(
  mediaType: string,
  operation: Reading["operation"],
): "json" | "text" | "image" | "audio" | "page" | "other" {
  if (isJsonType(mediaType)) return "json";
  const isDocumented = (operation.produces ?? []).some((one) => matches(mediaType, one));
  if (!isDocumented && /html/.test(mediaType)) return "page";
  if (!isDocumented && isJsonWanted(operation)) {
    // Some servers send JSON and call it text, or nothing at all.
    return /^$|^text\/|^application\/octet-stream$/.test(mediaType) ? "json" : "page";
  }
  const [type] = mediaType.split("/");
  if (type === "image" || type === "audio") return type;
  return /^$|^text$/.test(type ?? "") || /[/+]xml$/.test(mediaType) ? "text" : "other";
}

function isJsonWanted({ produces, outputSchema, projection }: Reading["operation"]): boolean {
  if (produces !== undefined && produces.length > 0) return produces.some(isJsonType);
  return outputSchema !== undefined || projection !== undefined;
}

/** Whether a media type is meant by one that may end in `*`. */
function matches(mediaType: string, pattern: string): boolean {
  const wanted = pattern.replace(/;.*$/s, "").trim().toLowerCase();
  if (wanted === "*/*") return false;
  return wanted.endsWith("/*") ? mediaType.startsWith(wanted.slice(0, -1)) : mediaType === wanted;
}

function toLength(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

function parse(text: string, limits: Limits): { readonly value: unknown } | undefined {
  try {
    return { value: parseJson(text.replace(/^\ufeff/, ""), limits, false) };
  } catch {
    return undefined;
  }
}

async function readMedia(
  { body, headers }: HttpAnswer,
  type: "image" | "audio",
  mimeType: string,
  { restMediaBytesMax: bytesMax }: Limits,
): Promise<Content> {
  const { bytes, isWhole } = await readFirst(body, bytesMax);
  return isWhole
    ? { kind: "media", type, mimeType, data: bytes.toBase64() }
    : { kind: "other", mediaType: mimeType, bytes: toLength(headers.get("content-length")) };
}

/** The first bytes of a body; what comes after them is not waited for. */
async function readFirst(
  body: ReadableStream<Uint8Array>,
  bytesMax: number,
): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean }> {
  const parts: Uint8Array[] = [];
  const reader = body.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    const isWhole = done || length + value.length <= bytesMax;
    if (!done && isWhole) {
      parts.push(value);
      length += value.length;
      continue;
    }
    if (!isWhole) await reader.cancel();
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { bytes, isWhole };
  }
}

/** A status of 400 and more as an error. */
async function toRefusal(answer: HttpAnswer, reading: Reading): Promise<GatewayError> {
  const { status } = answer;
  // A server's own fault may tell anything about it (hostile case H3).
  const said = status >= 500 ? undefined : await readMessage(answer, reading);
  const words = said === undefined ? "" : `: ${said}`;
  const { operation } = reading;
  if (status === 401 || status === 403) {
    return answer.toError(`${explainRefusal(answer, reading)} (status ${status})${words}`);
  }
  const isDone = status === 500 || status === 502 || status === 504;
  if (!isDone || operation.repeatable) {
    return answer.toError(`answered with status ${status}${words}`);
  }
  const error = answer.toError(
    `answered with status ${status}; whether the call took effect is unknown`,
  );
  return new GatewayError(error.code, error.message, {
    data: { ...error.data, outcome: "unknown" },
  });
}

function explainRefusal(
  { isDegraded }: HttpAnswer,
  { shown: { headers, query, cookies } }: Reading,
): string {
  if (isDegraded) return "needs credentials that are unavailable now";
  return [headers, query, cookies].some((one) => Object.keys(one).length > 0)
    ? "refused the credentials, or what they may do"
    : 'wants credentials; give the server "credentials"';
}

/** Where an error's words usually stand. */
const usualPlaces = [
  "error",
  "message",
  "detail",
  "title",
  "error_description",
  "errors",
  "status",
];

async function readMessage(
  { body, headers }: HttpAnswer,
  { limits, errorMessages, shown, headers: ours }: Reading,
): Promise<string | undefined> {
  if (!isJsonType(headers.get("content-type") ?? "")) return undefined;
  const part = await readFirst(body, limits.restErrorBytesMax).catch(() => undefined);
  if (part === undefined || !part.isWhole) return undefined;
  const value = parse(decodeText(part.bytes, headers), limits)?.value;
  const found =
    errorMessages.map((find) => toWords(find(value))).find((text) => text !== undefined) ??
      toWords(value);
  if (found === undefined) return undefined;
  const words = hideSecrets(found, [shown.headers, shown.query, shown.cookies, ours]);
  return truncate(words.replace(/[\s\p{C}]+/gu, " ").trim(), limits.restErrorCharsMax);
}

/** The words in an error's own answer, a few levels down. */
function toWords(value: unknown, depth = 0): string | undefined {
  if (typeof value === "string") return value.trim() === "" ? undefined : value;
  if (depth > 3 || typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return toWords(value[0], depth + 1);
  if (!isJsonObject(value)) return undefined;
  for (const place of [...usualPlaces, "error_message"]) {
    const words = toWords((value as JsonObject)[place], depth + 1);
    if (words !== undefined) return words;
  }
  return undefined;
}
