/**
 * The servers of the running configuration and the open calls at each, so that a reload lets a
 * changed or removed server finish its calls. Not here: what a surface shows of a server (surface
 * kinds).
 */
import type { Clock } from "../clock.ts";
import type { ProfileConfig, ServerConfig, ServersConfig } from "../config/config.ts";
import { sameProfile } from "../config/same_server.ts";
import type { Limits } from "../limits.ts";
import type { Upstream } from "../upstream/upstream.ts";
import {
  createServerMap,
  type ResolvedSurface,
  type ResolveSurface,
  type Server,
} from "./server.ts";
import type { ConfiguredServer } from "./server_report.ts";
import { createTrials } from "./trials.ts";

/** The running servers. */
export interface ConfiguredServers {
  all(): readonly Server[];
  /** The names of all profiles that can be used. */
  profiles(): readonly string[];
  /** Where each of them stands. */
  described(): readonly ConfiguredServer[];
  view(surface: string): ResolvedSurface | undefined;
  /** Ends the trials that are still to come. */
  drain(): void;
  /** Notes a call at a server: a reload closes the server only after the use is released. */
  use(server: Server): ServerUse;
  /**
   * Takes the next configuration. A server that is no longer in it is closed once it has no open
   * call and `isAwaited` says that no call still looks for its server there.
   */
  replace(next: ServersConfig, isAwaited: (upstream: Upstream) => boolean): TouchedNames;
  /** Ends a server's connections and replaces it by a new one; false if there is none. */
  restart(name: string): Promise<boolean>;
  close(): Promise<void>;
}

/** The names of what a new configuration added, removed or replaced. */
export interface TouchedNames {
  readonly servers: readonly string[];
  readonly profiles: readonly string[];
}

/** The open calls at one server. */
interface OpenCalls {
  count: number;
  /** Closes the server if no call needs it; absent while it belongs to the configuration. */
  retire: (() => void) | undefined;
}

/** One call at a server. */
export class ServerUse {
  readonly #calls: OpenCalls;
  #isOpen = true;

  constructor(calls: OpenCalls) {
    this.#calls = calls;
    calls.count += 1;
  }

  /** Ends the use, because the call is over; only the first release counts. */
  release(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#calls.count -= 1;
    if (this.#calls.count === 0) this.#calls.retire?.();
  }
}

/** Makes the servers of a configuration. */
export function createConfiguredServers(
  first: ServersConfig,
  deps: {
    readonly create: (config: ServerConfig) => Upstream;
    readonly sameServer: (one: ServerConfig, other: ServerConfig) => boolean;
    readonly resolveSurface: ResolveSurface;
    /** Whether servers are started once before a client needs them. */
    readonly tryServers: boolean;
    readonly clock: Clock;
    readonly limits: Limits;
  },
): ConfiguredServers {
  const { create, sameServer, clock, limits } = deps;
  const trials = createTrials(deps);
  let { names, card, profiles = [] } = first;
  const open = (config: ServerConfig): Server => {
    const server = { config, upstream: create(config) };
    if (deps.tryServers) trials.add(server);
    return server;
  };
  let servers: readonly Server[] = first.servers.map(open);
  const openCalls = new WeakMap<Upstream, OpenCalls>();
  const retiring = createServerMap<() => void>();
  const closings = new Set<Promise<void>>();
  let isClosed = false;

  function retire(server: Server, isAwaited: (upstream: Upstream) => boolean): void {
    const { upstream } = server;
    trials.remove(server);
    const calls = callsOf(upstream);
    let stopLooking = (): void => {};
    const close = (): void => {
      cancelDeadline();
      stopLooking();
      if (!retiring.delete(server)) return;
      const closing = upstream.close().finally(() => closings.delete(closing));
      closings.add(closing);
    };
    const closeUnused = (): void => {
      stopLooking();
      if (calls.count > 0) return;
      if (!isAwaited(upstream)) return close();
      // A call that has not found its server yet holds no use of it.
      stopLooking = clock.after(limits.drainCheckMs, closeUnused);
    };
    retiring.set(server, close);
    const cancelDeadline = clock.after(limits.callMsMax, close);
    calls.retire = closeUnused;
    closeUnused();
  }

  function callsOf(upstream: Upstream): OpenCalls {
    let calls = openCalls.get(upstream);
    if (calls === undefined) {
      calls = { count: 0, retire: undefined };
      openCalls.set(upstream, calls);
    }
    return calls;
  }

  const use = ({ upstream }: Server): ServerUse => new ServerUse(callsOf(upstream));

  const describe = (server: Server): ConfiguredServer => ({
    config: server.config,
    status: server.upstream.status(),
    isQueued: trials.isWaiting(server),
    openCalls: openCalls.get(server.upstream)?.count ?? 0,
  });

  return {
    all: () => servers,
    profiles: () => profiles.filter(isUsable).map(({ name }) => name),
    described: () => servers.map(describe),
    view: (surface) => deps.resolveSurface(surface, { servers, names, card, profiles }),
    drain: trials.close,
    use,
    replace(next, isAwaited) {
      const before = new Map(servers.map((server) => [server.config.name, server]));
      const touched: string[] = [];
      servers = next.servers.map((config): Server => {
        const same = before.get(config.name);
        before.delete(config.name);
        if (same !== undefined && sameServer(same.config, config)) return same;
        touched.push(config.name);
        if (same !== undefined) retire(same, isAwaited);
        return open(config);
      });
      for (const [name, gone] of before) {
        touched.push(name);
        retire(gone, isAwaited);
      }
      ({ names, card } = next);
      const kept = keepProfiles(profiles, next.profiles ?? []);
      profiles = kept.profiles;
      return { servers: touched, profiles: kept.touched };
    },
    async restart(name) {
      const old = servers.find(({ config }) => config.name === name);
      if (old === undefined) return false;
      const { state } = old.upstream.status();
      trials.remove(old);
      // Some programs hold a lock, so the next one starts after the last one has ended.
      await old.upstream.close();
      const at = servers.indexOf(old);
      // Another command, a new configuration or the end of the gateway came first.
      if (at < 0 || isClosed) return true;
      const next = { config: old.config, upstream: create(old.config) };
      servers = servers.with(at, next);
      if (state !== "idle") void next.upstream.trial("again");
      return true;
    },
    async close() {
      isClosed = true;
      trials.close();
      for (const close of [...retiring.values()]) close();
      await Promise.allSettled([...servers.map(({ upstream }) => upstream.close()), ...closings]);
    },
  };
}

const isUsable = ({ problem }: ProfileConfig): boolean => problem === undefined;

/** The next profiles, of which unchanged ones stay the same objects, and the names of the others. */
function keepProfiles(before: readonly ProfileConfig[], next: readonly ProfileConfig[]) {
  const gone = new Map(before.map((profile) => [profile.name, profile]));
  const touched: string[] = [];
  const profiles = next.map((profile) => {
    const same = gone.get(profile.name);
    gone.delete(profile.name);
    if (same !== undefined && sameProfile(same, profile)) return same;
    touched.push(profile.name);
    return profile;
  });
  return { profiles, touched: [...touched, ...gone.keys()] };
}
