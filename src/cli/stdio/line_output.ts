/**
 * The lines on stdout: one message each, in the order in which they were written, and nothing else.
 * A client that reads slowly makes its writers wait; a client that has left ends them.
 */
import type { Limits } from "../../limits.ts";

/** The output of one run. */
export interface LineOutput {
  /** Queues a line; resolves when there is room for more. Never rejects. */
  write(text: string): Promise<void>;
  /** Resolves when everything written has left the program, or cannot. */
  flush(): Promise<void>;
  /** Aborts when the client has closed its end. */
  readonly closed: AbortSignal;
}

const breaks = /[\r\n]+/g;

/** Makes the output; `write` resolves when a text has left the program. */
export function createLineOutput(
  write: (text: string) => Promise<void>,
  { bridgeQueuedBytesMax }: Pick<Limits, "bridgeQueuedBytesMax">,
): LineOutput {
  const closing = new AbortController();
  let queued = 0;
  let last = Promise.resolve();
  let wakers: (() => void)[] = [];
  const leave = (size: number): void => {
    queued -= size;
    if (queued > bridgeQueuedBytesMax) return;
    for (const wake of wakers) wake();
    wakers = [];
  };
  return {
    write(text) {
      if (closing.signal.aborted) return Promise.resolve();
      // Between the tokens of JSON a line break is only space.
      const line = `${text.replace(breaks, " ")}\n`;
      queued += line.length;
      last = last.then(() => closing.signal.aborted ? undefined : write(line))
        .catch(() => closing.abort())
        .then(() => leave(line.length));
      if (queued <= bridgeQueuedBytesMax) return Promise.resolve();
      return new Promise((resolve) => wakers.push(resolve));
    },
    flush: () => last,
    closed: closing.signal,
  };
}
