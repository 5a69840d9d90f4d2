/**
 * The revisions of the handshake era as data: one row each, oldest first, saying what its wire can
 * carry. Everything that differs between revisions is read from here or from the `since` of a
 * method; nothing compares dates. Follows the key changes of each specification revision.
 */

/** What one revision's wire can carry. */
export interface RevisionRow {
  readonly revision: string;
  /** Arrays of messages in one body. */
  readonly batches: boolean;
  /**
   * A stream begins with an event that has an id and no data. Older clients would fail to parse it.
   */
  readonly priming: boolean;
  /** `title` of a server. */
  readonly titles: boolean;
  /** `icons` and `websiteUrl` of a server. */
  readonly icons: boolean;
  /** The server capability `completions`. */
  readonly completions: boolean;
  /** Content of type `audio`. */
  readonly audio: boolean;
  /** Content of type `resource_link`. */
  readonly resourceLinks: boolean;
  /** `structuredContent` next to a tool's content. */
  readonly structuredContent: boolean;
  /** Several content blocks in one sampling message, and tools offered to the model. */
  readonly samplingBlocks: boolean;
  /** Clients declare whether they add context of servers to sampling (`sampling.context`). */
  readonly samplingContext: boolean;
  /** Elicitation by a page in the browser. */
  readonly elicitationUrl: boolean;
  /** Choices with titles (`oneOf`) and choices of several in an elicitation form. */
  readonly elicitationChoices: boolean;
  /** Calls of tools as tasks, whose results clients fetch later. */
  readonly tasks: boolean;
}

const first = {
  revision: "2024-11-05",
  batches: false,
  priming: false,
  titles: false,
  icons: false,
  completions: false,
  audio: false,
  resourceLinks: false,
  structuredContent: false,
  samplingBlocks: false,
  samplingContext: false,
  elicitationUrl: false,
  elicitationChoices: false,
  tasks: false,
} as const satisfies RevisionRow;

const second = {
  ...first,
  revision: "2025-03-26",
  batches: true,
  completions: true,
  audio: true,
} as const satisfies RevisionRow;

const third = {
  ...second,
  revision: "2025-06-18",
  batches: false,
  titles: true,
  resourceLinks: true,
  structuredContent: true,
} as const satisfies RevisionRow;

const fourth = {
  ...third,
  revision: "2025-11-25",
  priming: true,
  icons: true,
  samplingBlocks: true,
  samplingContext: true,
  elicitationUrl: true,
  elicitationChoices: true,
  tasks: true,
} as const satisfies RevisionRow;

/** The rows, oldest first. */
export const revisionRows: readonly RevisionRow[] = [first, second, third, fourth];

/** The name of one revision of this era. */
export type Revision =
  | typeof first.revision
  | typeof second.revision
  | typeof third.revision
  | typeof fourth.revision;

/** The names, oldest first. */
export const revisions: readonly string[] = revisionRows.map((row) => row.revision);

/** What the gateway offers upstreams, and clients that ask for an unknown revision. */
export const latestRevision: Revision = fourth.revision;

/** Whether this revision is served. */
export function isServed(revision: unknown): revision is Revision {
  return typeof revision === "string" && revisions.includes(revision);
}

/** The revision of a session: the requested one when it is served, else the latest. */
export function negotiate(requested: unknown): Revision {
  return isServed(requested) ? requested : latestRevision;
}

const rows: ReadonlyMap<string, RevisionRow> = new Map(
  revisionRows.map((row) => [row.revision, row]),
);

/** The row of a revision; an unknown one (stored by a newer gateway, say) gets the first row. */
export function rowOf(revision: string): RevisionRow {
  return rows.get(revision) ?? first;
}

/** Whether something that exists since one revision exists in another. */
export function isSince(revision: string, since: Revision): boolean {
  return since === first.revision ||
    revisions.indexOf(rowOf(revision).revision) >= revisions.indexOf(since);
}

/** Whether a body may be an array of messages. */
export function hasBatches(revision: string): boolean {
  return rowOf(revision).batches;
}

/** Whether a stream opens with an event that has an id and no data. */
export function hasPriming(revision: string): boolean {
  return rowOf(revision).priming;
}
