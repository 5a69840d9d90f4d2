/** Bounds on the gateway itself: database, log, files and configuration. */

/** The rows. */
export const houseLimits = {
  /** A locked database holds the event loop for at most this long per statement. */
  databaseBusyMs: 50,
  /** A health check writes at most this often while writing works, and this often after a failure. */
  storageCheckMs: 10_000,
  storageRetryMs: 1_000,
  /** What it writes after a failure: more than a session needs. */
  storageProbeBytes: 16 * 1024,
  /** The write-ahead log is cut back to this after a burst. */
  journalBytesMax: 4 * 1024 * 1024,
  /** An edited file is read once its writer had time to finish, and looked at this often. */
  watchSettleMs: 100,
  watchPollMs: 2_000,
  /** Signals that follow the first one this soon are its copies, sent by npx and by script runners. */
  signalEchoMs: 1_000,
  /** A log file before it is rotated, and how many old ones stay. */
  logBytesMax: 10 * 1024 * 1024,
  logFilesMax: 5,
  /** Records waiting for the log file; beyond it they are dropped and counted. */
  logRecordsMax: 10_000,
  /** The same message so often in this time, then it is counted; of so many messages at once. */
  logRepeatsMax: 200,
  logRepeatsMs: 10_000,
  logMessagesMax: 100,
  /** The addresses of this machine's interfaces are read again after this; a network may be added. */
  addressesMs: 5_000,
  /** One log record's text. */
  logCharsMax: 8_192,
  /** Of a failed call in the log: its reason, and the name of what was called. */
  logReasonCharsMax: 300,
  logNameCharsMax: 200,
  /** Any time that a person may configure: both runtimes fire longer timers at once. */
  timerMsMax: 2_147_483_647,
  /** The name of a configured server: it is part of URLs, tool names and log lines. */
  serverNameCharsMax: 128,
} as const satisfies Record<string, number>;
