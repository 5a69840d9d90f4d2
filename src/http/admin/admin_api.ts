/**
 * The admin API: a plain fetch handler for a listener of its own, by which the command line, a
 * monitor or the operator's page steers the running gateway. Each request passes a guard (Host,
 * Origin), then its token is checked, then its right; only then its body is read. It has no CORS
 * headers and no cookies, so no web page of another origin can use it. Not here: the endpoints
 * (admin_routes.ts).
 */
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type { FetchContext, FetchHandler, Runtime } from "../../runtime/runtime.ts";
import type { Emit, Events } from "../../telemetry/events.ts";
import { instanceHeader } from "../../version.ts";
import { discardBody } from "../discard.ts";
import { createGuard, type Guard, type GuardConfig, type GuardDeps } from "../guard.ts";
import { assertJsonType, createJsonReader, type JsonReader } from "../json_body.ts";
import { createMatcher, type Match } from "../route_match.ts";
import { type ConnectedClients, reportSessions } from "../session_reports.ts";
import { assertRight, holderOf } from "./admin_access.ts";
import { AdminError, adminErrorResponse } from "./admin_errors.ts";
import { type AdminRow, type OpenAdminRequest, readForm } from "./admin_request.ts";
import { type AdminParts, adminRows } from "./admin_routes.ts";
import { type Attachments, createAttachments } from "./attachments.ts";
import { createLiveFeed, type LiveFeed } from "./live_feed.ts";
import { withLoginsOf } from "./login_routes.ts";
import type { ReadPage } from "./page_files.ts";
import { makePageLink, type PageLink } from "./page_login_rows.ts";
import { type AnsweredRequest, changeOf } from "./operator_change.ts";
import { createPageLogins, type PageLogins } from "./page_logins.ts";

/** What only the admin API needs. */
export interface AdminSettings extends
  Pick<
    AdminParts,
    | "tokens"
    | "operator"
    | "access"
    | "logins"
    | "backup"
    | "calls"
    | "recentLog"
    | "metrics"
    | "instances"
  > {
  readonly events: Pick<Events, "read">;
  /** Replaces the secrets in a text. */
  readonly hide: (text: string) => string;
  /** What `/admin/status` shows of the gateway itself. */
  readonly self: Readonly<Record<string, unknown>>;
}

/** What the API is made of. */
export interface AdminDeps extends AdminSettings, Pick<AdminParts, "passage" | "surfaceKinds"> {
  readonly limits: Limits;
  readonly addresses: GuardDeps["addresses"];
  readonly sha256: Runtime["sha256"];
  readonly clock: Clock;
  readonly bus: Bus;
  readonly connected: ConnectedClients;
  readonly log: Log;
  readonly emit: Emit;
  /** The name of this instance, which it sends to remote servers with each request. */
  readonly instance: string;
}

/** What only the program knows, once its listeners are open. */
export interface AdminOpening {
  /** Where the listener of the API is. */
  readonly host: string;
  readonly port: number;
  /** The base of its URLs, without a path. */
  readonly url: string;
  /** Names by which the listener is reached in addition to its own. */
  readonly allowedHosts: readonly string[];
  /** What `/admin/status` shows of the program: its process, its URL and its files. */
  readonly program: Readonly<Record<string, unknown>>;
  /** Whether the operator's token may add servers that start programs, and change command lines. */
  readonly maySpawn: boolean;
  /** Reads the configuration again; rejects with a sentence. */
  readonly reload: () => Promise<void>;
  /** Reads the files of the operator's page; absent: there is no page. */
  readonly readPage?: ReadPage | undefined;
  /** How known clients are connected, for the page; absent: the program does not know. */
  readonly clients?: AdminParts["clients"] | undefined;
}

/** The admin API of one gateway. */
export interface AdminApi {
  /** Answers every request to the API's listener; never rejects. */
  readonly fetch: FetchHandler;
  /** Requests are taken from now on. */
  open(opening: AdminOpening): void;
  /** A link that opens the operator's page once. Throws `starting` before the API is open. */
  pageLink(): PageLink;
  /** Calls back once, when no attached program needs the gateway any more. */
  onUnattached(run: () => void): void;
  /** Ends the streams of attached programs. */
  close(): void;
}

/** All rows of one path. */
interface AdminPath {
  readonly path: string;
  readonly methods: Readonly<Record<string, AdminRow>>;
}

/** The parts of one API. */
interface AdminLayer {
  readonly deps: AdminDeps;
  readonly attachments: Attachments;
  readonly pages: PageLogins;
  readonly match: (url: string) => Match<AdminPath> | Promise<Match<AdminPath>>;
  readonly readJson: JsonReader;
  opened: { readonly guard: Guard; readonly opening: AdminOpening } | undefined;
}

