/**
 * The listener for addresses that other machines can reach: `node:http` with deadlines for headers,
 * bodies and readers, on all runtimes. It turns a Node request into a `Request` and a `Response` into a
 * Node response, both streamed with backpressure. A client that leaves aborts the signal of the
 * request or, once there is a response, cancels its body.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { defaultLimits } from "../limits.ts";
import { answer, refuseTarget, toListenFault } from "./answer.ts";
import { toCode } from "./files.ts";
import type {
  FetchContext,
  Listener,
  ListenerLimits,
  ServeOptions,
  WrittenBody,
} from "./runtime.ts";
import { toWebStream } from "./web_stream.ts";
import { type ReleaseSocket, sendWritten, type WrittenTo } from "./written_body.ts";

/**
 * Listens with deadlines for slow clients. With `release`, the sockets of event streams leave
 * `node:http`, whose objects would take more memory than the streams.
 */
export async function serveHardened(
  options: ServeOptions,
  release?: ReleaseSocket,
): Promise<Listener> {
  const connections: Connections = { open: new Map(), isClosing: false, takesFirst: true };
  const listener: RequestListener = (incoming, outgoing) => {
    const connection = countRequest(connections, incoming.socket, outgoing);
    const context = new HardenedContext(incoming, connection, release);
    respond(options, limits, context, outgoing).catch(() => outgoing.destroy());
  };
  const limits = { ...defaultLimits, ...options.limits };
  const server = createServer({
    headersTimeout: limits.headersMs,
    requestTimeout: limits.bodyMs,
    keepAliveTimeout: limits.headersMs,
    // The announced time is shorter: a client that is late by less does not lose its request.
    keepAliveTimeoutBuffer: limits.headersMs,
    connectionsCheckingInterval: limits.slowCheckMs,
    maxHeaderSize: limits.headerBytesMax,
  }, listener);
  server.on("connection", (socket) => countConnection(connections, socket));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (fault) => reject(toListenFault(options, fault, toCode(fault))));
    server.listen(options.port, options.hostname, () => resolve());
  });
  server.on("error", () => {});
  const { port } = server.address() as AddressInfo;
  const look = setInterval(() => cutStalled(connections, limits), limits.slowCheckMs);
  return {
    hostname: options.hostname,
    port,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.isClosing = true;
      closeUnused(connections);
      // What has arrived is read in between, however late the timer is.
      setTimeout(() =>
        setImmediate(() => {
          connections.takesFirst = false;
          closeUnused(connections);
        }), limits.drainCheckMs);
      const cut = setTimeout(() => {
        server.closeAllConnections();
        for (const socket of connections.open.keys()) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(cut);
      clearInterval(look);
    },
  };
}

/** One connection, and how its reader gets on. */
interface Connection extends WrittenTo {
  /** The bytes that the system had taken at the last look. */
  sent: number;
  /** For how many looks it took none of those that wait. */
  looks: number;
  /** It has brought no request yet. */
  isNew: boolean;
}

/**
 * The open connections. Node's own count of requests takes a new connection, and one with half a
 * head, for a request: it would delay the end of the listener.
 */
interface Connections {
  readonly open: Map<Socket, Connection>;
  isClosing: boolean;
  /**
   * Connections may bring a first request, though the listener closes: it may be on its way since
   * before, and its client gets an answer rather than a cut.
   */
  takesFirst: boolean;
}

function countConnection({ open, takesFirst }: Connections, socket: Socket): void {
  if (!takesFirst) return void socket.destroy();
  const forget = () => void open.delete(socket);
  open.set(socket, { running: 0, answer: undefined, forget, sent: 0, looks: 0, isNew: true });
  socket.once("close", forget);
}

function countRequest(
  connections: Connections,
  socket: Socket,
  outgoing: ServerResponse,
): Connection | undefined {
  const connection = connections.open.get(socket);
  if (connection === undefined) return undefined;
  connection.running += 1;
  connection.isNew = false;
  connection.answer = outgoing;
  outgoing.once("close", () => {
    connection.running -= 1;
    if (connection.running === 0) connection.answer = undefined;
    if (connections.isClosing) setTimeout(() => closeUnused(connections), 0);
  });
  return connection;
}

/** From now on a connection ends with its last request. */
function closeUnused({ open, takesFirst }: Connections): void {
  for (const [socket, { running, isNew }] of open) {
    if (running === 0 && !(isNew && takesFirst)) socket.destroy();
  }
}

/** Cuts the connections whose clients have read nothing of what waits for them for too long. */
function cutStalled({ open }: Connections, { unreadMs, slowCheckMs }: ListenerLimits): void {
  for (const [socket, connection] of open) {
    // That of the socket is always 0 on Bun.
    const waiting = connection.answer?.writableLength ?? 0;
    const sent = socket.bytesWritten - waiting;
    if (waiting === 0 || sent !== connection.sent) connection.looks = 0;
    else connection.looks += 1;
    connection.sent = sent;
    if (connection.looks * slowCheckMs >= unreadMs) socket.destroy();
  }
}

