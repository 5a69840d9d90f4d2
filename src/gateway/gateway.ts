/**
 * The middle: every request of every client goes through `call`, down one list of steps to the
 * server that owns what it names, and comes back as an exchange. It knows surfaces, names and
 * scopes; it knows no revision of the protocol, no session, no process and no HTTP.
 */
import { GatewayError, withOutcome } from "../errors.ts";
import { noLogins } from "../grants/logins.ts";
import type { Call, Caller, Exchange, ListKind, Principal } from "../model.ts";
import { isRevoked } from "../principals.ts";
import { type OpenCall, openCallExchange } from "./call_exchange.ts";
import { type CatalogReader, createCatalogReader } from "./catalog.ts";
import { type ClientBoundRules, createClientBoundRules } from "./client_bounds.ts";
import { endingOf, failureExchange } from "./exchange.ts";
import { createShowExtensions, type ShowExtensions } from "./extension_variants.ts";
import { type Access, visibleTo } from "./access_policy.ts";
import { createAccess } from "./composed_policy.ts";
import { createKeptResults, type KeptResults } from "./kept_results.ts";
import { createRouter } from "./route.ts";
import { createScopes, offeredKey, type Scopes } from "./scope.ts";
import { createTaskOwners } from "./task_owners.ts";
import type { GatewayDeps } from "./gateway_deps.ts";
import { namesOf, statusOf } from "./gateway_status.ts";
import type { ResolvedSurface } from "./server.ts";
import { type ConfiguredServers, createConfiguredServers } from "./servers.ts";
import type { CallContext, IsLost, Step, Target } from "./steps/steps.ts";
import type { SteeredGateway } from "./surface.ts";
import { describeCard, describeSurface } from "./surface_facts.ts";
import { createToolSearch } from "./tool_search.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listChangedOf } from "./surface_watch.ts";
import { createWatches, type Watches } from "./watches.ts";

/** The parts of one gateway. */
interface Middle {
  readonly deps: GatewayDeps;
  readonly access: Access;
  readonly scopes: Scopes;
  readonly servers: ConfiguredServers;
  readonly catalog: CatalogReader;
  readonly clients: ClientBoundRules;
  readonly kept: KeptResults;
  readonly watches: Watches;
  readonly steps: readonly Step[];
  readonly openCalls: Set<OpenCall>;
  readonly showExtensions: ShowExtensions;
  /** Ends the waiting for servers. */
  readonly stopping: AbortController;
}

/** Makes the gateway. */
export function createGatewayCore(deps: GatewayDeps): SteeredGateway {
  const middle = createMiddle(deps);
  const { servers, scopes, watches, steps, stopping, catalog } = middle;
  let hasRows = deps.servers.access !== undefined;
  const replaced = (names: readonly string[]): void => {
    for (const server of names) scopes.forgetServer(server);
    watches.reattach();
  };
  return {
    surface(name, principal) {
      const whole = servers.view(name);
      return whole && describeSurface(whole, visibleTo(middle.access, principal, whole));
    },
    cardFacts(name, principal) {
      const whole = servers.view(name);
      const view = whole && principal ? visibleTo(middle.access, principal, whole) : whole;
      return whole && view && describeCard(whole, view);
    },
    async describe(surface, caller) {
      const view = viewFor(middle, surface, caller);
      if (view === undefined) throw unknownSurface(surface);
      return await catalog.describe(view, middle.showExtensions(caller, view));
    },
    async serves(surface, caller, capability) {
      const view = viewFor(middle, surface, caller);
      if (view === undefined) throw unknownSurface(surface);
      return await catalog.serves(view, middle.showExtensions(caller, view), capability);
    },
    call: (surface, call) => open(middle, surface, call),
    notify(surface, caller, method, params) {
      const view = viewFor(middle, surface, caller);
      if (view === undefined) return;
      for (const { upstream } of view.servers) {
        upstream.notify(middle.showExtensions(caller, view), method, params);
      }
    },
    watch(surface, caller, watcher, subscriptions) {
      const stop = watches.add(surface, caller, watcher);
      resubscribe(middle, surface, caller, subscriptions());
      return stop;
    },
    follow: watches.follow,
    revoke(revoked) {
      revoke(middle, ({ principal }) => isRevoked(revoked, principal));
    },
    endScope(scope) {
      watches.endScope(scope);
      for (const { upstream } of servers.all()) upstream.endScope(scope);
      scopes.end(scope);
      middle.kept.endScope(scope);
    },
    status: () => statusOf(servers),
    names: () => namesOf(servers),
    reconfigure(next) {
      const touched = servers.replace(next, searchedAt(middle));
      const isChanged = middle.access.replace(next.access);
      const areOthers = middle.clients.replace(next);
      if (hasRows && next.access === undefined) {
        deps.log.warn("access was removed from mcp.json: clients may use all that is configured");
      }
      hasRows = next.access !== undefined;
      revoke(
        middle,
        ({ principal, target }) => target !== undefined && isDenied(middle, principal, target),
      );
      watches.announceIf(areOthers ? () => true : isChanged);
      replaced(touched.servers);
      if (touched.servers.length > 0) {
        deps.log.info("Servers were added, changed or removed", { servers: touched.servers });
      }
      if (touched.profiles.length > 0) {
        deps.emit({ type: "profiles_changed", profiles: touched.profiles });
      }
      return Promise.resolve();
    },
    servers: servers.described,
    load: () => ({
      calls: middle.openCalls.size,
      parked: steps.reduce((sum, { held }) => sum + (held?.() ?? 0), 0),
    }),
    hasListed: (name, kind, own) =>
      servers.all().find(({ config }) => config.name === name)
        ?.upstream.hasListed?.(kind, own) === true,
    async restart(name) {
      if (!servers.all().some(({ config }) => config.name === name)) return false;
      deps.emit({ type: "server_restarted", server: name });
      const isThere = await servers.restart(name);
      replaced([name]);
      return isThere;
    },
    drain() {
      stopping.abort();
      servers.drain();
    },
    async close() {
      for (const step of steps) step.close?.();
      await servers.close();
    },
  };
}

