/** Limits on outgoing HTTP, on web APIs as tools, and on credentials. */

/** The rows. */
export const webLimits = {
  /** Outgoing HTTP: the connection, the head of a response, a pause in the body. */
  connectMs: 10_000,
  responseMs: 60_000,
  /**
   * How long a connection is kept for the next request; many servers close theirs after five
   * seconds.
   */
  connectionIdleMs: 4_000,
  /** The longest wait that a server may ask for and that clients see. */
  retryAfterMsMax: 3_600_000,
  /** Retries of an outgoing request that is safe to repeat; the first and the longest backoff. */
  httpRetriesMax: 3,
  httpRetryMsMin: 1_000,
  httpRetryMsMax: 30_000,
  /** Redirects followed by hand. */
  redirectsMax: 5,
  /** The decoded body of a response; one event of a stream. */
  responseBytesMax: 16 * 1024 * 1024,
  /** Compressed bytes decoded in one step; each may become a thousand. */
  inflateBytesMax: 8 * 1024,
  /** Failures in a row that open a server's circuit, and how long it stays open. */
  circuitFailuresMax: 5,
  circuitOpenMs: 30_000,
  /** The first and the longest backoff before a broken stream of a server is opened again. */
  reconnectMsMin: 1_000,
  reconnectMsMax: 60_000,
  /** The shortest pause before the gateway reconnects, even if the server asks for none. */
  reconnectMsFloor: 100,
  /** Attempts in a row to resume one broken answer without progress. */
  resumesMax: 5,
  /**
   * How long the gateway waits for a server to end a finished stream, so that the connection can be
   * reused.
   */
  streamEndMs: 1_000,
  /**
   * Answers and notifications on their way to a remote server; each holds a connection, further
   * ones wait.
   */
  outboundSendsMax: 16,
  outboundWaitingMax: 1_000,
  /** Unused sessions lost in a row, after which the gateway opens no more. */
  sessionRecoveriesMax: 3,
  /** The first and the longest backoff before the document of a web API is read again. */
  restReloadMsMin: 5_000,
  restReloadMsMax: 60_000,
  /** An OpenAPI document: its characters, its texts, its values if aliases were expanded. */
  openApiCharsMax: 32 * 1024 * 1024,
  openApiDocumentsMax: 64,
  openApiNodesMax: 2_000_000,
  /**
   * Operations that become tools: without a choice in the configuration, with one, and of a recipe.
   */
  openApiOperationsMax: 200,
  openApiOperationsChosenMax: 2_000,
  recipeEndpointsMax: 500,
  /** The schemas and description of one tool: models read all of them. */
  inputSchemaCharsMax: 32 * 1024,
  outputSchemaCharsMax: 8 * 1024,
  toolDescriptionCharsMax: 4_096,
  /** Reading a file with a secret, on a disk that may hang. */
  secretFileMs: 5_000,
  /** One request to an authorization server, or one log-in. */
  credentialMs: 30_000,
  /** An answer of an authorization server or a log-in: a few tokens. */
  credentialBytesMax: 256 * 1024,
  /** A token is renewed this long before it expires, but not before half of its life. */
  credentialSkewMs: 60_000,
  /** The longest token life that the gateway accepts. */
  credentialLifeMsMax: 365 * 24 * 3_600_000,
  /**
   * After a failure to get a credential: the first and the longest backoff, during which calls
   * fail.
   */
  credentialRetryMsMin: 1_000,
  credentialRetryMsMax: 60_000,
  /** The same after a refusal: a retry is of no use until a person changes something. */
  credentialRefusedMs: 60_000,
  /** The same for passwords: APIs lock out clients that keep trying. */
  loginRefusedMs: 900_000,
  /**
   * Between two renewals of refused tokens: a server that refuses every token must not cost one
   * each call.
   */
  credentialRenewMs: 30_000,
  /** How long the metadata of an authorization server is used. */
  issuerMs: 3_600_000,
  /** The life of an assertion that the gateway signs; it is sent at once. */
  clientAssertionMs: 120_000,
  /** A refusal mentions clocks when those of gateway and issuer differ by more than this. */
  clockHintMs: 30_000,
  /** The longest nonce that a server may demand in proofs, and the servers it is kept of. */
  dpopNonceCharsMax: 1_024,
  dpopNoncesMax: 32,
  /** Stored credentials of one server (older ones belong to former configurations), and in all. */
  credentialsPerServerMax: 3,
  credentialsMax: 1_000,
  /**
   * Stored grants of one principal at one server (others belong to former issuers or URLs), of all
   * at all, and registrations at issuers.
   */
  serverGrantsPerPrincipalMax: 3,
  serverGrantsMax: 10_000,
  serverRegistrationsMax: 1_000,
  /**
   * Scopes of one server remembered as authenticated; beyond it no unknown scope may use the
   * fallback.
   */
  credentialScopesMax: 100_000,
  /**
   * After this the authentication of a scope is stored again, and forgotten; longer than an unused
   * session.
   */
  credentialScopeTouchMs: 3_600_000,
  credentialScopeMs: 30 * 24 * 3_600_000,
  /** Between two log records about calls without credentials. */
  degradedLogMs: 60_000,
  /**
   * Tokens and secrets of files that the log hides; the longest unused leave first, because each
   * costs time for every record.
   */
  passingSecretsMax: 200,
  /**
   * The result of a web API's tool as JSON: a larger one fills a model's context with little use.
   */
  restResultCharsMax: 48_000,
  /** Bytes read of a refusal's body, and characters of its message that are passed on. */
  restErrorBytesMax: 65_536,
  restErrorCharsMax: 300,
  /** An image or sound that a web API returns; base64 makes it a third larger. */
  restMediaBytesMax: 1024 * 1024,
  /** The URL of a request; many servers refuse longer ones without an explanation. */
  restUrlCharsMax: 16_384,
  /** Cached answers of one web API: their number and their size. */
  restCacheEntriesMax: 256,
  restCacheCharsMax: 4 * 1024 * 1024,
  /** Calls of one web API that wait for its budget, and requests remembered to keep it. */
  restWaitingMax: 256,
  restSendingsMax: 10_000,
  /** Schemas visited in one check of a value; hostile ones would never end. */
  schemaStepsMax: 50_000,
} as const satisfies Record<string, number>;
