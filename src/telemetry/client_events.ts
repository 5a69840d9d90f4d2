/**
 * The events of clients that take less than the gateway has (fewer tools, shorter names and results),
 * and of what one client has that gives way to another client.
 */

/** What a client had gave way to another client, or to one of its own. */
export interface GaveWayEvent {
  readonly type: "gave_way";
  /** What, as a row of `givesWay`. */
  readonly what: GivesWay;
  /** Whose it was; absent: it served several clients. */
  readonly principal?: string | undefined;
  /** The server of a process. */
  readonly server?: string | undefined;
}

/** What gives way, in words. */
export const givesWay = {
  process: "a process of a server that did nothing for its client",
  parked_call: "a call that waited for its client",
  session: "a session that was not used",
  stream: "an event stream; its client was told when to open it again",
} as const;

/** One row of `givesWay`. */
export type GivesWay = keyof typeof givesWay;

/** The list of a kind of client was limited; once for each kind, surface and limit. */
export interface ClientLimitedEvent {
  readonly type: "client_limited";
  readonly surface: string;
  /** The kind of client: a known one, or the operator's pattern. */
  readonly client: string;
  /** Which limit, as a row of `clientLimitWords`. */
  readonly limit: ListLimit;
  /** The limit. */
  readonly most: number;
  /** The tools of the surface, and how many of them were left out or got another name. */
  readonly tools: number;
  readonly affected: number;
}

/** The limits of a list, and what the log says about each. */
export const clientLimitWords = {
  toolsMax: "A kind of client takes fewer tools than there are; it does not get the last ones",
  nameCharsMax: "A kind of client takes shorter names of tools; it gets shortened ones",
} as const;

/** One of these limits. */
export type ListLimit = keyof typeof clientLimitWords;

/** A client got a shortened result. */
export interface ResultCutEvent {
  readonly type: "result_cut";
  readonly surface: string;
  readonly server: string;
  /** The tool, as the client called it; absent: that is not known. */
  readonly item?: string | undefined;
  /** Name and version of the client, in one line. */
  readonly client: string;
  /** Characters of the result as JSON, whole and as the client got it. */
  readonly chars: number;
  readonly keptChars: number;
}
