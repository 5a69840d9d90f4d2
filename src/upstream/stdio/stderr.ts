/**
 * A child's stderr. It is always drained, so that the child never blocks on it. A few lines a
 * second go to the log (at DEBUG until the server is ready) and the rest is counted. Lines that may
 * explain a failed start are kept (start_output.ts).
 */
import { beginning } from "../../excerpt.ts";
import type { UpstreamDeps } from "../deps.ts";
import { type LineReader, readLines } from "./line_reader.ts";
import type { StartOutput } from "./start_output.ts";

/** Starts to drain. */
export function drainStderr(
  stream: ReadableStream<Uint8Array>,
  printed: StartOutput,
  options: Pick<UpstreamDeps, "limits" | "clock" | "log" | "readTurns">,
): LineReader {
  const { limits, clock, log } = options;
  let secondEnd = 0;
  let logged = 0;
  let unlogged = 0;

  const take = (line: string): void => {
    const shown = beginning(line, limits.stderrLineCharsMax).trimEnd();
    if (shown === "") return;
    printed.take(shown);
    const now = clock.monotonic();
    if (now >= secondEnd) {
      if (unlogged > 0) log.info(`stderr: ${unlogged} more lines were not logged`);
      secondEnd = now + limits.outputWindowMs;
      logged = 0;
      unlogged = 0;
    }
    if (logged++ >= limits.stderrLinesPerSecondMax) unlogged++;
    // A failed start is logged with all its lines, and a successful one needs no banners.
    else if (printed.isOpen()) log.debug(`stderr: ${shown}`);
    else log.info(`stderr: ${shown}`);
  };

  return readLines(
    stream,
    {
      lines: (lines) => lines.forEach(take),
      tooLong: (line) => take(`${line.head} … (${line.bytes} bytes)`),
      fault: (error) => log.debug("Cannot read stderr", { error: String(error) }),
    },
    { ...limits, lineBytesMax: limits.stderrLineBytesMax },
    clock,
    options.readTurns.place(),
  );
}
