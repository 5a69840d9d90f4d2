/** The rates of principals in tests: the defaults, unless a test sets others. */
import { type Clock, systemClock } from "../../src/clock.ts";
import { defaultRates, type RatesOf } from "../../src/gateway/access_rates.ts";
import { createPrincipalRates, type PrincipalRates } from "../../src/gateway/principal_rates.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { Emit } from "../../src/telemetry/events.ts";

/** What a test decides. */
export interface TestRatesOptions {
  readonly ratesOf?: RatesOf | undefined;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits> | undefined;
  readonly emit?: Emit;
}

/** Makes them. */
export function createTestRates(
  { ratesOf = defaultRates, clock = systemClock, limits, emit = () => {} }: TestRatesOptions = {},
): PrincipalRates {
  return createPrincipalRates({ ratesOf, clock, limits: { ...defaultLimits, ...limits }, emit });
}
