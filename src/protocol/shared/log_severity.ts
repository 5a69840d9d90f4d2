/** How severe a log notice is next to what its reader wants. */
import { type LogLevel, logLevels } from "../../model.ts";

/** Whether a notice of this level is wanted; one whose level is unknown always is. */
export function isLoudEnough(level: unknown, wanted: LogLevel): boolean {
  const at = logLevels.findIndex((name) => name === level);
  return at < 0 || at >= logLevels.indexOf(wanted);
}
