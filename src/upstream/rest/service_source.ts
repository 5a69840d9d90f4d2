/**
 * The sources of a web API's operations, by type: a new type is one row here. Each is loaded with
 * its first server.
 */
import type { RestServerConfig } from "../../config/config.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Service } from "./service.ts";

/**
 * The service of a server. Rejects with a GatewayError whose message tells the operator what to
 * fix.
 */
export async function loadService(
  config: RestServerConfig,
  deps: UpstreamDeps,
  signal: AbortSignal,
): Promise<Service> {
  const { source } = config;
  switch (source.type) {
    case "recipe":
      return (await import("./from_recipe.ts")).toService(source.recipe, config);
    case "openapi":
      return await (await import("./openapi/load.ts"))
        .loadOpenApi(config, source.location, deps, signal);
  }
}
