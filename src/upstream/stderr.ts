/**
 * A child's stderr: always drained, so that the child never blocks on it; a few lines a second go
 * to the log and the rest is counted; the last ones are kept to explain a start that fails.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { type LineReader, readLines } from "./lines.ts";

/** A stderr that is being drained. */
export interface StderrDrain {
  readonly reader: LineReader;
  /** The last lines, joined; empty when it said nothing. */
  lastWords(): string;
}

/** Starts to drain. */
export function drainStderr(
  stream: ReadableStream<Uint8Array>,
  options: { readonly limits: Limits; readonly clock: Clock; readonly log: Log },
): StderrDrain {
  const { limits, clock, log } = options;
  const last: string[] = [];
  let secondEnd = 0;
  let logged = 0;
  let unlogged = 0;

  const take = (line: string): void => {
    const shown = line.slice(0, limits.stderrLineCharsMax).trimEnd();
    if (shown === "") return;
    last.push(shown);
    if (last.length > limits.stderrTailLinesMax) last.shift();
    const now = clock.monotonic();
    if (now >= secondEnd) {
      if (unlogged > 0) log.info(`stderr: ${unlogged} more lines were not logged`);
      secondEnd = now + limits.noiseWindowMs;
      logged = 0;
      unlogged = 0;
    }
    if (logged++ < limits.stderrLinesPerSecondMax) log.info(`stderr: ${shown}`);
    else unlogged++;
  };

  const reader = readLines(
    stream,
    {
      lines: (lines) => lines.forEach(take),
      tooLong: (line) => take(`${line.head} … (${line.bytes} bytes)`),
      fault: (error) => log.debug("Cannot read stderr", { error: String(error) }),
    },
    { ...limits, lineBytesMax: limits.stderrLineBytesMax },
    clock,
  );
  return { reader, lastWords: () => last.join("\n") };
}
