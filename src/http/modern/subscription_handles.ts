/**
 * Which resources the notification streams of each scope follow. To a server, a scope is one
 * subscriber. The gateway therefore subscribes when the first stream of a scope wants a resource
 * and unsubscribes when the last one ends, on whichever surface each is. Not here: the streams
 * (listen.ts).
 */
import { endingOf } from "../../gateway/exchange.ts";
import type { Gateway } from "../../gateway/surface.ts";
import type { Log } from "../../log.ts";
import type { Caller, Exchange } from "../../model.ts";
import { logFault } from "../respond.ts";

/** A stream's hold on its resources. */
export interface SubscriptionHandle {
  /** Retries subscriptions that failed, after the server's resources have changed. */
  retry(): void;
  release(): void;
}

/** The resources that are followed. */
export interface SubscriptionHandles {
  /** Follows resources of a surface for a scope. */
  hold(surface: string, caller: Caller, uris: readonly string[]): SubscriptionHandle;
}

/** One resource of one surface, followed for one scope. */
interface Followed {
  readonly surface: string;
  readonly caller: Caller;
  readonly uri: string;
  /** Streams that want it. */
  streams: number;
  /** Whether the server accepted the subscription and has not been asked to end it. */
  isOn: boolean;
  isBusy: boolean;
}

/** Makes an empty register. */
export function createSubscriptionHandles(gateway: Gateway, log: Log): SubscriptionHandles {
  /** By scope and URI, then by surface. */
  const groups = new Map<string, Map<string, Followed>>();

  /** Surfaces may share a server: a subscription stays on while any surface wants it. */
  const isWanted = (followed: Followed, group: ReadonlyMap<string, Followed>): boolean =>
    followed.streams > 0 ||
    (followed.isOn && [...group.values()].some(({ streams }) => streams > 0));

  /** Brings the server's state to what is wanted now, one call at a time. */
  const settle = async (followed: Followed, key: string): Promise<void> => {
    const group = groups.get(key);
    if (followed.isBusy || group === undefined) return;
    followed.isBusy = true;
    while (isWanted(followed, group) !== followed.isOn) {
      const on = !followed.isOn;
      const { surface, caller, uri } = followed;
      const method = on ? "resources/subscribe" : "resources/unsubscribe";
      const exchange = gateway.call(surface, {
        method,
        params: { uri },
        wantsProgress: false,
        caller,
        isRepeated: true,
      });
      const error = await failureOf(exchange);
      // The log already has the failed call.
      if (error !== undefined) log.debug("Cannot follow a resource", { method, uri, error });
      if (on && error !== undefined) break;
      // A failed unsubscribe is ignored: the server is gone, or its notices reach no stream.
      followed.isOn = on;
    }
    followed.isBusy = false;
    if (isWanted(followed, group)) return;
    group.delete(followed.surface);
    if (group.size === 0 && groups.get(key) === group) groups.delete(key);
  };
  const begin = (followed: Followed, key: string): void => {
    settle(followed, key).catch((thrown) => logFault(log, "Cannot follow a resource", thrown));
  };

  return {
    hold(surface, caller, uris) {
      const held = uris.map((uri) => {
        const key = JSON.stringify([caller.scope, uri]);
        const group = groups.get(key) ?? new Map<string, Followed>();
        groups.set(key, group);
        const followed = group.get(surface) ??
          { surface, caller, uri, streams: 0, isOn: false, isBusy: false };
        group.set(surface, followed);
        followed.streams += 1;
        begin(followed, key);
        return { followed, key };
      });
      return {
        retry() {
          for (const { followed, key } of held) begin(followed, key);
        },
        release() {
          for (const { followed, key } of held.splice(0)) {
            followed.streams -= 1;
            for (const one of [...groups.get(key)?.values() ?? []]) begin(one, key);
          }
        },
      };
    },
  };
}

/** Why a call failed; undefined if it succeeded. */
async function failureOf(exchange: Exchange): Promise<unknown> {
  const ending = await endingOf(exchange);
  if (ending.kind === "result") return undefined;
  return ending.kind === "failure" ? ending.error : "the server asked for input";
}
