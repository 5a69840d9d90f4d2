/**
 * The key by which instances of one gateway know each other. It is derived from `MCP_SECRET`, so it
 * is the same on all of them, and it differs from the key that seals what clients keep.
 */
import { base64urlToBytes, bytesToBase64url, bytesToHex } from "../bytes_text.ts";
import type { Limits } from "../limits.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** Signs what goes from one instance to another. */
export interface InternalKey {
  /** The signature of some bytes, for a context that no other message has. */
  sign(context: readonly string[], bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  verify(context: readonly string[], bytes: Uint8Array, signature: Uint8Array): boolean;
  /** SHA-256 of a text in hex, at once if the text is short. */
  digest(text: string): string | Promise<string>;
}

/** What the key needs of the platform. */
export type KeyRuntime = Pick<Runtime, "sha256" | "hmacSha256">;

const encoder = new TextEncoder();

/** The length of a signature (SHA-256). */
export const signatureBytes = 32;

/** Derives the key (HKDF-SHA-256). */
export async function deriveInternalKey(
  secret: string,
  { sha256, hmacSha256 }: KeyRuntime,
  { forwardHashedAtOnceMax }: Pick<Limits, "forwardHashedAtOnceMax">,
): Promise<InternalKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, [
    "deriveBits",
  ]);
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode("instances") },
    material,
    signatureBytes * 8,
  );
  const hmac = hmacSha256(new Uint8Array(bits));
  // The text of a context has no line break, so no other context and bytes are the same.
  const sign: InternalKey["sign"] = (context, bytes) => hmac(`${JSON.stringify(context)}\n`, bytes);
  return {
    sign,
    verify: (context, bytes, signature) => isSame(sign(context, bytes), signature),
    digest: (text) => text.length > forwardHashedAtOnceMax ? digestAside(text) : sha256(text),
  };
}

/** Compares in a time that does not depend on where two signatures differ. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) difference |= (one[at] ?? 0) ^ (other[at] ?? 0);
  return difference === 0;
}

/** On another thread. */
async function digestAside(text: string): Promise<string> {
  return bytesToHex(
    new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))),
  );
}

/** A signature as text. */
export function toSignatureText(signature: Uint8Array<ArrayBuffer>): string {
  return bytesToBase64url(signature);
}

/** The signature that a text holds; undefined for any other text. */
export function toSignature(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = base64urlToBytes(text);
    return bytes.length === signatureBytes ? bytes : undefined;
  } catch {
    return undefined;
  }
}
