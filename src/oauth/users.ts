/**
 * The gateway's own users: adding and removing them, their passwords and log-in links, and who a
 * password or a link belongs to. Not here: how often may be tried (login_attempts.ts), pages (src/http/).
 */
import { AccessError } from "../access_error.ts";
import { type Clock, steadyNow } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { userPrincipal } from "../principals.ts";
import { makeKey, sha256Hex } from "../seal.ts";
import { withTimes } from "./access_lists.ts";
import type { OAuthSteering } from "./oauth_server.ts";
import type { Passwords } from "./passwords.ts";
import type { UserRow, UserStore } from "./user_store.ts";
import { readMemberNames, readPassword, readUserName } from "./user_rules.ts";
import type { Person } from "./waiting_authorizations.ts";

/** A user, as an operator sees it; times are ISO 8601. */
export interface ListedUser {
  readonly name: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly hasPassword: boolean;
  readonly createdAt?: string | undefined;
  /** When this user last logged in. */
  readonly usedAt?: string | undefined;
}

/** A user to add. */
export interface NewUser {
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Absent: the user logs in by links. */
  readonly password?: string | undefined;
}

/** A one-time link, which is shown once. */
export interface LoginLink {
  /** Its path with its query, below the URL of the gateway. */
  readonly path: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** What operators do with users. Each function rejects with an AccessError. */
export interface UserSteering {
  list(): Promise<readonly ListedUser[]>;
  add(name: string, user: NewUser): Promise<void>;
  /** Removes a user and everything that was granted to it. */
  remove(name: string): Promise<void>;
  /** Replaces the password. Grants and the log-ins of browsers end, because they may be another's. */
  setPassword(name: string, password: string): Promise<void>;
  /** Makes a link for one log-in; an older link of the user can no longer be used. */
  makeLink(name: string): Promise<LoginLink>;
}

/** The users, for operators and for the pages that log them in. */
export interface Users extends UserSteering {
  /** Whether there is at least one. */
  isEmpty(): Promise<boolean>;
  /** The person whose password this is; undefined for a wrong name or password. May be busy. */
  byPassword(name: string, password: string): Promise<Person | undefined>;
  /** The person for whom a link was made; undefined if it expired or was used. Uses it up. */
  byLink(name: string, token: string): Promise<Person | undefined>;
}

/** What the users are made of. */
export interface UserDeps {
  readonly store: UserStore;
  readonly passwords: Passwords;
  readonly clock: Pick<Clock, "wall" | "monotonic">;
  readonly limits: Limits;
  /** Revokes the grants of a principal. */
  readonly revokePrincipal: OAuthSteering["revokePrincipal"];
  /** Ends the log-ins of browsers. */
  readonly logOut: (name: string) => Promise<void>;
}

/** The page that takes the link. */
export const loginLinkPath = "/oauth/login/link";

const tokenPrefix = "mcpl_";

/** Makes the component; the store belongs to its opener. */
export function createUsers(deps: UserDeps): Users {
  const { store, passwords, clock, limits } = deps;
  /** Changes a user; rejects if there is none. */
  const change = async (name: string, work: (row: UserRow) => UserRow): Promise<void> => {
    if (!await store.update(name, work)) throw unknownUser(name);
  };
  const logIn = async (
    name: string,
    work: (row: UserRow) => UserRow | undefined,
  ): Promise<Person | undefined> => {
    let person: Person | undefined;
    const isKnown = await store.update(name, (row) => {
      person = { name, roles: row.roles, groups: row.groups };
      const next = work(row);
      return next && { ...next, usedAt: clock.wall() };
    });
    return isKnown ? person : undefined;
  };
  return {
    async list() {
      return (await store.all()).map(({ password, link: _, ...row }) => ({
        ...withTimes(row),
        hasPassword: password !== undefined,
      }));
    },
    async isEmpty() {
      return (await store.all()).length === 0;
    },
    async add(given, { roles, groups, password }) {
      const name = readUserName(given, limits);
      const row: UserRow = {
        name,
        roles: readMemberNames("roles", roles, limits),
        groups: readMemberNames("groups", groups, limits),
        createdAt: clock.wall(),
      };
      if (password !== undefined) readPassword(password, name, limits);
      if ((await store.all()).length >= limits.usersMax) {
        throw new AccessError(
          "access_full",
          `Cannot add user "${name}": there are ${limits.usersMax} users`,
        );
      }
      if (await store.find(name) !== undefined) throw takenName(name);
      const hash = password === undefined ? {} : { password: await passwords.hash(password) };
      if (!await store.add({ ...row, ...hash })) throw takenName(name);
    },
    async remove(name) {
      if (!await store.remove(name)) throw unknownUser(name);
      await deps.logOut(name);
      await deps.revokePrincipal(userPrincipal(name), "user removed");
    },
    async setPassword(name, password) {
      readPassword(password, name, limits);
      if (await store.find(name) === undefined) throw unknownUser(name);
      const hash = await passwords.hash(password);
      await change(name, ({ link: _, ...row }) => ({ ...row, password: hash }));
      await deps.logOut(name);
      await deps.revokePrincipal(userPrincipal(name), "password changed");
    },
    async makeLink(name) {
      const token = `${tokenPrefix}${makeKey()}`;
      const link = {
        digest: await sha256Hex(token),
        expiresAt: steadyNow(clock) + limits.loginLinkMs,
      };
      await change(name, (row) => ({ ...row, link }));
      const query = new URLSearchParams({ user: name, token });
      return {
        path: `${loginLinkPath}?${query}`,
        expiresAt: new Date(clock.wall() + limits.loginLinkMs).toISOString(),
      };
    },
    async byPassword(name, password) {
      const row = await store.find(name);
      if (!await passwords.check(row?.password, password)) return undefined;
      // The password may have been replaced meanwhile.
      return await logIn(name, (now) => now.password === row?.password ? now : undefined);
    },
    async byLink(name, token) {
      const digest = await sha256Hex(token);
      return await logIn(
        name,
        ({ link, ...row }) =>
          link?.digest === digest && steadyNow(clock) < link.expiresAt ? row : undefined,
      );
    },
  };
}

function unknownUser(name: string): AccessError {
  return new AccessError(
    "access_unknown",
    `Cannot find user ${JSON.stringify(name)}; "users list" shows the names`,
  );
}

function takenName(name: string): AccessError {
  return new AccessError("access_taken", `Cannot add user "${name}": there is a user of this name`);
}
