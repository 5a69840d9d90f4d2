/**
 * The route table: every URL with what answers there, and what the HTTP layer consists of for that.
 * Not here: the way of a request to its row (dispatch.ts).
 */
import type { Authenticator } from "../auth/authenticator.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { PrincipalRates } from "../gateway/principal_rates.ts";
import type { Gateway } from "../gateway/surface.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { OAuthServer } from "../oauth/oauth_server.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { EventWriter } from "../session/event_writer.ts";
import type { SessionStore } from "../session/session_store.ts";
import type { Emit } from "../telemetry/events.ts";
import { type AdminSettings } from "./admin/admin_api.ts";
import { type ClientAddress } from "./client_address.ts";
import { cardRows } from "./cards/card_rows.ts";
import { type BaseUrl } from "./gateway_url.ts";
import { createFrontPage } from "./front_page.ts";
import { type Guard, type GuardConfig } from "./guard.ts";
import { type HealthReports, healthResponse, type Phase, readyResponse } from "./health.ts";
import type { ConnectParts } from "./oauth/connect_access.ts";
import { connectRows } from "./oauth/connect_rows.ts";
import { discoveryRows } from "./oauth/discovery_rows.ts";
import { oauthRows } from "./oauth/oauth_endpoints.ts";
import { type OpenEndpoint, type OpenRow, type RouteRow, type SurfaceRow } from "./route_match.ts";
import { get, remove } from "./legacy/post.ts";
import type { PagesParts } from "./oauth/browser_request.ts";
import { pageRows } from "./oauth/page_rows.ts";
import { type Sessions } from "./legacy/session_table.ts";
import type { SurfaceKinds } from "./surface_kinds.ts";
import { post } from "./mcp_endpoint.ts";
import { type StatelessRequests } from "./modern/requests.ts";
import { openLine, type SseTransport, takePost } from "./legacy/http_sse.ts";

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
  /** Whether other instances use the same store; then `open` gets to know them. */
  readonly isShared?: boolean | undefined;
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

/** The parts of one handler. */
export interface HttpLayer {
  readonly deps: HttpDeps;
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly stateless: StatelessRequests;
  readonly transport: SseTransport;
  readonly baseUrl: BaseUrl;
  readonly clientAddress: ClientAddress;
  phase: Phase;
}

/** The table. */
export function rowsOf(layer: HttpLayer): RouteRow[] {
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
