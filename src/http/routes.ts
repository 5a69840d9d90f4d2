/**
 * The HTTP layer and its route table. A path matches as it is written, except for one trailing
 * slash. Not here: the way of a request through the layer (dispatch.ts), and what the endpoints do.
 */
import type { Authenticator } from "../auth/authenticator.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { PrincipalRates } from "../gateway/principal_rates.ts";
import type { Gateway } from "../gateway/surface.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Notice } from "../model.ts";
import type { OAuthServer } from "../oauth/oauth_server.ts";
import { isRevoked } from "../principals.ts";
import type { FetchHandler, Runtime } from "../runtime/runtime.ts";
import type { EventWriter } from "../session/event_writer.ts";
import type { SessionStore } from "../session/session_store.ts";
import type { Emit } from "../telemetry/events.ts";
import { type AdminApi, type AdminSettings, createAdminApi } from "./admin/admin_api.ts";
import { type ClientAddress, createForwarding } from "./client_address.ts";
import { cardRows, createCardUrls } from "./cards/card_rows.ts";
import { type BaseUrl, createBaseUrl } from "./gateway_url.ts";
import { createConsumerRule } from "./consumer_rule.ts";
import { createDispatch, createPassage, type DispatchDeps } from "./dispatch.ts";
import type { IsLostStream } from "./credential_expiry.ts";
import { createJsonReader } from "./json_body.ts";
import { createFrontPage } from "./front_page.ts";
import { untilQuiet } from "./drain.ts";
import { createGuard, type Guard, type GuardConfig } from "./guard.ts";
import { type HealthReports, healthResponse, type Phase, readyResponse } from "./health.ts";
import { createHeartbeats } from "./heartbeat.ts";
import { type HttpLoad, loadOf } from "./http_load.ts";
import { createKeepAlive } from "./keep_alive.ts";
import type { ConnectParts } from "./oauth/connect_access.ts";
import { connectRows } from "./oauth/connect_rows.ts";
import { discoveryRows } from "./oauth/discovery_rows.ts";
import { oauthRows } from "./oauth/oauth_endpoints.ts";
import { createRequestTurns } from "./request_turns.ts";
import {
  createMatcher,
  type OpenEndpoint,
  type OpenRow,
  type RouteRow,
  type SurfaceRow,
} from "./route_match.ts";
import { deliverTo } from "./legacy/notices.ts";
import { get, remove } from "./legacy/post.ts";
import type { PagesParts } from "./oauth/browser_request.ts";
import { pageRows } from "./oauth/page_rows.ts";
import {
  closeSessions,
  createSessions,
  endLostStreams,
  keyIn,
  type Sessions,
} from "./legacy/session_table.ts";
import { closeForNow } from "./legacy/session_streams.ts";
import type { SurfaceKinds } from "./surface_kinds.ts";
import { post } from "./mcp_endpoint.ts";
import {
  closeStateless,
  createStatelessRequests,
  endListens,
  endLostListens,
  notifyListens,
  type StatelessRequests,
} from "./modern/requests.ts";
import {
  createSseTransport,
  endLines,
  endLostLines,
  openLine,
  type SseTransport,
  takePost,
} from "./legacy/http_sse.ts";

/** What the HTTP layer is made of. */
export interface HttpDeps
  extends HealthReports, Pick<Runtime, "addresses" | "nextTurn" | "sha256"> {
  readonly gateway: Gateway;
  /** Which URLs there are. */
  readonly surfaceKinds: SurfaceKinds;
  readonly authenticator: Authenticator;
  /** What each principal has open, and how fast it may call. */
  readonly rates: PrincipalRates;
  readonly sessions: SessionStore;
  /** Stores the event streams of sessions; absent: they end with the process. */
  readonly events?: EventWriter | undefined;
  /** Announces sessions that ended. */
  readonly bus: Bus;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  readonly identity: { readonly name: string; readonly version: string };
  /** The name of this instance, which it sends to remote servers with each request. */
  readonly instance: string;
  readonly config:
    & GuardConfig
    & Pick<GatewayConfig, "auth" | "sessionTimeoutMs" | "trustedProxies">;
  /** Opens the details of `/health`; absent: there are none. */
  readonly operatorToken?: string | undefined;
  /** Absent: there is no admin API. */
  readonly admin?: AdminSettings | undefined;
  /** The pages on which people log in; absent: there are none. */
  readonly pages?: PagesParts | undefined;
  /** The pages on which people log in at protected servers; absent: there are none. */
  readonly connect?: ConnectParts | undefined;
  /** Absent: the gateway has no authorization server. */
  readonly oauth?: OAuthServer | undefined;
}

