/**
 * Delivers what belongs to no call. One watch is one client on one surface; it covers every server
 * of the surface, across reloads of the configuration. List changes are merged for a moment, so
 * that a server that announces every step causes one list request per client.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { type Caller, type ListKind, listKinds, type Notice, type Watcher } from "../model.ts";
import { type Policy, visibleTo } from "./access_policy.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import type { Scopes, Subscribed } from "./scope.ts";

/** All watches of the gateway. */
export interface Watches {
  add(surface: string, caller: Caller, watcher: Watcher): () => void;
  /** Watches added servers, stops watching removed ones, and announces changed lists. */
  reattach(): void;
  /** Notifies the clients of one scope that lists changed. */
  announce(scope: string, methods: readonly string[]): void;
}

interface Watch {
  readonly attach: () => void;
  readonly announce: (methods: readonly string[]) => void;
}

/** The notice that a list changed. */
export const listChangedOf = (kind: ListKind): string =>
  `notifications/${listKinds[kind].capability}/list_changed`;

const listChanged: readonly string[] = (["tools", "prompts", "resources"] as const)
  .map(listChangedOf);

const toNotice = (method: string): Notice => ({ kind: "notice", method, params: {} });

/** One object for each, so that its frame is encoded once for all clients that hear it. */
const changeNotices: ReadonlyMap<string, Notice> = new Map(
  listChanged.map((method) => [method, toNotice(method)]),
);

/** Makes the watches; `viewOf` tells which servers a surface has now. */
export function createWatches(
  deps: {
    readonly limits: Limits;
    readonly clock: Clock;
    readonly scopes: Scopes;
    readonly policy: Policy;
    readonly viewOf: (surface: string) => ResolvedSurface | undefined;
  },
): Watches {
  const { limits, clock, scopes, policy, viewOf } = deps;
  const watches = new Map<string, Set<Watch>>();
  const all = () => [...watches.values()].flatMap((set) => [...set]);

  function add(surface: string, caller: Caller, watcher: Watcher): () => void {
    const stops = new Map<Server, () => void>();
    const pending = new Set<string>();
    let cancelFlush: (() => void) | undefined;
    let ended = false;

    const announce = (methods: readonly string[]): void => {
      if (ended) return;
      for (const method of methods) pending.add(method);
      cancelFlush ??= clock.after(limits.changeDebounceMs, () => {
        cancelFlush = undefined;
        const due = [...pending];
        pending.clear();
        for (const method of due) watcher.notice(changeNotices.get(method) ?? toNotice(method));
      });
    };

    const listen = ({ config: { name }, upstream }: Server): () => void => {
      const { subscribed } = scopes.of(caller.scope);
      return upstream.watch(caller.scope, {
        notice(notice) {
          if (ended) return;
          if (listChanged.includes(notice.method)) return announce([notice.method]);
          const { uri } = notice.params;
          const item = { kind: "resources", own: String(uri) } as const;
          if (uri !== undefined && policy(caller.principal, name, item) === "deny") return;
          const view = viewOf(surface);
          if (view === undefined) return;
          const seen = visibleTo(policy, caller.principal, view);
          watcher.notice(toOffered(seen, name, notice, subscribed));
        },
        ask: (ask) => watcher.ask(ask),
      }, () => ({
        subscriptions: [...subscribed.values()]
          .filter((owner) => owner.server === name)
          .map((owner) => owner.uri),
      }));
    };

    const attach = (): void => {
      const servers = (viewOf(surface)?.servers ?? [])
        .filter(({ config }) => policy(caller.principal, config.name) !== "deny");
      for (const [server, stop] of stops) {
        if (servers.includes(server)) continue;
        stop();
        stops.delete(server);
      }
      for (const server of servers) if (!stops.has(server)) stops.set(server, listen(server));
    };

    const watch: Watch = { attach, announce };
    attach();
    const ofScope = watches.get(caller.scope) ?? new Set();
    watches.set(caller.scope, ofScope.add(watch));
    return () => {
      ended = true;
      ofScope.delete(watch);
      if (ofScope.size === 0 && watches.get(caller.scope) === ofScope) watches.delete(caller.scope);
      cancelFlush?.();
      for (const stop of stops.values()) stop();
      stops.clear();
    };
  }

  return {
    add,
    reattach() {
      for (const watch of all()) {
        watch.attach();
        watch.announce(listChanged);
      }
    },
    announce(scope, methods) {
      for (const watch of watches.get(scope) ?? []) watch.announce(methods);
    },
  };
}

/** A server's notice with its URI and logger as the surface knows them. */
export function toOffered(
  view: ResolvedSurface,
  server: string,
  notice: Notice,
  subscribed: ReadonlyMap<string, Subscribed>,
): Notice {
  if (view.servers.length === 1) return notice;
  const { method, params } = notice;
  if (method === "notifications/message") {
    const logger = params["logger"];
    const name = typeof logger === "string" && logger !== "" ? `${server}/${logger}` : server;
    return { ...notice, params: { ...params, logger: name } };
  }
  if (method !== "notifications/resources/updated") return notice;
  for (const { surface, offered, ...owner } of subscribed.values()) {
    if (surface !== view.surface || owner.server !== server || owner.uri !== params["uri"]) {
      continue;
    }
    return { ...notice, params: { ...params, uri: offered } };
  }
  return notice;
}
