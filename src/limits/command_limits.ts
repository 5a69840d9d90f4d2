/** Limits on the command line: how long it waits, and how much it reads and prints. */

/** The rows. */
export const commandLimits = {
  /** A running gateway proves that it is one; a program that does not answer is none. */
  helloMs: 3_000,
  /** An answer of the admin API; a restart waits for the end of processes. */
  adminCallMs: 30_000,
  adminAnswerBytesMax: 16 * 1024 * 1024,
  /** A command that takes longer than this says on a terminal what it is doing. */
  progressDelayMs: 1_000,
  /** How often `logs -f` looks for new lines, and how much of the log it reads at once. */
  logPollMs: 250,
  logPieceBytes: 1024 * 1024,
  /** How long `doctor` waits for a server to know what it offers, once its tools are listed. */
  offersMs: 3_000,
  offersPollMs: 50,
  /**
   * How long `auth login` waits for the person by default and at most, and how often it looks. The
   * link itself lives ten minutes.
   */
  loginWaitMs: 600_000,
  loginWaitMsMax: 3_600_000,
  loginPollMs: 500,
  /** How long the program that opens a browser may take. */
  browserStartMs: 10_000,
  /** The width of texts for a person where there is no terminal. */
  plainColumns: 80,
  /** Words of a server in a list: its description, its last error. */
  describedCharsMax: 2_000,
} as const satisfies Record<string, number>;
