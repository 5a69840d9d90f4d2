/**
 * Every limit of the gateway in one table, unit last, each with its reason; `limits/` holds the
 * rows by subject. A test may pass its own table to `createGateway`. No other source file holds a
 * number of this size.
 */
import { clientLimits } from "./limits/clients.ts";
import { houseLimits } from "./limits/house.ts";
import { serverLimits } from "./limits/servers.ts";
import { webLimits } from "./limits/web.ts";

/** The table of limits. */
export const defaultLimits = {
  ...clientLimits,
  ...serverLimits,
  ...webLimits,
  ...houseLimits,
} as const satisfies Record<string, number>;

/** The limits a gateway runs with by default. */
export type Limits = { readonly [name in keyof typeof defaultLimits]: number };

/** Users write sizes in mebibytes; the gateway uses bytes. */
export const bytesPerMegabyte = 1024 * 1024;

/** Users write times in seconds; the gateway uses milliseconds. */
export const msPerSecond = 1_000;

/** Users read sizes in kilobytes. */
export const bytesPerKilobyte = 1_024;
