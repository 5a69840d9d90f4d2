/** Limits on how clients authenticate: keys, tokens and what is remembered of them. */

/** The rows. */
export const accessLimits = {
  /** Verified tokens that are remembered, each with its principal; the oldest gives way. */
  verifiedTokensMax: 10_000,
  /** Keys in the store; each belongs to a program or a person. */
  accessKeysMax: 1_000,
  /** The name of a key or a role: logs and the ids of principals contain them. */
  accessNameCharsMax: 64,
  /** What one key is limited to: names of servers and tools, and its roles. */
  keyNamesMax: 100,
  /** The last uses of keys are stored together, this long after the first of them. */
  keyUseFlushMs: 30_000,
} as const satisfies Record<string, number>;
