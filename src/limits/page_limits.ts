/** Limits on the operator's page: its log-ins, and what it shows of the recent past. */

/** The rows. */
export const pageLimits = {
  /** How long a link opens the page: long enough to move it to a browser, short enough to lose it. */
  pageLinkMs: 600_000,
  /** Links that were made and not opened yet; the oldest gives way. */
  pageLinksMax: 8,
  /** How long a page stays logged in: a working day. */
  pageLoginMs: 12 * 3_600_000,
  /** The same for a page that sends nothing and reads no stream, such as one of a closed browser. */
  pageIdleMs: 3_600_000,
  /** Pages that are logged in; the one that was used longest ago is logged out. */
  pageLoginsMax: 32,
  /** Wrong codes in a row, and the time after which one more is looked at. */
  pageGuessesMax: 20,
  pageGuessRefillMs: 3_000,
  /** Pages that read the live stream at the same time. */
  liveStreamsMax: 32,
  /** The shortest time between two parts of the stream, and between two lists of servers or sessions. */
  liveGatherMs: 100,
  liveListsMs: 1_000,
  /** Calls and log records in one part; a busy gateway leaves the older ones out. */
  liveRowsMax: 100,
  /** The latest calls and log records that a page begins with, and the characters of all records. */
  recentCallsMax: 500,
  recentRecordsMax: 500,
  recentRecordsCharsMax: 1024 * 1024,
  /** The arguments of one call, where the operator wants to see them. */
  shownArgumentsCharsMax: 2_000,
  /** The minutes of which the report of a server has the median times of calls. */
  latencyMinutesMax: 30,
  /** Clients in the list of sessions, the latest active ones. */
  shownSessionsMax: 500,
  /** How long a client without a session stays in that list after its last request. */
  shownStatelessMs: 600_000,
  /** A code of a link: as many characters as 256 random bits have in base64, with room. */
  pageCodeCharsMax: 128,
} as const satisfies Record<string, number>;
