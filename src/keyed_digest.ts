/**
 * HMAC-SHA-256 (RFC 2104, FIPS 180-4) without a promise and without a call into the platform, for
 * short texts that each call has: WebCrypto takes 30 to 60 µs for one, and the platforms' own
 * functions up to 25 µs (Deno). Not for checking what others signed: seal.ts does that.
 */

/** The constants of SHA-256: fractions of the roots of the first primes. */
const { starts, rounds } = makeConstants();
const blockBytes = 64;
const roundCount = 64;
/** A block ends with the number of bits, in so many bytes. */
const lengthBytes = 8;
/** Texts up to this length are written into memory that is used again. */
const shortCharsMax = 512;
/** A character of a text is at most so many bytes of UTF-8. */
const utf8BytesMax = 3;

const encoder = new TextEncoder();
const paddingBytesMax = blockBytes + lengthBytes;
const shortBytes = new Uint8Array(shortCharsMax * utf8BytesMax + paddingBytesMax);
/** The words of the block at hand; no work here waits, so that one is enough. */
const words = new Int32Array(roundCount);
const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Makes the function that gives the digest of a text in hex, of which `hexChars` characters are kept
 * (64 is all). The key has at most 64 bytes of UTF-8.
 */
export function createKeyedDigest(key: string, hexChars: number): (text: string) => string {
  const keyBytes = encoder.encode(key);
  if (keyBytes.length > blockBytes) throw new RangeError("Cannot make digest: the key is too long");
  const inner = keyed(keyBytes, 0x36);
  const outer = keyed(keyBytes, 0x5c);
  const state = new Int32Array(starts.length);
  return (text) => {
    state.set(inner);
    hashText(state, text);
    // The second pass is over one block: the first digest, and its padding.
    words.fill(0, state.length, blockBytes / 4);
    words.set(state);
    words[state.length] = 0x80 << 24;
    words[blockBytes / 4 - 1] = (blockBytes + state.length * 4) * 8;
    state.set(outer);
    compress(state);
    return toHex(state, hexChars);
  };
}

/** The state after the block that the key makes with this pad. */
function keyed(key: Uint8Array, pad: number): Int32Array {
  const block = new Uint8Array(blockBytes);
  block.set(key);
  load(block.map((byte) => byte ^ pad), 0);
  const state = starts.slice();
  compress(state);
  return state;
}

/** Adds a text, which follows one block, and the padding. */
function hashText(state: Int32Array, text: string): void {
  const isShort = text.length <= shortCharsMax;
  const bytes = isShort ? shortBytes : new Uint8Array(text.length * utf8BytesMax + paddingBytesMax);
  const length = isShort ? writeShort(text, bytes) : encoder.encodeInto(text, bytes).written;
  const end = Math.ceil((length + 1 + lengthBytes) / blockBytes) * blockBytes;
  bytes.fill(0, length, end);
  bytes[length] = 0x80;
  let bits = (blockBytes + length) * 8;
  for (let at = end - 1; bits > 0; at -= 1) {
    bytes[at] = bits % 256;
    bits = Math.floor(bits / 256);
  }
  for (let at = 0; at < end; at += blockBytes) {
    load(bytes, at);
    compress(state);
  }
}

/** Writes a text as UTF-8, which is mostly ASCII; returns the number of bytes. */
function writeShort(text: string, bytes: Uint8Array): number {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return encoder.encodeInto(text, bytes).written;
    bytes[at] = code;
  }
  return text.length;
}

function load(bytes: Uint8Array, start: number): void {
  for (let word = 0, at = start; word < blockBytes / 4; word += 1, at += 4) {
    words[word] = byteAt(bytes, at) << 24 | byteAt(bytes, at + 1) << 16 |
      byteAt(bytes, at + 2) << 8 | byteAt(bytes, at + 3);
  }
}

const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;
const wordAt = (all: Int32Array, at: number): number => all[at] ?? 0;
const rotate = (word: number, bits: number): number => word >>> bits | word << (32 - bits);

/** Adds the block in `words` to a state. */
function compress(state: Int32Array): void {
  for (let at = blockBytes / 4; at < roundCount; at += 1) {
    const early = wordAt(words, at - 15);
    const late = wordAt(words, at - 2);
    const first = rotate(early, 7) ^ rotate(early, 18) ^ early >>> 3;
    const second = rotate(late, 17) ^ rotate(late, 19) ^ late >>> 10;
    words[at] = wordAt(words, at - 16) + first + wordAt(words, at - 7) + second;
  }
  let a = wordAt(state, 0);
  let b = wordAt(state, 1);
  let c = wordAt(state, 2);
  let d = wordAt(state, 3);
  let e = wordAt(state, 4);
  let f = wordAt(state, 5);
  let g = wordAt(state, 6);
  let h = wordAt(state, 7);
  for (let at = 0; at < roundCount; at += 1) {
    const mixedE = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const chosen = g ^ e & (f ^ g);
    const one = h + mixedE + chosen + wordAt(rounds, at) + wordAt(words, at) | 0;
    const mixedA = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const most = a & b | c & (a | b);
    h = g;
    g = f;
    f = e;
    e = d + one | 0;
    d = c;
    c = b;
    b = a;
    a = one + mixedA + most | 0;
  }
  state[0] = wordAt(state, 0) + a;
  state[1] = wordAt(state, 1) + b;
  state[2] = wordAt(state, 2) + c;
  state[3] = wordAt(state, 3) + d;
  state[4] = wordAt(state, 4) + e;
  state[5] = wordAt(state, 5) + f;
  state[6] = wordAt(state, 6) + g;
  state[7] = wordAt(state, 7) + h;
}

function toHex(state: Int32Array, hexChars: number): string {
  let hex = "";
  for (let at = 0; hex.length < hexChars; at += 1) {
    const word = wordAt(state, at);
    hex += (hexOf[word >>> 24] ?? "") + (hexOf[word >>> 16 & 0xff] ?? "") +
      (hexOf[word >>> 8 & 0xff] ?? "") + (hexOf[word & 0xff] ?? "");
  }
  return hex;
}

/** The first 32 bits of the fractions of the square and the cube roots of the first primes. */
function makeConstants(): { readonly starts: Int32Array; readonly rounds: Int32Array } {
  const primes: number[] = [];
  for (let next = 2; primes.length < 64; next += 1) {
    if (primes.every((prime) => next % prime !== 0)) primes.push(next);
  }
  const fraction = (value: number): number => (value % 1) * 2 ** 32 | 0;
  return {
    starts: Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime))),
    rounds: Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime))),
  };
}
