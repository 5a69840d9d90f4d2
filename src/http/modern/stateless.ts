/**
 * What the stateless binding keeps: no session, only the calls and notification streams that are
 * open now, so that they can be counted, bounded and ended. Also who a caller is: one scope for all
 * that a principal does. Follows 2026-07-28, basic/index ("Statelessness").
 */
import type { Clock } from "../../clock.ts";
import type { Gateway } from "../../gateway/surface.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { anonymous, type Caller, type Notice, type Principal } from "../../model.ts";
import type { ModernRequest } from "../../protocol/modern/request.ts";
import type { Heartbeats } from "../heartbeat.ts";

/** What the binding works with. */
export interface StatelessDeps {
  readonly gateway: Gateway;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: { readonly name: string; readonly version: string };
  readonly heartbeats: Heartbeats;
}

/** One open notification stream. */
export interface OpenListen {
  readonly scope: string;
  /** Tells it; true when it wanted that and took it. */
  notice(notice: Notice): boolean;
  /** Ends it in good order. */
  end(): void;
}

/** Subscriptions of one scope to one URI of one surface, over all of its streams. */
export interface Subscription {
  streams: number;
}

/** The open calls and streams. */
export interface Stateless {
  readonly deps: StatelessDeps;
  /** How to give each open call up. */
  readonly calls: Set<(reason: string) => void>;
  readonly listens: Set<OpenListen>;
  readonly subscriptions: Map<string, Subscription>;
}

/** Makes the binding's state: nothing is open. */
export function createStateless(deps: StatelessDeps): Stateless {
  return { deps, calls: new Set(), listens: new Set(), subscriptions: new Map() };
}

/** The caller of a request. Its scope is its principal's, on every connection. */
export function callerOf(
  { envelope }: ModernRequest,
  principal: Principal = anonymous,
): Caller {
  return {
    principal,
    scope: `p:${principal.id}`,
    wire: envelope.revision,
    capabilities: envelope.capabilities,
    clientInfo: envelope.clientInfo,
    logLevel: envelope.logLevel,
    deferred: true,
  };
}

/** Ends the notification streams; calls may finish. */
export function endListens({ listens }: Stateless): void {
  for (const listen of [...listens]) listen.end();
}

/** Gives everything up that is open. */
export function closeStateless(stateless: Stateless): void {
  endListens(stateless);
  for (const giveUp of [...stateless.calls]) giveUp("the gateway is stopping");
}
