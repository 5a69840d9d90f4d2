/**
 * Compares the level of a log notice to the level that the client wants.
 */
import { type LogLevel, logLevels } from "../../model.ts";

/** Whether a notice of this level is wanted; a notice of an unknown level always is. */
export function isLoudEnough(level: unknown, wanted: LogLevel): boolean {
  const at = logLevels.findIndex((name) => name === level);
  return at < 0 || at >= logLevels.indexOf(wanted);
}
