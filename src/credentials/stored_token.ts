/**
 * A credential that was fetched: what it holds, as it is stored, and when the next one is wanted;
 * or why none could be fetched.
 */
import type { CredentialFailure } from "./provider.ts";

/** A credential that was fetched; plain data, since it is stored. */
export interface StoredToken {
  /** What is shown. */
  readonly token: string;
  /** Wall clock. */
  readonly obtainedAt: number;
  /** Absent: it is used until a server refuses it. */
  readonly expiresAt?: number | undefined;
  /** Gets the next one (RFC 6749, 6). */
  readonly refreshToken?: string | undefined;
  /** Where its requests go. */
  readonly baseUrl?: string | undefined;
}

/** Why none could be fetched. */
export interface FetchFailure extends CredentialFailure {
  /** A retry cannot succeed before a person intervenes. */
  readonly isRefusal: boolean;
}

/** When the next one is wanted (wall clock). */
export function renewalOf({ obtainedAt, expiresAt }: StoredToken, skewMs: number): number {
  if (expiresAt === undefined) return Infinity;
  return expiresAt - Math.min(skewMs, (expiresAt - obtainedAt) / 2);
}

/** What was stored, if it is a credential. */
export function toStoredToken(stored: Readonly<Record<string, unknown>>): StoredToken | undefined {
  const { token, obtainedAt, expiresAt, refreshToken, baseUrl } = stored;
  if (typeof token !== "string" || typeof obtainedAt !== "number") return undefined;
  if (expiresAt !== undefined && typeof expiresAt !== "number") return undefined;
  if (refreshToken !== undefined && typeof refreshToken !== "string") return undefined;
  if (baseUrl !== undefined && typeof baseUrl !== "string") return undefined;
  return { token, obtainedAt, expiresAt, refreshToken, baseUrl };
}
