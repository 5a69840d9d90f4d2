/**
 * Log-ins at protected servers, for the operator: who has a grant where, links by which a person
 * logs in, and log-outs. The admin API and the command line are made of it; no token is in it.
 */
import { AccessError } from "../access_error.ts";
import { type Clock, steadyNow } from "../clock.ts";
import type { HttpServerConfig, ServerConfig, ServerOAuthConfig } from "../config/config.ts";
import { adviseName } from "../config/nearest.ts";
import { isOfKind } from "../config/server_kind.ts";
import type { Limits } from "../limits.ts";
import { sharedPrincipal } from "../model.ts";
import { standsForOne } from "../principals.ts";
import type { LoginPlace } from "./login_place.ts";
import type { FailedLogin, GrantReport, ServerGrants } from "./server_grants.ts";

/** One grant, for the operator. Times are ISO 8601. */
export interface GrantFacts {
  /** Absent: the grant serves all principals. */
  readonly principal?: string | undefined;
  readonly issuer: string;
  readonly scopes: readonly string[];
  /** When a person logged in. */
  readonly grantedAt: string;
  readonly expiresAt?: string | undefined;
  /** Whether it is renewed without a person. */
  readonly isRefreshable: boolean;
  readonly refreshedAt?: string | undefined;
  /** Why the latest refresh failed; `isFinal`: a person must log in again. */
  readonly failure?:
    | { readonly problem: string; readonly at: string; readonly isFinal: boolean }
    | undefined;
}

/**
 * Where log-ins at a server stand: a usable grant is there, one is missing, the server has not asked
 * for one so far, or none can be used with this configuration.
 */
export type LoginState = "granted" | "needed" | "unasked" | "impossible";

/** The log-ins of one server. */
export interface ServerLoginReport {
  readonly name: string;
  readonly grant: ServerOAuthConfig["grant"];
  readonly state: LoginState;
  /** Why no grant can be used; it goes on after the server's name. */
  readonly problem?: string | undefined;
  /** The newest first. */
  readonly grants: readonly GrantFacts[];
  /** The latest log-in, if it failed; `principal` and `at` as in a grant. */
  readonly failedLogin?:
    | { readonly principal?: string | undefined; readonly problem: string; readonly at: string }
    | undefined;
}

