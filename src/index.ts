/**
 * The public entry of the package: what a program needs to run the gateway inside itself. A runtime
 * comes from `mcp-wrapper/bun`, `mcp-wrapper/deno` or `mcp-wrapper/node`; importing them starts
 * nothing.
 *
 * These exports and the members of their types follow semantic versioning: a new major version (a
 * new minor version while the major version is 0) is the only one that removes or changes one. New
 * optional members may come with any version. CHANGELOG.md lists every change. Other files of the
 * package are private, and its `exports` refuse to load them.
 */
import { defaultTables } from "./app.ts";
import {
  readConfig as readConfigOfKinds,
  type ReadConfigOptions,
  type StartConfig,
} from "./config/environment.ts";

export { createGateway, defaultTables } from "./app.ts";
export type { GatewayHandle, GatewayOptions, Tables } from "./app.ts";
export { ConfigError } from "./config/config_error.ts";
export { GatewayError } from "./errors.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export { identity } from "./version.ts";
export type * from "./auth/authenticator.ts";
export type * from "./auth/authenticator_kinds.ts";
export type * from "./config/access_rows.ts";
export type * from "./config/config.ts";
export type { ReadConfigOptions, StartConfig } from "./config/environment.ts";
export type * from "./gateway/access_policy.ts";
export type * from "./gateway/steps/steps.ts";
export type { SurfaceKinds } from "./http/surface_kinds.ts";
export type { Log } from "./log.ts";
export type * from "./model.ts";
export type * from "./runtime/runtime.ts";
export type { StoreKinds } from "./store/stores.ts";
export type * from "./telemetry/call_trace.ts";
export type { Counts } from "./telemetry/counts.ts";
export type { GatewayEvent } from "./telemetry/events.ts";
export type { SpanContext, TraceContext } from "./trace_context.ts";
export type { UpstreamKinds } from "./upstream/upstream_kinds.ts";

/** What `readConfig` needs; without `kinds` a server may be of every kind that is built in. */
export type ConfigSource =
  & Omit<ReadConfigOptions, "kinds">
  & Partial<Pick<ReadConfigOptions, "kinds">>;

/**
 * Reads the configuration that `createGateway` takes: environment variables, and the `mcp.json`
 * that they name. Throws a ConfigError with a sentence for each value that is wrong.
 */
export function readConfig(source: ConfigSource): Promise<StartConfig> {
  return readConfigOfKinds({ kinds: defaultTables.kinds, ...source });
}
