/**
 * Which browser a waiting authorization belongs to: the first that opened its page. Its id is in a
 * URL, which can be copied or guessed at from a log; in another browser it shows nothing and can be
 * neither approved nor refused.
 */
import * as v from "valibot";
import type { Limits } from "../limits.ts";
import type { LoginRecords } from "../login_records.ts";

/** The requests of all browsers, by the browsers' tokens. */
export interface BoundRequests {
  /** Binds a request that is not bound yet; whether it belongs to this browser. */
  take(request: string, token: string): Promise<boolean>;
  /** The newest request of a browser. */
  newest(token: string): Promise<string | undefined>;
  /** A browser has a new token: its requests stay its own. */
  move(from: string, to: string): Promise<void>;
  /** A request was answered, or is gone. */
  forget(request: string): Promise<void>;
}

const form = v.object({ request: v.string() });

/** Makes the table; the requests of a browser are a group. */
export function createBoundRequests(
  { limits, records }: {
    readonly limits: Pick<
      Limits,
      "browserLoginsMax" | "waitingAuthorizationMs" | "waitingPerAddressMax"
    >;
    readonly records: LoginRecords;
  },
): BoundRequests {
  const owners = records.table({
    name: "requests",
    form,
    lifeMs: limits.waitingAuthorizationMs,
    groupMax: limits.waitingPerAddressMax,
    allMax: limits.browserLoginsMax,
  });
  return {
    take: (request, token) => owners.claim(request, token, { request }),
    newest: async (token) => (await owners.newest(token))?.request,
    move: (from, to) => owners.move(from, to),
    forget: async (request) => void await owners.take(request),
  };
}
