/**
 * The watch of a surface. Each server reports to it once for all clients, or once for the clients
 * of one scope. One timer merges list changes, so that a burst of them causes one list request for
 * each client. All clients get the same notice object, which is encoded once for each revision. A
 * client that fails does not affect the others.
 */
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import {
  type Ask,
  type Caller,
  type ListKind,
  listKinds,
  type Notice,
  type Principal,
  type Watcher,
} from "../model.ts";
import type { Audience, Upstream } from "../upstream/upstream.ts";
import { type Access, visibleTo } from "./access_policy.ts";
import { toOffered } from "./offered_notice.ts";
import type { Scopes } from "./scope.ts";
import { isSameContent, type ResolvedSurface } from "./server.ts";

/** What watches are made from. */
export interface WatchDeps {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly scopes: Scopes;
  readonly access: Pick<Access, "policy" | "strictest">;
  /** Which servers a surface has now. */
  readonly viewOf: (surface: string) => ResolvedSurface | undefined;
}

/** One client on the surface. */
export interface WatchingClient {
  /** Replaced when its principal is. */
  caller: Caller;
  readonly watcher: Watcher;
  /** Its position in the order in which clients came. */
  readonly number: number;
}

/** A change of one list that is to be announced. */
interface DueChange {
  /** By reporting server: the number of the last client that came before the change. */
  readonly all: Map<string | undefined, number>;
  /** Clients for whose scope alone the change was reported. */
  readonly some: Set<WatchingClient>;
}

/** The watch of one surface. */
export interface SurfaceWatch {
  readonly deps: WatchDeps;
  readonly surface: string;
  /** By scope: clients without a session share one. */
  readonly clients: Map<string, Set<WatchingClient>>;
  /** How to stop watching each server, of which a surface may offer other parts than before. */
  readonly servers: Map<Upstream, () => void>;
  /** What the surface offered when its servers were last looked at. */
  view: ResolvedSurface | undefined;
  /** Changes by method, and the timer that announces them. */
  due: Map<string, DueChange>;
  cancelFlush: (() => void) | undefined;
  lastNumber: number;
  /** Called when the last client has left. */
  readonly emptied: () => void;
}

/** The notice that a list changed. */
export const listChangedOf = (kind: ListKind): string =>
  `notifications/${listKinds[kind].capability}/list_changed`;

const resourceUpdated = "notifications/resources/updated";

/** A surface without pinned tools lists the same ones whatever servers say. */
function isFixed({ deps, surface }: SurfaceWatch, method: string): boolean {
  return method === listChangedOf("tools") && deps.viewOf(surface)?.search?.pinned.length === 0;
}

/** Every notice that a list changed. */
export const listChangedMethods: readonly string[] = (["tools", "prompts", "resources"] as const)
  .map(listChangedOf);

const toNotice = (method: string): Notice => ({ kind: "notice", method, params: {} });

/** One object for each method, so that its frame is shared by all clients that get it. */
const changeNotices: ReadonlyMap<string, Notice> = new Map(
  listChangedMethods.map((method) => [method, toNotice(method)]),
);

/** Makes the watch of a surface, without clients; it begins with the first one. */
export function createSurfaceWatch(
  deps: WatchDeps,
  surface: string,
  emptied: () => void,
): SurfaceWatch {
  return {
    deps,
    surface,
    clients: new Map(),
    servers: new Map(),
    view: undefined,
    due: new Map(),
    cancelFlush: undefined,
    lastNumber: 0,
    emptied,
  };
}

/** Adds a client. */
export function enter(watch: SurfaceWatch, caller: Caller, watcher: Watcher): WatchingClient {
  const { clients } = watch;
  const client = { caller, watcher, number: watch.lastNumber += 1 };
  const isFirst = clients.size === 0;
  const ofScope = clients.get(caller.scope) ?? new Set();
  clients.set(caller.scope, ofScope.add(client));
  if (isFirst) attach(watch);
  return client;
}

/** Removes a client; after the last one the watch stops watching its servers. */
export function leave(watch: SurfaceWatch, client: WatchingClient): void {
  const { clients, servers, due, emptied } = watch;
  const { scope } = client.caller;
  const ofScope = clients.get(scope);
  if (ofScope === undefined || !ofScope.delete(client)) return;
  for (const { some } of due.values()) some.delete(client);
  if (ofScope.size === 0) clients.delete(scope);
  if (clients.size > 0) return;
  watch.cancelFlush?.();
  for (const stop of servers.values()) stop();
  servers.clear();
  emptied();
}

/** Gives a client another principal of the same id; with other rights, its lists have changed. */
export function follow(watch: SurfaceWatch, client: WatchingClient, principal: Principal): void {
  const { caller } = client;
  if (caller.principal === principal) return;
  client.caller = { ...caller, principal };
  if (rightsOf(caller.principal) !== rightsOf(principal)) announceToClient(watch, client);
}

/** What of a principal decides its rights; equal for equal rights. */
function rightsOf({ kind, client, roles, groups, servers, tools }: Principal): string {
  return JSON.stringify({ kind, client, roles, groups, servers, tools });
}

/**
 * Watches the servers that the surface has now, and no others; returns whether the surface offers
 * something else than before.
 */
