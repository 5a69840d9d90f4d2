/**
 * A credential that was fetched: what it holds, as it is stored, and when the next one is wanted;
 * or why none could be fetched.
 */
import * as v from "valibot";
import { type ProofJwk, proofJwkSchema } from "./dpop_proof.ts";
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
  /** Who issued it, where the server itself named the issuer. */
  readonly issuer?: string | undefined;
  /** The private key that it is bound to (RFC 9449). */
  readonly proofKey?: ProofJwk | undefined;
}

const text = v.optional(v.string());
const storedTokenSchema = v.object({
  token: v.string(),
  obtainedAt: v.number(),
  expiresAt: v.optional(v.number()),
  refreshToken: text,
  baseUrl: text,
  issuer: text,
  proofKey: v.optional(proofJwkSchema),
});

/** Why none could be fetched. */
export interface FetchFailure extends CredentialFailure {
  /** A retry cannot succeed before a person intervenes. */
  readonly isRefusal: boolean;
}

/** When the next one is wanted (wall clock). */
export function renewalOf(
  { obtainedAt, expiresAt }: Pick<StoredToken, "obtainedAt" | "expiresAt">,
  skewMs: number,
): number {
  if (expiresAt === undefined) return Infinity;
  return expiresAt - Math.min(skewMs, (expiresAt - obtainedAt) / 2);
}

/** What was stored, if it is a credential. */
export function toStoredToken(stored: Readonly<Record<string, unknown>>): StoredToken | undefined {
  const parsed = v.safeParse(storedTokenSchema, stored);
  return parsed.success ? parsed.output : undefined;
}
