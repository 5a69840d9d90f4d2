/** The keyed digest is SipHash-2-4 with 128 bits, as OpenSSL has it. */
import { describe, expect, test } from "bun:test";
import { createKeyedDigest } from "../../src/keyed_digest.ts";

/** The key of the reference implementation: the bytes from 0 to 15. */
const key = "000102030405060708090a0b0c0d0e0f";
const digest = createKeyedDigest(key);

/** Characters from 0 on, so many. */
const counting = (length: number) => String.fromCharCode(...Array.from({ length }, (_, at) => at));

/** What `openssl mac -macopt size:16 -macopt hexkey:000102…0e0f SIPHASH` prints, in lower case. */
const printed: readonly (readonly [string, string, string])[] = [
  ["no text", "", "a3817f04ba25a8e66df67214c7550293"],
  ["1 byte", counting(1), "da87c1d86b99af44347659119b22fc45"],
  ["7 bytes", counting(7), "a1f1ebbed8dbc153c0b84aa61ff08239"],
  ["one word", counting(8), "3b62a9ba6258f5610f83e264f31497b4"],
  ["9 bytes", counting(9), "264499060ad9baabc47f8b02bb6d71ed"],
  ["15 bytes", counting(15), "5493e99933b0a8117e08ec0f97cfc3d9"],
  ["two words", counting(16), "6ee2a4ca67b054bbfd3315bf85230577"],
  ["63 bytes", counting(63), "5150d1772f50834a503e069a973fbd7c"],
  ["the longest short text", "ab".repeat(256), "df37cacd7a31fbc1005a2a5019e1fe7f"],
  ["a long text", "ab".repeat(50_000), "81a6f93ece395c8f9728e4ace897d624"],
  ["short UTF-8", "€".repeat(64), "a125f247353ef0d1eaa1c9589b434561"],
  ["long UTF-8", "a€".repeat(1_000), "c84b9ce93684f09966217115fc4d268f"],
];

describe("a keyed digest", () => {
  for (const [what, text, expected] of printed) {
    test(`of ${what} is right`, () => {
      expect(digest(text)).toBe(expected);
    });
  }

  test("depends on each byte of its key", () => {
    expect(createKeyedDigest("f".repeat(32))("")).toBe("ff4d7a2447d655330efebd413c5afb70");
    const keys = Array.from(
      { length: 16 },
      (_, at) => `${key.slice(0, 2 * at)}ff${key.slice(2 * at + 2)}`,
    );
    expect(new Set([key, ...keys].map((one) => createKeyedDigest(one)("text"))).size).toBe(17);
  });

  test("refuses a key of another length, or that is no hex", () => {
    for (const bad of ["", key.slice(2), `${key}0`, "x".repeat(32)]) {
      expect(() => createKeyedDigest(bad)).toThrow("the key is not 16 bytes");
    }
  });

  test("does not depend on what was digested before", () => {
    const first = digest("long ".repeat(50));
    digest("short");
    expect(digest("long ".repeat(50))).toBe(first);
  });
});
