/** Limits on the gateway itself: database, log, files and configuration. */

/** The rows. */
export const houseLimits = {
  /** The longest time that one statement on a locked database blocks the event loop. */
  databaseBusyMs: 50,
  /**
   * How long the opening of a database waits until another process releases it: a gateway that stops
   * or a command that works. The first and the longest backoff between two attempts.
   */
  databaseLockedMs: 2_000,
  databaseRetryMsMin: 20,
  databaseRetryMsMax: 250,
  /**
   * The shortest time between two test writes of health checks: while writing works, and after a
   * failure.
   */
  storageCheckMs: 10_000,
  storageRetryMs: 1_000,
  /** The size of a test write after a failure: more than a session needs. */
  storageProbeBytes: 16 * 1024,
  /**
   * Changes of one kind that wait in memory for a database that takes no writes, and those that it
   * takes in one turn of the event loop once it is healed.
   */
  backlogMax: 1_000,
  backlogBatchMax: 100,
  /** Copies of the database that are kept from before its tables were converted. */
  databaseCopiesMax: 3,
  /** Corrupt databases that are kept; then the disk is to be looked at before the next start. */
  corruptFilesMax: 100,
  /** The size to which the write-ahead log shrinks after a burst. */
  journalBytesMax: 4 * 1024 * 1024,
  /**
   * The gateway reads an edited file after its writer had this time to finish, and checks for edits
   * this often.
   */
  watchSettleMs: 100,
  watchPollMs: 2_000,
  /**
   * How long the command of another program may take to add a server, how much of its output is
   * read, and how much of it an error text shows.
   */
  ownCommandMs: 30_000,
  ownCommandBytesMax: 64 * 1024,
  ownCommandCharsMax: 300,
  /** Further signals within this time are copies of the first, sent by npx and script runners. */
  signalEchoMs: 500,
  /** Messages that listeners of the bus published and that wait for the one before: a loop ends here. */
  busMessagesMax: 1_000,
  /**
   * How often an instance compares the messages that it heard with those that others sent. What was
   * announced at one look must be here at the next, so a lost message is noticed after two.
   */
  busCheckMs: 2_000,
  /** A log file before it is rotated, and how many old ones stay. */
  logBytesMax: 10 * 1024 * 1024,
  logFilesMax: 5,
  /** Records that wait for the log file; further ones are dropped and counted. */
  logRecordsMax: 10_000,
  /** Lines for a file that are written at once: fewer writes under load, and a file of about its size. */
  lineBatchCharsMax: 256 * 1024,
  /**
   * How often the same message is logged in this time before it is only counted, and the number of
   * different messages tracked.
   */
  logRepeatsMax: 200,
  logRepeatsMs: 10_000,
  logMessagesMax: 100,
  /** A body of the admin API: an entry of `mcp.json`, or the name of a file. */
  adminBodyBytesMax: 1024 * 1024,
  /** The nonce of the admin API's proof. */
  nonceCharsMin: 16,
  nonceCharsMax: 128,
  /** Programs that are attached to the gateway at the same time. */
  attachmentsMax: 200,
  /**
   * A gateway that was started for attached programs stops this long after the last one left, or
   * when the first one did not come.
   */
  unattachedMs: 5_000,
  firstAttachMs: 30_000,
  /** The addresses of this machine are read again after this; a network may have been added. */
  addressesMs: 5_000,
  /** One log record's text. */
  logCharsMax: 8_192,
  /** Of a failed call in the log: the reason, and the name of what was called. */
  logReasonCharsMax: 300,
  logNameCharsMax: 200,
  /** The longest time in a configuration: both runtimes fire longer timers at once. */
  timerMsMax: 2_147_483_647,
  /** What doctor finds too little on the disk of the data folder. */
  diskFreeBytesMin: 64 * 1024 * 1024,
  /** One request that doctor makes. */
  checkMs: 5_000,
  /** The time in which clients expect metadata and tokens; claude.ai gives up then. */
  clientPatienceMs: 10_000,
  /** Doctor warns of a certificate that ends within this. */
  certificateWarningMs: 14 * 24 * 60 * 60 * 1000,
  /** The difference to the clock of a server that is a warning, and one at which tokens fail. */
  clockWarningMs: 60_000,
  clockProblemMs: 300_000,
  /** The time in which a login shell must name its PATH, and what its files may print meanwhile. */
  loginShellMs: 5_000,
  loginShellBytesMax: 64 * 1024,
  /** A command line of Windows that cmd runs. */
  windowsCommandCharsMax: 8_191,
  /** The latest calls of a server whose median time its report shows. */
  callTimesMax: 64,
  /** Servers and profiles in the registry, and the JSON text of one entry. */
  registryServersMax: 500,
  registryProfilesMax: 500,
  registryEntryCharsMax: 64 * 1024,
  /** The name of a configured server or profile: it is part of URLs, tool names and log lines. */
  serverNameCharsMax: 128,
} as const satisfies Record<string, number>;
