/** Where the servers of a gateway stand, and the names of what has a surface of its own. */
import type { Server } from "./server.ts";
import type { ConfiguredServer } from "./server_report.ts";
import type { ConfiguredServers } from "./servers.ts";
import type { GatewayStatus, SurfaceNames } from "./surface.ts";

/** The state of each server, by its name. */
export function statusOf(servers: ConfiguredServers): GatewayStatus {
  return {
    servers: servers.all().map((server) => {
      const { config: { name }, ...rest } = describeServer(servers, server);
      return { name, ...rest };
    }),
  };
}

/** A server, and where it stands. */
export function describeServer(servers: ConfiguredServers, server: Server): ConfiguredServer {
  return {
    config: server.config,
    status: server.upstream.status(),
    isQueued: servers.isQueued(server),
  };
}

/** What has a surface of its own. */
export function namesOf(servers: ConfiguredServers): SurfaceNames {
  return {
    servers: servers.all().map(({ config }) => config.name),
    profiles: servers.profiles(),
  };
}
