/**
 * The receivers of messages that belong to no call of one upstream: the clients of the surfaces
 * that it is on, by their scopes. An audience that throws does not affect the others.
 */
import { type Clock, withDeadline } from "../clock.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Answer, Caller, JsonObject, Notice } from "../model.ts";
import { toRefusal } from "../protocol/shared/ask_refusal.ts";
import type { Audience } from "./upstream.ts";

/** The watchers of one upstream. */
export interface Watchers {
  add(audience: Audience): () => void;
  /** Notifies one scope, or all without one; false when there is no client. */
  tell(scope: string | undefined, notice: Notice): boolean;
  /** Every caller that watches; with an id, those of one principal. */
  callers(principal?: string): Caller[];
  /** Every scope that is watched; with an id, those of one principal. */
  scopes(principal?: string): string[];
  /** URIs that a scope is subscribed to. */
  subscriptions(scope: string): Set<string>;
  /** Asks the client of a scope, bounded in time; a refusal when no client can be asked. */
  ask(scope: string, method: string, params: JsonObject, signal: AbortSignal): Promise<Answer>;
}

/** Makes an empty set of watchers. */
export function createWatchers(
  { limits, clock, log }: {
    readonly limits: Pick<Limits, "askMs">;
    readonly clock: Clock;
    readonly log: Log;
  },
): Watchers {
  const audiences = new Set<Audience>();
  let lastAskId = 0;
  const of = (scope: string): Audience[] => [...audiences].filter((one) => one.has(scope));

  const callers = (principal?: string): Caller[] =>
    [...audiences].flatMap((one) => one.callers())
      .filter((one) => principal === undefined || one.principal.id === principal);

  const put = async (
    audience: Audience,
    scope: string,
    method: string,
    params: JsonObject,
  ): Promise<Answer> => {
    try {
      return await audience.ask(scope, { kind: "ask", id: `w${++lastAskId}`, method, params });
    } catch (thrown) {
      return toRefusal(toGatewayError(thrown));
    }
  };

  return {
    add(audience) {
      audiences.add(audience);
      return () => void audiences.delete(audience);
    },
    tell(scope, notice) {
      const those = scope === undefined ? [...audiences] : of(scope);
      for (const audience of those) {
        try {
          if (scope === undefined) audience.noticeAll(notice);
          else audience.notice(notice, scope);
        } catch (error) {
          log.error("A watcher failed", { method: notice.method, error: String(error) });
        }
      }
      return those.length > 0;
    },
    callers,
    scopes: (principal) => [...new Set(callers(principal).map(({ scope }) => scope))],
    subscriptions: (scope) =>
      new Set(of(scope).flatMap((one) => one.interest(scope).subscriptions)),
    async ask(scope, method, params, signal) {
      const newest = of(scope).at(-1);
      if (newest === undefined) return toRefusal(new GatewayError("ask_unanswerable"));
      return await withDeadline(
        clock,
        limits.askMs,
        put(newest, scope, method, params),
        () => toRefusal(new GatewayError("ask_unanswerable", "No client answered in time")),
        signal,
      );
    },
  };
}
