/** Bytes as text, the same with an engine's own functions and without. */
import { expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import {
  base64ToBytes,
  base64urlToBytes,
  bytesToBase64,
  bytesToBase64url,
  bytesToHex,
} from "../../src/bytes_text.ts";

const samples = [0, 1, 2, 3, 4, 255, 899, 900, 901, 2_701, 100_000].map((size) =>
  Uint8Array.from({ length: size }, (_, at) => (at * 7 + size) % 256)
);

test("bytes become Base64, base64url without padding, and hex", () => {
  for (const bytes of samples) {
    const expected = Buffer.from(bytes);
    expect(bytesToBase64(bytes)).toBe(expected.toString("base64"));
    expect(bytesToBase64url(bytes)).toBe(expected.toString("base64url"));
    expect(bytesToHex(bytes)).toBe(expected.toString("hex"));
  }
});

test("a part of a larger buffer is encoded alone", () => {
  expect(bytesToBase64(new Uint8Array([9, 0, 255, 9]).subarray(1, 3))).toBe("AP8=");
});

test("what was encoded comes back, with padding and without", () => {
  for (const bytes of samples) {
    expect(base64ToBytes(bytesToBase64(bytes))).toEqual(bytes);
    expect(base64ToBytes(bytesToBase64(bytes).replace(/=+$/, ""))).toEqual(bytes);
    expect(base64urlToBytes(bytesToBase64url(bytes))).toEqual(bytes);
  }
  expect(base64ToBytes("-_8=".replace("-", "+").replace("_", "/"))).toEqual(
    new Uint8Array([251, 255]),
  );
  expect(base64urlToBytes("-_8")).toEqual(new Uint8Array([251, 255]));
  expect(base64ToBytes(" AP\n8= ")).toEqual(new Uint8Array([0, 255]));
});

test("a text that is no Base64, or of the other alphabet, is refused", () => {
  for (const text of ["A", "AAAAA", "A===", "AA=A", "A*AA", "ü", "-_8="]) {
    expect(() => base64ToBytes(text)).toThrow();
  }
  for (const text of ["A", "A*AA", "ü", "+/8", "AA/A"]) {
    expect(() => base64urlToBytes(text)).toThrow();
  }
});
