/**
 * Every limit of the gateway in one table, unit last, each with its reason; `limits/` holds the
 * rows by subject. A test may pass its own table to `createGateway`. No other source file holds a
 * number of this size.
 */
import { accessLimits } from "./limits/access_limits.ts";
import { bridgeLimits } from "./limits/bridge_limits.ts";
import { clientLimits } from "./limits/client_limits.ts";
import { commandLimits } from "./limits/command_limits.ts";
import { engineLimits } from "./limits/engine_limits.ts";
import { houseLimits } from "./limits/gateway_limits.ts";
import { grantLimits } from "./limits/grant_limits.ts";
import { instanceLimits } from "./limits/instance_limits.ts";
import { metricLimits } from "./limits/metric_limits.ts";
import { oauthLimits } from "./limits/oauth_limits.ts";
import { pageLimits } from "./limits/page_limits.ts";
import { peopleLimits } from "./limits/people_limits.ts";
import { searchLimits } from "./limits/search_limits.ts";
import { pinLimits } from "./limits/pin_limits.ts";
import { resultLimits } from "./limits/result_limits.ts";
import { serverLimits } from "./limits/server_limits.ts";
import { serviceLimits } from "./limits/service_limits.ts";
import { traceLimits } from "./limits/trace_limits.ts";
import { webLimits } from "./limits/web_limits.ts";

/** The table of limits. */
export const defaultLimits = {
  ...clientLimits,
  ...serverLimits,
  ...webLimits,
  ...houseLimits,
  ...engineLimits,
  ...metricLimits,
  ...oauthLimits,
  ...bridgeLimits,
  ...commandLimits,
  ...serviceLimits,
  ...accessLimits,
  ...peopleLimits,
  ...pageLimits,
  ...grantLimits,
  ...searchLimits,
  ...traceLimits,
  ...pinLimits,
  ...resultLimits,
  ...instanceLimits,
} as const satisfies Record<string, number>;

/** The limits a gateway runs with by default. */
export type Limits = { readonly [name in keyof typeof defaultLimits]: number };

/** Users write sizes in mebibytes; the gateway uses bytes. */
export const bytesPerMegabyte = 1024 * 1024;

/** Users write times in seconds; the gateway uses milliseconds. */
export const msPerSecond = 1_000;

/** Users write rates by the minute. */
export const msPerMinute = 60_000;

/** Users read sizes in kilobytes. */
export const bytesPerKilobyte = 1_024;
