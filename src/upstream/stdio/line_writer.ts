/**
 * Lines to a child's stdin. Lines that are written within one turn of the event loop, or while an
 * earlier write is running, leave as one chunk, which spares a system call for each line. The queue
 * is bounded: if a child does not read, `write` returns false and the gateway does not grow.
 */
import type { ChildInput } from "../../runtime/runtime.ts";

/** Writes lines to one stream. */
export interface LineWriter {
  /** Queues a line (without its newline); false if the queue is full or the stream is closed. */
  write(line: string): boolean;
  /** Ends the stream after the queue; returns at once. */
  close(): void;
}

/** A queue of lines in front of a child's stdin. */
interface LineQueue {
  readonly input: ChildInput;
  readonly fault: (error: unknown) => void;
  waiting: string[];
  /** UTF-16 units that wait or are being written, as the queue holds them. */
  size: number;
  state: "quiet" | "scheduled" | "writing" | "closed";
}

/**
 * Makes a writer. The bound counts UTF-16 units, as the queue holds them. `nextTurn` runs what it
 * is given once, in the event loop's next turn. `fault` is called once when the stream breaks.
 */
export function createLineWriter(
  input: ChildInput,
  { writeBytesMax, nextTurn, fault }: {
    readonly writeBytesMax: number;
    readonly nextTurn: (run: () => void) => void;
    readonly fault: (error: unknown) => void;
  },
): LineWriter {
  const queue: LineQueue = { input, fault, waiting: [], size: 0, state: "quiet" };
  const flushQueue = () => flush(queue);
  return {
    write(line) {
      if (queue.state === "closed" || queue.size + line.length >= writeBytesMax) return false;
      queue.waiting.push(line);
      queue.size += line.length + 1;
      if (queue.state === "quiet") {
        queue.state = "scheduled";
        nextTurn(flushQueue);
      }
      return true;
    },
    close() {
      if (queue.state === "closed") return;
      if (queue.waiting.length > 0) input.write(takeAll(queue))?.catch(() => {});
      queue.state = "closed";
      input.close();
    },
  };
}

/** Writes the queued lines; lines that come while there is no room leave with the next write. */
function flush(queue: LineQueue): void {
  if (queue.state === "closed") return;
  if (queue.waiting.length === 0) {
    queue.state = "quiet";
    return;
  }
  queue.state = "writing";
  const batch = takeAll(queue);
  const done = () => {
    queue.size -= batch.length;
    flush(queue);
  };
  const writing = queue.input.write(batch);
  if (writing === undefined) return done();
  writing.then(done, (error) => {
    if (queue.state === "closed") return;
    queue.state = "closed";
    queue.fault(error);
  });
}

function takeAll(queue: LineQueue): string {
  const batch = queue.waiting.join("\n") + "\n";
  queue.waiting = [];
  return batch;
}