/** A link for one log-in. */
export interface ServerLoginLink {
  readonly url: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** The operator's side of log-ins. Each function rejects with an AccessError. */
export interface LoginSteering {
  /** The servers that may ask for a log-in. */
  list(): Promise<readonly ServerLoginReport[]>;
  report(server: string): Promise<ServerLoginReport>;
  /** Makes a link; `principal` is absent where one grant serves all. */
  makeLink(server: string, principal: string | undefined): Promise<ServerLoginLink>;
  /** Revokes grants, of one principal or all; returns how many there were. */
  logOut(server: string, principal: string | undefined): Promise<number>;
}

/** What it is made of. */
export interface LoginSteeringDeps {
  readonly grants: Pick<
    ServerGrants,
    "hasGrant" | "reports" | "failedLogin" | "logOut" | "tellNeeds"
  >;
  readonly place: Pick<LoginPlace, "operatorUrlOf">;
  /** The configured servers of the moment. */
  readonly servers: () => readonly ServerConfig[];
  readonly clock: Pick<Clock, "wall" | "monotonic">;
  readonly limits: Pick<Limits, "serverLinkMs">;
}

/** Makes it. */
export function createLoginSteering(deps: LoginSteeringDeps): LoginSteering {
  const { grants, place, servers, clock, limits } = deps;
  const oauthOf = (name: string): ServerOAuthConfig => {
    const server = servers().find((one) => one.name === name);
    if (server === undefined) {
      const advice = adviseName(name, servers().map((one) => one.name));
      throw new AccessError(
        "access_unknown",
        `Cannot find server ${JSON.stringify(name)}; ${advice}`,
      );
    }
    const oauth = toOAuth(server);
    if (oauth !== undefined) return oauth;
    throw new AccessError(
      "access_invalid",
      `Server ${JSON.stringify(name)} needs no log-in: it has no URL, it has other credentials, ` +
        'or its "oauth" is false',
    );
  };
  const describe = async (name: string, oauth: ServerOAuthConfig): Promise<ServerLoginReport> => {
    const own = (await grants.reports(name)).filter(({ server }) => server === name);
    const { grant, problem } = oauth;
    const isUsable = (report: GrantReport) =>
      (report.principal === sharedPrincipal.id) === (grant === "shared") &&
      report.failure?.isFinal !== true &&
      (report.isRefreshable || report.expiresAt === undefined ||
        report.expiresAt > steadyNow(clock));
    const isGranted = own.some(isUsable);
    // Where each has a grant of its own, this principal has none: only whether one is needed counts.
    const isAsked = await grants.hasGrant(name, sharedPrincipal.id) !== undefined;
    return {
      name,
      grant,
      state: problem !== undefined
        ? "impossible"
        : isGranted
        ? "granted"
        : isAsked
        ? "needed"
        : "unasked",
      problem,
      grants: own.toSorted((one, other) => other.grantedAt - one.grantedAt).map(toFacts),
      failedLogin: toFailedFacts(grants.failedLogin(name)),
    };
  };
  return {
    list: async () =>
      await Promise.all(
        servers().flatMap((server) => {
          const oauth = toOAuth(server);
          return oauth === undefined ? [] : [describe(server.name, oauth)];
        }),
      ),
    report: async (name) => await describe(name, oauthOf(name)),
    async makeLink(name, principal) {
      const id = principalOf(name, oauthOf(name), principal);
      await grants.tellNeeds(name, id);
      const url = await place.operatorUrlOf(name, id);
      if (url === undefined) {
        throw new AccessError("access_invalid", "Cannot make a link: the gateway has no listener");
      }
      return { url, expiresAt: toTime(clock.wall() + limits.serverLinkMs) };
    },
    async logOut(name, principal) {
      oauthOf(name);
      return await grants.logOut(name, principal);
    },
  };
}

function toOAuth(server: ServerConfig): ServerOAuthConfig | undefined {
  return isOfKind<HttpServerConfig>(server, "http") ? server.oauth : undefined;
}

/** Whose grant a log-in leads to. Throws an AccessError if it can be no one's. */
function principalOf(
  name: string,
  { grant, problem }: ServerOAuthConfig,
  principal: string | undefined,
): string {
  const refuse = (message: string): never => {
    throw new AccessError("access_invalid", message);
  };
  const shown = JSON.stringify(name);
  if (problem !== undefined) return refuse(`Server ${shown} ${problem}`);
  if (grant === "shared") {
    if (principal === undefined) return sharedPrincipal.id;
    return refuse(`Server ${shown} has one log-in for all; leave out the principal`);
  }
  if (principal === undefined) {
    return refuse(
      `Server ${shown} has a log-in for each principal: a call shows a link to the person who ` +
        'makes it; name a principal such as "user:ann", or set "grant": "shared" in its "oauth"',
    );
  }
  if (standsForOne({ id: principal })) return principal;
  return refuse(`Cannot log in for ${JSON.stringify(principal)}: it is no single principal`);
}

function toFacts(report: GrantReport): GrantFacts {
  const { principal, issuer, scopes, isRefreshable, failure } = report;
  const { grantedAt, expiresAt, refreshedAt } = report;
  return {
    principal: toShownPrincipal(principal),
    issuer,
    scopes,
    grantedAt: toTime(grantedAt),
    expiresAt: expiresAt === undefined ? undefined : toTime(expiresAt),
    isRefreshable,
    refreshedAt: refreshedAt === undefined ? undefined : toTime(refreshedAt),
    failure: failure && { ...failure, at: toTime(failure.at) },
  };
}

function toFailedFacts(failed: FailedLogin | undefined): ServerLoginReport["failedLogin"] {
  if (failed === undefined) return undefined;
  const { principal, problem, at } = failed;
  return { principal: toShownPrincipal(principal), problem, at: toTime(at) };
}

/** Undefined: all principals. */
function toShownPrincipal(principal: string): string | undefined {
  return principal === sharedPrincipal.id ? undefined : principal;
}

function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
