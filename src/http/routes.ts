/**
 * The HTTP layer guards each request, matches it to a row of the route table and answers it; it
 * never throws. A path matches as it is written, except for one trailing slash. Not here: what the
 * endpoints do.
 */
import type { Authenticator } from "../auth/authenticator.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway/surface.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Notice } from "../model.ts";
import type { FetchContext, FetchHandler, Runtime } from "../runtime/runtime.ts";
import type { SessionStore } from "../session/session_store.ts";
import type { Emit } from "../telemetry/events.ts";
import { instanceHeader } from "../version.ts";
import { admit } from "./admission.ts";
import { createJsonReader, type JsonReader } from "./json_body.ts";
import { discardBody } from "./discard.ts";
import { createFrontPage } from "./front_page.ts";
import { untilQuiet } from "./drain.ts";
import { createGuard, type Guard, type GuardConfig } from "./guard.ts";
import { type HealthDeps, healthResponse, type Phase, readyResponse } from "./health.ts";
import { createHeartbeats } from "./heartbeat.ts";
import { createKeepAlive } from "./keep_alive.ts";
import type { OpenContext } from "./request_context.ts";
import {
  createMatcher,
  decodeName,
  type Match,
  type OpenEndpoint,
  pathOf,
  type RouteRow,
  type SurfaceRow,
  trimPath,
} from "./route_match.ts";
import { get, remove } from "./legacy/post.ts";
import { deliver } from "./legacy/notices.ts";
import { closeSessions, createSessions, type Sessions } from "./legacy/session_table.ts";
import { closeForNow } from "./legacy/session_streams.ts";
import { fillName, type SurfaceKind, type SurfaceKinds } from "./surface_kinds.ts";
import { post } from "./mcp_endpoint.ts";
import {
  closeStateless,
  createStatelessRequests,
  endListens,
  notifyListens,
  type StatelessRequests,
} from "./modern/requests.ts";
import {
  emptyResponse,
  errorCodeOf,
  errorResponse,
  faultResponse,
  type HeaderPairs,
} from "./respond.ts";
import {
  createSseTransport,
  endLines,
  openLine,
  type SseTransport,
  takePost,
} from "./legacy/http_sse.ts";

/** What the HTTP layer is made of. */
export interface HttpDeps extends Pick<Runtime, "addresses" | "sha256"> {
  readonly gateway: Gateway;
  /** Which URLs there are. */
  readonly surfaceKinds: SurfaceKinds;
  readonly authenticator: Authenticator;
  readonly sessions: SessionStore;
  /** Announces sessions that ended. */
  readonly bus: Bus;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  readonly identity: { readonly name: string; readonly version: string };
  /** The name of this instance, which it sends to remote servers with each request. */
  readonly instance: string;
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
  /**
   * Refuses new work and ends standalone streams; resolves when the running calls have finished.
   */
  drain(): Promise<void>;
  /** Ends everything that is still open. Stored sessions stay in the store. */
  close(): Promise<void>;
  /** Sends a notice to the session of this key; true when a stream took it now. */
  sendTo(sessionKey: string, notice: Notice): boolean;
  /** Sends a notice to every client; returns how many sessions and listen streams took it now. */
  broadcast(notice: Notice): number;
}

/** The parts of one handler. */
interface HttpLayer {
  readonly deps: HttpDeps;
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly stateless: StatelessRequests;
  readonly transport: SseTransport;
  readonly readJson: JsonReader;
  phase: Phase;
}

