/**
 * Bearer tokens in the Authorization header (RFC 6750, 2.1), and their comparison, which reveals
 * nothing by its time.
 */
import { sha256Hex } from "../seal.ts";

/** The token that a request carries; undefined if it carries none. */
export function bearerToken(headers: Headers): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}

/** Whether two tokens are equal. Digests are compared, so timing reveals nothing. */
export async function isSameToken(own: string, shown: string): Promise<boolean> {
  const [one, other] = await Promise.all([sha256Hex(own), sha256Hex(shown)]);
  return one === other;
}
