/** Limits on what clients send and keep open, and on the answers to them. */

/** The rows. */
export const clientLimits = {
  /** A request body if MCP_BODY_MAX_MB is not set: as much as a line of a server. */
  bodyBytesMax: 16 * 1024 * 1024,
  /**
   * The largest MCP_BODY_MAX_MB: memory holds a body as bytes, text and values at the same time.
   */
  bodyMegabytesMax: 256,
  /**
   * A body that announces at most this size is read in one step; the runtime reserves that much
   * memory.
   */
  reservedBodyBytesMax: 16 * 1024,
  /** Memory for the first bytes of any other body; it grows as bytes arrive. */
  bodyStepBytes: 4_096,
  /**
   * Larger bodies that arrive at the same time share this memory, whatever the number of
   * connections.
   */
  smallBodyBytesMax: 1024 * 1024,
  largeBodiesBytesMax: 256 * 1024 * 1024,
  /** Those of one principal, if it sends more than one at the same time. */
  principalBodiesBytesMax: 192 * 1024 * 1024,
  /** A slow body occupies a socket; for listeners without a deadline of their own. */
  bodyMs: 30_000,
  /** The gateway stops waiting for a refused body after this long without a byte. */
  bodyQuietMs: 5_000,
  /** The part of a refused body that is in memory at once. */
  discardChunkBytes: 65_536,
  /** The head of a request; a client that sends it slowly occupies a socket. */
  headersMs: 10_000,
  headerBytesMax: 16_384,
  /** Values of one header whose meaning is remembered: clients send few different ones. */
  rememberedHeadersMax: 64,
  /** Remembered envelopes of stateless clients, which repeat theirs with each request. */
  rememberedEnvelopesMax: 64,
  /** Clients with the same envelope, such as one program on many machines, that are remembered. */
  callersPerEnvelopeMax: 64,
  /** Addresses of clients whose networks are remembered. */
  rememberedAddressesMax: 1_024,
  /** A longer envelope is read each time. */
  rememberedEnvelopeCharsMax: 2_048,
  /**
   * A client that takes nothing of its answer for so long occupies a socket and the answer. It is
   * sent in pieces, each of which counts when the system has taken it.
   */
  unreadMs: 30_000,
  sentPieceBytes: 512 * 1024,
  /** How often the hardened listener looks for clients past their deadline. */
  slowCheckMs: 1_000,
  /**
   * Bytes beyond the limit that a client may send and still read the refusal; they are discarded.
   * The runtime's own listener refuses larger bodies, with fewer words.
   */
  listenerBodyBytesMax: 128 * 1024 * 1024,
  /** Nesting of a message; parsing a deeper one blocks the event loop for seconds. */
  jsonDepthMax: 128,
  /** A string request id or progress token; each open call holds its own in memory. */
  requestIdCharsMax: 256,
  /** What a client says about itself, as JSON: memory and disk keep it as long as the session. */
  clientInfoBytesMax: 8 * 1024,
  clientCapabilitiesBytesMax: 8 * 1024,
  /** The name of a tool or prompt, and a task's id: headers, logs and error texts contain them. */
  nameCharsMax: 1_024,
  /** The id of a task as its client has it: sealed, with its server, its tool and the server's id. */
  taskIdCharsMax: 8_192,
  /** The URI of a resource, for the same reason; servers refuse headers that are longer than this. */
  uriCharsMax: 8_192,
  /**
   * What belongs to the trace of a call: at least 512 characters of `tracestate` and 8,192 of baggage
   * must pass (W3C Trace Context 3.3.1.5, W3C Baggage 3.3.2); both are sent on as headers.
   */
  tracestateCharsMax: 2_048,
  baggageCharsMax: 8_192,
  /** The URI of a subscription, and those of one session together: they are stored on disk. */
  subscriptionUriCharsMax: 2_048,
  sessionSubscriptionCharsMax: 256 * 1024,
  /** The part of a client's name that servers and the log get. */
  clientTitleCharsMax: 100,
  /**
   * A result from this length on is passed on as the text that it came as, if nothing changes it;
   * a shorter one is written again sooner than its text is cut out.
   */
  sourceTextCharsMin: 1_024,
  /** A method name in a message. */
  methodCharsMax: 256,
  /** Messages in one batch; only 2025-03-26 has batches. */
  batchItemsMax: 50,
  /** Open requests of one session. */
  sessionCallsMax: 256,
  /** Sessions at the same time; further `initialize` requests are refused. */
  sessionsMax: 100_000,
  /** Those of one client; see `src/consumers.ts`. */
  principalSessionsMax: 10_000,
  /** A session that is not used for this long after its handshake expires: a client uses it at once. */
  unusedSessionMs: 300_000,
  /** It gives way to another session before that, but a client has so long to use it. */
  freshSessionMs: 5_000,
  /** A session that was used within this time never gives way to another. */
  sessionYieldMs: 120_000,
  /** Clients with many sessions that are looked at for one that gives way. */
  greediestMax: 8,
  /** Sessions that give way found by one search, which reads the whole table. */
  evictionBatchMax: 256,
  /** A search that found none is not made again for this long. */
  evictionPauseMs: 1_000,
  /** Idle sessions in memory; the longest unused leave first. */
  idleSessionsInMemoryMax: 2_000,
  /** Resource subscriptions of one session; each new connection gets all of them. */
  sessionSubscriptionsMax: 1_000,
  /** Messages of one session that wait for a stream, and changes remembered for the next one. */
  sessionWaitingMax: 256,
  /** GET streams of one session; a new one replaces the oldest. */
  sessionStreamsMax: 4,
  /** A call without a reply for this long gets its answer by SSE. */
  sseCommitMs: 1_000,
  /**
   * A comment is sent on each open stream this often, against idle timeouts and to detect dead
   * peers.
   */
  heartbeatMs: 15_000,
  /**
   * The same if the server cannot hold silent streams open (Bun in an embedding program closes at
   * 10 s).
   */
  heartbeatBareMs: 8_000,
  /** The gateway reports progress if a server reports none: SDK clients give up after a minute. */
  keepAliveMs: 15_000,
  /** The shortest time between two checks for due progress, whatever the number of calls. */
  keepAliveSweepMs: 1_000,
  /** Bytes queued for one slow reader; its stream is closed beyond this. */
  streamBytesMax: 1024 * 1024,
  /** Bytes of these that notices of a call may fill: the rest is for its result and its questions. */
  streamNoticeBytesMax: 256 * 1024,
  /**
   * From this on the server of a call waits for the reader, if it works for that client alone. The
   * system keeps some megabytes for each reader before anything waits here.
   */
  streamPauseBytes: 64 * 1024,
  /**
   * How long it waits for a reader that reads nothing, which must not keep the result of its call
   * back for ever.
   */
  streamPauseMs: 2_000,
  /** The pauses in which the gateway looks whether there is room again grow up to this. */
  streamPauseStepMs: 64,
  /** Frames kept of one stream, to resume it. */
  replayFramesMax: 1_000,
  /** Bytes kept of one session, to resume its streams: as much as a reader may lag. */
  replayBytesMax: 1024 * 1024,
  /** Bytes kept of all sessions: those that keep the most give way. */
  replayTotalBytesMax: 16 * 1024 * 1024,
  /** Age of a kept frame. */
  replayAgeMs: 300_000,
  /** Streams of one session that are kept, to resume them. */
  replayStreamsMax: 64,
  /** Frames reach the store this late; a kill loses no more of them. */
  eventFlushMs: 50,
  /**
   * Bytes of frames in one batch: the rest waits for the next, so that a flood neither stops all
   * other work nor keeps the disk busy. Frames of readers that left do not wait.
   */
  eventFlushBytesMax: 64 * 1024,
  /** Streams of all sessions in the store: a row each, of some hundred bytes. */
  storedStreamsMax: 50_000,
  /** Bytes of frames in the store, of all sessions: a disk of any size has room for them. */
  storedFramesBytesMax: 64 * 1024 * 1024,
  /** The reconnection time that clients get when a stream ends early. */
  sseRetryMs: 1_000,
  /** The same time where a late error needs its own HTTP status. */
  sseCommitLateMs: 10_000,
  /**
   * Between the last progress of a call and its answer: a busy client reads closer ones together.
   */
  progressGapMs: 10,
  /** Notification streams of one client without a session, and resources on one of them. */
  listensPerPrincipalMax: 64,
  listenUrisMax: 256,
  /** The first message of such a stream does not wait longer for slow servers. */
  listenDescribeMs: 300,
  /**
   * Requests of one client in one turn of the event loop, next to those of others: so many at most
   * come before another client's next. More would delay that; with fewer the turns cost more.
   */
  turnRequestsMax: 4,
  /** The same while no other client has sent a request for this long. */
  loneTurnRequestsMax: 64,
  loneClientMs: 1_000,
  /** Requests that wait for their turn; beyond it the client with most of them is refused. */
  requestsWaitingMax: 4_096,
  /** The longest wait for a turn: a client that waits longer has given up. */
  requestTurnMs: 10_000,
  /** Open requests without a session, in all. */
  statelessCallsMax: 4_096,
  /** Open calls of one principal, with and without sessions, unless `access` sets another number. */
  principalCallsMax: 1_000,
  /** Open GET and listen streams of one client, HTTP+SSE included, and of all. */
  principalStreamsMax: 1_000,
  streamsMax: 20_000,
  /** What a refusal says at least and at most: after which time a retry can succeed. */
  retryMsMin: 1_000,
  retryMsMax: 30_000,
  /** Principals whose rates are remembered; those without open work leave first. */
  ratedPrincipalsMax: 10_000,
  /**
   * What a principal's calls used of its rates is reported to the other instances within this time;
   * more than a fiftieth of a rate at once. What runs is reported again before the others forget it.
   */
  rateReportMs: 1_000,
  rateOpenReportMs: 10_000,
  /** An instance that reports nothing for this long has no calls of a principal any more. */
  rateReporterMs: 30_000,
  /** Between two log records about one principal that exceeds one rate. */
  rateLogMs: 60_000,
  /**
   * Clients without a session that the log remembers, and the silence after which it names one
   * again.
   */
  seenClientsMax: 1_000,
  seenClientMs: 3_600_000,
  /** How often a client is asked to log in during one call; a log-in may grant too little. */
  loginQuestionsMax: 3,
  /** Arguments of a call that a person can be asked about, and the length of each line. */
  consentLinesMax: 24,
  consentLineCharsMax: 160,
  /** Items in one page that the gateway sends. */
  pageItemsMax: 1_000,
  /** URIs remembered of one scope because results contained them, and pages that tools named. */
  seenUrisMax: 1_000,
  /** Characters of these: a scope may not hold megabytes because of what a server answers. */
  seenUriCharsMax: 256 * 1024,
  /** Servers whose pages one scope read last, and the surfaces for which they are remembered. */
  pageReadsMax: 64,
  /** Tasks remembered of one scope, and read from one server's list. */
  tasksMax: 1_000,
  /** How long calls may finish after a stop signal. */
  drainMs: 10_000,
  /** How often the gateway checks whether calls still run, and the time for the last bytes. */
  drainCheckMs: 20,
  /** After this, Deno's listener opens its port again that it could not serve. */
  listenerReopenMs: 100,
  flushMs: 1_000,
  /** How often the last activity of sessions is written. */
  activityFlushMs: 1_000,
  /** How often the gateway looks for expired sessions. */
  expirySweepMs: 30_000,
  /** New sessions in one transaction; more are rarely created in one turn of the event loop. */
  sessionGroupMax: 64,
  /** Expired sessions removed in one step; other work runs between steps. */
  expiryBatchMax: 1_000,
  /** A larger difference is a jump of the wall clock; normal correction moves it by less. */
  clockJumpMs: 60_000,
  /** The highest TCP port. */
  portMax: 65_535,
} as const satisfies Record<string, number>;
