/**
 * Bytes are read as text exactly as the runtime's strict decoder reads them, although they are
 * decoded leniently first: each short string of bytes, and long ones that hold real replacement
 * characters. A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { GatewayError } from "../../../src/errors.ts";
import { decodeUtf8 } from "../../../src/protocol/jsonrpc.ts";
import { testSeed as seed } from "../../support/random.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const all = Array.from({ length: 256 }, (_, byte) => byte);
/** The first and last byte of each kind that UTF-8 has, those of a byte order mark, and a quote. */
const edges = [
  ...[0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbb, 0xbd, 0xbf, 0xc1, 0xc2, 0xdf],
  ...[0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xff],
];

/** What the strict decoder makes of bytes: no text where they are invalid or begin with a mark. */
function expected(bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch {
    return undefined;
  }
  return text.startsWith("\ufeff") ? undefined : text;
}

function read(bytes: Uint8Array): string | undefined {
  try {
    return decodeUtf8(bytes);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === "parse_error") return undefined;
    throw thrown;
  }
}

/** Compares without a matcher for each of many thousand strings. */
function assertSame(bytes: Uint8Array): void {
  const text = read(bytes);
  if (text !== expected(bytes)) expect([...bytes, text]).toEqual([...bytes, expected(bytes)]);
}

/** Reads each string of so many of these bytes, alone or amid other bytes, and counts them. */
function assertEach(choices: readonly number[], length: number, isAmid = false): number {
  const alone = new Uint8Array(length);
  const amid = new Uint8Array(length + 4).fill(0x61);
  amid.set(encoder.encode("é"), 0);
  let count = 0;
  const fill = (at: number): void => {
    if (at === length) {
      count += 1;
      return assertSame(isAmid ? amid : alone);
    }
    for (const byte of choices) {
      alone[at] = byte;
      amid[at + 2] = byte;
      fill(at + 1);
    }
  };
  fill(0);
  return count;
}

describe(`Bytes as text (seed ${seed})`, () => {
  // Most of the strings are invalid, and a stack for each takes longer than all else.
  const { stackTraceLimit } = Error;
  beforeAll(() => void (Error.stackTraceLimit = 0));
  afterAll(() => void (Error.stackTraceLimit = stackTraceLimit));

  test("every string of up to two bytes", () => {
    expect(assertEach(all, 0) + assertEach(all, 1) + assertEach(all, 2)).toBe(1 + 256 + 65_536);
  });

  test("every string of three and four bytes that are the first or last of their kind", () => {
    expect(assertEach(edges, 2, true)).toBe(edges.length ** 2);
    expect(assertEach(edges, 3)).toBe(edges.length ** 3);
    // A character of four bytes is cut or spoilt in one place at least.
    for (const spoilt of [1, 2, 3]) {
      for (const byte of all) {
        for (const head of edges) {
          const bytes = new Uint8Array([head, 0x90, 0x80, 0x80]);
          bytes[spoilt] = byte;
          assertSame(bytes);
        }
      }
    }
  });

  const piece = fc.oneof(
    fc.constantFrom("\ufffd", "\ufeff", "a", "é", "€", "😀", '{"a":"\ufffd"}', "x".repeat(100))
      .map((text) => [...encoder.encode(text)]),
    fc.array(fc.constantFrom(...edges), { maxLength: 3 }),
  );
  const valid = fc.constantFrom("\ufffd", "\ufeff", "a", "é", "€", "😀", "\u0000", "\uffff");

  test("long strings with real replacement characters, cut anywhere", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(), (pieces, cut) => {
        const bytes = new Uint8Array(pieces.flat());
        assertSame(bytes);
        assertSame(bytes.subarray(0, cut % (bytes.length + 1)));
        assertSame(bytes.subarray(cut % (bytes.length + 1)));
      }),
      { seed, numRuns: 3_000 },
    );
  });

  test("valid text is the same text, wherever a replacement character stands in it", () => {
    fc.assert(
      fc.property(fc.array(valid, { minLength: 1, maxLength: 60 }), (words) => {
        const text = words.join("");
        expect(read(encoder.encode(text))).toBe(text.startsWith("\ufeff") ? undefined : text);
        // One byte too few at the end of it, and one that begins nothing.
        assertSame(encoder.encode(text).slice(0, -1));
        assertSame(new Uint8Array([...encoder.encode(text), 0xe2]));
      }),
      { seed, numRuns: 3_000 },
    );
  });
});
