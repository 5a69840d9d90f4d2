/** Limits on the people of the authorization server: passwords, log-ins, and their pages. */

/** The rows. */
export const peopleLimits = {
  /** Users in the store, and the name of one. */
  usersMax: 10_000,
  userNameCharsMax: 128,
  /** Roles or groups of one person, and the characters of one. */
  memberNamesMax: 100,
  memberNameCharsMax: 200,
  /** A password: guessing a shorter one is feasible; a longer one is no password. */
  passwordCharsMin: 12,
  passwordCharsMax: 1_024,
  /** The memory of one argon2id hash, in KiB (RFC 9106 and OWASP: 19 MiB with 2 passes). */
  passwordMemoryKib: 19_456,
  /** Passwords that wait to be hashed: each blocks the event loop for about 60 ms. */
  passwordsWaitingMax: 16,
  /** When to try again if too many passwords wait. */
  passwordBusyMs: 2_000,
  /** Log-ins in a row with one name, and the time after which one more is allowed. */
  loginsPerNameMax: 5,
  loginNameRefillMs: 30_000,
  /** The same for one address, which several people may share. */
  loginsPerAddressMax: 20,
  loginAddressRefillMs: 6_000,
  /** Names and addresses whose log-ins are counted; the oldest gives way. */
  loginKeysMax: 10_000,
  /** How long a log-in link can be used, and how long a browser stays logged in. */
  loginLinkMs: 600_000,
  browserLoginMs: 12 * 3_600_000,
  /** Browsers that are logged in; the oldest is logged out. */
  browserLoginsMax: 10_000,
  /**
   * Links by which principals log in at protected servers: how long each can be used, how many there
   * are, and how many of one principal. The oldest gives way, of the same principal first.
   */
  serverLinkMs: 600_000,
  serverLinksMax: 10_000,
  serverLinksPerPrincipalMax: 100,
  /** How long a person waits for an authorization server, at the beginning and at the end. */
  serverLoginWaitMs: 60_000,
  /** The query of the callback: a code can be long, and `state` is the gateway's own. */
  callbackCharsMax: 16 * 1024,
  /** The body of a form. */
  formBytesMax: 16 * 1024,
  /** A name or a URL of a client on a page; longer ones are cut. */
  pageNameCharsMax: 100,
  pageUrlCharsMax: 300,
  /** The words of another program on a page, and the scopes in a list. */
  pageTextCharsMax: 1_000,
  pageScopesMax: 50,
  /** Log-ins that are at the OpenID provider, and how long one may stay there. */
  providerLoginsMax: 1_000,
  providerLoginMs: 600_000,
  /** One request to the OpenID provider, its answer, and how long its metadata and keys are kept. */
  providerRequestMs: 10_000,
  /** All requests of one step of a log-in there together. */
  providerLoginWaitMs: 30_000,
  providerAnswerBytesMax: 256 * 1024,
  providerMetadataMs: 3_600_000,
} as const satisfies Record<string, number>;
