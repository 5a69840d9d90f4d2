/** Limits on log-ins at protected servers: discovery, registration, log-ins, grants. */

/** The rows. */
export const grantLimits = {
  /** One request to a server about its metadata, or to an authorization server. */
  grantRequestMs: 10_000,
  /** All requests of the beginning of a log-in, or of its end: a person waits. */
  grantLoginMs: 30_000,
  /** The header `WWW-Authenticate` that is still read. */
  challengeCharsMax: 8_192,
  /** Scopes of a challenge, of metadata or of a grant, and the length of one. */
  grantScopesMax: 200,
  grantScopeCharsMax: 256,
  /** Other texts of metadata and of registrations: URLs, ids, secrets. */
  grantTextCharsMax: 4_096,
  /** Authorization servers of one server that are tried. */
  grantIssuersMax: 5,
  /** Servers and authorization servers whose metadata is remembered. */
  discoveriesMax: 1_000,
  /** How long a person may take for a log-in; how many log-ins may be open, and for one principal. */
  serverLoginMs: 600_000,
  serverLoginsMax: 1_000,
  serverLoginsPerPrincipalMax: 20,
  /** Log-ins in a time for one need of a server that refuses what it granted. */
  grantAttemptsMax: 3,
  grantAttemptsMs: 600_000,
  /** Tools of one grant that need more scopes than it has. */
  grantNeedsMax: 100,
  /** Principals with their grants in memory; further ones are read from the store again. */
  keptGrantsMax: 10_000,
  /** Log-ins in a row that never came back, after which the gateway registers once more. */
  unansweredLoginsMax: 2,
  /** How long they are counted: a person who was shown an error tries again within a day. */
  unansweredLoginMs: 24 * 3_600_000,
  /** A revocation, whose outcome changes nothing, and how many run at once. */
  grantRevocationMs: 5_000,
  grantRevocationsMax: 8,
} as const satisfies Record<string, number>;