/** The HTTP layer. */
export interface HttpHandler {
  /** Answers every request; never rejects. */
  readonly fetch: FetchHandler;
  /** Every URL, with its methods. */
  readonly routes: readonly RouteRow[];
  /** For a listener of its own. */
  readonly admin: AdminApi | undefined;
  /** New work is taken from now on. */
  open(): void;
  /**
   * Refuses new work and ends standalone streams; resolves when the running calls have finished.
   */
  drain(): Promise<void>;
  /** Ends everything that is still open. Stored sessions stay in the store. */
  close(): Promise<void>;
  /** The rows of `access` may be others: ends the streams of surfaces that are hidden now. */
  recheck(): void;
  /** Sends a notice to the session of this key; true when a stream took it now. */
  sendTo(sessionKey: string, notice: Notice): boolean;
  /** Sends a notice to every client; returns how many sessions and listen streams took it now. */
  broadcast(notice: Notice): number;
  /** What is open now. */
  load(): HttpLoad;
}

/** The parts of one handler. */
interface HttpLayer {
  readonly deps: HttpDeps;
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly stateless: StatelessRequests;
  readonly transport: SseTransport;
  readonly baseUrl: BaseUrl;
  readonly clientAddress: ClientAddress;
  phase: Phase;
}

/** Makes the HTTP layer. */
export function createHttpHandler(deps: HttpDeps): HttpHandler {
  const { limits, clock, config } = deps;
  const beats = {
    heartbeats: createHeartbeats(clock, limits),
    keepAlive: createKeepAlive(clock, limits),
  };
  const stateless = createStatelessRequests({ ...deps, ...beats });
  const { instance: owner, config: { sessionTimeoutMs } } = deps;
  const sessions = createSessions({ ...deps, ...beats, sessionTimeoutMs, owner });
  const transport = createSseTransport(sessions);
  const guard = createGuard(config, { ...deps, isForAnyPage: createCardUrls(deps.surfaceKinds) });
  const readJson = createJsonReader({ ...deps, sizeVariable: "MCP_BODY_MAX_MB" });
  const forwarding = createForwarding(config.trustedProxies);
  const { clientAddress } = forwarding;
  const baseUrl = createBaseUrl(config.publicUrl, forwarding);
  const shared = { deps, guard, sessions, stateless, transport, baseUrl, clientAddress };
  const layer: HttpLayer = { ...shared, phase: "starting" };
  const routes = rowsOf(layer);
  const match = createMatcher(routes, limits);
  const taken = { requests: 0 };
  const dispatch: DispatchDeps = {
    ...{ deps, guard, match, readJson, clientAddress, taken },
    admission: { authenticator: deps.authenticator, baseUrl },
    phase: () => layer.phase,
    consumerRule: createConsumerRule({ config, clientAddress, limits }),
    turns: createRequestTurns(deps),
    sessionKey: (headers) => keyIn(sessions, headers),
  };
  const passage = createPassage(dispatch);
  const admin = deps.admin &&
    createAdminApi({ ...deps, ...deps.admin, passage, connected: shared });
  const closed = new AbortController();
  const endLost = (isLost: IsLostStream): void => {
    endLostStreams(sessions, isLost);
    endLostLines(transport, isLost);
    endLostListens(stateless, isLost);
  };
  const stopHearing = deps.bus.subscribe("accessRevoked", (revoked) => {
    deps.gateway.revoke(revoked);
    endLost((_surface, principal) => isRevoked(revoked, principal));
  });
  return {
    fetch: createDispatch(dispatch),
    routes,
    admin,
    open: () => void (layer.phase = "ready"),
    async drain() {
      layer.phase = "draining";
      admin?.close();
      for (const session of sessions.byId.values()) closeForNow(session.streams);
      endLines(transport, false);
      endListens(stateless);
      await untilQuiet(deps, sessions, stateless, closed.signal);
    },
    async close() {
      layer.phase = "draining";
      closed.abort();
      stopHearing();
      admin?.close();
      closeSessions(sessions);
      endLines(transport, true);
      closeStateless(stateless);
      beats.keepAlive.close();
      await deps.events?.close();
    },
    recheck() {
      // A surface whose path has no name is there for everybody, if only without servers.
      const isAlwaysThere = (name: string) =>
        deps.surfaceKinds.some((kind) => kind.surface === name);
      endLost((surface, principal) =>
        !isAlwaysThere(surface) && deps.gateway.surface(surface, principal)?.isHidden === true
      );
    },
    sendTo: (key, notice) => deliverTo(sessions.byKey, [key], notice) === 1,
    broadcast: (notice) =>
      deliverTo(sessions.byKey, sessions.byKey.keys(), notice) + notifyListens(stateless, notice),
    load: () => loadOf(taken.requests, sessions, stateless),
  };
}

