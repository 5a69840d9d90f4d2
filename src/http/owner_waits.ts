/**
 * Requests that wait until it is known which instance serves them: their owner does not answer, and
 * its term still runs. If too many wait, one of the consumer that has most gives way.
 */
import { lastOfGreediest } from "../client_shares.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { RequestContext } from "./request_context.ts";

/** All of them. */
export interface OwnerWaits {
  /**
   * Waits for something that ends when its signal aborts: when the client leaves, or the request
   * gives way. Rejects with `overloaded` if it gives way, or finds no room.
   */
  wait(
    request: Pick<RequestContext, "request" | "consumer">,
    until: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<void>;
}

/** A request that waits. */
interface Waiting {
  readonly consumer: string;
  readonly gaveWay: AbortController;
}

/** Makes them. */
export function createOwnerWaits({ ownerWaitsMax }: Pick<Limits, "ownerWaitsMax">): OwnerWaits {
  const all = new Set<Waiting>();
  return {
    async wait({ request, consumer }, until) {
      if (all.size >= ownerWaitsMax) {
        const last = lastOfGreediest(all, (one) => one.consumer, consumer);
        if (last === undefined) throw tooMany();
        all.delete(last);
        last.gaveWay.abort();
      }
      const own: Waiting = { consumer, gaveWay: new AbortController() };
      const { signal } = own.gaveWay;
      all.add(own);
      try {
        await until(AbortSignal.any([signal, request.signal]));
      } finally {
        all.delete(own);
      }
      if (signal.aborted) throw tooMany();
    },
  };
}

function tooMany(): GatewayError {
  return new GatewayError(
    "overloaded",
    "Too many requests of this client wait for an instance that does not answer; retry later",
  );
}
