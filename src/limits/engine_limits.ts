/** Limits on the engine that MCP_STORE names: a server that speaks the protocol of Redis. */

/** The rows. */
export const engineLimits = {
  /** Where an engine listens whose URL names no port. */
  enginePort: 6_379,
  /**
   * One command. A healthy engine answers in less than a millisecond; a snapshot or a failover may
   * stall it for a second.
   */
  engineCommandMs: 5_000,
  /** A connection on which nothing arrives is cut after this time, and tested this often. */
  engineSilenceMs: 5_000,
  enginePingMs: 1_000,
  /** One attempt to connect, and all of them at the start of the gateway. */
  engineConnectMs: 3_000,
  engineStartMs: 15_000,
  /** The first and the longest pause between two attempts; each is shortened by chance. */
  engineRetryMsMin: 100,
  engineRetryMsMax: 2_000,
  /** Commands that wait for their answers; further ones are refused at once. */
  engineCommandsMax: 10_000,
  /** How often a small write tests the engine: while it works, and while it does not. */
  engineProbeMs: 2_000,
  engineProbeAgainMs: 500,
  /** How long the test's key lives: it only shows that writing works. */
  engineProbeKeyMs: 60_000,
  /** For so long the engine may be away before `/ready` says so. */
  engineGraceMs: 5_000,
  /** The engine belongs to one gateway for so long after its last renewal. */
  engineLeaseMs: 10_000,
  engineLeaseRenewMs: 3_000,
  /** After this time without a renewal, the gateway uses the engine no longer. */
  engineLeaseTrustMs: 8_000,
  /** How often a start looks whether the lease of another gateway has run out. */
  engineLeaseLookMs: 500,
  /**
   * What one instance alone may do, such as a refresh of a token: for so long after its last renewal,
   * how often it renews, and after which time without a renewal it stops.
   */
  engineLockMs: 10_000,
  engineLockRenewMs: 3_000,
  engineLockTrustMs: 8_000,
  /** How often another instance looks whether it may, and for how long: two refreshes may take that. */
  engineLockLookMs: 100,
  engineLockWaitMs: 60_000,
  /** Rows in one script: other clients of the engine wait while it runs. */
  engineBatchMax: 250,
  /** A session that no gateway ends leaves the engine so long after its timeout. */
  engineSessionGraceMs: 3_600_000,
  /** Batches of frames that are kept of one session, their bytes, and those of all sessions. */
  engineFramesMax: 4_096,
  engineFramesBytesMax: 2 * 1024 * 1024,
  engineFramesTotalBytesMax: 256 * 1024 * 1024,
  /** How often a change of a row is tried when others change it at the same time. */
  engineChangeAttemptsMax: 50,
  /** An expired code or token leaves the engine so much later: until then its reuse is noticed. */
  engineTokenGraceMs: 3_600_000,
} as const satisfies Record<string, number>;
