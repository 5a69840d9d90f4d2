/** Limits on servers that speak MCP: their processes, lists, calls and questions. */

/** The rows. */
export const serverLimits = {
  /** A line on a program's stdout. */
  lineBytesMax: 16 * 1024 * 1024,
  /** Memory that stays reserved for joining lines that arrive in pieces. */
  joinedBytesKept: 1024 * 1024,
  /** A message that a program spreads over many lines, gathered to recognise it. */
  spreadCharsMax: 1024 * 1024,
  /** Read failures in a row after which the restart policy takes over (case P1). */
  readFailuresMax: 5,
  /** The first and the longest backoff after a read failure (case P1). */
  readRetryMsMin: 100,
  readRetryMsMax: 30_000,
  /** Bytes queued for one program that does not read. */
  writeBytesMax: 8 * 1024 * 1024,
  /** Notices of one exchange that wait for their reader, and their size; further ones are dropped. */
  exchangeRepliesMax: 1_000,
  exchangeCharsMax: 512 * 1024,
  /** The handshake with a server, including the start of its process. */
  startMs: 30_000,
  /** One call without any message from its server. */
  callMs: 60_000,
  /** One call, however much progress its server reports. */
  callMsMax: 600_000,
  /** The time for a person at the client to answer. */
  askMs: 600_000,
  /** Questions asked within this time travel together. */
  parkGatherMs: 10,
  /** A parked call waits this long for its client to return. */
  parkMs: 600_000,
  /** Parked calls, in all and of one client: each holds a process or stream. */
  parksMax: 1_000,
  parksPerPrincipalMax: 64,
  /**
   * Between two looks at a task that the gateway awaits: without a proposal of its server, and the
   * bounds of a proposal. After so many looks in a row that fail, the task is given up.
   */
  taskPollMs: 1_000,
  taskPollMsMin: 100,
  taskPollMsMax: 30_000,
  taskPollFailuresMax: 3,
  /** Rounds of questions in one call. */
  roundsMax: 8,
  /** Between two rounds without a question. */
  roundBackoffMs: 250,
  /**
   * Connections of one client at one server, and of all that do not authenticate; a call that may
   * ask needs one for itself.
   */
  leasesMax: 8,
  scopeLeasesMax: 64,
  /** Calls that wait for one of these; and how long one waits before parks give way. */
  leasesWaitingMax: 1_000,
  parkYieldMs: 250,
  /** A parked call that gives way may end by itself for this long, as its questions are refused. */
  parkLeaveMs: 500,
  /** A call that has run for this long is less likely to ask than one that begins. */
  freshCallMs: 250,
  /** Names of one server's tools and prompts that are remembered because they asked nothing. */
  quietCallsMax: 1_000,
  /** For this long a question without an owner may still belong to a cancelled call. */
  strayQuestionMs: 5_000,
  /**
   * Cancelled requests remembered of one server, which may answer before it reads the cancellation.
   */
  givenUpMax: 1_000,
  /** How long the gateway trusts what it knows of a server's protocol; only refusals expire. */
  dialectKnownMs: 600_000,
  /** The wait for the ping of a program that pings at its handshake, before its first call. */
  earlyPingMs: 250,
  /** An answer to the first message, which some servers do not understand. */
  probeMs: 5_000,
  /** A list from one server when several are merged. */
  listMs: 2_000,
  /** A list that is in memory by now, of a server that was too slow before. */
  listKnownMs: 200,
  /**
   * How long `initialize` waits for servers that were never started before; so do the first lists
   * of a client that listens for changes.
   */
  firstListMs: 5_000,
  /** How long the list of a client that does not listen waits: SDK clients give up after 60 s. */
  listWaitMsMax: 55_000,
  /** How often such a list checks whether its client has begun to listen. */
  listRecheckMs: 500,
  /**
   * How long a list is kept that its server calls stale at once: calls look up their tools in it.
   */
  listFreshMsMin: 1_000,
  /** The tool list of a server that declares nothing: its start waits for it. */
  undeclaredListMs: 5_000,
  /** Pages read of one server's list. */
  listPagesMax: 100,
  /** Items kept of one upstream's list. */
  listItemsMax: 10_000,
  /** Files in one upstream's list of skills: each of them is looked at whenever skills are listed. */
  skillFilesMax: 50_000,
  /** A tool's name or a resource's URI: each list and look-up contains them. */
  listIdentityCharsMax: 2_048,
  /**
   * Schemas within an output schema, counting repetitions by references: ajv takes 1 ms for two.
   */
  schemaPartsMax: 5_000,
  /** Schemas that contain references and are referred to: ajv compiles them inside each other. */
  schemaTargetsMax: 200,
  /** A replaced input schema is quoted in the tool's description up to this length. */
  schemaNoteCharsMax: 4_096,
  /** Logged corrections of one server's lists, each once, and items named in one line. */
  correctionsLoggedMax: 200,
  correctionItemsMax: 10,
  /** The instructions of all servers together. */
  instructionsCharsMax: 32_768,
  /**
   * What a server says about itself, as JSON. Members that do not fit are left out, because each
   * connection keeps them.
   */
  serverInfoBytesMax: 128 * 1024,
  serverCapabilitiesBytesMax: 64 * 1024,
  /**
   * What clients see of a server: its title, its website's URL, its icons (in all, including data
   * URLs).
   */
  serverTitleCharsMax: 100,
  serverUrlCharsMax: 2_048,
  serverIconsMax: 8,
  serverIconCharsMax: 64 * 1024,
  /** Connections (server processes) at the same time; idle ones give way. */
  processesMax: 256,
  /** Those that serve one client alone: the rest is for others. */
  principalProcessesMax: 192,
  /** Ended sessions remembered of each server: their remaining work must start no connection. */
  endedScopesMax: 1_000,
  /** Processes that start at the same time; more cold starts overload a small machine. */
  startsMax: 2,
  /** After this long a start counts as waiting and no longer as work, and others may start. */
  startBusyMs: 2_000,
  /** Starts that wait for their turn, of all servers and sessions. */
  startsWaitingMax: 1_000,
  /** How long the process of a trial stays without a call. */
  trialIdleMs: 60_000,
  /** After this a trial that found no free place is repeated. */
  trialRetryMs: 5_000,
  /**
   * Between closing the stdin of a trial's process and SIGTERM: a session's process may wait for
   * it.
   */
  trialStopMs: 500,
  /** A server that takes longer to start gets a spare process while it is in use. */
  spareStartMs: 1_000,
  /** Spares of all servers: each costs a process's memory that no session uses yet. */
  sparesMax: 8,
  /**
   * An older spare is replaced: the files and connections that it opened at its start may be stale.
   */
  spareAgeMs: 900_000,
  /** A connection without open calls or subscriptions. */
  idleMs: 900_000,
  /** The first and the longest backoff before a dead process starts again. */
  restartMsMin: 500,
  restartMsMax: 60_000,
  /** Failed starts in a row after which the log reports a crash loop and retries become slow. */
  restartsMax: 3,
  /**
   * A server in which nothing failed for so long since a start that went well is healthy: its next
   * failure is a first one again. Servers that fail once a minute must not start at once each time.
   */
  healthyMs: 120_000,
  /** A program that has said nothing for so long, and has nothing to do, is pinged. */
  healthCheckMs: 30_000,
  /** The time to answer a ping; after so many in a row without a message, the program is replaced. */
  pingMs: 10_000,
  pingMissesMax: 2,
  /** A process that lives longer is no cause of the deaths of others in its scope. */
  provenMs: 5_000,
  /** Scopes of one server with such processes; the longest quiet leave first. */
  crashingScopesMax: 1_000,
  /** The wait after closing stdin, and after SIGTERM, before the next stronger signal. */
  stopMs: 5_000,
  /** `list_changed` notices of one server within this time are merged. */
  changeDebounceMs: 50,
  /**
   * Stored catalogs of one server's name (one for each environment, revision and capabilities), and
   * in all.
   */
  catalogsPerServerMax: 64,
  catalogsMax: 1_000,
  /** One stored catalog; a larger one is not stored, and its server is asked at each start. */
  catalogCharsMax: 2 * 1024 * 1024,
  /**
   * Different declarations of extensions by the stateless clients of one principal that servers get
   * as they are, and how long one counts after its last use. At many servers each costs a process.
   */
  extensionMapsMax: 4,
  extensionMapMs: 900_000,
  /**
   * A server may list other things for clients with other extensions: how many such variants of its
   * lists are kept, for a connection and for a client.
   */
  listVariantsMax: 16,
  /**
   * How long a list waits for the first connection of a client with these extensions, before one
   * that was made for others stands in.
   */
  otherListMs: 4_000,
  /** Lines of one program's stderr that are logged per second; the rest is counted. */
  stderrLinesPerSecondMax: 10,
  /** Characters kept of one stderr line. */
  stderrLineCharsMax: 2_048,
  /** Open questions of one server process: each costs a person's attention, and memory. */
  asksMax: 64,
  /**
   * A program that has written so much before it is read is ahead of its reader: such output is read
   * in pieces, and after each it may be another's turn. A piece of short messages takes less than a
   * millisecond.
   */
  readAheadBytes: 16 * 1024,
  readPieceBytes: 8 * 1024,
  /**
   * Output of all programs that is read in one turn of the event loop: a few large results. A notice
   * counts as so many bytes at least: no client's requests bound their number, and short ones cost
   * more than their bytes.
   */
  readTurnBytes: 512 * 1024,
  readNoticeBytes: 8 * 1024,
  /**
   * Memory is looked at after so many bytes of floods. If it has grown by so many, garbage is
   * collected, which stops all else for some milliseconds; the larger bound is for runtimes on which
   * that takes tens of them.
   */
  floodLookBytes: 512 * 1024,
  floodGrowthBytes: 6 * 1024 * 1024,
  floodGrowthLargeBytes: 16 * 1024 * 1024,
  /** Endless output yields to all other work after this long. */
  readTurnMs: 20,
  /**
   * Lines of one program that answer nothing (notices, garbage) in one window; then reading waits.
   */
  outputLinesMax: 10_000,
  outputWindowMs: 1_000,
  /** Windows in a row with nothing but garbage, after which the program is stopped. */
  outputWindowsMax: 10,
  /** Between two log records about the same kind of bad line. */
  outputLogMs: 10_000,
  /** How long the output of a program is still read after it has exited. */
  exitDrainMs: 200,
  /** Between SIGTERM and SIGKILL for the rest of a process group whose leader has exited. */
  strayMs: 500,
  /** A line on a program's stderr; longer ones are dropped. */
  stderrLineBytesMax: 64 * 1024,
  /** Kept of the first lines that a program printed, and of those that look like an error. */
  startOutputLinesMax: 10,
  /** Characters of the lines that look like an error; the first lines get twice that. */
  startOutputCharsMax: 4_096,
  /** Number and length of the last lines, which are kept too. */
  startOutputTailLinesMax: 5,
  startOutputTailCharsMax: 256,
  /** A server's own words in an error that callers see. */
  serverTextCharsMax: 200,
} as const satisfies Record<string, number>;
