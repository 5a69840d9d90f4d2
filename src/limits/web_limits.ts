/** Bounds on outgoing HTTP, on web APIs as tools, and on credentials. */

/** The rows. */
export const webLimits = {
  /** Outgoing HTTP: a connection, the head of a response, a body that stands still. */
  connectMs: 10_000,
  responseMs: 60_000,
  /** A connection kept for the next request; many servers close theirs after five seconds. */
  connectionIdleMs: 4_000,
  /** The longest wait that a server may ask for and that the client hears of. */
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
  outboundSendsMax: 16,
  outboundWaitingMax: 1_000,
  /** New sessions in a row, each lost before it was of any use. */
  sessionRecoveriesMax: 3,
  /** A REST service whose document could not be read is tried again after this: first, longest. */
  restReloadMsMin: 5_000,
  restReloadMsMax: 60_000,
  /** An OpenAPI document: characters, texts it is made of, values if aliases were written out. */
  openApiCharsMax: 32 * 1024 * 1024,
  openApiDocumentsMax: 64,
  openApiNodesMax: 2_000_000,
  /** Operations that become tools without a choice in the configuration, with one, and of a recipe. */
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
  /** The same where it was refused: asking again does not help until a person changes something. */
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
} as const satisfies Record<string, number>;
