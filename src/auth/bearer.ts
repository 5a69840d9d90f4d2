/**
 * Bearer tokens in the Authorization header (RFC 6750, 2.1), and their comparison, which reveals
 * nothing by its time. A token in a URL is refused: logs, histories and referrers keep URLs.
 */
import { sha256Hex } from "../seal.ts";
import type { Challenge } from "./authenticator.ts";

/** The token that a request carries; undefined if it carries none. */
export function bearerToken(headers: Headers): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}

/** Whether two tokens are equal. Digests are compared, so timing reveals nothing. */
export async function isSameToken(own: string, shown: string): Promise<boolean> {
  const [one, other] = await Promise.all([sha256Hex(own), sha256Hex(shown)]);
  return isSameDigest(one, other);
}

/** Whether two digests are equal; takes the same time wherever they differ. */
export function isSameDigest(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at++) {
    difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  }
  return difference === 0;
}

/** The tokens that the gateway itself makes: API keys, access and refresh tokens, codes. */
const ownToken = /^mcp[karc]_/;

/** The parameter of RFC 6750, 2.3, which OAuth 2.1 removed. */
const tokenParameter = "access_token";

/**
 * The challenge for a request whose URL carries a token; undefined if it carries none. Such a
 * request is refused even if its header has a valid token, so that the mistake is noticed.
 */
export function refuseUrlToken({ url }: Pick<Request, "url">): Challenge | undefined {
  const start = url.indexOf("?");
  if (start < 0) return undefined;
  const shown = [...new URLSearchParams(url.slice(start))].some(([name, value]) =>
    name.toLowerCase() === tokenParameter || ownToken.test(value)
  );
  if (!shown) return undefined;
  return {
    code: "unauthenticated",
    error: "invalid_request",
    message: "Tokens and keys in URLs are refused, since logs keep URLs: send the Authorization " +
      "header, and revoke the one that was sent",
  };
}