/** What the handler may know of the connection of a request, and ask of it. */
class HardenedContext implements FetchContext {
  readonly incoming: IncomingMessage;
  /** Undefined once it has closed. */
  readonly connection: Connection | undefined;
  readonly release: ReleaseSocket | undefined;
  readonly write: FetchContext["write"];
  /** The body that takes the place of the response's own. */
  written: WrittenBody | undefined;

  constructor(
    incoming: IncomingMessage,
    connection: Connection | undefined,
    release: ReleaseSocket | undefined,
  ) {
    this.incoming = incoming;
    this.connection = connection;
    this.release = release;
    // Only streams that a GET opens stay idle for long.
    const isTaken = release !== undefined && incoming.method === "GET";
    this.write = isTaken ? (body) => void (this.written = body) : undefined;
  }

  get remoteAddress(): string | undefined {
    return this.incoming.socket.remoteAddress;
  }

  holdOpen(): void {}
}

async function respond(
  options: ServeOptions,
  limits: ListenerLimits,
  context: HardenedContext,
  outgoing: ServerResponse,
): Promise<void> {
  const { incoming } = context;
  outgoing.on("error", () => {});
  const left = new AbortController();
  const leave = () => left.abort();
  outgoing.once("close", leave);
  // Nothing here keeps the request while its answer is sent: a stream may be open for days.
  const request = toRequest(incoming, left.signal);
  const response = request === undefined
    ? refuseTarget()
    : await answer(options.fetch, request, context);
  outgoing.off("close", leave);
  const { written } = context;
  if (written === undefined) return await send(limits, incoming, outgoing, response);
  if (!outgoing.destroyed && response.body === null) {
    setHead(incoming, outgoing, response);
    return sendWritten(written, context, limits, outgoing);
  }
  // The client has left, or the response came to nothing.
  written.left();
  await send(limits, incoming, outgoing, response);
}

/** A dot segment or a backslash in the path, which a URL would turn into another path. */
const leadsElsewhere = /^[^?#]*(?:\\|\/(?:\.|%2e){1,2}(?:[/?#]|$))/i;

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const headers = new Headers();
  const { rawHeaders, method = "GET", url: target = "" } = incoming;
  if (leadsElsewhere.test(target)) return undefined;
  try {
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      // A second Host is joined to the first, so that the guard sees both.
      headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
    }
    const url = target.startsWith("/")
      ? new URL(`http://${incoming.headers.host ?? ""}${target}`)
      : new URL(target);
    const hasBody = headers.has("transfer-encoding") || Number(headers.get("content-length")) > 0;
    if (!hasBody || method === "GET" || method === "HEAD") {
      return new Request(url.href, { method, headers, signal });
    }
    const body: RequestInit & { duplex: "half" } = {
      method,
      headers,
      body: toWebStream(incoming, bodyEnds),
      signal,
      duplex: "half",
    };
    return new Request(url.href, body);
  } catch {
    return undefined;
  }
}

/** Cancelling the body leaves the socket open for the answer. */
const bodyEnds = {
  cut: () => new Error("Cannot read the body: the client left"),
  cancelled: (incoming: { pause(): void }) => void incoming.pause(),
};

async function send(
  limits: ListenerLimits,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  response: Response,
): Promise<void> {
  if (outgoing.destroyed) return void await response.body?.cancel("the client left");
  setHead(incoming, outgoing, response);
  if (incoming.method === "HEAD") {
    await response.body?.cancel();
    outgoing.end();
  } else if (response.headers.get("content-type") === "application/json") {
    // Complete from the start: one write with its length, instead of a head, a chunk and an end.
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length <= limits.sentPieceBytes) return void outgoing.end(bytes);
    outgoing.setHeader("content-length", bytes.length);
    await sendStream(limits, outgoing, new Blob([bytes]).stream());
  } else if (response.body === null) outgoing.end();
  else await sendStream(limits, outgoing, response.body);
}

function setHead(incoming: IncomingMessage, outgoing: ServerResponse, response: Response): void {
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  // The rest of an unread body would be read as the next request.
  if (!incoming.complete) outgoing.setHeader("connection", "close");
}

async function sendStream(
  { sentPieceBytes: piece }: ListenerLimits,
  outgoing: ServerResponse,
  body: ReadableStream<Uint8Array>,
): Promise<void> {
  const reader = body.getReader();
  const left = new Promise<"left">((resolve) => outgoing.once("close", () => resolve("left")));
  left.then(() => reader.cancel("the client left")).catch(() => {});
  outgoing.flushHeaders();
  while (!outgoing.destroyed) {
    const { done, value } = await reader.read();
    if (done) break;
    for (let at = 0; at < value.length; at += piece) {
      if (outgoing.write(value.subarray(at, at + piece))) continue;
      const room = new Promise<void>((resolve) => outgoing.once("drain", () => resolve()));
      if (await Promise.race([room, left]) === "left") return;
    }
  }
  outgoing.end();
}
