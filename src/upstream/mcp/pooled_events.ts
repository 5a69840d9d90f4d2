/**
 * What the connections of one upstream report, handed on to its catalog, its watchers and the log.
 */
import { GatewayError } from "../../errors.ts";
import type { Notice } from "../../model.ts";
import type { DeathCause } from "../../telemetry/server_events.ts";
import { toRefusal } from "../../protocol/shared/ask_refusal.ts";
import { changedKinds } from "./lists.ts";
import type { PoolEvents } from "./pool_events.ts";
import { type PoolKey, servedScopes } from "./pool_key.ts";
import { type PooledParts, replay } from "./pooled_parts.ts";
import { trialScope } from "./trial_caller.ts";

/** The events of an upstream whose parts are there by the time of the first one. */
export function createPooledEvents(parts: () => PooledParts): PoolEvents {
  return {
    ready(key, connection, caller) {
      const { levels, catalog } = parts();
      parts().revision = connection.revision;
      levels.note(caller);
      // Sessions whose levels were set before the gateway's last start may not have called yet.
      if (key.principal !== undefined) {
        for (const one of parts().watchers.callers(key.principal)) levels.note(one);
      }
      replay(parts(), key, connection);
      if (key.isBase) catalog.connectionReady(key, connection, caller);
    },
    renewed(key, connection) {
      replay(parts(), key, connection);
      parts().catalog.listsChanged(key, changedKinds());
    },
    notice: (key, notice) => takeNotice(parts(), key, notice),
    ask({ scope, isSession }, { method, params }, signal) {
      // Who cannot be asked during a call cannot be outside of one either.
      if (scope !== undefined && isSession) {
        return parts().watchers.ask(scope, method, params, signal);
      }
      return Promise.resolve(toRefusal(new GatewayError("method_not_found")));
    },
    asked: () => parts().asking.asked(),
    callersOf: (principal) => parts().watchers.callers(principal),
    startFailed: () => parts().catalog.startFailed(),
    async clear({ scope, principal }) {
      const { kind, catalog } = parts();
      // Some programs hold a lock: a process of its own starts after the trial's has ended.
      const isForAll = scope === undefined && principal === undefined;
      if (!isForAll && scope !== trialScope && !kind.isRemote) await catalog.endTrial();
    },
    outlives: (scope) => parts().catalog.isLearningFor(scope),
    loginRequired(principal, error) {
      parts().loginNeeds.note(principal, error);
      parts().status.note();
    },
    changed: () => parts().status.note(),
    died: (key, reason, cause) => died(parts(), key, reason, cause),
  };
}

/** A notice that belongs to no call; false when nothing takes it. */
function takeNotice({ catalog, watchers }: PooledParts, key: PoolKey, notice: Notice): boolean {
  const kinds = changedKinds(notice);
  if (kinds.length > 0) {
    catalog.listsChanged(key, kinds);
    return true;
  }
  if (key.scope !== undefined) return watchers.tell(key.scope, notice);
  const isUpdate = notice.method === "notifications/resources/updated";
  // What may be about the call of another principal is for no client.
  if (!isUpdate && key.principal === undefined) return false;
  const uri = String(notice.params["uri"]);
  const scopes = servedScopes(watchers, key)
    .filter((scope) => !isUpdate || watchers.subscriptions(scope).has(uri));
  for (const scope of scopes) watchers.tell(scope, notice);
  return scopes.length > 0;
}

/** A connection ended unexpectedly: its scopes hear what that means for them. */
function died(
  parts: PooledParts,
  key: PoolKey,
  reason: string,
  cause: DeathCause | undefined,
): void {
  const { deps, catalog, watchers, kind: { config } } = parts;
  deps.emit({ type: "connection_closed", server: config.name, died: reason, cause });
  catalog.connectionDied(key);
  const data = `Server "${config.name}" ended unexpectedly (${reason}); ` +
    "the next call starts it again, without what it kept in memory";
  const notice: Notice = {
    kind: "notice",
    method: "notifications/message",
    params: { level: "warning", logger: config.name, data },
  };
  if (key.principal === undefined) watchers.tell(key.scope, notice);
  else for (const scope of servedScopes(watchers, key)) watchers.tell(scope, notice);
}
