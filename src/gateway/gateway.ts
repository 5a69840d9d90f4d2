/**
 * The middle: every request of every client goes through `call`, down one table of steps to the
 * server that owns what it names, and comes back as an exchange. It knows surfaces, names and
 * scopes; it knows no revision of the protocol, no session, no process and no HTTP.
 */
import type { Clock } from "../clock.ts";
import type { ServerConfig, ServersConfig } from "../config/config.ts";
import { GatewayError, withOutcome } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { type Call, type Exchange, type JsonObject, listKinds, type Reply } from "../model.ts";
import type { ListKind } from "../model.ts";
import type { Sealer } from "../seal.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { auditedCall } from "./steps/audit.ts";
import { textParam, withParam } from "./call_params.ts";
import { createCatalogReader, missingKey } from "./catalog.ts";
import { pageOf } from "./cursor.ts";
import {
  deferredExchange,
  failureExchange,
  mappedExchange,
  resultExchange,
  settledExchange,
} from "./exchange.ts";
import { createForeignHandler, foreignTarget } from "./foreign_methods.ts";
import { createParkStep } from "./steps/park.ts";
import { createConfiguredServers } from "./servers.ts";
import type { ResolvedSurface, ResolveSurface, Server } from "./server.ts";
import { unsent } from "./outcome.ts";
import { createRouter } from "./route.ts";
import { createScopes, subscriptionKey } from "./scope.ts";
import { noteTask, taskHandlers } from "./tasks.ts";
import { createWatches, listChangedOf, toOffered } from "./watches.ts";
import type { Gateway } from "./surface.ts";
import { noteCandidates, noteTarget } from "./call_target.ts";

/** What the gateway is made of. */
export interface GatewayDeps {
  readonly servers: ServersConfig;
  readonly create: (config: ServerConfig) => Upstream;
  readonly sameServer: (one: ServerConfig, other: ServerConfig) => boolean;
  readonly resolveSurface: ResolveSurface;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly sealer: Sealer;
  /** Whether every message of a call is logged (by its shape). */
  readonly debug: boolean;
  /** Whether servers are started before a client needs them, so that their lists are known. */
  readonly tryServers: boolean;
}

/** One step of every call: it may answer, or hand on, or look at what comes back. */
type Step = (view: ResolvedSurface, call: Call, next: (call: Call) => Exchange) => Exchange;

/** Answers one method on a surface. */
type Handler = (view: ResolvedSurface, call: Call) => Exchange;

