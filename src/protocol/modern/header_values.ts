/**
 * Texts as values of HTTP headers: plain if that is safe, otherwise Base64 of UTF-8 between two
 * sentinels. Follows "Value Encoding" of the Streamable HTTP transport, 2026-07-28.
 */
import { base64ToBytes, bytesToBase64 } from "../../bytes_text.ts";

const opening = "=?base64?";
const closing = "?=";
/** Visible ASCII, with blanks inside only. */
const plain = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The header value for a text. */
export function encodeHeaderValue(text: string): string {
  const looksEncoded = text.startsWith(opening) && text.endsWith(closing);
  if (plain.test(text) && !looksEncoded) return text;
  return `${opening}${bytesToBase64(encoder.encode(text))}${closing}`;
}

/**
 * The text of a value; undefined if it is marked as Base64 but is not. A value with only one
 * sentinel is literal.
 */
export function decodeHeaderValue(value: string): string | undefined {
  const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, "");
  if (!trimmed.startsWith(opening) || !trimmed.endsWith(closing)) return trimmed;
  const body = trimmed.slice(opening.length, -closing.length);
  if (trimmed.length < opening.length + closing.length || !base64.test(body)) return undefined;
  try {
    return utf8.decode(base64ToBytes(body));
  } catch {
    return undefined;
  }
}
