/**
 * A message that was larger than its bound and was thrown away, whatever carried it: how it began
 * and how it ended, which may still show the request that it answered. Types only.
 */

/** What is kept of such a message. */
export interface OversizedMessage {
  readonly head: string;
  readonly tail: string;
  readonly bytes: number;
}
