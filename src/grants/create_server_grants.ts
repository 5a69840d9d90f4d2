/** Makes the grants of a gateway: the seam of server_grants.ts, put together from its parts. */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { sharedPrincipal } from "../model.ts";
import { noAuthorization } from "../outgoing/authorization.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Emit } from "../telemetry/events.ts";
import type { GrantStore } from "./grant.ts";
import type { ProtectedServer, ServerGrants } from "./server_grants.ts";

/** What the grants need. */
export interface GrantDeps {
  readonly runtime: Pick<Runtime, "request" | "readText" | "sha256">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  readonly bus: Bus;
  readonly store: GrantStore;
  /** Hides these values from the log from now on. */
  readonly addSecrets: (values: readonly string[]) => void;
  /** The base URL of the gateway, if it has one that does not depend on a request. */
  readonly publicUrl: string | undefined;
  /** How the gateway calls itself at an authorization server. */
  readonly identity: { readonly name: string; readonly version: string };
}

/** Makes the grants. Nothing is read or requested before it is needed. */
export function createServerGrants(deps: GrantDeps): ServerGrants {
  const servers = new Map<string, ProtectedServer>();
  const unready = (): Promise<never> =>
    Promise.reject(new GatewayError("internal", "Cannot log in yet"));
  return {
    authorizationOf(server) {
      servers.set(server.name, server);
      return noAuthorization;
    },
    principalFor: (server, principal) =>
      servers.get(server)?.oauth.grant === "shared" ? sharedPrincipal.id : principal,
    hasGrant: async () => undefined,
    begin: unready,
    finish: unready,
    reports: async () => [],
    logOut: async () => 0,
    keep: () => {},
    watch: (listener) => deps.bus.subscribe("grantChanged", listener),
    close: () => {},
  };
}
