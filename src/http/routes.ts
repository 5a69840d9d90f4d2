/**
 * The door: every request is guarded, matched to a row of the route table and answered; the handler
 * never throws. Paths match as they were written, but for one slash at the end: one that only
 * normalisation would turn into a route is unknown. Not here: what the endpoints do, and sockets.
 */
import { IttyRouter } from "itty-router";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway/surface.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Notice } from "../model.ts";
import type { FetchHandler, RequestContext } from "../runtime/runtime.ts";
import type { SessionStore } from "../session/session_store.ts";
import { instanceHeader } from "../version.ts";
import { createJsonReader, type JsonReader } from "./json_body.ts";
import { discardBody } from "./discard.ts";
import { createFrontPage } from "./front_page.ts";
import { untilQuiet } from "./drain.ts";
import { createGuard, type Guard, type GuardConfig, type GuardDeps } from "./guard.ts";
import { type HealthDeps, healthResponse, type Phase, readyResponse } from "./health.ts";
import { createHeartbeats } from "./heartbeat.ts";
import { createKeepAlive } from "./keep_alive.ts";
import { get, remove, type Visit } from "./legacy/post.ts";
import { deliver } from "./legacy/notices.ts";
import { closeSessions, createSessions, type Sessions } from "./legacy/session_table.ts";
import { pauseStanding } from "./legacy/session_streams.ts";
import { post } from "./mcp_endpoint.ts";
import {
  closeStateless,
  createStateless,
  endListens,
  type Stateless,
  tellListens,
} from "./modern/requests.ts";
import { emptyResponse, errorResponse, faultResponse, type HeaderPairs } from "./respond.ts";
import {
  createSseTransport,
  endLines,
  openLine,
  type SseTransport,
  takePost,
} from "./legacy/http_sse.ts";

/** What the HTTP layer is made of. */
export interface HttpDeps {
  readonly gateway: Gateway;
  readonly sessions: SessionStore;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: { readonly name: string; readonly version: string };
  /** What the gateway sends to remote servers with each request. */
  readonly instance: string;
  readonly addresses: GuardDeps["addresses"];
  readonly config: GuardConfig & Pick<GatewayConfig, "sessionTimeoutMs">;
  /** Opens the details of `/health`; absent: there are none. */
  readonly operatorToken?: string | undefined;
  readonly storageProblem?: HealthDeps["storageProblem"];
}

/** The HTTP layer. */
export interface HttpHandler {
  /** Answers every request; never rejects. */
  readonly fetch: FetchHandler;
  /** New work is taken from now on. */
  open(): void;
  /** New work is refused, standing streams end; resolves when the running calls have finished. */
  drain(): Promise<void>;
  /** Ends what is left. Stored sessions live on in the store. */
  close(): Promise<void>;
  /** Tells one session; true when a stream took it now. */
  sendTo(sessionKey: string, notice: Notice): boolean;
  /** Tells every session; how many streams took it now. */
  broadcast(notice: Notice): number;
}

type Endpoint = (visit: Visit) => Response | Promise<Response>;

/** One URL: its methods, and the name of the one that took its place. */
interface RouteRow {
  readonly path: string;
  readonly methods: Readonly<Record<string, Endpoint>>;
  readonly successor?: string;
}

interface Match {
  readonly row: RouteRow;
  /** The server in the path, as it was written; absent: all servers. */
  readonly server: string | undefined;
}

/** The parts of one handler. */
interface Door {
  readonly deps: HttpDeps;
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly stateless: Stateless;
  readonly transport: SseTransport;
  readonly readJson: JsonReader;
  phase: Phase;
}

/** Makes the HTTP layer. */
export function createHttpHandler(deps: HttpDeps): HttpHandler {
  const { limits, clock, log, config } = deps;
  const heartbeats = createHeartbeats(clock, limits);
  const keepAlive = createKeepAlive(clock, limits);
  const stateless = createStateless({ ...deps, heartbeats, keepAlive });
  const sessions = createSessions({
    ...deps,
    sessionTimeoutMs: config.sessionTimeoutMs,
    heartbeats,
    keepAlive,
    epoch: crypto.randomUUID().replaceAll("-", ""),
  });
  const transport = createSseTransport(sessions);
  const guard = createGuard(config, deps);
  const readJson = createJsonReader(deps);
  const door: Door = { deps, guard, sessions, stateless, transport, readJson, phase: "starting" };
  const match = createMatcher(rowsOf(door));
  const closed = new AbortController();

  const respond = async (request: Request, context: RequestContext): Promise<Response> => {
    try {
      // First: by whichever name it comes, it is the gateway itself.
      if (request.headers.get(instanceHeader) === deps.instance) {
        throw new GatewayError("leads_back");
      }
      guard.assertAllowed(request);
    } catch (thrown) {
      return faultResponse(thrown, log);
    }
    const path = trimPath(pathOf(request.url));
    const response = await match(path)
      .then((found) => answer(door, found, { request, context, path }))
      .catch((thrown: unknown) => faultResponse(thrown, log));
    return withHeaders(response, guard.corsHeaders(request));
  };

  return {
    async fetch(request, context = {}) {
      const response = await respond(request, context);
      if (response.status >= 400) await discardBody(request, deps);
      return response;
    },
    open: () => void (door.phase = "ready"),
    async drain() {
      door.phase = "draining";
      for (const session of sessions.byId.values()) pauseStanding(session.streams);
      endLines(transport, false);
      endListens(stateless);
      await untilQuiet(deps, sessions, stateless, closed.signal);
    },
    close() {
      door.phase = "draining";
      closed.abort();
      closeSessions(sessions);
      endLines(transport, true);
      closeStateless(stateless);
      keepAlive.close();
      return Promise.resolve();
    },
    sendTo: (key, notice) => tell(sessions, [key], notice) === 1,
    broadcast: (notice) =>
      tell(sessions, sessions.byKey.keys(), notice) +
      tellListens(stateless, notice),
  };
}

