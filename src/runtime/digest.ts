/**
 * SHA-256 without a promise. WebCrypto hashes on another thread, which costs more than hashing a
 * short text.
 */
import { hash } from "node:crypto";

/** SHA-256 of a text in hex. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}