/** Makes the gateway. */
export function createGatewayCore(deps: GatewayDeps): Gateway {
  const { limits, clock, log, sealer } = deps;
  const scopes = createScopes(clock, limits);
  const servers = createConfiguredServers(deps.servers, deps);
  const arrived = (scope: string, kind: ListKind) => watches.announce(scope, [listChangedOf(kind)]);
  const stopping = new AbortController();
  const { signal } = stopping;
  const catalog = createCatalogReader({ limits, clock, scopes, arrived, stopping: signal });
  const router = createRouter({ catalog, scopes });
  const watches = createWatches({ limits, clock, scopes, viewOf: servers.view });

  /** Opens a call, in the owner's own words by now, and renames what comes back. */
  function relay(view: ResolvedSurface, call: Call, server: Server): Exchange {
    noteTarget(call, server);
    // The upstream takes this back where it has to wait before it can send anything.
    if (call.target !== undefined) call.target.isSent = true;
    const opened = servers.track(server, server.upstream.open(call));
    if (view.servers.length === 1) return opened;
    const { subscribed } = scopes.of(call.caller.scope);
    return mappedExchange(opened, async (reply): Promise<Reply> => {
      if (reply.kind === "notice") return toOffered(view, server.config.name, reply, subscribed);
      if (reply.kind !== "result") return reply;
      noteTask(reply.value, call, server, scopes);
      return { ...reply, value: await router.result(view, server, reply.value, call.caller) };
    });
  }

  const list = (kind: ListKind): Handler => (view, call) =>
    deferredExchange(async () => {
      const { identity, key, method } = listKinds[kind];
      if (view.servers.length === 1) noteTarget(call, view.servers[0]);
      const { caller, hears = () => false } = call;
      const { items, missing } = await catalog.list(kind, view, caller, hears);
      const page = await pageOf(items, {
        cursor: call.params["cursor"],
        identity,
        list: `${view.surface} ${method}`,
        caller: call.caller,
        sealer,
        itemsMax: limits.pageItemsMax,
      });
      const value = {
        [key]: page.items,
        ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }),
        ...(missing.length === 0 ? {} : { _meta: { [missingKey]: missing } }),
      };
      const freshness = missing.length > 0 ? undefined : catalog.freshness(kind, view, call.caller);
      return settledExchange({ kind: "result", value, freshness });
    });

  const named = (kind: "tools" | "prompts"): Handler => (view, call) =>
    deferredExchange(async () => {
      const offered = textParam(call, "name");
      noteCandidates(call, view, offered);
      const { server, own } = await unsent(router.name(kind, view, offered, call.caller));
      return relay(view, withParam(call, "name", own), server);
    });

  const read: Handler = (view, call) =>
    deferredExchange(async () => {
      const offered = textParam(call, "uri");
      const { server, own } = await unsent(router.uri(view, offered, call.caller));
      return relay(view, withParam(call, "uri", own), server);
    });

  const subscribe = (on: boolean): Handler => (view, call) =>
    deferredExchange(async () => {
      const offered = textParam(call, "uri");
      const { server, own } = await unsent(router.uri(view, offered, call.caller));
      const { subscribed } = scopes.of(call.caller.scope);
      return mappedExchange(relay(view, withParam(call, "uri", own), server), (reply) => {
        if (reply.kind === "result") {
          const { surface } = view;
          const key = subscriptionKey({ surface, offered });
          if (!on) subscribed.delete(key);
          else subscribed.set(key, { surface, offered, server: server.config.name, uri: own });
        }
        return reply;
      });
    });

  const complete: Handler = (view, call) =>
    deferredExchange(async () => {
      const ref = (call.params["ref"] ?? {}) as JsonObject;
      const key = ref["type"] === "ref/prompt" ? "name" : "uri";
      const offered = typeof ref[key] === "string" ? ref[key] : "";
      const { server, own } = await unsent(
        key === "name"
          ? router.name("prompts", view, offered, call.caller)
          : router.template(view, offered, call.caller),
      );
      const { capabilities } = await unsent(server.upstream.describe(call.caller));
      if (capabilities["completions"] === undefined) {
        return resultExchange({ completion: { values: [] } });
      }
      return relay(view, withParam(call, "ref", { ...ref, [key]: own }), server);
    });

  /** Every server of the surface hears of the level; what one of them says to it changes nothing. */
  const setLevel: Handler = (view, call) =>
    deferredExchange(async () => {
      await Promise.all(view.servers.map(({ upstream }) => upstream.open(call).next()));
      return resultExchange({});
    });

  const handlers: ReadonlyMap<string, Handler> = new Map([
    ["tools/call", named("tools")],
    ["tools/list", list("tools")],
    ["prompts/get", named("prompts")],
    ["prompts/list", list("prompts")],
    ["resources/read", read],
    ["resources/list", list("resources")],
    ["resources/templates/list", list("templates")],
    ["resources/subscribe", subscribe(true)],
    ["resources/unsubscribe", subscribe(false)],
    ["completion/complete", complete],
    ["logging/setLevel", setLevel],
    ...taskHandlers({ scopes, limits, relay }),
  ]);

  const foreign = createForeignHandler(relay);
  const route: Step = (view, call) => (handlers.get(call.method) ?? foreign)(view, call);

  const audit: Step = ({ surface }, call, next) =>
    auditedCall(call, next, { surface, log, clock, limits, messages: deps.debug });

  const input = createParkStep(deps);
  const ask: Step = ({ surface }, call, next) => input.run(surface, call, next);
  const steps: readonly Step[] = [audit, ask, route];
  const run = (view: ResolvedSurface, call: Call, at: number): Exchange => {
    const step = steps[at] ?? route;
    return step(view, call, (passed) => run(view, passed, at + 1));
  };

  /** Subscriptions that a client kept through a restart are made anew, each on its own. */
  function resubscribe(surface: string, call: Omit<Call, "params">, uris: readonly string[]): void {
    const { subscribed } = scopes.of(call.caller.scope);
    for (const uri of uris) {
      if (subscribed.has(subscriptionKey({ surface, offered: uri }))) continue;
      // The log has those that fail.
      void gateway.call(surface, { ...call, params: { uri } }).next();
    }
  }

  const gateway: Gateway = {
    surface(name) {
      const view = servers.view(name);
      return view && {
        name,
        takesForeign: foreignTarget(view) !== undefined,
      };
    },
    async describe(surface, caller) {
      return await catalog.describe(assertView(servers.view(surface), surface), caller);
    },
    call(surface, call) {
      const view = servers.view(surface);
      if (view !== undefined) return run(view, call, 0);
      return failureExchange(withOutcome(unknownSurface(surface), "not_sent"));
    },
    async tool(surface, name, caller) {
      const view = servers.view(surface);
      // Why there is none is said by the call itself.
      return view && await router.tool(view, name, caller).catch(() => undefined);
    },
    notify(surface, caller, method, params) {
      for (const { upstream } of servers.view(surface)?.servers ?? []) {
        upstream.notify(caller, method, params);
      }
    },
    watch(surface, caller, watcher, subscriptions) {
      const stop = watches.add(surface, caller, watcher);
      resubscribe(
        surface,
        { method: "resources/subscribe", wantsProgress: false, caller },
        subscriptions(),
      );
      return stop;
    },
    endScope(scope) {
      for (const { upstream } of servers.all()) upstream.endScope(scope);
      scopes.end(scope);
    },
    status: () => ({
      servers: servers.all().map((server) => ({
        name: server.config.name,
        status: server.upstream.status(),
        isQueued: servers.isQueued(server),
      })),
    }),
    reconfigure(next) {
      const touched = servers.replace(next);
      for (const server of touched) scopes.forgetServer(server);
      if (touched.length > 0) {
        watches.reattach();
        log.info("Servers were added, changed or removed", { servers: touched });
      }
      return Promise.resolve();
    },
    drain() {
      stopping.abort();
      servers.drain();
    },
    async close() {
      input.close();
      await servers.close();
    },
  };
  return gateway;
}

function unknownSurface(surface: string): GatewayError {
  return new GatewayError("path_unknown", `No server is configured at "${surface}"`);
}

function assertView(view: ResolvedSurface | undefined, surface: string): ResolvedSurface {
  if (view === undefined) throw unknownSurface(surface);
  return view;
}
