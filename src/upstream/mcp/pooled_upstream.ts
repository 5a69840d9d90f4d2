/**
 * What all servers that speak MCP have in common, whatever the transport: pool, catalog, watchers
 * and restart policies put together. A kind adds its connector (stdio_upstream.ts,
 * http_upstream.ts). Not here: any of their work.
 */
import { type Caller, type Description, type JsonObject, listKinds } from "../../model.ts";
import type { Catalog, UpstreamDeps } from "../deps.ts";
import { declaredCapabilities } from "../link/client_shown.ts";
import { createDialects } from "../link/dialect.ts";
import type { Upstream, UpstreamStatus } from "../upstream.ts";
import { createStatus, toState } from "../upstream_status.ts";
import { createWatchers } from "../watchers.ts";
import { createAskingMemory } from "./asking_memory.ts";
import { createCatalogKeys } from "./catalog_key.ts";
import { createKnownDialects } from "./known_dialects.ts";
import { createPinnedLists } from "./pinned_lists.ts";
import { createLogLevels } from "./log_levels.ts";
import { createLoginNeeds } from "./login_needs.ts";
import { createConnectionPool } from "./pool.ts";
import { openPooled } from "./pooled_call.ts";
import { createPooledEvents } from "./pooled_events.ts";
import type { PooledKind, PooledLogins, PooledParts } from "./pooled_parts.ts";
import { createRestartPolicies } from "./restart_policies.ts";
import { createStoredCatalog } from "./stored_catalog.ts";
import { announceLists } from "./told_catalogs.ts";

/** Makes the upstream of one server; nothing is started yet. */
export function createPooledUpstream(kind: PooledKind, deps: UpstreamDeps): Upstream {
  const parts = createParts(kind, deps);
  const { catalog, pool, watchers, pins } = parts;
  const stopWatching = kind.logins?.watch((change) => grantChanged(parts, change));
  const stopPins = pins.watch(() => announceLists(watchers, undefined, ["tools"]));
  return {
    name: kind.config.name,
    describe: (caller) => describe(parts, caller),
    knownDescription(caller) {
      const running = pool.running(caller);
      return running && shownDescription(kind, running.description);
    },
    list: catalog.list,
    known: (kind, caller) => pool.running(caller)?.lists.of(caller).known(kind),
    freshness: (kind, caller) => pool.running(caller)?.lists.of(caller).freshness(kind),
    // Until a whole catalog is known, the connections know what their clients were shown.
    hasListed: (kind, own) =>
      (catalog.latest()?.lists[kind] ?? pool.known(kind))
        .some((item) => item[listKinds[kind].identity] === own),
    open: (call) => openPooled(parts, call),
    notify: (caller, method, params) => notify(parts, caller, method, params),
    watch: watchers.add,
    endScope: (scope) => endScope(parts, scope),
    trial: catalog.trial,
    status: () => statusOf(parts),
    async close() {
      stopWatching?.();
      stopPins();
      catalog.close();
      await pool.close();
    },
  };
}

function createParts(kind: PooledKind, deps: UpstreamDeps): PooledParts {
  const { config, connector, processLimit, logins } = kind;
  const isPerPrincipal = logins?.isPerPrincipal === true;
  const restartPolicies = createRestartPolicies(config.name, kind.isRemote, deps);
  const watchers = createWatchers(deps);
  const knownDialects = createKnownDialects(config.era, createDialects(deps.identity), deps);
  const keys = createCatalogKeys(config, kind.fingerprint, knownDialects, deps, isPerPrincipal);
  const pins = createPinnedLists(deps.pins, keys);
  const pool = createConnectionPool({
    config,
    deps,
    connector,
    knownDialects,
    restartPolicies,
    processLimit,
    isPerPrincipal,
    pins,
    pings: { answers: "unknown" },
    hooks: createPooledEvents(() => parts),
  });
  const catalog = createStoredCatalog({
    server: config.name,
    startTimeoutMs: config.startTimeoutMs,
    isRemote: kind.isRemote,
    problem: restartPolicies.problem,
    retryMs: restartPolicies.retryMs,
    deps,
    pool,
    watchers,
    keys,
    pins,
    mayWarm: (owner) => restartPolicies.refusal(owner) === undefined && processLimit.hasRoom(),
  });
  const status = createStatus(config.name, deps, () => ({
    state: stateOf(parts),
    problem: problemOf(parts),
  }));
  const parts: PooledParts = {
    kind,
    deps,
    pool,
    catalog,
    pins,
    watchers,
    levels: createLogLevels(),
    asking: createAskingMemory(deps, pool.leasesChanged),
    restartPolicies,
    loginNeeds: createLoginNeeds(deps.limits),
    status,
    revision: undefined,
    leveled: new WeakSet(),
  };
  return parts;
}

