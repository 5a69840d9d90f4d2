/**
 * The line framer against a plain reader of the whole text, for any bytes in any pieces: the lines
 * are those between the newlines, and one beyond the bound is reported and leaves the others alone.
 * A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { OversizedMessage } from "../../../src/upstream/link/oversized_message.ts";
import { createFramer } from "../../../src/upstream/stdio/line_reader.ts";
import { testSeed as seed } from "../../support/random.ts";

const bytesMax = 24;
const newline = 10;

/** Lines of text, of other bytes and of none, some of them too long. */
const line = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }).map((text) => new TextEncoder().encode(text)),
  fc.uint8Array({ maxLength: 3 * bytesMax }),
  fc.constantFrom("", "\r", '{"a":1}', "\uFEFF{}", "x".repeat(bytesMax), "x".repeat(bytesMax + 1))
    .map((text) => new TextEncoder().encode(text)),
).map((bytes) => bytes.filter((byte) => byte !== newline));

const input = fc.tuple(
  fc.array(line, { maxLength: 8 }),
  fc.boolean(),
  // No read of a pipe is longer than a line may be.
  fc.array(fc.integer({ min: 1, max: bytesMax }), { minLength: 1 }),
).map(([lines, endsWhole, sizes]) => {
  const all = lines.flatMap((bytes, at) => [
    ...bytes,
    ...(at < lines.length - 1 || endsWhole ? [newline] : []),
  ]);
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < all.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(Uint8Array.from(all.slice(at, at + size)));
    at += size;
  }
  // An unfinished line without a byte is no line.
  const whole = endsWhole || lines.at(-1)?.length !== 0 ? lines : lines.slice(0, -1);
  return { whole, chunks };
});

describe(`any bytes on a program's stdout (seed ${seed})`, () => {
  test("E4, E5 are the lines between the newlines, without those that are too long", () => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    fc.assert(
      fc.property(input, ({ whole, chunks }) => {
        const long: OversizedMessage[] = [];
        const framer = createFramer(bytesMax, (message) => void long.push(message));
        const lines = [...chunks.flatMap((chunk) => framer.push(chunk)), ...framer.finish()];
        const fits = (bytes: Uint8Array) => bytes.length <= bytesMax;
        expect(lines).toEqual(whole.filter(fits).map((bytes) => decoder.decode(bytes)));
        expect(long.map(({ bytes }) => bytes))
          .toEqual(whole.filter((bytes) => !fits(bytes)).map((bytes) => bytes.length));
        expect(framer.unfinished()).toBe("");
      }),
      { seed, numRuns: 1_000 },
    );
  });
});
