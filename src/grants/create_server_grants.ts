/** Makes the grants of a gateway: the seam of server_grants.ts, put together from its parts. */
import { GatewayError } from "../errors.ts";
import { sharedPrincipal } from "../model.ts";
import { noAuthorization } from "../outgoing/authorization.ts";
import type { GrantDeps } from "./grant_deps.ts";
import type { ProtectedServer, ServerGrants } from "./server_grants.ts";

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
