/**
 * The log as a reader of events: a line for each event that an operator wants to read about, under
 * the source that the event is about. Events without a line here are only counted.
 */
import type { Log } from "../log.ts";
import type { GatewayEvent } from "./events.ts";

type Line<Type extends GatewayEvent["type"]> = (
  event: Extract<GatewayEvent, { readonly type: Type }>,
  log: Log,
) => void;

const serverLog = (log: Log, server: string): Log => log.source(`upstream.${server}`);

/** What each event says in the log. */
const lines: { readonly [Type in GatewayEvent["type"]]?: Line<Type> } = {
  start_failed(
    { server, reason, next, failures, retryAfterMs, isChange, isRepeated, details },
    log,
  ) {
    const own = serverLog(log, server);
    if (next === "failed") {
      return own.error(
        `Cannot start server "${server}": ${reason}; ` +
          "it is not tried again until its configuration changes or the gateway restarts",
        details,
      );
    }
    if (next === "crash_loop" && isChange) {
      return own.error(
        `Cannot start server "${server}": ${failures} starts failed in a row; ` +
          "further starts are rare until one succeeds",
        { reason, retryAfterMs, ...details },
      );
    }
    const say = isRepeated ? own.debug : own.warn;
    say(`Cannot start server "${server}": ${reason}`, { failures, retryAfterMs, ...details });
  },
  server_recovered({ server }, log) {
    serverLog(log, server).info(`Server "${server}" started again`);
  },
  server_state({ server, state, problem }, log) {
    serverLog(log, server).debug("State", { state, problem });
  },
  connection_closed({ server, died }, log) {
    if (died === undefined) return;
    serverLog(log, server).warn("The server ended unexpectedly", { reason: died });
  },
  client_connected({ client, revision, surface }, log) {
    log.source("http").info("Client connected", { client, revision, surface });
  },
};

/** A reader that logs events; `log` is the log of the process. */
export function createLogReader(log: Log): (event: GatewayEvent) => void {
  return (event) => {
    const line = lines[event.type] as ((event: GatewayEvent, log: Log) => void) | undefined;
    line?.(event, log);
  };
}
