/**
 * Browsers that are logged in: each has a cookie with an opaque token, by which the log-in is found.
 * Every browser that sees a page has such a token, but only a log-in stores one, and it stores a new
 * one: a token that was planted in a browser never becomes a logged-in one. Not here: the cookie
 * (src/http/oauth/browser_cookie.ts), and where log-ins are kept (login_records.ts).
 */
import * as v from "valibot";
import type { Limits } from "../limits.ts";
import type { LoginRecords } from "../login_records.ts";
import { makeKey } from "../seal.ts";
import type { Person } from "./waiting_authorizations.ts";

/** The browsers. Each function rejects when the store is unavailable. */
export interface BrowserLogins {
  /** Logs a person in; returns the browser's new token. */
  logIn(person: Person): Promise<string>;
  /** Who is logged in with a token; undefined: none, or not any more. */
  find(token: string | undefined): Promise<Person | undefined>;
  /** Ends the log-in of one browser. */
  logOut(token: string): Promise<void>;
  /** Ends all log-ins of a person. */
  logOutPerson(name: string): Promise<void>;
}

/** What the table needs. */
export interface BrowserLoginDeps {
  readonly records: LoginRecords;
  readonly limits: Pick<Limits, "browserLoginMs" | "browserLoginsMax">;
}

/** A new token of a browser: 256 random bits. */
export const makeBrowserToken = makeKey;

const names = v.pipe(v.array(v.string()), v.readonly());
const form = v.object({ name: v.string(), roles: names, groups: names });

/** Makes the table; the browsers of a person are a group. */
export function createBrowserLogins({ records, limits }: BrowserLoginDeps): BrowserLogins {
  const logins = records.table({
    name: "browsers",
    form,
    lifeMs: limits.browserLoginMs,
    groupMax: limits.browserLoginsMax,
    allMax: limits.browserLoginsMax,
  });
  return {
    async logIn(person) {
      const token = makeBrowserToken();
      await logins.put(token, person.name, person);
      return token;
    },
    find: async (token) => token === undefined ? undefined : await logins.find(token),
    logOut: async (token) => void await logins.take(token),
    logOutPerson: (name) => logins.removeGroup(name),
  };
}
