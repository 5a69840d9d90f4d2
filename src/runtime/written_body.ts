/**
 * Bodies that are written as they come, on the hardened listener. Where the runtime can release a
 * socket from `node:http`, such a body goes to the socket itself, and the connection ends with it:
 * for an idle event stream, the objects of `node:http` are most of what it costs. Not here: which
 * responses have such a body (http/event_stream.ts).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { BodyOutlet, ListenerLimits, WrittenBody } from "./runtime.ts";

/**
 * Takes the socket of a request from `node:http`, which neither reads nor ends it afterwards. All
 * listeners of the socket are gone. Undefined if that is impossible; then nothing has changed.
 */
export type ReleaseSocket = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
) => Socket | undefined;

/** What the listener knows of a connection that a body is written to. */
export interface WrittenTo {
  /** Requests under way. */
  running: number;
  /** What the answer to the latest of them is written to. */
  answer: Pick<ServerResponse, "writableLength"> | undefined;
  /** Called when the connection has closed. */
  readonly forget: () => void;
}

/** A request that is answered by such a body. */
export interface WrittenAnswer {
  readonly incoming: IncomingMessage;
  /** Undefined: it has closed. */
  readonly connection: WrittenTo | undefined;
  readonly release: ReleaseSocket | undefined;
}

const encoder = new TextEncoder();
const lineEnd = encoder.encode("\r\n");
const lastChunk = encoder.encode("0\r\n\r\n");

/** Sends the head, which the response has already, and opens the body. */
export function sendWritten(
  body: WrittenBody,
  { incoming, connection, release }: WrittenAnswer,
  { sentPieceBytes }: Pick<ListenerLimits, "sentPieceBytes">,
  outgoing: ServerResponse,
): void {
  // Another request may have come behind this one: node:http then orders the answers.
  const isAlone = connection?.running === 1 && incoming.httpVersion === "1.1" && incoming.complete;
  if (isAlone) outgoing.setHeader("connection", "close");
  outgoing.flushHeaders();
  const socket = isAlone ? release?.(incoming, outgoing) : undefined;
  if (connection === undefined || socket === undefined) {
    return body.open(new ResponseOutlet(outgoing, body, sentPieceBytes));
  }
  connection.answer = socket;
  body.open(new SocketOutlet(socket, body, connection.forget, sentPieceBytes));
}

/** Writes by `node:http`. */
class ResponseOutlet implements BodyOutlet {
  readonly #outgoing: ServerResponse;
  readonly #body: WrittenBody;
  readonly #pieceBytes: number;

  constructor(outgoing: ServerResponse, body: WrittenBody, pieceBytes: number) {
    this.#outgoing = outgoing;
    this.#body = body;
    this.#pieceBytes = pieceBytes;
    outgoing.once("close", () => body.left());
  }

  write(bytes: Uint8Array): void {
    for (const piece of piecesOf(bytes, this.#pieceBytes)) this.#outgoing.write(piece);
  }

  queuedBytes(): number {
    return this.#outgoing.writableLength;
  }

  end(): void {
    this.#outgoing.end(() => this.#body.sent());
  }
}

/** Writes chunks (RFC 9112, 7.1) to a socket that is its own. */
class SocketOutlet implements BodyOutlet {
  readonly #socket: Socket;
  readonly #body: WrittenBody;
  readonly #pieceBytes: number;

  constructor(socket: Socket, body: WrittenBody, forget: () => void, pieceBytes: number) {
    this.#socket = socket;
    this.#body = body;
    this.#pieceBytes = pieceBytes;
    socket.on("close", () => {
      forget();
      body.left();
    });
    socket.on("error", ignore);
    socket.on("end", destroy);
    // What the client sends now has no meaning, but only a socket that is read tells when it leaves.
    socket.resume();
  }

  write(bytes: Uint8Array): void {
    for (const piece of piecesOf(bytes, this.#pieceBytes)) this.#socket.write(toChunk(piece));
  }

  queuedBytes(): number {
    return this.#socket.writableLength;
  }

  end(): void {
    const socket = this.#socket;
    socket.write(lastChunk);
    socket.end(() => {
      this.#body.sent();
      socket.destroy();
    });
  }
}

function ignore(): void {}

function destroy(this: Socket): void {
  this.destroy();
}

/** Each piece counts when the system has taken it, which shows that a slow reader still reads. */
function* piecesOf(bytes: Uint8Array, step: number): Iterable<Uint8Array> {
  if (bytes.length <= step) return yield bytes;
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

function toChunk(bytes: Uint8Array): Uint8Array {
  const size = encoder.encode(`${bytes.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + bytes.length + lineEnd.length);
  chunk.set(size);
  chunk.set(bytes, size.length);
  chunk.set(lineEnd, size.length + bytes.length);
  return chunk;
}
