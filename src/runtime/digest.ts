/**
 * SHA-256 without a promise. WebCrypto hashes on another thread, and that detour costs five to ten
 * times as much as the hash itself.
 */
import { hash } from "node:crypto";

/** SHA-256 of a text in hex. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}