/** The route table. */
function rowsOf(door: Door): RouteRow[] {
  const { sessions, stateless, transport } = door;
  const streamable: RouteRow["methods"] = {
    POST: (visit) => post(sessions, stateless, visit),
    GET: (visit) => get(sessions, visit),
    DELETE: (visit) => remove(sessions, visit),
  };
  const lines: RouteRow["methods"] = { GET: (visit) => openLine(transport, visit) };
  const messages: RouteRow["methods"] = { POST: (visit) => takePost(transport, visit) };
  const health: Endpoint = ({ request }) => healthResponse(door.phase, door.deps, request);
  const ready = () => readyResponse(door.phase);
  const createPage = createFrontPage(door.deps.config.publicUrl);
  const page: Endpoint = ({ request }) => createPage(request);
  return [
    { path: "/mcp", methods: streamable },
    { path: "/servers/:name/mcp", methods: streamable },
    { path: "/servers/:name/streamable", methods: streamable, successor: "mcp" },
    { path: "/sse", methods: lines },
    { path: "/messages", methods: messages },
    { path: "/servers/:name/sse", methods: lines },
    { path: "/servers/:name/messages", methods: messages },
    { path: "/health", methods: { GET: health, HEAD: health } },
    { path: "/ready", methods: { GET: ready, HEAD: ready } },
    { path: "/", methods: { GET: page, HEAD: page } },
  ];
}

/** Lets the endpoint of a row answer. */
async function answer(
  door: Door,
  { row, server }: Match,
  visit: Pick<Visit, "request" | "context" | "path">,
): Promise<Response> {
  const { request } = visit;
  const surface = server === undefined ? "/mcp" : `/servers/${decodeName(server)}`;
  if (server !== undefined && door.deps.gateway.surface(surface) === undefined) {
    throw new GatewayError(
      "path_unknown",
      `Cannot find "${surface}": no such server is configured`,
    );
  }
  const allow = [...Object.keys(row.methods), "OPTIONS"].join(", ");
  if (request.method === "OPTIONS") {
    return emptyResponse(204, door.guard.preflightHeaders(request, allow));
  }
  const endpoint = Object.hasOwn(row.methods, request.method)
    ? row.methods[request.method]
    : undefined;
  if (endpoint === undefined) {
    return errorResponse(new GatewayError("method_not_allowed"), undefined, { allow });
  }
  const assertOpen = (): void => {
    if (door.phase !== "ready") throw new GatewayError(door.phase);
  };
  const readJson = () => door.readJson(request);
  const response = await endpoint({ ...visit, surface, assertOpen, readJson });
  if (request.method === "HEAD") return new Response(null, response);
  return withHeaders(response, deprecationHeaders(row, server));
}

/** How many of these sessions' streams took a notice; its frame is encoded once for all. */
function tell({ byKey }: Sessions, keys: Iterable<string>, notice: Notice): number {
  let heard = 0;
  for (const key of keys) {
    const session = byKey.get(key);
    if (session !== undefined && deliver(session, notice)) heard += 1;
  }
  return heard;
}

const toMatch = (row: RouteRow) => ({ params }: { params: Record<string, string> }): Match => ({
  row,
  server: params.name,
});

/** Finds rows by path; those without a name in it, the hot one among them, without the router. */
function createMatcher(rows: readonly RouteRow[]): (path: string) => Promise<Match> {
  const fixed = new Map<string, Match>();
  const router = IttyRouter();
  for (const row of rows) {
    if (row.path.includes(":")) router.all(row.path, toMatch(row));
    else fixed.set(row.path, { row, server: undefined });
  }
  return async (path) => {
    const known = fixed.get(path);
    if (known !== undefined) return known;
    const url = `http://gateway${path}`;
    // The router would follow dot segments and forgive any number of slashes at the end.
    const isAsWritten = new URL(url).pathname === path && !path.endsWith("/");
    const found: Match | undefined = isAsWritten
      ? await router.fetch({ method: "GET", url })
      : undefined;
    if (found === undefined) throw new GatewayError("path_unknown");
    return found;
  };
}

/** The path of a URL as text, without query and fragment. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

/** Without the one slash at the end that clients often add; `//` stays, and matches no route. */
function trimPath(path: string): string {
  return /[^/]\/$/.test(path) ? path.slice(0, -1) : path;
}

function decodeName(server: string): string {
  try {
    return decodeURIComponent(server);
  } catch {
    throw new GatewayError("path_unknown");
  }
}

function deprecationHeaders({ successor }: RouteRow, server: string | undefined): HeaderPairs {
  if (successor === undefined) return {};
  const link = `</servers/${server}/${successor}>; rel="successor-version"`;
  return { deprecation: "true", link };
}

function withHeaders(response: Response, headers: HeaderPairs): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}
