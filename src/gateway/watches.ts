/**
 * Delivers messages that belong to no call. Each surface has one watch for all of its clients and
 * servers, which survives reloads of the configuration. Not here: which client gets a message, and
 * in what form (surface_watch.ts).
 */
import type { Caller, Principal, Watcher } from "../model.ts";
import {
  announceTo,
  announceToAll,
  announceToClient,
  attach,
  createSurfaceWatch,
  enter,
  follow,
  leave,
  listChangedMethods,
  type SurfaceWatch,
  type WatchDeps,
} from "./surface_watch.ts";

/** All watches of the gateway. */
export interface Watches {
  add(surface: string, caller: Caller, watcher: Watcher): () => void;
  /**
   * Watches added servers and stops watching removed ones. Announces changed lists on the surfaces
   * that offer something else now.
   */
  reattach(): void;
  /** The clients of a scope have this principal from now on. */
  follow(scope: string, principal: Principal): void;
  /** Notifies those clients that lists changed for whose principal this holds. */
  announceIf(isConcerned: (principal: Principal) => boolean): void;
  /** Notifies the clients of one scope that lists changed. */
  announce(scope: string, methods: readonly string[]): void;
  /** The clients of a scope get nothing more. */
  endScope(scope: string): void;
}

/** Makes the watches. */
export function createWatches(deps: WatchDeps): Watches {
  const surfaces = new Map<string, SurfaceWatch>();
  const of = (surface: string): SurfaceWatch => {
    const known = surfaces.get(surface);
    if (known !== undefined) return known;
    const made = createSurfaceWatch(deps, surface, () => surfaces.delete(surface));
    surfaces.set(surface, made);
    return made;
  };
  return {
    add(surface, caller, watcher) {
      const watch = of(surface);
      const client = enter(watch, caller, watcher);
      return () => leave(watch, client);
    },
    reattach() {
      for (const watch of surfaces.values()) {
        if (attach(watch)) announceToAll(watch, listChangedMethods);
      }
    },
    follow(scope, principal) {
      for (const watch of surfaces.values()) {
        for (const client of watch.clients.get(scope) ?? []) follow(watch, client, principal);
      }
    },
    announceIf(isConcerned) {
      for (const watch of surfaces.values()) {
        for (const ofScope of watch.clients.values()) {
          for (const client of ofScope) {
            if (isConcerned(client.caller.principal)) announceToClient(watch, client);
          }
        }
      }
    },
    announce(scope, methods) {
      for (const watch of surfaces.values()) announceTo(watch, scope, methods);
    },
    endScope(scope) {
      for (const watch of surfaces.values()) {
        for (const client of [...watch.clients.get(scope) ?? []]) leave(watch, client);
      }
    },
  };
}
