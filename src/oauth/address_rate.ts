/**
 * How often one address may do something in a time. An IPv6 network of 64 bits counts as one
 * address, since one customer has all of it. Bounded: if too many addresses are remembered, the
 * oldest is forgotten.
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import { networkOf } from "../ip_address.ts";

/** The bounds of one rate. */
export interface AddressRateOptions {
  readonly usesMax: number;
  readonly windowMs: number;
  readonly addressesMax: number;
  readonly clock: Pick<Clock, "monotonic">;
}

/** Takes one use of an address; undefined if it may, else after how many milliseconds it may. */
export type AddressRate = (address: string | undefined) => number | undefined;

/** Makes a rate. Uses without a known address share one. */
export function createAddressRate(
  { usesMax, windowMs, addressesMax, clock }: AddressRateOptions,
): AddressRate {
  const windows = new Map<string, { startedAt: number; uses: number }>();
  return (address = "") => {
    const key = networkOf(address);
    const now = clock.monotonic();
    const window = windows.get(key);
    if (window === undefined || now - window.startedAt >= windowMs) {
      putWithin(windows, key, { startedAt: now, uses: 1 }, addressesMax);
      return undefined;
    }
    if (window.uses >= usesMax) return window.startedAt + windowMs - now;
    window.uses += 1;
    return undefined;
  };
}
