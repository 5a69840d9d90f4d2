/** One scope with one watcher as an upstream's audience, and the other way round. */
import type { Caller, Watcher } from "../../src/model.ts";
import type { Audience, Interest } from "../../src/upstream/upstream.ts";

/** An audience of one client. */
export function toAudience(caller: Caller, watcher: Watcher, interest: () => Interest): Audience {
  return {
    callers: () => [caller],
    has: (other) => other === caller.scope,
    interest,
    notice: (notice) => watcher.notice(notice),
    noticeAll: (notice) => watcher.notice(notice),
    ask: (_, ask) => watcher.ask(ask),
  };
}

/** What a server can tell one scope. */
export interface ScopeWatch {
  readonly watcher: Watcher;
  readonly interest: () => Interest;
}

/** The scopes of audiences, as a server tells each something. */
export function toScopeWatches(audiences: Iterable<Audience>): Map<string, ScopeWatch> {
  return new Map(
    [...audiences].flatMap((audience) =>
      audience.callers().map(({ scope }) =>
        [scope, {
          watcher: {
            notice: (notice) => audience.notice(notice, scope),
            ask: (ask) => audience.ask(scope, ask),
          },
          interest: () => audience.interest(scope),
        }] as const
      )
    ),
  );
}
