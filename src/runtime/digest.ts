/**
 * SHA-256, and signatures by it, without a promise. WebCrypto hashes on another thread, which costs
 * more than hashing a short text.
 */
import { createHmac, createSecretKey, hash } from "node:crypto";

/** SHA-256 of a text in hex. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}

/** HMAC-SHA-256 with a key: of a text and some bytes that follow it. */
export function hmacSha256(
  key: Uint8Array,
): (text: string, bytes: Uint8Array) => Uint8Array<ArrayBuffer> {
  const secret = createSecretKey(key);
  return (text, bytes) =>
    new Uint8Array(createHmac("sha256", secret).update(text).update(bytes).digest());
}