async function describe({ kind, catalog }: PooledParts, caller: Caller): Promise<Description> {
  const description = await catalog.describe(caller);
  if (kind.isRemote) catalog.warm(caller);
  return shownDescription(kind, description);
}

/** The parts of a description that clients get. */
function shownDescription({ config }: PooledKind, description: Description): Description {
  if (config.isolation !== "shared" || description.capabilities["tasks"] === undefined) {
    return description;
  }
  // On one connection for all, everybody could see and end everybody's tasks.
  const { tasks: _, ...capabilities } = description.capabilities;
  return { ...description, capabilities };
}

/** A notification of a client; only a server that was told of its roots may hear of them. */
function notify(
  { kind: { config }, pool }: PooledParts,
  caller: Caller,
  method: string,
  params: JsonObject,
): void {
  const declared = config.isolation === "session" && config.roots === "relay" &&
    declaredCapabilities(config, caller)["roots"] !== undefined;
  if (method === "notifications/roots/list_changed" && !declared) return;
  const connection = pool.running(caller);
  if (config.isolation === "session" && connection?.dialect.clientContext === "handshake") {
    connection.notify(method, params);
  }
}

function endScope(parts: PooledParts, scope: string): void {
  parts.pool.endScope(scope);
  parts.catalog.forget(scope);
  parts.levels.forget(scope);
  parts.restartPolicies.forget(scope);
}

/** A grant came, or ended: nothing that was opened or listed without it, or by it, goes on. */
function grantChanged(
  { kind, pool, catalog, restartPolicies, loginNeeds, status }: PooledParts,
  { principal, isGranted }: Parameters<Parameters<PooledLogins["watch"]>[0]>[0],
): void {
  const whose = kind.logins?.isPerPrincipal === true ? principal : undefined;
  if (isGranted) {
    loginNeeds.forget(whose);
    restartPolicies.forgive();
    pool.retire(whose);
    catalog.granted(whose);
  } else {
    pool.revoke(whose);
    catalog.revoked(whose);
  }
  status.note();
}

function stateOf({ pool, restartPolicies, loginNeeds }: PooledParts): UpstreamStatus["state"] {
  const counts = pool.counts();
  const state = toState(counts, restartPolicies);
  const waits = counts.running === 0 && loginNeeds.problem() !== undefined;
  return waits && (state === "idle" || state === "starting") ? "needs_login" : state;
}

function problemOf(parts: PooledParts): string | undefined {
  const { restartPolicies } = parts;
  return restartPolicies.problem() ?? restartPolicies.login() ?? restartPolicies.dying() ??
    loginProblem(parts);
}

/** Why nothing runs, if a person has to log in first. */
function loginProblem({ pool, loginNeeds }: PooledParts): string | undefined {
  return pool.counts().running === 0 ? loginNeeds.problem() : undefined;
}

function countsOf(catalog: Catalog | undefined, { offered }: PooledParts["pins"]) {
  if (catalog === undefined) return {};
  const { description: { serverInfo }, lists: { tools, prompts, resources } } = catalog;
  return {
    tools: offered(tools).length,
    prompts: prompts.length,
    resources: resources.length,
    serverInfo: toShownInfo(serverInfo),
    implementation: serverInfo,
  };
}

/** How a server names itself, for the operator. */
function toShownInfo(info: JsonObject | undefined): UpstreamStatus["serverInfo"] {
  const { name, version } = info ?? {};
  return typeof name === "string" ? { name, version: String(version ?? "") } : undefined;
}

function statusOf(parts: PooledParts): ReturnType<Upstream["status"]> {
  const problem = problemOf(parts);
  const { running, starting, waiting } = parts.pool.counts();
  return {
    ...parts.status.now(),
    connections: running,
    starting,
    waiting,
    ...countsOf(parts.catalog.latest(), parts.pins),
    revision: parts.revision,
    problem,
    error: problem === undefined
      ? undefined
      : problem === loginProblem(parts)
      ? "login_required"
      : "upstream_unavailable",
  };
}
