/**
 * Takes sockets from Deno's `node:http`, as it gives them up itself when a client upgrades. Its parser
 * and its two messages of a request take twice the memory of the socket.
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import process from "node:process";

/** What `node:http` hangs on a socket. */
interface HttpParts {
  parser?: { finish(): unknown } | null;
  _httpMessage?: ServerResponse | null;
  readableFlowing: boolean | null;
}

type FreeParser = (parser: unknown, incoming: IncomingMessage, socket: Socket) => void;

/** By these, `node:http` follows a socket; the first one keeps the list of its connections. */
const listKeeper = "onConnectionClose";
const followed = ["data", "end", "close", "drain", "error", "timeout"];

/** Releases a socket; see `ReleaseSocket`. */
export function releaseSocket(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Socket | undefined {
  const socket = incoming.socket as Socket & HttpParts;
  const { parser } = socket;
  const free = freeParser();
  const keeper = socket.listeners("close").find(({ name }) => name === listKeeper);
  const isKnown = parser && free && keeper && socket._httpMessage === outgoing;
  if (!isKnown || socket.destroyed || !outgoing.chunkedEncoding) return undefined;
  outgoing.detachSocket(socket);
  keeper.call(socket, false);
  const emitter: EventEmitter = socket;
  for (const name of followed) emitter.removeAllListeners(name);
  parser.finish();
  free(parser, incoming, socket);
  socket.readableFlowing = null;
  return socket;
}

function freeParser(): FreeParser | undefined {
  const common: unknown = process.getBuiltinModule("node:_http_common");
  const hasIt = typeof common === "object" && common !== null && "freeParser" in common;
  return hasIt ? common.freeParser as FreeParser : undefined;
}
