/**
 * A conformance fixture as a program that serves Streamable HTTP on 127.0.0.1, path `/mcp`, on a
 * port of the system's choice, which it prints as one line. `--era legacy|modern|dual` picks which
 * eras it speaks; legacy without it. Sessions are of the handshake's era; the newer one has none. It
 * ends with its stdin, so that it never outlives its parent.
 */
import process from "node:process";
import {
  WebStandardStreamableHTTPServerTransport as HandshakeTransport,
} from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  WebStandardStreamableHTTPServerTransport as DualTransport,
} from "@modelcontextprotocol/server";
import { serveFetch } from "../support/serve_fetch.ts";
import { createEventStore, type EventStore } from "./event_store.ts";
import { createHandshakeFixture } from "./fixture_handshake.ts";
import type { Change } from "./fixture_model.ts";
import { createModernFixture } from "./fixture_modern.ts";

type Handle = (request: Request) => Promise<Response>;

/** The options of both SDKs' transports. */
interface SessionOptions {
  readonly sessionIdGenerator: () => string;
  readonly eventStore: EventStore;
  readonly retryInterval: number;
  readonly onsessioninitialized: (id: string) => void;
  readonly onsessionclosed: (id: string) => void;
}

/** Sessions by id; a request that names none gets a new one from `connect`. */
function sessions(
  connect: (options: SessionOptions) => Promise<{ handleRequest: Handle }>,
): Handle {
  const known = new Map<string, { handleRequest: Handle }>();
  const open = async () => {
    const transport = await connect({
      sessionIdGenerator: () => crypto.randomUUID(),
      eventStore: createEventStore(),
      retryInterval: 500,
      onsessioninitialized: (id) => void known.set(id, transport),
      onsessionclosed: (id) => void known.delete(id),
    });
    return transport;
  };
  return async (request) => {
    const id = request.headers.get("mcp-session-id");
    const transport = id === null ? await open() : known.get(id);
    if (transport !== undefined) return await transport.handleRequest(request);
    const error = { code: -32001, message: "Session not found" };
    return Response.json({ jsonrpc: "2.0", id: null, error }, { status: 404 });
  };
}

const handshakeSessions = (): Handle =>
  sessions(async (options) => {
    const transport = new HandshakeTransport(options);
    await createHandshakeFixture().connect(transport);
    return transport;
  });

const dualSessions = (): Handle =>
  sessions(async (options) => {
    const transport = new DualTransport(options);
    await createModernFixture().connect(transport);
    return transport;
  });

/** The newer era; every listener gets the changes. */
function modern(): Handle {
  const tell = (what: Change) => {
    if (what === "tools") handler.notify.toolsChanged();
    else if (what === "prompts") handler.notify.promptsChanged();
    else handler.notify.resourceUpdated(what.uri);
  };
  const handler = createMcpHandler(() => createModernFixture(tell), { legacy: "reject" });
  return (request) => handler.fetch(request);
}

function dual(): Handle {
  const [older, newer] = [dualSessions(), modern()];
  return async (request) => await isLegacyRequest(request) ? older(request) : newer(request);
}

const era = process.argv[process.argv.indexOf("--era") + 1];
const handle = era === "modern" ? modern() : era === "dual" ? dual() : handshakeSessions();
const served = await serveFetch(async (request) =>
  hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    (new URL(request.url).pathname === "/mcp"
      ? await handle(request)
      : new Response(null, { status: 404 }))
);
process.stdin.once("end", () => process.exit()).resume();
console.log(String(served.port));
