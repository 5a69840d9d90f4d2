/**
 * The log level of each scope of one upstream. A shared connection gets the least severe level that
 * any of its scopes wants; bindings filter for each client.
 */
import { type Caller, type LogLevel, logLevels } from "../../model.ts";
import type { PoolKey } from "./pool_key.ts";

/** The levels of one upstream. */
export interface LogLevels {
  note(caller: Caller): void;
  /** The level of a connection with this key. */
  of(key: Pick<PoolKey, "scope" | "principal">): LogLevel | undefined;
  forget(scope: string): void;
}

/** Makes an empty set. Callers who say their level with each call have none here. */
export function createLogLevels(): LogLevels {
  const levels = new Map<string, { readonly level: LogLevel; readonly principal: string }>();
  return {
    note({ scope, logLevel, sharesScope, principal }) {
      if (logLevel === undefined || sharesScope === true) return;
      levels.set(scope, { level: logLevel, principal: principal.id });
    },
    of({ scope, principal }) {
      if (scope !== undefined) return levels.get(scope)?.level;
      const wanted = [...levels.values()]
        .filter((one) => principal === undefined || one.principal === principal)
        .map(({ level }) => level);
      return logLevels.find((level) => wanted.includes(level));
    },
    forget: (scope) => void levels.delete(scope),
  };
}
