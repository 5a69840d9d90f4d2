/**
 * What a remote server is told beside requests: notifications, and answers to its questions. Few
 * at a time, since each holds a connection, and the rest waits within a bound: a server that asks and
 * does not listen must not take all connections that the gateway has. Not here: how it is sent.
 */
import type { UpstreamDeps } from "../deps.ts";

/** Tells one server. */
export interface Teller {
  /** False when all is full. */
  tell(line: string): boolean;
  /** Resolves when what was said last has been sent. */
  told(): Promise<void>;
}

/** Makes a teller; `send` must not reject. */
export function createTeller(
  { limits, log }: Pick<UpstreamDeps, "limits" | "log">,
  send: (line: string) => Promise<void>,
): Teller {
  const waiting: (() => void)[] = [];
  let free = limits.tellsMax;
  let chars = 0;
  let hasDropped = false;
  let last: Promise<void> = Promise.resolve();

  const sendInTurn = async (line: string): Promise<void> => {
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
  return {
    tell(line) {
      if (waiting.length < limits.tellsWaitingMax && chars + line.length <= limits.writeBytesMax) {
        last = sendInTurn(line);
        return true;
      }
      if (!hasDropped) log.warn("The server does not take its answers; some are dropped");
      hasDropped = true;
      return false;
    },
    told: () => last,
  };
}
