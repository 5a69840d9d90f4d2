/**
 * Every bound of the gateway in one table, unit last, each with its reason; `limits/` holds its rows
 * by subject. A test may pass its own table to `createGateway`; nothing else in the source holds a
 * number of this size.
 */
import { clientLimits } from "./limits/client_limits.ts";
import { houseLimits } from "./limits/gateway_limits.ts";
import { serverLimits } from "./limits/server_limits.ts";
import { webLimits } from "./limits/web_limits.ts";

/** The table of bounds. */
export const defaultLimits = {
  ...clientLimits,
  ...serverLimits,
  ...webLimits,
  ...houseLimits,
} as const satisfies Record<string, number>;

/** The bounds a gateway runs with. */
export type Limits = { readonly [name in keyof typeof defaultLimits]: number };

/** Sizes are configured in mebibytes where a person writes them by hand, and kept in bytes. */
export const bytesPerMegabyte = 1024 * 1024;

/** Times are configured in seconds where a person writes them by hand, and kept in milliseconds. */
export const msPerSecond = 1_000;

/** Sizes are shown in kilobytes where a person reads them. */
export const bytesPerKilobyte = 1_024;
