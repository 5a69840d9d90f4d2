/**
 * A remote MCP server that `bench soak` disturbs: it echoes, and on demand it cuts its connections
 * or lets its answers wait. It runs in the process of the benchmark and keeps nothing of what it saw.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { messagesFor } from "./echo_tools.ts";

/** A running server. */
export interface SoakRemote {
  readonly url: string;
  /** Cuts each connection, whatever it carries. */
  cut(): void;
  /** Lets answers wait for so long, from now on. */
  delay(ms: number): void;
  close(): void;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: string[] = [];
  for await (const part of request.setEncoding("utf8")) parts.push(String(part));
  return parts.join("");
}

/** Serves one, with a session for each client. */
export async function serveSoakRemote(name: string): Promise<SoakRemote> {
  const sockets = new Set<Socket>();
  let delayMs = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === "DELETE") return void response.writeHead(200).end();
    if (request.method !== "POST") return void response.writeHead(405).end();
    const message = JSON.parse(await bodyOf(request));
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    const last = messagesFor(name, message).at(-1);
    if (last === undefined) return void response.writeHead(202).end();
    response.writeHead(200, {
      "content-type": "application/json",
      ...(message.method === "initialize" && { "mcp-session-id": randomUUID() }),
    }).end(JSON.stringify(last));
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    // A connection that was cut takes no answer.
    answer(request, response).catch(() => response.destroy());
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    cut,
    delay: (ms) => void (delayMs = ms),
    close() {
      cut();
      server.close();
    },
  };
}
