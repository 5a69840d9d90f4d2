/**
 * Log-ins that are at an authorization server, by their `state`: each belongs to a server, a
 * principal and a browser, lives for ten minutes, and is taken once.
 */
import { putWithin } from "../bounded.ts";
import type { GrantDeps } from "./grant_deps.ts";
import type { IssuerClient } from "./issuer_clients.ts";
import type { IssuerMetadata } from "./issuer_metadata.ts";
import type { ProtectedServer } from "./server_grants.ts";

/** One log-in. */
export interface StartedServerLogin {
  readonly server: ProtectedServer;
  readonly principal: string;
  readonly metadata: IssuerMetadata;
  readonly client: IssuerClient;
  readonly redirectUri: string;
  readonly resource: string;
  /** What was requested. */
  readonly scopes: readonly string[];
  /** The verifier of PKCE (RFC 7636). */
  readonly verifier: string;
  readonly returnTo: string | undefined;
  /** Aborted when its server or its principal is gone: it must not end in a grant. */
  readonly dropped: AbortSignal;
}

/** Which log-ins are meant: those at a server, or those of a principal. */
export type LoginOwner = { readonly server: string } | { readonly principal: string };

/** The open log-ins of a gateway. */
export interface BegunLogins {
  /**
   * Keeps a log-in whose beginning took from `since` (monotonic clock) until now; not if its
   * principal went away in that time.
   */
  put(
    state: string,
    browser: string,
    login: Omit<StartedServerLogin, "dropped">,
    since: number,
  ): void;
  /**
   * The log-in of a state, once; undefined if it is unknown, too old, or another browser's. It is
   * given back by `end`.
   */
  take(state: string, browser: string): StartedServerLogin | undefined;
  /** A log-in that was taken is over. */
  end(login: StartedServerLogin): void;
  /** Forgets these log-ins; the signal of those that were taken is aborted. */
  drop(owner: LoginOwner): void;
}

/** Makes an empty table. */
export function createBegunLogins(
  { clock, limits, runtime: { sha256 } }: Pick<GrantDeps, "clock" | "limits" | "runtime">,
): BegunLogins {
  interface Entry {
    /** The digest of the browser's value. */
    readonly browser: string;
    readonly login: StartedServerLogin;
    readonly endsAt: number;
    readonly dropper: AbortController;
  }
  /** Principals that went away lately, and when. */
  const gone = new Map<string, number>();
  const taken = new Map<StartedServerLogin, AbortController>();
  const entries = new Map<string, Entry>();
  const dropOld = (principal: string): void => {
    const now = clock.monotonic();
    const own: string[] = [];
    for (const [state, { login, endsAt }] of entries) {
      if (now >= endsAt) entries.delete(state);
      else if (login.principal === principal) own.push(state);
    }
    const left = own.length + 1 - limits.serverLoginsPerPrincipalMax;
    own.slice(0, Math.max(0, left)).forEach((state) => entries.delete(state));
  };
  return {
    put(state, browser, login, since) {
      if ((gone.get(login.principal) ?? -Infinity) >= since) return;
      dropOld(login.principal);
      const endsAt = clock.monotonic() + limits.serverLoginMs;
      const dropper = new AbortController();
      const own = { ...login, dropped: dropper.signal };
      const entry = { browser: sha256(browser), login: own, endsAt, dropper };
      putWithin(entries, state, entry, limits.serverLoginsMax);
    },
    take(state, browser) {
      const entry = entries.get(state);
      // Another browser's log-in stays as it is.
      if (entry === undefined || entry.browser !== sha256(browser)) return undefined;
      entries.delete(state);
      const { login, endsAt, dropper } = entry;
      if (clock.monotonic() >= endsAt) return undefined;
      taken.set(login, dropper);
      return login;
    },
    end: (login) => void taken.delete(login),
    drop(owner) {
      if ("principal" in owner) {
        putWithin(gone, owner.principal, clock.monotonic(), limits.serverLoginsMax);
      }
      for (const [state, { login }] of entries) if (isOf(login, owner)) entries.delete(state);
      for (const [login, dropper] of taken) if (isOf(login, owner)) dropper.abort();
    },
  };
}

function isOf({ server, principal }: StartedServerLogin, owner: LoginOwner): boolean {
  return "server" in owner ? server.name === owner.server : principal === owner.principal;
}
