/**
 * The key by which instances of one gateway know each other. It is derived from `MCP_SECRET`, so it
 * is the same on all of them, and it differs from the key that seals what clients keep.
 */
import { base64urlToBytes, bytesToBase64url } from "../bytes_text.ts";

/** Signs what goes from one instance to another. */
export interface InternalKey {
  /** The signature of some bytes, for a context that no other message has. */
  sign(context: readonly string[], bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  verify(
    context: readonly string[],
    bytes: Uint8Array,
    signature: Uint8Array<ArrayBuffer>,
  ): Promise<boolean>;
}

const encoder = new TextEncoder();

/** The length of a signature (SHA-256). */
export const signatureBytes = 32;

/** Derives the key (HKDF-SHA-256). */
export async function deriveInternalKey(secret: string): Promise<InternalKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, [
    "deriveKey",
  ]);
  const key = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode("instances") },
    material,
    { name: "HMAC", hash: "SHA-256", length: signatureBytes * 8 },
    false,
    ["sign", "verify"],
  );
  return {
    async sign(context, bytes) {
      return new Uint8Array(await crypto.subtle.sign("HMAC", key, joined(context, bytes)));
    },
    verify: (context, bytes, signature) =>
      crypto.subtle.verify("HMAC", key, signature, joined(context, bytes)),
  };
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

/** Context and bytes, in a form that no others have: the text of the context has no line break. */
function joined(context: readonly string[], bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`${JSON.stringify(context)}\n`);
  const all = new Uint8Array(head.length + bytes.length);
  all.set(head);
  all.set(bytes, head.length);
  return all;
}
