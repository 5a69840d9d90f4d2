/**
 * Which IP addresses a server may not send us to (cases F2, F3): everything that is not plainly a
 * host of the public Internet, after the special-purpose registries of IANA. Addresses that carry
 * another one inside (IPv4-mapped, 6to4, Teredo) are refused as such; only NAT64, by which a
 * network without IPv4 reaches public hosts, is judged by what it carries. Not here: looking names
 * up, and the operator's own URLs, which may be anywhere.
 */

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

function startsAlike(one: readonly number[], other: readonly number[], bits: number): boolean {
  const whole = Math.floor(bits / 8);
  const shift = 8 - bits % 8;
  return one.slice(0, whole).every((byte, index) => byte === other[index]) &&
    (shift === 8 || (one[whole] ?? 0) >> shift === (other[whole] ?? 0) >> shift);
}

function carriedByNat64(bytes: readonly number[]): readonly number[] | undefined {
  return inBlock(bytes, "64:ff9b::", 96) ? bytes.slice(12) : undefined;
}

/** The four bytes of a dotted address; other spellings are for URLs, which are normal by then. */
function parseV4(address: string): number[] | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  return parts?.every((part) => part < 256) ? parts : undefined;
}

/** The sixteen bytes; undefined also for an address that names its interface. */
function parseV6(address: string): number[] | undefined {
  if (!/^[\da-f:.]+$/i.test(address) || !URL.canParse(`http://[${address}]/`)) return undefined;
  // The URL parser leaves only hexadecimal groups and at most one "::".
  const [head = "", tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const toGroups = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const left = toGroups(head);
  const right = toGroups(tail ?? "");
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]);
}
