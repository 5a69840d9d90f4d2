/** Limits on how clients authenticate: keys, tokens and what is remembered of them. */

/** The rows. */
export const accessLimits = {
  /** Verified tokens that are remembered, each with its principal; the oldest gives way. */
  verifiedTokensMax: 10_000,
} as const satisfies Record<string, number>;
