/**
 * What the operator of a running gateway may see and change: reports of all servers, the registry,
 * and restarts. The command line and the admin API are made of it.
 */
import type { Clock } from "../clock.ts";
import type { ProfileRegistry } from "../config/profile_registry.ts";
import { type ProfileReport, reportProfiles } from "../config/profiles.ts";
import type { ConfigurationSources, Registry } from "../config/registry.ts";
import { RegistryError } from "../config/registry_error.ts";
import type { ChangedTools } from "./changed_tools.ts";
import { reportDisabled, reportServer, type ServerReport } from "./server_report.ts";
import type { SteeredGateway } from "./surface.ts";
import type { ServerHistory } from "../telemetry/server_history.ts";

/** The operator's side of a gateway. */
export interface Operator {
  /** The servers that are added next to `mcp.json`. */
  readonly registry: Registry;
  /** The profiles that are added next to `mcp.json`. */
  readonly profiles: ProfileRegistry;
  /** One report of each profile, those of `mcp.json` first. */
  profileReports(): readonly ProfileReport[];
  /** The tools that are not as they were first seen, and their approval. */
  readonly changedTools: ChangedTools;
  /** One report of each server, disabled ones last. */
  servers(): readonly ServerReport[];
  /**
   * Ends a server's connections and forgets its failures; open calls to it fail. The next use starts
   * it again; a server that was not idle starts at once. Rejects with a `RegistryError` if there is
   * no such server, or if it is disabled.
   */
  restart(name: string): Promise<void>;
}

/** What the operator's side is made of. */
export interface OperatorDeps {
  readonly sources: Pick<ConfigurationSources, "registry" | "profiles" | "current">;
  readonly gateway: Pick<SteeredGateway, "servers" | "restart">;
  readonly history: ServerHistory;
  readonly changedTools: ChangedTools;
  readonly clock: Clock;
  /** Replaces the secrets in a text. */
  readonly hide: (text: string) => string;
}

/** Makes the operator's side of a gateway. */
export function createOperator(deps: OperatorDeps): Operator {
  const { sources, gateway, history, changedTools, clock, hide } = deps;
  /** Since when each disabled server is known to be so. */
  let disabledSince = new Map<string, number>();
  const disabled = () => {
    const now = clock.wall();
    const rows = sources.current().disabled ?? [];
    disabledSince = new Map(rows.map(({ name }) => [name, disabledSince.get(name) ?? now]));
    return rows.map((row) => reportDisabled(row, disabledSince.get(row.name) ?? now));
  };
  // Those of the start are disabled since then.
  disabled();
  return {
    registry: sources.registry,
    profiles: sources.profiles,
    profileReports: () => reportProfiles(sources.current()),
    changedTools,
    servers: () => [
      ...gateway.servers().map((server) => ({
        ...reportServer(server, history, hide),
        changedTools: changedTools.count(server.config.name),
      })),
      ...disabled(),
    ],
    async restart(name) {
      if (await gateway.restart(name)) return;
      const shown = JSON.stringify(name);
      if (disabled().some((row) => row.name === name)) {
        throw new RegistryError("disabled", `Cannot restart server ${shown}: it is disabled`);
      }
      throw new RegistryError("unknown", `Cannot restart server ${shown}: it is not configured`);
    },
  };
}
