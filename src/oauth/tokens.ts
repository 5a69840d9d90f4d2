/**
 * Codes and tokens as texts: random ones, and successors that are derived from a token with the
 * gateway's key, so that the same token leads to the same successor although only digests are
 * stored. A successor tells nothing about the token before it, nor can it be computed without the
 * key.
 */
import { makeKey, type Sealer, sha256Hex } from "../seal.ts";

/** What each kind begins with. */
const prefixes = { code: "mcpc_", access: "mcpa_", refresh: "mcpr_" } as const;

/** A kind of text. */
export type TokenKind = keyof typeof prefixes;

const form = /^mcp[acr]_[A-Za-z0-9_-]{43,64}$/;

/** A new code or token with 256 random bits. */
export function makeToken(kind: TokenKind): string {
  return `${prefixes[kind]}${makeKey()}`;
}

/** The one successor of a token for this purpose: HMAC-SHA-256 with the gateway's key. */
export async function deriveToken(
  sealer: Pick<Sealer, "digest">,
  kind: Exclude<TokenKind, "code">,
  from: string,
  detail = "",
): Promise<string> {
  const parts = JSON.stringify(["oauth successor", kind, from, detail]);
  return `${prefixes[kind]}${await sealer.digest(parts)}`;
}

/** Whether a text can be a token of this kind. */
export function hasTokenForm(text: string, kind: TokenKind): boolean {
  return text.startsWith(prefixes[kind]) && form.test(text);
}

/** What is stored in the place of a code or token. */
export const digestOf = sha256Hex;

/** A proof of possession (RFC 7636, 4.1). */
export function isVerifier(text: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(text);
}

/** The base64url text of a SHA-256 hash (RFC 7636, 4.2). */
export function isChallengeText(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
