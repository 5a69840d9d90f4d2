/**
 * The receivers of messages that belong to no call: the watchers of each scope of one upstream, and
 * what each scope is interested in. A watcher that throws does not affect the others.
 */
import { type Clock, withDeadline } from "../clock.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Answer, JsonObject, Notice, Watcher } from "../model.ts";
import { toRefusal } from "../protocol/shared/ask_refusal.ts";
import type { Interest } from "./upstream.ts";

/** The watchers of one upstream. */
export interface Watchers {
  add(scope: string, watcher: Watcher, interest: () => Interest): () => void;
  /** Notifies one scope; false when it has no watcher. */
  tell(scope: string, notice: Notice): boolean;
  /** Every scope that is watched. */
  scopes(): string[];
  /** URIs that a scope is subscribed to. */
  subscriptions(scope: string): Set<string>;
  /** Asks the client of a scope, bounded in time; a refusal when no client can be asked. */
  ask(scope: string, method: string, params: JsonObject, signal: AbortSignal): Promise<Answer>;
  forget(scope: string): void;
}

interface Watch {
  readonly watcher: Watcher;
  readonly interest: () => Interest;
}

/** Makes an empty set of watchers. */
export function createWatchers(
  options: { readonly limits: Pick<Limits, "askMs">; readonly clock: Clock; readonly log: Log },
): Watchers {
  const { limits, clock, log } = options;
  const watches = new Map<string, Set<Watch>>();
  let lastAskId = 0;
  const of = (scope: string): Watch[] => [...watches.get(scope) ?? []];

  const put = async (watch: Watch, method: string, params: JsonObject): Promise<Answer> => {
    try {
      return await watch.watcher.ask({ kind: "ask", id: `w${++lastAskId}`, method, params });
    } catch (thrown) {
      return toRefusal(toGatewayError(thrown));
    }
  };

  return {
    add(scope, watcher, interest) {
      const watch = { watcher, interest };
      const set = watches.get(scope) ?? new Set();
      watches.set(scope, set.add(watch));
      return () => {
        set.delete(watch);
        if (set.size === 0 && watches.get(scope) === set) watches.delete(scope);
      };
    },
    tell(scope, notice) {
      for (const { watcher } of of(scope)) {
        try {
          watcher.notice(notice);
        } catch (error) {
          log.error("A watcher failed", { method: notice.method, error: String(error) });
        }
      }
      return watches.has(scope);
    },
    scopes: () => [...watches.keys()],
    subscriptions: (scope) =>
      new Set(of(scope).flatMap(({ interest }) => interest().subscriptions)),
    async ask(scope, method, params, signal) {
      const newest = of(scope).at(-1);
      if (newest === undefined) return toRefusal(new GatewayError("ask_unanswerable"));
      return await withDeadline(
        clock,
        limits.askMs,
        put(newest, method, params),
        () => toRefusal(new GatewayError("ask_unanswerable", "No client answered in time")),
        signal,
      );
    },
    forget: (scope) => void watches.delete(scope),
  };
}
