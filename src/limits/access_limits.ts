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
  /** The longest token of another issuer; a larger one would not fit into the head of a request. */
  jwtCharsMax: 16_384,
  /**
   * How long the keys of an issuer are used before they are read again, and how long they stay in
   * use while that fails.
   */
  issuerKeysMs: 300_000,
  issuerKeysMsMax: 24 * 3_600_000,
  /**
   * Between two readings of an issuer's keys: whatever tokens arrive, and while there are no keys
   * at all.
   */
  issuerKeysPauseMs: 60_000,
  issuerKeysRetryMs: 5_000,
  /** One reading with all its requests, and how long a request that knows older keys waits for it. */
  issuerReadMs: 10_000,
  issuerPatienceMs: 1_000,
  /** Keys of one issuer. */
  issuerKeysMax: 100,
} as const satisfies Record<string, number>;
