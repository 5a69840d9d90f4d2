/**
 * Browsers that are logged in: each has a cookie with an opaque token, of which only the digest is
 * kept, in memory, so a restart logs all browsers out. Every browser that sees a page has such a
 * token, but only a log-in stores one, and it stores a new one: a token that was planted in a
 * browser never becomes a logged-in one. Not here: the cookie (src/http/oauth/browser_cookie.ts).
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { makeKey } from "../seal.ts";
import type { Person } from "./waiting_authorizations.ts";

/** The browsers. */
export interface BrowserLogins {
  /** Logs a person in; returns the browser's new token. */
  logIn(person: Person): string;
  /** Who is logged in with a token; undefined: none, or not any more. */
  find(token: string | undefined): Person | undefined;
  /** Ends the log-in of one browser. */
  logOut(token: string): void;
  /** Ends all log-ins of a person. */
  logOutPerson(name: string): void;
}

/** What the table needs. */
export interface BrowserLoginDeps {
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: Pick<Limits, "browserLoginMs" | "browserLoginsMax">;
  /** SHA-256 of a text in hex. */
  readonly sha256: (text: string) => string;
}

/** A new token of a browser: 256 random bits. */
export const makeBrowserToken = makeKey;

/** Makes the table, empty. */
export function createBrowserLogins(
  { clock, limits, sha256 }: BrowserLoginDeps,
): BrowserLogins {
  const logins = new Map<string, { readonly person: Person; readonly endsAt: number }>();
  return {
    logIn(person) {
      const token = makeBrowserToken();
      const endsAt = clock.monotonic() + limits.browserLoginMs;
      putWithin(logins, sha256(token), { person, endsAt }, limits.browserLoginsMax);
      return token;
    },
    find(token) {
      if (token === undefined) return undefined;
      const key = sha256(token);
      const login = logins.get(key);
      if (login !== undefined && clock.monotonic() < login.endsAt) return login.person;
      logins.delete(key);
      return undefined;
    },
    logOut: (token) => void logins.delete(sha256(token)),
    logOutPerson(name) {
      for (const [key, { person }] of logins) if (person.name === name) logins.delete(key);
    },
  };
}
