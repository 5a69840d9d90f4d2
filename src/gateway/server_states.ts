/** Where the configured servers stand, for `/health` and for the operator. */
import type { Server } from "./server.ts";
import type { ConfiguredServer } from "./server_report.ts";
import type { ConfiguredServers } from "./servers.ts";
import type { GatewayStatus } from "./surface.ts";

/** The states of all servers. */
export function statusOf(servers: ConfiguredServers): GatewayStatus {
  return {
    servers: servers.all().map((server) => {
      const { config: { name }, ...rest } = configuredServer(servers, server);
      return { name, ...rest };
    }),
  };
}

/** One server, and where it stands. */
export function configuredServer(servers: ConfiguredServers, server: Server): ConfiguredServer {
  return {
    config: server.config,
    status: server.upstream.status(),
    isQueued: servers.isQueued(server),
  };
}
