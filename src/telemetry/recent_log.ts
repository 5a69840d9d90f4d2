/** The latest records of the log, as the lines that its file has: secrets are hidden in them. */
import type { Limits } from "../limits.ts";
import type { LogSink } from "../log.ts";
import { createRing } from "./ring.ts";

/** The latest records. */
export interface RecentLog {
  /** Each a JSON object, the oldest first. */
  lines(): readonly string[];
  /** Calls `reader` for each new one until the returned function is called. */
  read(reader: (line: string) => void): () => void;
}

/** Follows the log from now on. */
export function keepRecentLog(
  log: Pick<LogSink, "read">,
  { recentRecordsMax, recentRecordsCharsMax }: Pick<
    Limits,
    "recentRecordsMax" | "recentRecordsCharsMax"
  >,
): RecentLog {
  const ring = createRing<string>(recentRecordsMax);
  let chars = 0;
  log.read((line) => {
    chars += line.length - (ring.push(line)?.length ?? 0);
    while (chars > recentRecordsCharsMax) chars -= ring.shift()?.length ?? chars;
  });
  return { lines: ring.toArray, read: log.read };
}
