/**
 * A local HTTP server whose answers a test writes by hand, over plain text or TLS, and a listener
 * below HTTP for what no HTTP server would do. All connections end with `close`.
 */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import {
  type AddressInfo,
  createServer as createRawServer,
  type Server,
  type Socket,
} from "node:net";

/** What came with one request. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A running server. */
export interface FaultServer {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, or `https://localhost:<port>`. */
  readonly origin: string;
  /** Requests that came whole, in order. */
  readonly seen: readonly SeenRequest[];
  /** Connections ever made. */
  readonly connections: () => number;
  /** Connections open now. */
  readonly open: () => number;
  /** The most connections that were open at the same time. */
  readonly peak: () => number;
  close(): Promise<void>;
}

/** Serves `answer`; it is called once the request's body is there. */
export async function serveFaults(
  answer: RequestListener,
  options: {
    readonly tls?: { readonly key: string; readonly cert: string };
    readonly hostname?: string;
  } = {},
): Promise<FaultServer> {
  const seen: SeenRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const parts: string[] = [];
    request.setEncoding("utf8");
    request.on("data", (part: string) => parts.push(part));
    request.on("error", () => {});
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, headers, body: parts.join("") });
      answer(request, response);
    });
  };
  // Its own idea of idle connections must not disturb a test of ours.
  const server = options.tls === undefined
    ? createServer({ keepAliveTimeout: 60_000 }, listener)
    : createSecureServer({ ...options.tls, keepAliveTimeout: 60_000 }, listener);
  server.on("tlsClientError", () => {});
  const running = await listen(server, options.hostname ?? "127.0.0.1");
  const scheme = options.tls === undefined ? "http" : "https";
  const host = options.tls === undefined ? "127.0.0.1" : "localhost";
  return { ...running, seen, origin: `${scheme}://${host}:${running.port}` };
}

/** Serves bytes: what a connection hears is up to `connected`. */
export async function serveBytes(connected: (socket: Socket) => void): Promise<FaultServer> {
  const server = createRawServer((socket) => {
    connected(socket);
    // Only who reads learns that the other side is gone.
    socket.resume();
  });
  const running = await listen(server, "127.0.0.1");
  return { ...running, seen: [], origin: `http://127.0.0.1:${running.port}` };
}

async function listen(server: Server, hostname: string) {
  const sockets = new Set<Socket>();
  let connections = 0;
  let peak = 0;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    peak = Math.max(peak, sockets.size);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, hostname, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    open: () => sockets.size,
    peak: () => peak,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
