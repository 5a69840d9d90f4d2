/**
 * A message over its size limit, which was dropped on any transport. Its beginning and end are
 * kept, because they may show the request that it answered. Types only.
 */

/** The kept parts of such a message. */
export interface OversizedMessage {
  readonly head: string;
  readonly tail: string;
  readonly bytes: number;
}
