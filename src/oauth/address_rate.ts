/**
 * How often one address, or anything else with a name, may do something in a time. An IPv6 network of 64 bits counts as one
 * address, since one customer has all of it. Bounded: if too many addresses are remembered, the
 * oldest is forgotten.
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";

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
    const key = toNetwork(address);
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

/** The first 64 bits of an IPv6 address; any other text as it is. */
export function toNetwork(address: string): string {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  if (!bare.includes(":") || !URL.canParse(`http://[${bare}]/`)) return address;
  const host = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const [head = "", tail = ""] = host.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = host.includes("::") ? 8 - left.length - right.length : 0;
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right];
  // An IPv4 address in IPv6 form differs only at its end.
  return groups.slice(0, 5).every((group) => group === "0") ? host : groups.slice(0, 4).join(":");
}
