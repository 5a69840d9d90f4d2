/** Limits on the authorization server: codes, tokens, clients, their documents and their requests. */

/** The rows. */
export const oauthLimits = {
  /** How long a code can be redeemed: a client does it at once, but may have to wake up first. */
  oauthCodeMs: 120_000,
  /**
   * The default life of an access token, and of a refresh token that is not used: a day, since many
   * clients refresh late or never, and a season.
   */
  accessTokenMs: 24 * 3_600_000,
  refreshTokenMs: 90 * 24 * 3_600_000,
  /**
   * How long a used refresh token still leads to its successor: sessions of one client share a
   * grant, and present tokens that were used up to 59 minutes before.
   */
  refreshGraceMs: 65 * 60_000,
  /** How long a used refresh token is remembered, so that its return revokes the grant. */
  refreshMemoryMs: 14 * 24 * 3_600_000,
  /** Successors that are followed from a used refresh token. */
  refreshStepsMax: 1_000,
  /**
   * New pairs of one grant in a time, and how many grants are counted: a client that refreshes in a
   * loop would fill the store.
   */
  refreshesPerGrantMax: 500,
  refreshesPerGrantMs: 3_600_000,
  refreshGrantsMax: 10_000,
  /** Attempts to store a successor while another request stores one. */
  refreshAttemptsMax: 5,
  /**
   * Authorization requests that wait for a person: how long, how many, and of one address. The
   * oldest of the same address gives way first.
   */
  waitingAuthorizationMs: 600_000,
  waitingAuthorizationsMax: 1_000,
  waitingPerAddressMax: 100,
  /** The body of a request, and one of its parameters; some clients keep much in `state`. */
  oauthBodyBytesMax: 64 * 1024,
  oauthParameterCharsMax: 4_096,
  /** Registrations of one address in a time, and how many addresses are remembered. */
  registrationsPerAddressMax: 30,
  registrationsPerAddressMs: 600_000,
  registrationAddressesMax: 10_000,
  /**
   * Registered clients; how long one is kept that was never used, and for how long it cannot give
   * way to others, since its person may be logging in.
   */
  oauthClientsMax: 10_000,
  oauthClientUnusedMs: 24 * 3_600_000,
  oauthClientFreshMs: 1_800_000,
  /** A client's metadata: redirect URIs, their length, and the length of other texts. */
  redirectUrisMax: 20,
  redirectUriCharsMax: 2_000,
  clientTextCharsMax: 1_000,
  /** All of a client's metadata as JSON: its keys are the largest part. */
  clientMetadataCharsMax: 16 * 1024,
  /**
   * A client's document: its size; the time to get it; how long it is used at most, at least, and
   * if it does not say; after how long a failure is tried again; how many are kept; how many are
   * read at once, and for one address in a time.
   */
  clientDocumentBytesMax: 64 * 1024,
  clientDocumentMs: 5_000,
  documentAgeMsMax: 24 * 3_600_000,
  documentAgeMsMin: 60_000,
  documentAgeMs: 3_600_000,
  documentRetryMs: 30_000,
  clientDocumentsMax: 1_000,
  clientDocumentReadsMax: 16,
  clientDocumentsPerAddressMax: 60,
  clientDocumentsPerAddressMs: 600_000,
  /** Grants of one principal to one client; the one that was not used for longest gives way. */
  grantsPerClientMax: 100,
  /** How often expired codes, tokens and unused clients are removed. */
  oauthSweepMs: 600_000,
  /** The longest life of a signed assertion, and the difference of clocks that is forgiven. */
  assertionMsMax: 3_600_000,
  assertionSkewMs: 60_000,
} as const satisfies Record<string, number>;
