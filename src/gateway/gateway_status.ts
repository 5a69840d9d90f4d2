/** Where the servers of a gateway stand, and the names of what has a surface of its own. */
import type { ConfiguredServers } from "./servers.ts";
import type { GatewayStatus, SurfaceNames } from "./surface.ts";

/** The state of each server, by its name. */
export function statusOf(servers: ConfiguredServers): GatewayStatus {
  return {
    servers: servers.described().map(({ config: { name }, ...rest }) => ({ name, ...rest })),
  };
}

/** What has a surface of its own. */
export function namesOf(servers: ConfiguredServers): SurfaceNames {
  return {
    servers: servers.all().map(({ config }) => config.name),
    profiles: servers.profiles(),
  };
}
