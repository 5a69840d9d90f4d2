/**
 * A 2xx answer of an API (case F5): JSON, text, an image or sound, a file, or nothing. The call was
 * carried out, whatever the content: an undocumented answer is passed on as text with a note, and
 * if nothing can be passed on, the result says so. Not here: what the model gets of it (result.ts),
 * and other statuses (refusal.ts).
 */
import { bytesToBase64 } from "../../bytes_text.ts";
import { type GatewayError, toGatewayError } from "../../errors.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";
import { decodeText } from "../../outgoing/decode_text.ts";
import { isPlain, readFirst, toPlainText } from "./response_bytes.ts";
import { type Form, mediaTypeOf, toForm } from "./media_type.ts";
import { parseBody, type Reading } from "./reading.ts";
import { type AnswerRedactor, createAnswerRedactor } from "./redact.ts";
import { toRefusal } from "./refusal.ts";

/** A successful answer. */
export interface RestResponse {
  readonly status: number;
  readonly content: Content;
  /** How it differs from the documentation; undefined if it does not. */
  readonly oddity: string | undefined;
  /** The `Link` header; empty if there is none. */
  readonly link: string;
  readonly isDegraded: boolean;
}

/** The content. */
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
  /** Nothing of it can be passed on. */
  | { readonly kind: "unread" }
  | { readonly kind: "empty" };

/** The content, and how it differs from the documentation. */
type Found = Pick<RestResponse, "content"> & { readonly oddity?: string };

/**
 * Reads an answer to its end; `url` is that of its request. Rejects with a GatewayError for other
 * statuses, for a body that does not end in time, and for an unreadable body of a read-only call:
 * there the answer was the purpose of the call.
 */
export async function readResponse(
  answer: HttpAnswer,
  url: string,
  reading: Reading,
): Promise<RestResponse> {
  const { status, headers, isDegraded } = answer;
  if (status >= 300) throw await toRefusal(answer, url, reading);
  const redactor = createAnswerRedactor(reading.shown, reading.headers);
  const { content, oddity } = await readContent(answer, reading, redactor);
  const link = redactor.fromText(headers.get("link") ?? "");
  return { status, content, oddity, link, isDegraded };
}

async function readContent(
  answer: HttpAnswer,
  reading: Reading,
  redactor: AnswerRedactor,
): Promise<Found> {
  const { status, headers, body } = answer;
  const mediaType = mediaTypeOf(headers);
  const length = toLength(headers.get("content-length"));
  if (status === 204 || status === 205 || length === 0) {
    // The body has no content, so a fault in it does not matter.
    await body.cancel().catch(() => {});
    return { content: { kind: "empty" } };
  }
  const form = toForm(mediaType, reading.operation);
  const { kind } = form;
  const odd = oddOf(form, mediaType);
  const toFile = (size: number | undefined): Found => ({
    content: { kind: "other", mediaType, bytes: size },
    ...odd,
  });
  const isFile = kind === "image" || kind === "audio" || (kind === "file" && !form.isOdd);
  const bytesMax = reading.limits[isFile ? "restMediaBytesMax" : "responseBytesMax"];
  if (isFile && (length ?? 0) > bytesMax) {
    await body.cancel().catch(() => {});
    return toFile(length);
  }
  const { bytes, isWhole, fault } = await readFirst(body, bytesMax);
  if (!isWhole && fault === undefined && isFile) return toFile(length);
  if (!isWhole) {
    const why = `gave an answer that cannot be read: it is larger than ${bytesMax} bytes`;
    const error = fault ?? answer.toError(why, "bad_upstream_response");
    return toBroken(error, bytes, answer, reading, redactor);
  }
  if (kind === "image" || kind === "audio") {
    const data = bytesToBase64(bytes);
    return { content: { kind: "media", type: kind, mimeType: mediaType, data }, ...odd };
  }
  const text = kind === "file" ? toPlainText(bytes) : decodeText(bytes, headers);
  if (text?.trim() === "") return { content: { kind: "empty" } };
  if (text === undefined) return toFile(bytes.length);
  const parsed = kind === "json" || form.isOdd ? parseBody(text, reading.limits) : undefined;
  if (parsed !== undefined && (!form.isPage || typeof parsed.value === "object")) {
    const { value } = parsed;
    const safe = redactor.mayConcern(text) ? redactor.fromValue(value) : value;
    return { content: { kind: "json", value: safe, chars: text.length } };
  }
  if (!isPlain(text)) return toFile(bytes.length);
  const oddity = kind === "json" ? "the answer is not valid JSON" : odd.oddity;
  return oddity === undefined
    ? { content: { kind: "text", text: redactor.fromText(text) } }
    : toOddText(text, oddity, redactor);
}

/** A body that did not arrive completely: the beginning, if the call may have changed something. */
function toBroken(
  fault: unknown,
  bytes: Uint8Array,
  { headers }: HttpAnswer,
  { operation }: Reading,
  redactor: AnswerRedactor,
): Found {
  const error = toGatewayError(fault);
  const isKnown = error.code === "bad_upstream_response" || error.code === "upstream_unavailable";
  if (operation.readOnly || !isKnown) throw error;
  const oddity = `the answer is not complete: ${whyBroken(error)}`;
  // The last character may be incomplete.
  const text = decodeText(bytes, headers).replace(/\ufffd+$/, "");
  return text.trim() === "" || !isPlain(text)
    ? { content: { kind: "unread" }, oddity }
    : toOddText(text, oddity, redactor);
}

function whyBroken({ code, message }: GatewayError): string {
  return code === "bad_upstream_response"
    ? message.slice(message.indexOf(": ") + 2)
    : "the connection broke";
}

/** An undocumented text can repeat credentials that were sent to the API, in any form. */
function toOddText(text: string, oddity: string, redactor: AnswerRedactor): Found {
  const safe = redactor.fromText(text);
  return redactor.mayConcern(safe)
    ? { content: { kind: "unread" }, oddity: `${oddity}, and may repeat a credential` }
    : { content: { kind: "text", text: safe }, oddity };
}

function oddOf({ isOdd, isPage }: Form, mediaType: string): Pick<Found, "oddity"> {
  if (!isOdd) return {};
  const what = mediaType === "" ? "something without a type" : `"${mediaType}"`;
  return { oddity: `the answer is ${isPage ? `a page (${what})` : what} instead of JSON` };
}

function toLength(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}
