/**
 * Holds back what a child writes before it has a session: reading waits, so the pipe limits the
 * output.
 */
import type { ChildHandler } from "./child.ts";

/** Holds back what one child writes. */
export interface OutputGate {
  readonly handler: ChildHandler;
  /** From now on this handler gets the child's output, beginning with what was held back. */
  open(handler: ChildHandler): void;
  /** Drops the output. */
  close(): void;
}

/** Makes a closed gate; `failed` is called when the child cannot wait. */
export function createOutputGate(failed: (reason: string) => void): OutputGate {
  const settled = Promise.withResolvers<void>();
  let taker: ChildHandler | undefined;
  return {
    handler: {
      lines: (lines) =>
        taker === undefined ? settled.promise.then(() => taker?.lines(lines)) : taker.lines(lines),
      tooLong(line) {
        if (taker === undefined) failed("it floods its output before it is asked anything");
        else taker.tooLong(line);
      },
      unasked: () => taker?.unasked?.() ?? 0,
      broken(reason) {
        if (taker === undefined) failed(reason);
        else taker.broken(reason);
      },
    },
    open(handler) {
      taker = handler;
      settled.resolve();
    },
    close: settled.resolve,
  };
}
