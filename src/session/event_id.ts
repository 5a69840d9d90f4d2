/**
 * Event ids: the name of a stream and a position in it. The name holds the instance and chance, so
 * that streams of all sessions and runs differ. Ids are compared as text: each place has one
 * spelling.
 */

/** A place in a stream. */
export interface EventPlace {
  /** The name of the stream. */
  readonly stream: string;
  /** Frames before the place. */
  readonly position: number;
}

/** No id is longer, so a longer one needs no look-up. */
const idCharsMax = 256;

/** The id of a place. */
export function eventId(stream: string, position: number): string {
  return `${stream}-${position}`;
}

/** The place that an id names; undefined for a text that is no id. */
export function parseEventId(id: string): EventPlace | undefined {
  if (id.length > idCharsMax) return undefined;
  const cut = id.lastIndexOf("-");
  const stream = id.slice(0, Math.max(cut, 0));
  const position = Number(id.slice(cut + 1));
  const isExact = Number.isSafeInteger(position) && position >= 0 &&
    eventId(stream, position) === id;
  return isExact && stream !== "" ? { stream, position } : undefined;
}