function createMiddle(deps: GatewayDeps): Middle {
  const { limits, clock } = deps;
  const access = createAccess(deps.policy, deps.servers.access);
  const { policy } = access;
  const scopes = createScopes(clock, limits);
  const servers = createConfiguredServers(deps.servers, deps);
  const watches = createWatches({ ...deps, access, scopes, viewOf: servers.view });
  const stopping = new AbortController();
  const clients = createClientBoundRules(deps.servers, limits);
  const catalog = createCatalogReader({
    limits,
    clock,
    scopes,
    access,
    clients,
    stopping: stopping.signal,
    arrived: (scope: string, kind: ListKind) => watches.announce(scope, [listChangedOf(kind)]),
  });
  const router = createRouter({ catalog, scopes, access });
  const taskOwners = createTaskOwners(limits);
  const search = createToolSearch({ catalog, index: deps.toolIndex, limits });
  const kept = createKeptResults(clock, limits, deps.isShared === true ? deps.instance : undefined);
  const shared = { policy, access, servers, scopes, taskOwners, catalog, router };
  const parts = { ...shared, search, clients, kept };
  const stepDeps = { ...deps, ...parts, logins: deps.logins ?? noLogins };
  const steps = deps.steps.map((make) => make(stepDeps));
  const showExtensions = createShowExtensions({ clock, limits, scopes });
  return {
    deps,
    access,
    scopes,
    servers,
    catalog,
    clients,
    kept,
    watches,
    steps,
    openCalls: new Set(),
    showExtensions,
    stopping,
  };
}

/** Ends the calls that need rights which their principals have lost. */
function revoke({ openCalls, steps }: Middle, isLost: IsLost): void {
  for (const call of [...openCalls]) {
    if (isLost(call.context)) call.end(new GatewayError("access_revoked"));
  }
  for (const step of steps) step.revoke?.(isLost);
}

/** Whether one of the calls that look for their server now still does so at an upstream. */
function searchedAt({ openCalls }: Middle): (upstream: Upstream) => boolean {
  const searching = [...openCalls].filter(({ context }) => context.use === undefined);
  return (upstream) =>
    searching.some((call) =>
      openCalls.has(call) && call.context.use === undefined &&
      call.context.surface.servers.some((server) => server.upstream === upstream)
    );
}

function isDenied({ access }: Middle, principal: Principal, { server, item }: Target): boolean {
  return access.policy(principal, server.config.name, item) === "deny";
}

/** A surface as a caller may know it; undefined if there is none of that name. */
function viewFor(
  { servers, access }: Middle,
  surface: string,
  { principal }: Caller,
): ResolvedSurface | undefined {
  const whole = servers.view(surface);
  return whole && visibleTo(access, principal, whole);
}

/** Opens a call on a surface: one exchange, which runs the steps. */
function open(
  middle: Middle,
  surface: string,
  given: Call,
): Exchange {
  const { deps, steps, openCalls, showExtensions } = middle;
  const view = viewFor(middle, surface, given.caller);
  if (view === undefined) return failureExchange(withOutcome(unknownSurface(surface), "not_sent"));
  const caller = showExtensions(given.caller, view);
  const call = given.target === undefined || caller !== given.caller
    ? { ...given, caller, target: given.target ?? {} }
    : given;
  const { principal } = caller;
  const startedAt = deps.clock.monotonic();
  // With all members from the start: adding them later changes the shape of the object each time.
  const context: CallContext = {
    call,
    surface: view,
    principal,
    startedAt,
    number: 0,
    target: undefined,
    trace: undefined,
    unresolved: undefined,
    isGivenUp: false,
    consent: "none",
    use: undefined,
  };
  return openCallExchange(steps, context, deps.limits.exchangeRepliesMax, openCalls);
}

/** Subscriptions that a client kept through a restart are made again, each on its own. */
function resubscribe(
  middle: Middle,
  surface: string,
  caller: Caller,
  uris: readonly string[],
): void {
  // Most clients have none; the return spares their scopes an entry.
  if (uris.length === 0) return;
  const { subscribed } = middle.scopes.of(caller.scope);
  for (const uri of uris) {
    if (subscribed.has(offeredKey({ surface, offered: uri }))) continue;
    const method = "resources/subscribe";
    // The log has those that fail.
    const call = { method, params: { uri }, wantsProgress: false, caller, isRepeated: true };
    void endingOf(open(middle, surface, call));
  }
}

function unknownSurface(surface: string): GatewayError {
  return new GatewayError("path_unknown", `No server is configured at "${surface}"`);
}