/** Makes the HTTP layer. */
export function createHttpHandler(deps: HttpDeps): HttpHandler {
  const { limits, clock, log, config } = deps;
  const heartbeats = createHeartbeats(clock, limits);
  const keepAlive = createKeepAlive(clock, limits);
  const stateless = createStatelessRequests({ ...deps, heartbeats, keepAlive });
  const sessions = createSessions({
    ...deps,
    sessionTimeoutMs: config.sessionTimeoutMs,
    heartbeats,
    keepAlive,
    owner: deps.instance,
  });
  const transport = createSseTransport(sessions);
  const guard = createGuard(config, deps);
  const readJson = createJsonReader(deps);
  const parts = { deps, guard, sessions, stateless, transport, readJson };
  const layer: HttpLayer = { ...parts, phase: "starting" };
  const match = createMatcher(rowsOf(layer));
  const closed = new AbortController();

  const respond = async (request: Request, fetchContext: FetchContext): Promise<Response> => {
    let isAllowed = false;
    let response: Response;
    try {
      // First: by whichever name it comes, it is the gateway itself.
      if (request.headers.get(instanceHeader) === deps.instance) {
        throw new GatewayError("leads_back");
      }
      guard.assertAllowed(request);
      isAllowed = true;
      const path = trimPath(pathOf(request.url));
      const found = match(path);
      // Without a wait where there is none: each costs a turn of the queue on every call.
      const row = found instanceof Promise ? await found : found;
      response = await answer(layer, row, { request, fetchContext, path });
    } catch (thrown) {
      response = faultResponse(thrown, log);
    }
    return isAllowed ? withHeaders(response, guard.corsHeaders(request)) : response;
  };

  return {
    async fetch(request, fetchContext = {}) {
      const response = await respond(request, fetchContext);
      if (response.status < 400) return response;
      const code = errorCodeOf(response);
      deps.emit({ type: "request_refused", status: response.status, code });
      await discardBody(request, deps);
      return response;
    },
    open: () => void (layer.phase = "ready"),
    async drain() {
      layer.phase = "draining";
      for (const session of sessions.byId.values()) closeForNow(session.streams);
      endLines(transport, false);
      endListens(stateless);
      await untilQuiet(deps, sessions, stateless, closed.signal);
    },
    close() {
      layer.phase = "draining";
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
      notifyListens(stateless, notice),
  };
}

/** The route table. */
function rowsOf(layer: HttpLayer): RouteRow[] {
  const { sessions, stateless, transport } = layer;
  const streamable: SurfaceRow["methods"] = {
    POST: (context) => post(sessions, stateless, context),
    GET: (context) => get(sessions, context),
    DELETE: (context) => remove(sessions, context),
  };
  const lines: SurfaceRow["methods"] = { GET: (context) => openLine(transport, context) };
  const messages: SurfaceRow["methods"] = { POST: (context) => takePost(transport, context) };
  const health: OpenEndpoint = ({ request }) => healthResponse(layer.phase, layer.deps, request);
  const ready = () => readyResponse(layer.phase);
  const createPage = createFrontPage(layer.deps.config.publicUrl, layer.deps.surfaceKinds);
  const page: OpenEndpoint = ({ request }) => createPage(request);
  return [
    ...layer.deps.surfaceKinds.flatMap((kind): SurfaceRow[] => {
      const { path, formerNames = [] } = kind;
      const successor = `${path}/mcp`;
      return [
        { path: successor, kind, methods: streamable },
        { path: `${path}/sse`, kind, methods: lines },
        { path: `${path}/messages`, kind, methods: messages },
        ...formerNames.map((name) => ({
          path: `${path}/${name}`,
          kind,
          methods: streamable,
          successor,
        })),
      ];
    }),
    { path: "/health", openMethods: { GET: health, HEAD: health } },
    { path: "/ready", openMethods: { GET: ready, HEAD: ready } },
    { path: "/", openMethods: { GET: page, HEAD: page } },
  ];
}

/** Lets the endpoint of a row answer. */
async function answer(
  layer: HttpLayer,
  { row, name }: Match,
  context: OpenContext,
): Promise<Response> {
  const { request } = context;
  const isOpen = "openMethods" in row;
  const methods = isOpen ? row.openMethods : row.methods;
  const allowed = () => [...Object.keys(methods), "OPTIONS"].join(", ");
  if (request.method === "OPTIONS") {
    // Browsers send no credentials with it.
    if (!isOpen) surfaceOf(layer, row.kind, name);
    return emptyResponse(204, layer.guard.preflightHeaders(request, allowed()));
  }
  const refuseMethod = () =>
    errorResponse(new GatewayError("method_not_allowed"), undefined, { allow: allowed() });
  if (isOpen) {
    const endpoint = endpointOf(row.openMethods, request);
    const response = endpoint === undefined ? refuseMethod() : await endpoint(context);
    return request.method === "HEAD" ? new Response(null, response) : response;
  }
  // Before the name is looked up: which servers there are is not for strangers.
  const principal = await admit(layer.deps.authenticator, request);
  if (principal instanceof Response) return principal;
  const surface = surfaceOf(layer, row.kind, name);
  const endpoint = endpointOf(row.methods, request);
  if (endpoint === undefined) return refuseMethod();
  const assertOpen = (): void => {
    if (layer.phase !== "ready") throw new GatewayError(layer.phase);
  };
  const readJson = () => layer.readJson(request);
  const response = await endpoint({ ...context, principal, surface, assertOpen, readJson });
  return withHeaders(response, deprecationHeaders(row, name));
}

/** The surface of a path. Throws `path_unknown` when its name is that of none. */
function surfaceOf({ deps }: HttpLayer, kind: SurfaceKind, name: string | undefined): string {
  if (name === undefined) return kind.surface;
  const surface = fillName(kind.surface, decodeName(name));
  if (deps.gateway.surface(surface) !== undefined) return surface;
  throw new GatewayError("path_unknown", `Cannot find "${surface}": ${kind.unknown}`);
}

function endpointOf<Kind>(
  methods: Readonly<Record<string, Kind>>,
  { method }: Request,
): Kind | undefined {
  return Object.hasOwn(methods, method) ? methods[method] : undefined;
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

function deprecationHeaders({ successor }: SurfaceRow, name: string | undefined): HeaderPairs {
  if (successor === undefined) return {};
  const link = `<${fillName(successor, name)}>; rel="successor-version"`;
  return { deprecation: "true", link };
}

function withHeaders(response: Response, headers: HeaderPairs): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}
