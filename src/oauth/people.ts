/**
 * The people side of the authorization server, put together: users, log-ins, logged-in browsers,
 * and the requests that each browser has opened. It knows no HTTP: src/http/oauth/ has the pages.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { LoginRecords } from "../login_records.ts";
import type { Log } from "../log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type BoundRequests, createBoundRequests } from "./bound_requests.ts";
import { type BrowserLogins, createBrowserLogins } from "./browser_logins.ts";
import { createLoginAttempts, type LoginAttempts } from "./login_attempts.ts";
import type { LoginSettings } from "./login_settings.ts";
import { createOpenIdLogin, type OpenIdLogin } from "./openid_login.ts";
import type { OAuthServer } from "./oauth_server.ts";
import { createPasswords } from "./passwords.ts";
import type { UserStore } from "./user_store.ts";
import { createUsers, type Users } from "./users.ts";

/** The people of one gateway. */
export interface People {
  readonly users: Users;
  readonly logins: LoginAttempts;
  readonly browsers: BrowserLogins;
  readonly requests: BoundRequests;
  /** Absent: there is no OpenID provider. */
  readonly openid: OpenIdLogin | undefined;
}

/** What the people side is made of. */
export interface PeopleDeps {
  readonly store: UserStore;
  readonly records: LoginRecords;
  readonly server: Pick<OAuthServer, "revokePrincipal">;
  readonly settings?: LoginSettings | undefined;
  readonly runtime: Pick<Runtime, "nextTurn" | "sha256" | "request">;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** Puts the parts together. */
export function createPeople(deps: PeopleDeps): People {
  const { store, records, server, settings: { openid } = {}, runtime, clock, limits, log } = deps;
  const { nextTurn, sha256 } = runtime;
  const browsers = createBrowserLogins({ records, limits });
  const users = createUsers({
    store,
    passwords: createPasswords({ limits, clock, nextTurn }),
    clock,
    limits,
    revokePrincipal: server.revokePrincipal,
    logOut: browsers.logOutPerson,
  });
  return {
    users,
    logins: createLoginAttempts({ users, clock, limits, sha256, log }),
    browsers,
    requests: createBoundRequests({ records, limits }),
    openid: openid && createOpenIdLogin({ ...deps, settings: openid }),
  };
}
