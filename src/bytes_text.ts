/**
 * Bytes as text: Base64, base64url without padding, and hex. Uses the engine's own functions where
 * it has them. Node 22 has none, so there `btoa` and `atob` do the work. The two forgive the same:
 * blanks and missing padding.
 */

const url = { alphabet: "base64url", omitPadding: true } as const;
const isNative = "toBase64" in Uint8Array.prototype && "fromBase64" in Uint8Array;

/** Bytes that become characters with one call: few enough for the arguments of a call. */
const pieceSize = 900;

/** The Base64 of bytes, padded. */
export const bytesToBase64: (bytes: Uint8Array) => string = isNative
  ? (bytes) => bytes.toBase64()
  : encodeByBtoa;

/** The base64url of bytes, without padding. */
export const bytesToBase64url: (bytes: Uint8Array) => string = isNative
  ? (bytes) => bytes.toBase64(url)
  : (bytes) => encodeByBtoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/={1,2}$/, "");

/** The bytes of a Base64 text, padded or not; throws if it is none. */
export const base64ToBytes: (text: string) => Uint8Array<ArrayBuffer> = isNative
  ? (text) => Uint8Array.fromBase64(text)
  : decodeByAtob;

/** The bytes of a base64url text, padded or not; throws if it is none. */
export const base64urlToBytes: (text: string) => Uint8Array<ArrayBuffer> = isNative
  ? (text) => Uint8Array.fromBase64(text, url)
  : (text) => {
    if (/[+/]/.test(text)) throw new SyntaxError("Cannot decode base64url: it has + or /");
    return decodeByAtob(text.replaceAll("-", "+").replaceAll("_", "/"));
  };

/** The bytes as digits of hex, in lower case. */
export const bytesToHex: (bytes: Uint8Array) => string = isNative
  ? (bytes) => bytes.toHex()
  : (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function encodeByBtoa(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += pieceSize) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + pieceSize)));
  }
  return btoa(pieces.join(""));
}

function decodeByAtob(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** How many bytes a Base64 text has. */
export function base64Bytes(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.floor((text.length - padding) * 3 / 4);
}
