/**
 * Log-ins at protected servers as a client learns of them: where its person logs in, and when that
 * is done. Not here: the pages (src/http/oauth/), and the grants themselves (server_grants.ts).
 */
import { GatewayError } from "../errors.ts";
import type { Principal } from "../model.ts";
import type { LoginPlace } from "./login_place.ts";
import type { ServerGrants } from "./server_grants.ts";

/** What the gateway needs to lead a person to a log-in. */
export interface Logins {
  /**
   * The URL of a page at which this principal logs in at a server, with a link that is valid for
   * one log-in. Undefined: only the operator can log in, by a command. Rejects when no link can be
   * stored.
   */
  urlOf(server: string, principal: Principal): Promise<string | undefined>;
  /** Whether a grant serves the principal; undefined: the server has not asked for one so far. */
  hasGrant(server: string, principal: Principal): Promise<boolean | undefined>;
  /** Watches for a log-in that begins after this call. */
  await(server: string, principal: Principal): AwaitedLogin;
}

/** A log-in that is waited for. */
export interface AwaitedLogin {
  /** Resolves when a grant serves the principal; never rejects. */
  readonly done: Promise<void>;
  /** Gives the wait up. */
  stop(): void;
}

/** Makes them. */
export function createLogins(
  grants: Pick<ServerGrants, "principalFor" | "hasGrant" | "tellNeeds" | "watch">,
  place: Pick<LoginPlace, "urlOf">,
): Logins {
  const ownerOf = (server: string, { id }: Principal) => grants.principalFor(server, id);
  return {
    async urlOf(server, principal) {
      const owner = ownerOf(server, principal);
      await grants.tellNeeds(server, owner);
      return await place.urlOf(server, owner);
    },
    hasGrant: (server, principal) => grants.hasGrant(server, ownerOf(server, principal)),
    await(server, principal) {
      const { promise: done, resolve } = Promise.withResolvers<void>();
      const owner = ownerOf(server, principal);
      const stop = grants.watch((change) => {
        if (change.isGranted && change.server === server && change.principal === owner) resolve();
      });
      return { done, stop };
    },
  };
}

/** No log-in is possible here. */
export const noLogins: Logins = {
  urlOf: async () => undefined,
  hasGrant: async () => undefined,
  await: () => ({ done: new Promise(() => {}), stop: () => {} }),
};

/** What a person does about a missing grant, as the end of a sentence. */
export function loginAdvice(server: string, url: string | undefined): string {
  if (url === undefined) {
    return `the operator has to run "mcp-wrapper auth login ${server}"; then call again`;
  }
  const life = new URL(url).search === "" ? "" : " (valid once, for ten minutes)";
  return `open ${url}${life}, log in, and call again`;
}

/** The error of a call without a grant, with what its person does about it. */
export function withLoginAdvice(
  error: GatewayError,
  server: string,
  url: string | undefined,
): GatewayError {
  const { code, message, data, upstream, cause } = error;
  return new GatewayError(code, `${message}: ${loginAdvice(server, url)}`, {
    data: { ...data, ...(url === undefined ? {} : { url }) },
    upstream,
    cause,
  });
}
