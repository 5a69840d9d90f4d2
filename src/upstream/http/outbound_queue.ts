/**
 * What the gateway sends a remote server besides requests: notifications, and answers to its
 * questions. Few at a time, since each holds a connection, and the rest waits within a bound: a
 * server that asks and does not listen must not take all connections that the gateway has. Not
 * here: how it is sent.
 */
import type { UpstreamDeps } from "../deps.ts";

/** Tells one server. */
export interface OutboundQueue {
  /** False when all is full. */
  send(line: string): boolean;
  /** Resolves when what was said last has been sent. */
  sent(): Promise<void>;
}

/** Makes an empty queue; `send` must not reject. */
export function createOutboundQueue(
  server: string,
  { limits, log, emit }: Pick<UpstreamDeps, "limits" | "log" | "emit">,
  send: (line: string) => Promise<void>,
): OutboundQueue {
  const waiting: (() => void)[] = [];
  let free = limits.outboundSendsMax;
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
    // The place goes to the first message in the queue, so that none overtakes it.
    if (go === undefined) free += 1;
    else go();
  };
  return {
    send(line) {
      if (
        waiting.length < limits.outboundWaitingMax && chars + line.length <= limits.writeBytesMax
      ) {
        last = sendInTurn(line);
        return true;
      }
      emit({ type: "dropped", what: "server_answer", server });
      if (!hasDropped) log.warn("The server does not take its answers; some are dropped");
      hasDropped = true;
      return false;
    },
    sent: () => last,
  };
}
