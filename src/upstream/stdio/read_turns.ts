/**
 * Whose output is read next. A program that writes faster than the gateway takes its output waits
 * before each further piece: one piece is read in each turn of the event loop, so that everything
 * else goes on meanwhile, and the reader that has taken the least goes first. Not here: what a piece
 * is (line_reader.ts).
 */

/** One reader's place in the order. */
export interface ReadPlace {
  /** Asks for the next turn, after so many bytes; resolves when it has come. */
  next(bytes: number): Promise<void>;
}

/** The order of all readers. */
export interface ReadTurns {
  /** A place for a new reader. */
  place(): ReadPlace;
}

/** A reader that waits, and what it has taken with the turn before. */
interface WaitingReader {
  readonly taken: number;
  readonly resolve: () => void;
}

/** Makes an empty order; `nextTurn` runs a function in the next turn of the event loop. */
export function createReadTurns(nextTurn: (run: () => void) => void): ReadTurns {
  const waiting: WaitingReader[] = [];
  /** Who was away is not owed what it has not taken meanwhile: it begins here. */
  let served = 0;
  const serve = (): void => {
    const first = waiting.reduce((one, other) => other.taken < one.taken ? other : one);
    waiting.splice(waiting.indexOf(first), 1);
    served = first.taken;
    if (waiting.length > 0) nextTurn(serve);
    first.resolve();
  };
  return {
    place() {
      let taken = 0;
      return {
        next: (bytes) =>
          new Promise((resolve) => {
            taken = Math.max(taken, served) + bytes;
            waiting.push({ taken, resolve });
            if (waiting.length === 1) nextTurn(serve);
          }),
      };
    },
  };
}
