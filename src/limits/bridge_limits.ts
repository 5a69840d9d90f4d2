/** Limits of `stdio`, which connects one client on stdin and stdout to a running gateway. */

/** The rows. */
export const bridgeLimits = {
  /** Requests of the client that run at the same time; each occupies a connection. */
  bridgeRequestsMax: 128,
  /** Notifications and answers under way; the client's next line waits for a free place. */
  bridgeAsidesMax: 32,
  /** Lines that wait for a client that reads slowly; answers are not read on meanwhile. */
  bridgeQueuedBytesMax: 4 * 1024 * 1024,
  /** One message of the gateway: it may be a little longer than the server's line. */
  bridgeMessageBytesMax: 20 * 1024 * 1024,
  /** A request waits this long for a gateway, since clients give up after a minute. */
  bridgeAwayMs: 45_000,
  /** The start of a gateway, servers not included. */
  bridgeStartMs: 30_000,
  /** How often a start is looked at. */
  bridgeStartCheckMs: 50,
  /** A person who restarts a gateway gets this time before `stdio` starts its own. */
  bridgeRejoinMs: 2_000,
  /** A start that failed is not repeated sooner; requests get the same error meanwhile. */
  bridgeStartPauseMs: 5_000,
  /** Attempts to start a gateway in a data folder that another one just left or took. */
  bridgeStartsMax: 5,
  /** The first and the longest wait before a gateway is looked for again. */
  bridgeRetryMsMin: 100,
  bridgeRetryMsMax: 2_000,
  /** How long requests may finish after the end of stdin. */
  bridgeDrainMs: 30_000,
  /** How often the parent process is looked at. */
  parentCheckMs: 1_000,
  /** Tools whose headers are remembered, and pages that are read to learn them. */
  bridgeToolsMax: 5_000,
  bridgePagesMax: 50,
  /** Settings of a session that are made again in a new one: its log level and subscriptions. */
  bridgeSettingsMax: 256,
  /** What a gateway that cannot start has said. */
  bridgeWordsCharsMax: 1_500,
  /** The file for the first words of a gateway is emptied when it is longer than this. */
  bridgeWordsBytesMax: 64 * 1024,
} as const satisfies Record<string, number>;
