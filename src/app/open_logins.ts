/** Opens what people need to log in at protected servers: links, and the URLs of the pages. */
import type { Clock } from "../clock.ts";
import type { ConfigurationSources } from "../config/registry.ts";
import type { GatewayConfig, HttpServerConfig, ServersConfig } from "../config/config.ts";
import { authenticates } from "../config/reach.ts";
import { isOfKind } from "../config/server_kind.ts";
import { createLoginLinks, type LoginLinks } from "../grants/login_links.ts";
import { createLoginPlace, type LoginPlace } from "../grants/login_place.ts";
import { createLoginSteering, type LoginSteering } from "../grants/login_steering.ts";
import type { ProtectedServer, ServerGrants } from "../grants/server_grants.ts";
import type { ConnectParts } from "../http/oauth/connect_access.ts";
import type { Limits } from "../limits.ts";
import type { LoginRecords } from "../login_records.ts";
import type { People } from "../oauth/people.ts";
import type { OpenedStores } from "../store/stores.ts";

/** The links that were made, and the place that makes them. */
export interface ServerLogins {
  readonly links: LoginLinks;
  readonly place: LoginPlace;
}

/** Makes both; without MCP_PUBLIC_URL there is no place before a listener is open. */
export function openLogins(
  { config, records, limits }: {
    readonly config: Pick<GatewayConfig, "publicUrl" | "auth">;
    readonly records: LoginRecords;
    readonly limits: Limits;
  },
): ServerLogins {
  const links = createLoginLinks({ records, limits });
  const { publicUrl } = config;
  return {
    links,
    place: createLoginPlace({ links, publicUrl, authenticates: authenticates(config) }),
  };
}

/** Ends all log-ins of a principal that is gone, and its links. */
export async function forgetLogins(
  { grants, logins: { links } }: {
    readonly grants: Pick<ServerGrants, "forget">;
    readonly logins: Pick<ServerLogins, "links">;
  },
  principal: string,
): Promise<void> {
  await links.drop(principal);
  await grants.forget(principal);
}

/** What the operator does with them. */
export function openLoginSteering(
  { grants, logins: { place }, clock, limits }: {
    readonly grants: ServerGrants;
    readonly logins: ServerLogins;
    readonly clock: Clock;
    readonly limits: Limits;
  },
  { current }: Pick<ConfigurationSources, "current">,
): LoginSteering {
  const servers = () => current().servers;
  return createLoginSteering({ grants, place, servers, clock, limits });
}

/** What the pages of these log-ins work on; the servers are those of the current configuration. */
export function connectPartsOf(
  { grants, logins, opened: { sealer } }: {
    readonly grants: ServerGrants;
    readonly logins: ServerLogins;
    readonly opened: Pick<OpenedStores, "sealer">;
  },
  people: People,
  sources: Pick<ConfigurationSources, "current">,
): ConnectParts {
  const protectedServers = () => protectedServersOf(sources.current());
  return { people, sealer, grants, links: logins.links, protectedServers };
}

/** The servers of a configuration at which the gateway may log in. */
function protectedServersOf({ servers }: ServersConfig): ProtectedServer[] {
  return servers.filter((server) => isOfKind<HttpServerConfig>(server, "http"))
    .flatMap(({ name, url, oauth }) => oauth === undefined ? [] : [{ name, url, oauth }]);
}
