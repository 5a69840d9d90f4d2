/**
 * IP addresses and blocks of them (CIDR), as bytes. Texts are read strictly: an address that names
 * an interface, a short form or a leading sign is none. An IPv4 address inside of IPv6
 * (`::ffff:a.b.c.d`) counts as IPv4 wherever addresses are compared. Not here: what a block means.
 */

/** Neighbouring addresses that share their first bits. */
export interface AddressBlock {
  readonly first: readonly number[];
  readonly bits: number;
}

/** The four bytes of a dotted address; other spellings are for URLs, which are normal by then. */
export function parseV4(address: string): number[] | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  return parts?.every((part) => part < 256) ? parts : undefined;
}

/** The sixteen bytes; undefined also for an address that names its interface. */
export function parseV6(address: string): number[] | undefined {
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

/** The bytes of an address, four where it is or carries an IPv4 address. */
export function parseAddress(address: string): readonly number[] | undefined {
  const v4 = parseV4(address);
  if (v4 !== undefined) return v4;
  const v6 = parseV6(address);
  return v6 !== undefined && startsAlike(v6, mappedV4, mappedBits) ? v6.slice(12) : v6;
}

/** One spelling for each address; undefined for a text that is none. */
export function normalAddress(address: string): string | undefined {
  const bytes = parseAddress(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4
    ? bytes.join(".")
    : new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** Reads `10.0.0.0/8`, `fd00::/8`, or one address; undefined for anything else. */
export function parseBlock(text: string): AddressBlock | undefined {
  const [, address = "", length] = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const first = parseAddress(address);
  if (first === undefined) return undefined;
  const whole = first.length * 8;
  if (length === undefined) return { first, bits: whole };
  // The length of an IPv4 block that is written in IPv6 counts the bits before it, too.
  const before = first.length === 4 && address.includes(":") ? mappedBits : 0;
  const bits = Number(length) - before;
  return bits >= 0 && bits <= whole ? { first, bits } : undefined;
}

/** Bytes of an IPv6 address that one customer has; a host can use all addresses that begin so. */
const networkLength = 8;

/**
 * What the uses of one customer are counted by: an IPv4 address, or the network of an IPv6 address.
 * A text that is no address stands for itself.
 */
export function networkOf(address: string): string {
  const bytes = parseAddress(address);
  if (bytes === undefined) return address;
  return (bytes.length === 4 ? bytes : bytes.slice(0, networkLength)).join(".");
}

/** Whether an address, as `parseAddress` gives it, is in a block. */
export function holds({ first, bits }: AddressBlock, address: readonly number[]): boolean {
  return first.length === address.length && startsAlike(first, address, bits);
}

/** Whether two addresses have the same first bits. */
export function startsAlike(
  one: readonly number[],
  other: readonly number[],
  bits: number,
): boolean {
  const whole = Math.floor(bits / 8);
  const shift = 8 - bits % 8;
  return one.slice(0, whole).every((byte, index) => byte === other[index]) &&
    (shift === 8 || (one[whole] ?? 0) >> shift === (other[whole] ?? 0) >> shift);
}

const mappedBits = 96;
const mappedV4: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];
