/**
 * A conformance fixture as a program that serves Streamable HTTP on 127.0.0.1, path `/mcp`, on a
 * port of the system's choice, which it prints as one line. `--era legacy|modern|dual` picks which
 * eras it speaks; legacy without it. Sessions are of the handshake's era; the newer one has none. It
 * ends with its stdin, so that it outlives nobody who started it.
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
import { createEventStore } from "./event_store.ts";
import { createHandshakeFixture } from "./fixture_handshake.ts";
import type { Change } from "./fixture_model.ts";
import { createModernFixture } from "./fixture_modern.ts";

type Handle = (request: Request) => Promise<Response>;

const retryInterval = 500;
const sessionHeader = "mcp-session-id";

/** Sessions by id; `open` makes a connected one for a request that names none. */
function sessions(
  open: (
    opened: (id: string, handle: Handle) => void,
    closed: (id: string) => void,
  ) => Promise<Handle>,
): Handle {
  const known = new Map<string, Handle>();
  return async (request) => {
    const id = request.headers.get(sessionHeader);
    const handle = id === null
      ? await open((opened, one) => known.set(opened, one), (closed) => known.delete(closed))
      : known.get(id);
    return handle === undefined
      ? Response.json({
        jsonrpc: "2.0",
        id: null,
        error: { code: -32001, message: "Session not found" },
      }, { status: 404 })
      : await handle(request);
  };
}

const handshakeSessions = (): Handle =>
  sessions(async (opened, closed) => {
    const handle: Handle = (request) => transport.handleRequest(request);
    const transport = new HandshakeTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      eventStore: createEventStore(),
      retryInterval,
      onsessioninitialized: (id) => opened(id, handle),
      onsessionclosed: closed,
    });
    await createHandshakeFixture().connect(transport);
    return handle;
  });

const dualSessions = (): Handle =>
  sessions(async (opened, closed) => {
    const handle: Handle = (request) => transport.handleRequest(request);
    const transport = new DualTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      eventStore: createEventStore(),
      retryInterval,
      onsessioninitialized: (id) => void opened(id, handle),
      onsessionclosed: closed,
    });
    await createModernFixture().connect(transport);
    return handle;
  });

/** The newer era; what changed is told to everybody who listens. */
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
