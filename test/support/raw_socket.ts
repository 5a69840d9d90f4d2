/**
 * A TCP client that sends any bytes: for requests which no HTTP library would make, and for clients
 * that are slow, half-open or gone.
 */
import { connect, type Socket } from "node:net";
import { until, within } from "./wait.ts";

/** An open connection. */
export interface RawSocket {
  /** Sends bytes; a string goes as Latin-1, one byte for each character. */
  send(bytes: string | Uint8Array): void;
  /** All that arrived so far, as Latin-1. */
  received(): string;
  /** Resolves with what arrived once the pattern matches it. */
  waitFor(pattern: RegExp, deadlineMs?: number): Promise<string>;
  /** Resolves with all that arrived when the other side closed or reset the connection. */
  closed(deadlineMs?: number): Promise<string>;
  isClosed(): boolean;
  /** Stops reading, so that the other side's buffers fill. */
  pause(): void;
  resume(): void;
  /** Cuts the connection. */
  destroy(): void;
}

function wrap(socket: Socket): RawSocket {
  const chunks: string[] = [];
  let closed = false;
  const ended = new Promise<void>((resolve) =>
    socket.once("close", () => {
      closed = true;
      resolve();
    })
  );
  socket.setEncoding("latin1");
  socket.on("data", (chunk) => chunks.push(String(chunk)));
  // A reset is an answer too; "close" follows.
  socket.on("error", () => {});
  const received = () => chunks.join("");
  return {
    send(bytes) {
      if (!socket.writable) return;
      if (typeof bytes === "string") socket.write(bytes, "latin1");
      else socket.write(bytes);
    },
    received,
    waitFor: (pattern, deadlineMs) =>
      until(`${pattern} in the answer`, () => pattern.test(received()), deadlineMs).then(received),
    closed: (deadlineMs) => within("the connection to be closed", ended, deadlineMs).then(received),
    isClosed: () => closed,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy(),
  };
}

/** Connects to a port of this machine. */
export function openRawSocket(port: number, host = "127.0.0.1"): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(wrap(socket));
    });
  });
}

/** The status of the first response in a text; undefined while its first line is not complete. */
export function statusOf(received: string): number | undefined {
  const found = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r\n/.exec(received);
  return found === null ? undefined : Number(found[1]);
}

/** Sends bytes on a connection of their own and resolves with the status of the answer. */
export async function rawStatus(
  port: number,
  bytes: string | Uint8Array,
  deadlineMs?: number,
): Promise<number | undefined> {
  const socket = await openRawSocket(port);
  try {
    socket.send(bytes);
    // No answer but a closed connection is a refusal too.
    await until(
      "an answer",
      () => statusOf(socket.received()) !== undefined || socket.isClosed(),
      deadlineMs,
    );
    return statusOf(socket.received());
  } finally {
    socket.destroy();
  }
}