/** The route table. */
function rowsOf(layer: HttpLayer): RouteRow[] {
  const { deps, baseUrl, clientAddress, sessions, stateless, transport } = layer;
  const streamable: SurfaceRow["methods"] = {
    POST: (context) => post(sessions, stateless, context),
    GET: (context) => get(sessions, context),
    DELETE: (context) => remove(sessions, context),
  };
  const lines: SurfaceRow["methods"] = { GET: (context) => openLine(transport, context) };
  const messages: SurfaceRow["methods"] = { POST: (context) => takePost(transport, context) };
  const health: OpenEndpoint = ({ request }) => healthResponse(layer.phase, layer.deps, request);
  const ready = () => readyResponse(layer.phase, layer.deps.isStorageAway?.() ?? false);
  const createPage = createFrontPage(
    layer.baseUrl,
    deps.surfaceKinds,
    deps.config.auth?.kinds ?? [],
  );
  const page: OpenEndpoint = ({ request, fetchContext }) => createPage(request, fetchContext);
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
    ...(deps.pages === undefined
      ? []
      : pageRows({ ...deps, ...deps.pages, baseUrl, clientAddress })),
    { path: "/health", openMethods: { GET: health, HEAD: health } },
    { path: "/ready", openMethods: { GET: ready, HEAD: ready } },
    { path: "/", openMethods: { GET: page, HEAD: page } },
    ...cardRows({ ...deps, ...layer, authKinds: deps.config.auth?.kinds ?? [] }),
    ...openOAuthRows(layer),
    ...serverLoginRows(layer),
  ];
}

/** The rows of discovery, and of the authorization server if there is one. */
function openOAuthRows({ deps, baseUrl, clientAddress }: HttpLayer): OpenRow[] {
  const { oauth: server, authenticator, surfaceKinds, config: { publicUrl } } = deps;
  const rows = discoveryRows({ authenticator, server, baseUrl, publicUrl, surfaceKinds });
  return server === undefined
    ? rows
    : [...rows, ...oauthRows({ ...deps, server, baseUrl, clientAddress })];
}

/** The rows of log-ins at protected servers. */
function serverLoginRows({ deps, baseUrl, clientAddress }: HttpLayer): OpenRow[] {
  const { connect, pages } = deps;
  if (connect === undefined) return [];
  return connectRows({
    ...deps,
    ...connect,
    baseUrl,
    clientAddress,
    hasLogins: pages !== undefined,
  });
}
