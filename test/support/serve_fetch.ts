/**
 * Serves a web-standard request handler with `node:http`, so that one program runs on both runtimes.
 * For test servers only: bodies are read whole, and a reader that is gone aborts the request.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** A server that listens on 127.0.0.1. */
export interface Served {
  readonly port: number;
  close(): Promise<void>;
}

async function requestOf(incoming: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Uint8Array<ArrayBuffer>);
  const headers = new Headers();
  for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
  }
  return new Request(`http://${incoming.headers.host ?? "127.0.0.1"}${incoming.url}`, {
    method: incoming.method ?? "GET",
    headers,
    signal,
    ...(chunks.length === 0 ? {} : { body: new Blob(chunks) }),
  });
}

async function answer(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.flushHeaders();
  const reader = response.body?.getReader();
  if (reader !== undefined) {
    outgoing.once("close", () => void reader.cancel().catch(() => {}));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      outgoing.write(value);
    }
  }
  outgoing.end();
}

/** Serves until it is closed; the system chooses the port unless one is given. */
export function serveFetch(
  handle: (request: Request) => Promise<Response>,
  port = 0,
): Promise<Served> {
  const server = createServer((incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) gone.abort();
    });
    requestOf(incoming, gone.signal)
      .then(handle)
      .then((response) => answer(response, outgoing))
      .catch(() => outgoing.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}
