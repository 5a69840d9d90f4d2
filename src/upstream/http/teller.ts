/**
 * What a remote server is told beside requests: notifications, and answers to its questions. Few
 * at a time, since each holds a connection, and the rest waits within a bound: a server that asks and
 * does not listen must not take all connections that the gateway has. Not here: how it is sent.
 */
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";

/** Makes a teller of one link; it gives a promise of the end of sending, or nothing when all is full. */
export function createTeller(
  { limits, log, send }: {
    readonly limits: Pick<Limits, "tellsMax" | "tellsWaitingMax" | "writeBytesMax">;
    readonly log: Log;
    /** Must not reject. */
    readonly send: (line: string) => Promise<void>;
  },
): (line: string) => Promise<void> | undefined {
  const waiting: (() => void)[] = [];
  let free = limits.tellsMax;
  let chars = 0;
  let hasDropped = false;

  const tell = async (line: string): Promise<void> => {
    chars += line.length;
    if (free > 0) free -= 1;
    else await new Promise<void>((go) => void waiting.push(go));
    await send(line);
    chars -= line.length;
    const go = waiting.shift();
    // A place is handed on, so that nobody overtakes who waits.
    if (go === undefined) free += 1;
    else go();
  };
  return (line) => {
    if (waiting.length < limits.tellsWaitingMax && chars + line.length <= limits.writeBytesMax) {
      return tell(line);
    }
    if (!hasDropped) log.warn("The server does not take its answers; some are dropped");
    hasDropped = true;
    return undefined;
  };
}
