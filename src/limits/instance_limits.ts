/** Limits on several instances that are one gateway: who owns what, and what is passed on. */

/** The rows. */
export const instanceLimits = {
  /**
   * How long an instance owns what it owns without a renewal, and how often it renews: two renewals
   * may fail.
   */
  ownerTermMs: 10_000,
  ownerRenewMs: 3_000,
  /** When a renewal that failed is tried again. */
  ownerRetryMs: 1_000,
  /**
   * An instance that could not renew for this long takes no new work on what it owns: before another
   * may own it, also if their clocks differ by a tenth.
   */
  ownerSilentMs: 8_000,
  /**
   * When the table has lost its rows, instances need so long to claim again what they own: to reach
   * the engine, and to renew. Until then, a session that is not found may be another instance's.
   */
  ownerReturnMs: 5_000,
  /** One command to the table of owners, in which it is answered or counts as failed. */
  ownerCommandMs: 2_000,
  /**
   * How long a request waits for the term of an owner that does not answer to end, and how often it
   * looks: a client is answered within 12 s.
   */
  takeoverWaitMs: 11_000,
  takeoverCheckMs: 500,
  /** Requests that wait for this; each holds its body. How many instances are looked at meanwhile. */
  ownerWaitsMax: 5_000,
  ownerLooksMax: 100,
  /** How often a request follows an owner that has just changed. */
  ownerChangesMax: 4,
  /** Owners of sessions elsewhere that are remembered; each says itself when it is no owner any more. */
  ownerRoutesMax: 20_000,
  /**
   * How long the table keeps an owner that never says that it still is one: after a crash that is
   * garbage. Owners say so three times as often, a few with each renewal.
   */
  ownerRowMs: 24 * 60 * 60 * 1_000,
  ownerRowsRenewedMax: 500,
  /** Owned things that are claimed again at the same time, after a term has ended unnoticed. */
  ownerClaimsMax: 16,
  /**
   * An instance that hands its sessions over goes on serving for so long, until load balancers have
   * asked whether it is ready; and for so long at most.
   */
  leaveMsMin: 5_000,
  leaveMs: 30_000,
  /** How long a connection to another instance may take. */
  forwardConnectMs: 2_000,
  /** After which time a living owner that could not be reached is asked again; it doubles. */
  forwardRetryMs: 1_000,
  /**
   * How far the clocks of two instances may differ, which is how old a forwarded request may be. For
   * twice that time, each nonce is remembered; without room for more, requests are refused.
   */
  forwardSkewMs: 15_000,
  forwardNoncesMax: 200_000,
  /** What one instance tells another of a client's request beside its body. */
  forwardHeadBytesMax: 64 * 1024,
  /**
   * Characters of a request that are hashed at once, within about a millisecond. Longer ones are hashed
   * on another thread, which costs more than hashing a short one.
   */
  forwardHashedAtOnceMax: 256 * 1024,
  /** Bytes of an answer that are signed together. */
  forwardRecordBytesMax: 256 * 1024,
  /** Requests that this instance has at others, and how often it looks whether those still live. */
  forwardedMax: 20_000,
  forwardCheckMs: 1_000,
} as const satisfies Record<string, number>;
