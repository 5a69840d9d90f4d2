/** The sources of a web API's operations, by type: a new type is one row here. */
import type { RestServerConfig } from "../../config/config.ts";
import type { UpstreamDeps } from "../deps.ts";
import { toService } from "./from_recipe.ts";
import { loadOpenApi } from "./openapi/load.ts";
import type { Service } from "./service.ts";

/**
 * The service of a server. Rejects with a GatewayError whose message tells the operator what to
 * fix.
 */
export function loadService(
  config: RestServerConfig,
  deps: UpstreamDeps,
  signal: AbortSignal,
): Promise<Service> {
  const { source } = config;
  switch (source.type) {
    case "recipe":
      return Promise.resolve(toService(source.recipe, config));
    case "openapi":
      return loadOpenApi(config, source.location, deps, signal);
  }
}