export function attach(watch: SurfaceWatch): boolean {
  const { deps, surface, servers: watched, view: before } = watch;
  const view = watch.view = deps.viewOf(surface);
  const servers = view?.servers ?? [];
  for (const [upstream, stop] of watched) {
    if (servers.some((server) => server.upstream === upstream)) continue;
    stop();
    watched.delete(upstream);
  }
  for (const { upstream, config } of servers) {
    if (watched.has(upstream)) continue;
    watched.set(upstream, upstream.watch(audienceOf(watch, config.name)));
  }
  return !isSameContent(before, view);
}

/** The clients of the surface, as one of its servers sees them. */
function audienceOf(watch: SurfaceWatch, server: string): Audience {
  const { clients, deps: { access: { policy }, scopes } } = watch;
  const hears = ({ caller }: WatchingClient) => policy(caller.principal, server) !== "deny";
  const inScope = (scope: string) => [...clients.get(scope) ?? []].filter(hears);
  const has = (scope: string) => clients.get(scope)?.values().some(hears) === true;
  const deliverTo = (notice: Notice, those: Iterable<WatchingClient>) => {
    for (const client of those) if (hears(client)) deliver(watch, server, client, notice);
  };
  return {
    callers: () =>
      [...clients.values()].flatMap((those) => [...those]).filter(hears).map((one) => one.caller),
    has,
    interest: (scope) => ({
      subscriptions: [...scopes.of(scope).subscribed.values()]
        .filter((owner) => owner.server === server)
        .map((owner) => owner.uri),
    }),
    notice(notice, scope) {
      if (!changeNotices.has(notice.method)) return deliverTo(notice, clients.get(scope) ?? []);
      if (isFixed(watch, notice.method)) return;
      for (const client of inScope(scope)) dueChange(watch, notice.method).some.add(client);
    },
    noticeAll(notice) {
      if (isFixed(watch, notice.method)) return;
      if (changeNotices.has(notice.method)) announceToAll(watch, [notice.method], server);
      else for (const ofScope of clients.values()) deliverTo(notice, ofScope);
    },
    ask: async (scope: string, ask: Ask) => {
      const newest = inScope(scope).at(-1);
      if (newest === undefined) throw new GatewayError("ask_unanswerable");
      return await newest.watcher.ask(ask);
    },
  };
}

/** Gives a client a server's notice, with the names that the surface offers. */
function deliver(
  { deps, surface }: SurfaceWatch,
  server: string,
  client: WatchingClient,
  notice: Notice,
): void {
  const { access, scopes, viewOf } = deps;
  const { principal, scope } = client.caller;
  if (!mayHear(access, principal, server, notice)) return;
  const view = viewOf(surface);
  if (view === undefined) return;
  const seen = visibleTo(access, principal, view);
  give(deps, client, toOffered(seen, server, notice, scopes.of(scope).subscribed));
}

/**
 * Whether a principal may get a notice of a server: about a resource, if it may read that; any other,
 * such as a log line, if nothing of the server is hidden from it, since such a notice is free text.
 */
function mayHear(
  { policy, strictest }: WatchDeps["access"],
  principal: Principal,
  server: string,
  { method, params: { uri } }: Notice,
): boolean {
  if (method !== resourceUpdated) return strictest(principal, server) !== "deny";
  return policy(principal, server, { kind: "resources", own: String(uri) }) !== "deny";
}

function give({ log }: WatchDeps, { watcher }: WatchingClient, notice: Notice): void {
  try {
    watcher.notice(notice);
  } catch (error) {
    log.error("A watcher failed", { method: notice.method, error: String(error) });
  }
}

/** Announces changed lists to the clients of one scope. */
export function announceTo(watch: SurfaceWatch, scope: string, methods: readonly string[]): void {
  const clients = watch.clients.get(scope) ?? [];
  for (const method of methods) {
    if (isFixed(watch, method)) continue;
    for (const client of clients) dueChange(watch, method).some.add(client);
  }
}

/** Announces changed lists to all clients; with `server`, only to those that may know it. */
export function announceToAll(
  watch: SurfaceWatch,
  methods: readonly string[],
  server?: string,
): void {
  for (const method of methods) dueChange(watch, method).all.set(server, watch.lastNumber);
}

/** Announces changed lists to one client. */
export function announceToClient(watch: SurfaceWatch, client: WatchingClient): void {
  for (const method of listChangedMethods) dueChange(watch, method).some.add(client);
}

function dueChange(watch: SurfaceWatch, method: string): DueChange {
  const { due, deps: { clock, limits } } = watch;
  watch.cancelFlush ??= clock.after(limits.changeDebounceMs, () => flush(watch));
  let change = due.get(method);
  if (change === undefined) due.set(method, change = { all: new Map(), some: new Set() });
  return change;
}

function flush(watch: SurfaceWatch): void {
  const { due, clients, deps } = watch;
  watch.due = new Map();
  watch.cancelFlush = undefined;
  for (const [method, { all, some }] of due) {
    const notice = changeNotices.get(method) ?? toNotice(method);
    const reports = [...all];
    // A client that left gets nothing more; one that came after the change has the new list.
    const concerns = (client: WatchingClient) =>
      some.has(client) ||
      reports.some(([server, last]) => client.number <= last && mayKnow(deps, client, server));
    for (const ofScope of [...clients.values()]) {
      for (const client of ofScope) if (concerns(client)) give(deps, client, notice);
    }
  }
}

function mayKnow(
  { access: { policy } }: WatchDeps,
  { caller }: WatchingClient,
  server: string | undefined,
) {
  return server === undefined || policy(caller.principal, server) !== "deny";
}
