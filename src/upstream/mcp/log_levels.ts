/** The log level of each scope of one upstream; a shared lane gets the least severe that anybody wants. */
import { type Caller, type LogLevel, logLevels } from "../../model.ts";

/** The levels of one upstream. */
export interface Levels {
  note(caller: Caller): void;
  /** The level of a scope's lane, or of one for all. */
  of(scope: string | undefined): LogLevel | undefined;
  forget(scope: string): void;
}

/** Makes an empty set. Callers who say their level with each call have none here. */
export function createLevels(): Levels {
  const levels = new Map<string, LogLevel>();
  return {
    note({ scope, logLevel, deferred }) {
      if (logLevel !== undefined && deferred !== true) levels.set(scope, logLevel);
    },
    of(scope) {
      if (scope !== undefined) return levels.get(scope);
      return logLevels.find((level) => [...levels.values()].includes(level));
    },
    forget: (scope) => void levels.delete(scope),
  };
}