/** Makes the API; it refuses requests until it is opened. */
export function createAdminApi(deps: AdminDeps): AdminApi {
  const { limits, clock } = deps;
  const attachments = createAttachments(clock, limits);
  const pages = createPageLogins(deps);
  const opening = () => openedOf(layer).opening;
  const sessions = () => reportSessions({ ...deps, ...deps.connected });
  const feed = openFeed(deps, sessions);
  const links = { pages, limits, url: () => opening().url };
  const rows = adminRows({
    ...deps,
    ...links,
    attachments,
    sessions,
    feed,
    facts: () => ({ ...deps.self, ...opening().program }),
    maySpawn: () => opening().maySpawn,
    reload: () => opening().reload(),
    clients: () => opening().clients?.() ?? Promise.resolve([]),
    readPage: (file) => opening().readPage?.(file) ?? Promise.resolve(undefined),
  });
  const bounds: Limits = { ...limits, bodyBytesMax: limits.adminBodyBytesMax };
  const layer: AdminLayer = {
    deps,
    attachments,
    pages,
    match: createMatcher(toPaths(rows), limits),
    readJson: createJsonReader({ ...deps, limits: bounds }),
    opened: undefined,
  };
  return {
    async fetch(request, fetchContext = {}) {
      try {
        return await take(layer, request, fetchContext);
      } catch (thrown) {
        return await refuse(deps, request, thrown);
      }
    },
    open(opening) {
      layer.opened = {
        guard: createGuard(guardConfig(opening), { ...deps, servesPages: true }),
        opening,
      };
    },
    pageLink: () => makePageLink(links),
    onUnattached: attachments.onUnattached,
    close() {
      attachments.close();
      feed.close();
      pages.close();
    },
  };
}

function openFeed(deps: AdminDeps, sessions: AdminParts["sessions"]): LiveFeed {
  const { operator, logins, calls, recentLog: log, events } = deps;
  const lists = {
    servers: async () => ({ servers: await withLoginsOf(operator.servers(), logins) }),
    sessions: () => ({ sessions: sessions() }),
  };
  return createLiveFeed({ ...deps, sources: { calls, log, events, lists } });
}

function guardConfig({ host, port, allowedHosts }: AdminOpening): GuardConfig {
  return { host, port, allowedHosts, allowedOrigins: [], publicUrl: undefined };
}

function toPaths(rows: readonly AdminRow[]): AdminPath[] {
  return [...Map.groupBy(rows, ({ path }) => path)].map(([path, same]) => ({
    path,
    methods: Object.fromEntries(same.map((row) => [row.method, row])),
  }));
}

function openedOf({ opened }: AdminLayer) {
  if (opened === undefined) throw new GatewayError("starting");
  return opened;
}

async function take(
  layer: AdminLayer,
  request: Request,
  fetchContext: FetchContext,
): Promise<Response> {
  const { deps } = layer;
  if (request.headers.get(instanceHeader) === deps.instance) throw new GatewayError("leads_back");
  // Its CORS headers are not used: a browser must not show the answers to other origins.
  openedOf(layer).guard.admit(request);
  const found = await find(layer, request.url);
  const methods = found?.row.methods ?? {};
  const row = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
  let body: unknown;
  const arrived: OpenAdminRequest = {
    request,
    fetchContext,
    readBody: async (schema) => readForm(schema, body = await layer.readJson(request), "the body"),
  };
  if (row?.right === "none") return announce(deps, await row.answerOpenly(arrived), { row });
  // Before a missing path is reported, so that only holders of a token learn what there is.
  const holder = await holderOf(request, deps.tokens, layer.pages);
  if (found === undefined) throw new AdminError("path_unknown");
  if (row === undefined) {
    throw new AdminError("method_not_allowed", undefined, {
      allow: Object.keys(methods).join(", "),
    });
  }
  assertRight(row.right, holder.role);
  if (request.method === "DELETE" && request.headers.has("content-type")) {
    assertJsonType(request.headers.get("content-type"));
  }
  const { name } = found;
  const response = await row.answer({ ...arrived, ...holder, name: name ?? "" });
  return announce(deps, response, { row, role: holder.role, name, body });
}

/** The response to a request, whose change it reports. */
function announce({ emit }: AdminDeps, response: Response, answered: AnsweredRequest): Response {
  const change = response.ok ? changeOf(answered) : undefined;
  if (change !== undefined) emit(change);
  return response;
}

/** The rows of a path; undefined if there is no such path. */
async function find({ match }: AdminLayer, url: string): Promise<Match<AdminPath> | undefined> {
  try {
    return await match(url);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === "path_unknown") return undefined;
    throw thrown;
  }
}

/** The response to what was thrown, after the rest of the body was discarded. */
async function refuse(deps: AdminDeps, request: Request, thrown: unknown): Promise<Response> {
  const { response, code } = adminErrorResponse(thrown, deps.log);
  deps.emit({ type: "request_refused", status: response.status, code });
  await discardBody(request, deps);
  return response;
}
