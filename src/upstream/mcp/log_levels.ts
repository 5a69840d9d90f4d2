/**
 * The log level of each scope of one upstream. A shared connection gets the least severe level that
 * any of its scopes wants.
 */
import { type Caller, type LogLevel, logLevels } from "../../model.ts";

/** The levels of one upstream. */
export interface LogLevels {
  note(caller: Caller): void;
  /** The level of a scope's connection, or of one for all. */
  of(scope: string | undefined): LogLevel | undefined;
  forget(scope: string): void;
}

/** Makes an empty set. Callers who say their level with each call have none here. */
export function createLogLevels(): LogLevels {
  const levels = new Map<string, LogLevel>();
  return {
    note({ scope, logLevel, sharesScope }) {
      if (logLevel !== undefined && sharesScope !== true) levels.set(scope, logLevel);
    },
    of(scope) {
      if (scope !== undefined) return levels.get(scope);
      return logLevels.find((level) => [...levels.values()].includes(level));
    },
    forget: (scope) => void levels.delete(scope),
  };
}
