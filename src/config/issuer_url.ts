/** Which URLs the configuration may have for an issuer of tokens. */
import { isLoopback } from "./loopback.ts";

/**
 * Whether a text is a URL that the gateway may read without a login: over TLS, or on this machine.
 * Characters that parsers disagree about are refused.
 */
export function isIssuerUrl(text: string): boolean {
  if (!URL.canParse(text) || /[\s\\@]/.test(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}

/** The same for the name of an issuer, which has neither query nor fragment (RFC 8414, 2). */
export function isIssuerName(text: string): boolean {
  return isIssuerUrl(text) && !/[?#]/.test(text);
}
