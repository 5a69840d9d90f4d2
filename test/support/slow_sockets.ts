/**
 * Seven kinds of clients that hold a connection and give nothing for it: what each sends, and how it
 * goes on. For the tests and the benchmark of slow clients.
 */
import { connect, type Socket } from "node:net";

/** One kind. */
export interface SlowKind {
  /** What it sends at first; none: nothing at all. */
  readonly first?: string;
  /** It sends one more byte at each tick. */
  readonly drips?: true;
  /** It ends its own side after the first bytes, and keeps the connection. */
  readonly endsItsSide?: true;
  /** It reads nothing. */
  readonly readsNothing?: true;
}

const line = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`;
const post = (bytes: number) =>
  `${line("POST", "/mcp")}Content-Type: application/json\r\n` +
  `Accept: application/json, text/event-stream\r\nContent-Length: ${bytes}\r\n\r\n`;

/** What a client that announces a body sends: so many bytes, of which six come. */
export const announcement = (bytes: number): string => `${post(bytes)}{"json`;

/** A request whole, with its body. */
export const wholePost = (headers: Readonly<Record<string, string>>, body: string): string =>
  line("POST", "/mcp") +
  Object.entries({ ...headers, "content-length": String(body.length) })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("") +
  `\r\n${body}`;

/** The kinds; `large` is a request whose answer fits into no buffer. */
export const slowKinds = (large: string): Readonly<Record<string, SlowKind>> => ({
  "slow reader": { first: large, readsNothing: true },
  "no bytes": {},
  "slow head": { first: line("POST", "/mcp"), drips: true },
  "announced body": { first: announcement(4_000_000) },
  "slow body": { first: announcement(1_000), drips: true },
  "half closed": { first: line("GET", "/ready"), endsItsSide: true },
  "idle after two requests": { first: `${line("GET", "/ready")}\r\n`.repeat(2) },
});

/** One slow client. */
export interface SlowSocket {
  /** Its own port. */
  readonly port: number;
  /** One that reads nothing does not see the end: the caller may know better. */
  noteClosed(): void;
  /** When the other side closed the connection, in milliseconds since it was opened. */
  readonly closedMs: () => number | undefined;
  destroy(): void;
}

/** Opens a slow client; `dripMs` is the time between two bytes of one that drips. */
export function openSlowSocket(port: number, kind: SlowKind, dripMs: number): Promise<SlowSocket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const openedAt = performance.now();
  let closedAt: number | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  const over = () => {
    closedAt ??= performance.now();
    clearInterval(timer);
  };
  socket.on("error", over);
  socket.on("close", over);
  socket.on("end", over);
  if (kind.readsNothing) socket.pause();
  else socket.on("data", () => {});
  return new Promise((resolve) => {
    const opened = () => {
      begin(socket, kind);
      if (kind.drips) timer = setInterval(() => socket.write("x"), dripMs);
      resolve({
        port: socket.localPort ?? 0,
        noteClosed: over,
        closedMs: () => closedAt === undefined ? undefined : closedAt - openedAt,
        destroy() {
          clearInterval(timer);
          socket.destroy();
        },
      });
    };
    socket.once("connect", opened);
  });
}

function begin(socket: Socket, { first, endsItsSide }: SlowKind): void {
  if (first !== undefined) socket.write(first);
  if (endsItsSide) socket.end();
}
