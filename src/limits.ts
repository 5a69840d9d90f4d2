/**
 * Every bound of the gateway in one place, unit last, each with its reason. A test may pass its
 * own table to `createGateway`; nothing else in the source holds a number of this size.
 */

/** The table of bounds. */
export const defaultLimits = {
  /** A request body; large enough for a base64 file, small enough to buffer. */
  bodyBytesMax: 4 * 1024 * 1024,
  /** A slow body ties up a socket; on listeners without a deadline of their own. */
  bodyMs: 30_000,
  /** A request's head; a client that drips it ties up a socket. */
  headersMs: 10_000,
  headerBytesMax: 16_384,
  /** How often the hardened listener looks for clients past their deadline. */
  slowCheckMs: 1_000,
  /** What a runtime's own listener lets through to our check, which answers better. */
  listenerBodyBytesMax: 128 * 1024 * 1024,
  /** Nesting of a message; parsing deeper ones blocks the loop for seconds. */
  jsonDepthMax: 128,
  /** A string request id; longer ones are memory held per open call. */
  requestIdCharsMax: 256,
  /** A method name in a message. */
  methodCharsMax: 256,
  /** Messages in one batch (2025-03-26 alone has batches). */
  batchItemsMax: 50,
  /** Requests of one session under way at once. */
  sessionCallsMax: 256,
  /** Sessions alive at once; beyond it initialize is refused. */
  sessionsMax: 100_000,
  /** Resource subscriptions of one session; they are stored and replayed on every new lane. */
  sessionSubscriptionsMax: 1_000,
  /** Messages of one session that wait for a stream, and changes remembered for the next one. */
  sessionWaitingMax: 256,
  /** GET streams of one session; the oldest gives way. */
  sessionStreamsMax: 4,
  /** A call is answered by SSE when nothing came for this long. */
  sseCommitMs: 1_000,
  /** A comment on every open stream, so that dead peers and idle timeouts are noticed. */
  heartbeatMs: 15_000,
  /** The same when the server cannot hold silent streams open (an embedder's Bun cuts at 10 s). */
  heartbeatBareMs: 8_000,
  /** Bytes queued for one slow reader before its stream is closed. */
  streamBytesMax: 1024 * 1024,
  /** Frames kept of one stream for resumption. */
  replayFramesMax: 1_000,
  /** Bytes kept of one session for resumption. */
  replayBytesMax: 2 * 1024 * 1024,
  /** Age of a kept frame. */
  replayAgeMs: 300_000,
  /** Streams of one session that are kept for resumption. */
  replayStreamsMax: 64,
  /** Reconnection hint on streams that end early. */
  sseRetryMs: 1_000,
  /** A line of a child's stdout. */
  lineBytesMax: 16 * 1024 * 1024,
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
  /** A call is answered by SSE when nothing came for this long, where a late error needs its status. */
  sseCommitLateMs: 10_000,
  /** Questions asked at nearly the same time travel together. */
  pauseGatherMs: 10,
  /** A paused call waits this long for its client to come back. */
  pauseMs: 600_000,
  /** Paused calls, in all and of one principal: each holds an upstream's process or stream. */
  pausesMax: 1_000,
  pausesPerPrincipalMax: 64,
  /** Rounds of questions that one call may take. */
  roundsMax: 8,
  /** Between two rounds without a question. */
  roundPauseMs: 250,
  /** Lanes of one principal at one server, where a call that may ask needs one for itself. */
  leasesMax: 8,
  /** Words without an owner may still be a given-up call's for this long, and are nobody else's. */
  strayQuestionMs: 5_000,
  /** What is known of a server's protocol is believed this long; only what it refused expires. */
  verdictMs: 600_000,
  /** An answer to the first message that only some servers understand. */
  probeMs: 5_000,
  /** Notification streams of one principal, and resources on one of them. */
  listensPerPrincipalMax: 64,
  listenUrisMax: 256,
  /** The first word of such a stream is due before slow servers have said what they can. */
  listenDescribeMs: 300,
  /** Requests without a session under way at once, in all. */
  statelessCallsMax: 4_096,
  /** Outgoing HTTP: a connection, the head of a response, a body that stands still. */
  connectMs: 10_000,
  responseMs: 60_000,
  /** A connection kept for the next request; many servers close theirs after five seconds. */
  connectionIdleMs: 4_000,
  /** The longest wait that a server may ask for and that is told to the client. */
  retryAfterMsMax: 3_600_000,
  /** Retries of an outgoing request that is safe to repeat; first and longest pause. */
  httpRetriesMax: 3,
  httpRetryMsMin: 1_000,
  httpRetryMsMax: 30_000,
  /** Redirects followed by hand. */
  redirectsMax: 5,
  /** A response's decoded body; one event of a stream. */
  responseBytesMax: 16 * 1024 * 1024,
  /** Compressed bytes undone in one step; each may become a thousand. */
  inflateBytesMax: 8 * 1024,
  /** Failures in a row that open an upstream's circuit, and how long it stays open. */
  circuitFailuresMax: 5,
  circuitOpenMs: 30_000,
  /** An upstream's stream that broke is opened again after this: first, longest. */
  reconnectMsMin: 1_000,
  reconnectMsMax: 60_000,
  /** A server that wants us back at once gets us back after this. */
  reconnectMsFloor: 100,
  /** Attempts in a row to take up one broken answer that brought nothing. */
  resumesMax: 5,
  /** A stream that has said all: until its server ends it, so that the connection can be used again. */
  streamEndMs: 1_000,
  /** Answers and notifications on their way to a remote server: each holds a connection; the rest waits. */
  tellsMax: 16,
  tellsWaitingMax: 1_000,
  /** New sessions in a row, each lost before it was of any use. */
  renewalsMax: 3,
  /** A REST service whose document could not be read is tried again after this: first, longest. */
  restReloadMsMin: 5_000,
  restReloadMsMax: 60_000,
  /** An OpenAPI document: characters, texts it is made of, values if aliases were written out. */
  openApiCharsMax: 32 * 1024 * 1024,
  openApiDocumentsMax: 64,
  openApiNodesMax: 2_000_000,
  /** Operations that become tools when nobody chose them, when somebody did, and of a recipe. */
  openApiOperationsMax: 200,
  openApiOperationsChosenMax: 2_000,
  recipeEndpointsMax: 500,
  /** One tool's schemas and description: models read every one of them. */
  inputSchemaCharsMax: 32 * 1024,
  outputSchemaCharsMax: 8 * 1024,
  toolDescriptionCharsMax: 4_096,
  /** A file with a secret, on a disk that may hang. */
  secretFileMs: 5_000,
  /** One request to an authorization server, or one log-in. */
  credentialMs: 30_000,
  /** An answer of an authorization server or a log-in: a few tokens. */
  credentialBytesMax: 256 * 1024,
  /** A token is renewed so long before it expires, but not before half of its life. */
  credentialSkewMs: 60_000,
  /** The longest life of a token that is believed. */
  credentialLifeMsMax: 365 * 24 * 3_600_000,
  /** After a credential could not be had: first pause, longest; servers hear nothing of the calls meanwhile. */
  credentialRetryMsMin: 1_000,
  credentialRetryMsMax: 60_000,
  /** The same where it was refused: asking again does not help until somebody does something. */
  credentialRefusedMs: 60_000,
  /** The same for passwords: APIs lock out who tries wrong ones again and again. */
  loginRefusedMs: 900_000,
  /** Between two renewals of tokens that a server refuses: one that refuses every token must not cost one each call. */
  credentialRenewMs: 30_000,
  /** What an authorization server says of itself is asked for again after this. */
  issuerMs: 3_600_000,
  /** Stored credentials of one server (older ones belong to former configurations), and in all. */
  credentialsPerServerMax: 3,
  credentialsMax: 1_000,
  /** Scopes of one server remembered as authenticated; beyond it no unknown one may go without. */
  credentialScopesMax: 100_000,
  /** They are noted again after this, and forgotten after this: longer than any session lasts unused. */
  credentialScopeTouchMs: 3_600_000,
  credentialScopeMs: 30 * 24 * 3_600_000,
  /** Between two records about calls without credentials. */
  degradedLogMs: 60_000,
  /** Tokens and files' secrets that the log hides; the longest unused give way, since each costs every record. */
  passingSecretsMax: 200,
  /** A REST tool's result as JSON: more than this fills a model's context with little use. */
  restResultCharsMax: 48_000,
  /** What is read of a refusal's body, and what of its message is passed on. */
  restErrorBytesMax: 65_536,
  restErrorCharsMax: 300,
  /** An image or sound that a REST tool gives; base64 makes it a third larger. */
  restMediaBytesMax: 1024 * 1024,
  /** A request's URL; many servers refuse longer ones with a status that explains nothing. */
  restUrlCharsMax: 16_384,
  /** Answers of one REST service that are kept to be given again: their number and their text. */
  restCacheEntriesMax: 256,
  restCacheCharsMax: 4 * 1024 * 1024,
  /** Calls of one REST service that wait for its budget, and sendings remembered to keep it. */
  restWaitingMax: 256,
  restSendingsMax: 10_000,
  /** Schemas looked at in one check of a value; hostile ones would take for ever. */
  schemaStepsMax: 50_000,
  /** A list from one upstream when several are merged. */
  listMs: 2_000,
  /** What initialize and the first lists wait for servers that were never seen before. */
  firstListMs: 5_000,
  /** A list that its server calls stale at once is kept for this long: calls look their tools up. */
  listFreshMsMin: 1_000,
  /** Pages drained from one upstream's list. */
  listPagesMax: 100,
  /** Items kept of one upstream's list. */
  listItemsMax: 10_000,
  /** Items in one page of ours. */
  pageItemsMax: 1_000,
  /** URIs remembered of one scope because they came with results. */
  seenUrisMax: 1_000,
  /** Tasks remembered of one scope, and taken of one server's list. */
  tasksMax: 1_000,
  /** Instructions of all servers together. */
  instructionsCharsMax: 32_768,
  /** Lanes (child processes) alive at once; idle ones give way. */
  lanesMax: 256,
  /** Ended sessions remembered of each server: what they still had under way must start no lane. */
  endedScopesMax: 1_000,
  /** Processes starting at once; more than two cold starts starve a small machine. */
  startsMax: 2,
  /** A start counts as work for this long; later it waits for something, and others may start. */
  startBusyMs: 2_000,
  /** A lane without open calls or subscriptions. */
  idleMs: 900_000,
  /** A pause before a child that died may be started again: first, longest. */
  restartMsMin: 500,
  restartMsMax: 60_000,
  /** Failed starts in a row after which a server is given up loudly and retried slowly. */
  restartsMax: 3,
  /** A process that dies sooner after its handshake never really ran: that counts as a failed start. */
  provenMs: 5_000,
  /** After stdin is closed, and again after SIGTERM, before the next stronger means. */
  stopMs: 5_000,
  /** Calls may finish for this long after the gateway is told to stop. */
  drainMs: 10_000,
  /** list_changed notices of one upstream are merged within this time. */
  changeDebounceMs: 50,
  /** Last activity of sessions is written this often. */
  activityFlushMs: 1_000,
  /** How often expired sessions are looked for. */
  expirySweepMs: 30_000,
  /** Stored catalogs of a server's name (one for each environment, revision, capabilities), and all. */
  catalogsPerServerMax: 64,
  catalogsMax: 1_000,
  /** One stored catalog; a larger one is not kept, and its server is asked at each start. */
  catalogCharsMax: 2 * 1024 * 1024,
  /** A locked database holds the event loop for at most this long per statement. */
  databaseBusyMs: 50,
  /** The write-ahead log is cut back to this after a burst. */
  journalBytesMax: 4 * 1024 * 1024,
  /** An edited file is read once its writer had time to finish, and looked at this often. */
  watchSettleMs: 100,
  watchPollMs: 2_000,
  /** A log file before it is rotated, and how many old ones stay. */
  logBytesMax: 10 * 1024 * 1024,
  logFilesMax: 5,
  /** Records waiting for the log file; beyond it they are dropped and counted. */
  logRecordsMax: 10_000,
  /** One log record's text. */
  logCharsMax: 8_192,
  /** Lines of one child's stderr that are logged per second; the rest is counted. */
  stderrLinesPerSecondMax: 10,
  /** Characters kept of one stderr line. */
  stderrLineCharsMax: 2_048,
  /** Any time that a person may configure: both runtimes fire longer timers at once. */
  timerMsMax: 2_147_483_647,
  /** The highest TCP port. */
  portMax: 65_535,
  /** The name of a configured server: it is part of URLs, tool names and log lines. */
  serverNameCharsMax: 128,
  /** Questions of one upstream process open at once; each is a person's attention and memory. */
  asksMax: 64,
  /** Output that never pauses gives way to all other work after this long. */
  readTurnMs: 20,
  /** Lines of one child that answer nothing (notices, garbage) in one window; then reading waits. */
  noiseLinesMax: 10_000,
  noiseWindowMs: 1_000,
  /** Windows in a row spent on garbage alone, after which the child is stopped. */
  noiseWindowsMax: 10,
  /** Between two log records about the same kind of bad line. */
  noiseLogMs: 10_000,
  /** What a child wrote before it ended may still be read for this long. */
  exitDrainMs: 200,
  /** Between SIGTERM and SIGKILL for those whom a child that ended by itself left in its group. */
  strayMs: 500,
  /** A line of a child's stderr; longer ones are thrown away. */
  stderrLineBytesMax: 64 * 1024,
  /** Last lines of stderr quoted when a start fails. */
  stderrTailLinesMax: 5,
} as const satisfies Record<string, number>;

/** The bounds a gateway runs with. */
export type Limits = { readonly [name in keyof typeof defaultLimits]: number };

/** Times are configured in seconds where a person writes them by hand, and kept in milliseconds. */
export const msPerSecond = 1_000;
