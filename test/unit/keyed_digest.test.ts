/** The keyed digest is HMAC-SHA-256, as the platform and the published examples have it. */
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { createKeyedDigest } from "../../src/keyed_digest.ts";

const platform = (key: string, text: string): string =>
  createHmac("sha256", key).update(text, "utf8").digest("hex");

describe("a keyed digest", () => {
  test("is that of RFC 4231, test case 2", () => {
    expect(createKeyedDigest("Jefe", 64)("what do ya want for nothing?"))
      .toBe("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  });

  test("is that of the platform for texts of every length around its blocks", () => {
    const digest = createKeyedDigest("a key", 64);
    for (let length = 0; length <= 200; length += 1) {
      const text = "x".repeat(length);
      expect([length, digest(text)]).toEqual([length, platform("a key", text)]);
    }
    for (const length of [511, 512, 513, 1_000, 100_000]) {
      const text = "ab".repeat(length / 2);
      expect([length, digest(text)]).toEqual([length, platform("a key", text)]);
    }
  });

  test("takes any characters, short and long", () => {
    const digest = createKeyedDigest("clé €", 64);
    for (const text of ["é", "€".repeat(64), "😀".repeat(300), "a€".repeat(1_000), "\0\x7f\x80"]) {
      expect(digest(text)).toBe(platform("clé €", text));
    }
  });

  test("of a key as long as a block is right, and a longer key is refused", () => {
    const key = "k".repeat(64);
    expect(createKeyedDigest(key, 64)("text")).toBe(platform(key, "text"));
    expect(() => createKeyedDigest(`${key}k`, 64)).toThrow("too long");
  });

  test("can be shortened, and depends on its key", () => {
    expect(createKeyedDigest("one", 32)("text")).toBe(platform("one", "text").slice(0, 32));
    expect(createKeyedDigest("one", 32)("text")).not.toBe(createKeyedDigest("two", 32)("text"));
  });

  test("does not depend on what was digested before", () => {
    const digest = createKeyedDigest("key", 64);
    const first = digest("long ".repeat(50));
    digest("short");
    expect(digest("long ".repeat(50))).toBe(first);
  });
});
