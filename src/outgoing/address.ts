/**
 * Which IP addresses a server may not send us to (cases F2, F3): everything that is not plainly a
 * host of the public Internet, after the special-purpose registries of IANA. Addresses that carry
 * another one inside (IPv4-mapped, 6to4, Teredo) are refused as such; only NAT64, by which a
 * network without IPv4 reaches public hosts, is judged by what it carries. Not here: looking names
 * up, and the operator's own URLs, which may be anywhere.
 */
import { parseV4, parseV6, startsAlike } from "../ip_address.ts";

/** First address and length of each block that is no public host. */
const blockedV4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // A cloud's way into its own machines; public by number alone.
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/** The same within 2000::/3, outside of which nothing is public but NAT64. */
const blockedV6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

/** Whether an address, as a look-up gives it, is a host of the public Internet. */
export function isPublicAddress(address: string): boolean {
  const v4 = parseV4(address);
  if (v4 !== undefined) return isPublicV4(v4);
  const v6 = parseV6(address);
  if (v6 === undefined) return false;
  const carried = carriedByNat64(v6);
  if (carried !== undefined) return isPublicV4(carried);
  return inBlock(v6, "2000::", 3) && !blockedV6.some(([first, bits]) => inBlock(v6, first, bits));
}

function isPublicV4(bytes: readonly number[]): boolean {
  return !blockedV4.some(([first, bits]) => startsAlike(bytes, parseV4(first) ?? [], bits));
}

function inBlock(bytes: readonly number[], first: string, bits: number): boolean {
  return startsAlike(bytes, parseV6(first) ?? [], bits);
}

function carriedByNat64(bytes: readonly number[]): readonly number[] | undefined {
  return inBlock(bytes, "64:ff9b::", 96) ? bytes.slice(12) : undefined;
}
