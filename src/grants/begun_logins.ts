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
}

/** The open log-ins of a gateway. */
export interface BegunLogins {
  put(state: string, browser: string, login: StartedServerLogin): void;
  /** The log-in of a state, once; undefined if it is unknown, too old, or another browser's. */
  take(state: string, browser: string): StartedServerLogin | undefined;
  /** Forgets the log-ins at a server. */
  drop(server: string): void;
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
  }
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
    put(state, browser, login) {
      dropOld(login.principal);
      const endsAt = clock.monotonic() + limits.serverLoginMs;
      const entry = { browser: sha256(browser), login, endsAt };
      putWithin(entries, state, entry, limits.serverLoginsMax);
    },
    take(state, browser) {
      const entry = entries.get(state);
      // Another browser's log-in stays as it is.
      if (entry === undefined || entry.browser !== sha256(browser)) return undefined;
      entries.delete(state);
      return clock.monotonic() < entry.endsAt ? entry.login : undefined;
    },
    drop(server) {
      for (const [state, { login }] of entries) {
        if (login.server.name === server) entries.delete(state);
      }
    },
  };
}
