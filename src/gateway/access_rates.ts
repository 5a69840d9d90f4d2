/** How fast a principal may call, as the configuration says it. Types, and the default. */
import type { Principal } from "../model.ts";

/** The rates of one principal. */
export interface AccessRates {
  /** Calls a minute, at least 1. Absent: any number. */
  readonly callsPerMinute?: number | undefined;
  /** Calls at once, at least 1. Absent: `principalCallsMax`. */
  readonly callsAtOnce?: number | undefined;
}

/**
 * The rates of a principal now. It is asked for each call, so it should remember them. The gateway
 * and its operators have no rates, and are not asked for.
 */
export type RatesOf = (principal: Principal) => AccessRates;

const none: AccessRates = {};

/** The rates if the configuration sets none. */
export const defaultRates: RatesOf = () => none;
