/** Bounds on servers that speak MCP: their processes, lists, calls and questions. */

/** The rows. */
export const serverLimits = {
  /** A line of a child's stdout. */
  lineBytesMax: 16 * 1024 * 1024,
  /** A message that a program spreads over many lines, gathered to say that it does. */
  spreadCharsMax: 1024 * 1024,
  /** Read failures in a row before a child is given to the supervisor (P1). */
  readFailuresMax: 5,
  /** First and longest pause after a read failure (P1). */
  readRetryMsMin: 100,
  readRetryMsMax: 30_000,
  /** Bytes queued toward one child that does not read. */
  writeBytesMax: 8 * 1024 * 1024,
  /** Replies of one exchange waiting for their reader; further notices are dropped. */
  exchangeRepliesMax: 1_000,
  /** Handshake with an upstream, its process start included. */
  startMs: 30_000,
  /** One call without any sign of life. */
  callMs: 60_000,
  /** One call, however much progress it reports. */
  callMsMax: 600_000,
  /** An answer by the person at the client. */
  askMs: 600_000,
  /** Questions asked at nearly the same time travel together. */
  parkGatherMs: 10,
  /** A paused call waits this long for its client to come back. */
  parkMs: 600_000,
  /** Paused calls, in all and of one principal: each holds an upstream's process or stream. */
  parksMax: 1_000,
  parksPerPrincipalMax: 64,
  /** Rounds of questions that one call may take. */
  roundsMax: 8,
  /** Between two rounds without a question. */
  roundBackoffMs: 250,
  /** Connections of one principal at one server, where a call that may ask needs one for itself. */
  leasesMax: 8,
  /** For this long a question without an owner may still belong to a call that was given up. */
  strayQuestionMs: 5_000,
  /** Requests of one server that were given up: it may not have heard that yet, and answers. */
  givenUpMax: 1_000,
  /** What is known of a server's protocol is believed this long; only what it refused expires. */
  dialectKnownMs: 600_000,
  /** A program that pings as soon as it is greeted: until its ping comes, before its first call. */
  earlyPingMs: 250,
  /** An answer to the first message that only some servers understand. */
  probeMs: 5_000,
  /** A list from one upstream when several are merged. */
  listMs: 2_000,
  /** A list that is known by now, of a server that has used up a client's patience before. */
  listKnownMs: 200,
  /**
   * How long initialize waits for servers that were never seen before, and so do the first lists of a
   * client that listens for changes.
   */
  firstListMs: 5_000,
  /** How long the list of a client that listens for no changes waits: SDK clients give up after 60 s. */
  listWaitMsMax: 55_000,
  /** How often such a list looks whether its client has begun to listen. */
  listRecheckMs: 500,
  /** A list that its server calls stale at once is kept for this long: calls look their tools up. */
  listFreshMsMin: 1_000,
  /** The tools of a server that declares nothing: its start waits for them. */
  undeclaredListMs: 5_000,
  /** Pages drained from one upstream's list. */
  listPagesMax: 100,
  /** Items kept of one upstream's list. */
  listItemsMax: 10_000,
  /** A tool's name, a resource's URI: each is in every list and look-up. */
  listIdentityCharsMax: 2_048,
  /** Schemas within an output schema, with what references repeat: ajv takes 1 ms for two of them. */
  schemaPartsMax: 5_000,
  /** Schemas that contain references and are referred to: ajv compiles them one within the other. */
  schemaTargetsMax: 200,
  /** An input schema that is replaced stands in the tool's description for the model, up to this. */
  schemaNoteCharsMax: 4_096,
  /** Corrections of one server's lists that are logged, each once, and items named in one line. */
  correctionsLoggedMax: 200,
  correctionItemsMax: 10,
  /** Instructions of all servers together. */
  instructionsCharsMax: 32_768,
  /** What a server says of itself as JSON: members that do not fit are left out, since each connection keeps it. */
  serverInfoBytesMax: 128 * 1024,
  serverCapabilitiesBytesMax: 64 * 1024,
  /** What is shown of a server: its title, the URL of its website, its icons (in all, data URLs too). */
  serverTitleCharsMax: 100,
  serverUrlCharsMax: 2_048,
  serverIconsMax: 8,
  serverIconCharsMax: 64 * 1024,
  /** Connections (child processes) alive at once; idle ones give way. */
  processesMax: 256,
  /** Ended sessions remembered of each server: what they still had under way must start no connection. */
  endedScopesMax: 1_000,
  /** Processes starting at once; more than two cold starts starve a small machine. */
  startsMax: 2,
  /** A start counts as work for this long; later it waits for something, and others may start. */
  startBusyMs: 2_000,
  /** Starts that wait for their turn, of all servers and sessions. */
  startsWaitingMax: 1_000,
  /** The process of a trial, while no call uses it. */
  trialIdleMs: 60_000,
  /** Until a trial that found no room is repeated. */
  trialRetryMs: 5_000,
  /** The process of a trial after its stdin is closed, before SIGTERM: a session's own may wait for it. */
  trialStopMs: 500,
  /** A server that takes longer to start has a spare process while it is in use. */
  spareStartMs: 1_000,
  /** Spares of all servers: each is a process's memory that no session uses yet. */
  sparesMax: 8,
  /** An older spare is replaced: what it opened when it started may have gone stale. */
  spareAgeMs: 900_000,
  /** A connection without open calls or subscriptions. */
  idleMs: 900_000,
  /** A pause before a child that died may be started again: first, longest. */
  restartMsMin: 500,
  restartMsMax: 60_000,
  /** Failed starts in a row after which a server is given up loudly and retried slowly. */
  restartsMax: 3,
  /** A process that dies sooner after its handshake never really ran: its scope's next ones must wait. */
  provenMs: 5_000,
  /** Scopes of one server whose processes died so: those that have been quiet for longest give way. */
  crashingScopesMax: 1_000,
  /** After stdin is closed, and again after SIGTERM, before the next stronger means. */
  stopMs: 5_000,
  /** list_changed notices of one upstream are merged within this time. */
  changeDebounceMs: 50,
  /** Stored catalogs of a server's name (one for each environment, revision, capabilities), and all. */
  catalogsPerServerMax: 64,
  catalogsMax: 1_000,
  /** One stored catalog; a larger one is not kept, and its server is asked at each start. */
  catalogCharsMax: 2 * 1024 * 1024,
  /** Lines of one child's stderr that are logged per second; the rest is counted. */
  stderrLinesPerSecondMax: 10,
  /** Characters kept of one stderr line. */
  stderrLineCharsMax: 2_048,
  /** Questions of one upstream process open at once; each is a person's attention and memory. */
  asksMax: 64,
  /** Output that never pauses gives way to all other work after this long. */
  readTurnMs: 20,
  /** Lines of one child that answer nothing (notices, garbage) in one window; then reading waits. */
  outputLinesMax: 10_000,
  outputWindowMs: 1_000,
  /** Windows in a row spent on garbage alone, after which the child is stopped. */
  outputWindowsMax: 10,
  /** Between two log records about the same kind of bad line. */
  outputLogMs: 10_000,
  /** What a child wrote before it ended may still be read for this long. */
  exitDrainMs: 200,
  /** Between SIGTERM and SIGKILL for those whom a child that ended by itself left in its group. */
  strayMs: 500,
  /** A line of a child's stderr; longer ones are thrown away. */
  stderrLineBytesMax: 64 * 1024,
  /** Kept of what a program printed first, and of its lines that look like an error. */
  startOutputLinesMax: 10,
  /** Characters of the lines that look like an error, and twice those of the first ones. */
  startOutputCharsMax: 4_096,
  /** Last lines kept beside them, and the characters of each. */
  startOutputTailLinesMax: 5,
  startOutputTailCharsMax: 256,
  /** A server's own words in an error that callers see. */
  serverTextCharsMax: 200,
} as const satisfies Record<string, number>;
