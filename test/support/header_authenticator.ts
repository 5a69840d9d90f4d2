/**
 * An authenticator for tests, by a header that names the principal: as an embedding program would
 * add it behind a proxy that its clients cannot go around.
 */
import type { Authenticator } from "../../src/auth/authenticator.ts";

/** The header. */
export const userHeader = "x-user";

/** What a client gets that shows none. */
export const challenge = 'Header realm="test"';

/** What a client gets whose name does not cover the request: anything by `suspended`. */
export const scopeChallenge = 'Header error="insufficient_scope"';

/** Makes it. */
export function createHeaderAuthenticator(): Authenticator {
  return {
    async authenticate({ headers }) {
      const id = headers.get(userHeader);
      if (id === null) return { code: "unauthenticated", wwwAuthenticate: challenge };
      if (id === "broken") throw new Error("no answer from the directory of users");
      return id === "suspended"
        ? { code: "forbidden", wwwAuthenticate: scopeChallenge, message: "Ask for another scope" }
        : { id };
    },
  };
}

/** The headers of a principal. */
export const by = (id: string): Record<string, string> => ({ [userHeader]: id });
