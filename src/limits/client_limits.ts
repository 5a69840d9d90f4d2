/** Bounds on what clients send, hold open and are answered with. */

/** The rows. */
export const clientLimits = {
  /** A request body where MCP_BODY_MAX_MB is not set: what a line of a server may have, too. */
  bodyBytesMax: 16 * 1024 * 1024,
  /** The most that MCP_BODY_MAX_MB may be: a body is held as bytes, text and values at once. */
  bodyMegabytesMax: 256,
  /** A body that announces no more may be read in one step, for which a runtime reserves as much. */
  reservedBodyBytesMax: 16 * 1024,
  /** Memory for the first bytes of any other body; it grows as they come. */
  bodyStepBytes: 4_096,
  /** Larger bodies that arrive at once share this memory, whatever the number of connections. */
  smallBodyBytesMax: 1024 * 1024,
  largeBodiesBytesMax: 256 * 1024 * 1024,
  /** A slow body ties up a socket; on listeners without a deadline of their own. */
  bodyMs: 30_000,
  /** A refused body that stops arriving for this long is not waited for. */
  bodyQuietMs: 5_000,
  /** Of a refused body this much is in memory at once. */
  discardChunkBytes: 65_536,
  /** A request's head; a client that drips it ties up a socket. */
  headersMs: 10_000,
  headerBytesMax: 16_384,
  /** How often the hardened listener looks for clients past their deadline. */
  slowCheckMs: 1_000,
  /**
   * What a client may send beyond the limit and still read our refusal: it is thrown away. The
   * runtime's own listener refuses larger bodies, with fewer words.
   */
  listenerBodyBytesMax: 128 * 1024 * 1024,
  /** Nesting of a message; parsing deeper ones blocks the loop for seconds. */
  jsonDepthMax: 128,
  /** A string request id or progress token; longer ones are memory held per open call. */
  requestIdCharsMax: 256,
  /** What a client says of itself, as JSON: it is kept, in memory and on disk, as long as its session. */
  clientInfoBytesMax: 8 * 1024,
  clientCapabilitiesBytesMax: 8 * 1024,
  /** The name of a tool or prompt, and a task's id: they travel in headers, logs and error texts. */
  nameCharsMax: 1_024,
  /** The URI of a resource, for the same reason; servers refuse headers that are longer than this. */
  uriCharsMax: 8_192,
  /** The URI of a subscription, and those of one session together: they are stored. */
  subscriptionUriCharsMax: 2_048,
  sessionSubscriptionCharsMax: 256 * 1024,
  /** What a server or the log is shown of a client's name. */
  clientTitleCharsMax: 100,
  /** A method name in a message. */
  methodCharsMax: 256,
  /** Messages in one batch (2025-03-26 alone has batches). */
  batchItemsMax: 50,
  /** Requests of one session under way at once. */
  sessionCallsMax: 256,
  /** Sessions alive at once; beyond it initialize is refused. */
  sessionsMax: 100_000,
  /** Sessions held in memory though nothing goes on in them; those unused for longest give way. */
  idleSessionsInMemoryMax: 2_000,
  /** Resource subscriptions of one session; they are stored and replayed on every new connection. */
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
  /** The gateway reports progress when a server reports none: SDK clients give up after a minute. */
  keepAliveMs: 15_000,
  /** The shortest time between two checks of which calls are due, however many run. */
  keepAliveSweepMs: 1_000,
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
  /** A call is answered by SSE when nothing came for this long, where a late error needs its status. */
  sseCommitLateMs: 10_000,
  /** Between a call's last progress and its answer: a busy client finds both in one read after less. */
  progressGapMs: 10,
  /** Notification streams of one principal, and resources on one of them. */
  listensPerPrincipalMax: 64,
  listenUrisMax: 256,
  /** The first word of such a stream is due before slow servers have said what they can. */
  listenDescribeMs: 300,
  /** Requests without a session under way at once, in all. */
  statelessCallsMax: 4_096,
  /** Clients without a session that the log has named, and the silence after which it does again. */
  seenClientsMax: 1_000,
  seenClientMs: 3_600_000,
  /** Items in one page of ours. */
  pageItemsMax: 1_000,
  /** URIs remembered of one scope because they came with results. */
  seenUrisMax: 1_000,
  /** Tasks remembered of one scope, and taken of one server's list. */
  tasksMax: 1_000,
  /** Calls may finish for this long after a signal to stop. */
  drainMs: 10_000,
  /** How often the gateway checks whether calls still run, and how long the last bytes may take. */
  drainCheckMs: 20,
  flushMs: 1_000,
  /** Last activity of sessions is written this often. */
  activityFlushMs: 1_000,
  /** How often expired sessions are looked for. */
  expirySweepMs: 30_000,
  /** Of those so many are removed in one step: other work goes on in between. */
  expiryBatchMax: 1_000,
  /** The wall clock has jumped when it is off by more: clocks that are only corrected drift by less. */
  clockJumpMs: 60_000,
  /** The highest TCP port. */
  portMax: 65_535,
} as const satisfies Record<string, number>;
