/**
 * The decoder of event streams against a plain reader of the whole text, for any text in any pieces,
 * and against the encoder. A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { GatewayError } from "../../../src/errors.ts";
import { decodeSse, type SseEvent } from "../../../src/sse/decode.ts";
import { encodeFrame, type Frame } from "../../../src/sse/encode.ts";
import { testSeed as seed } from "../../support/random.ts";

const streamOf = (chunks: readonly Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}

const decode = (chunks: readonly Uint8Array[], eventBytesMax = 100_000): Promise<SseEvent[]> =>
  Array.fromAsync(decodeSse(streamOf(chunks), { eventBytesMax }));

/** The events of a text, read line by line as the standard says. */
function eventsOf(text: string): SseEvent[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/).slice(0, -1);
  const events: SseEvent[] = [];
  let frame: { event?: string; data?: string[]; id?: string; retry?: number } = {};
  for (const line of lines) {
    if (line === "") {
      const { event, data, id, retry } = frame;
      frame = {};
      if (data === undefined && id === undefined && retry === undefined) continue;
      events.push({
        event: event || "message",
        data: (data ?? []).join("\n"),
        ...(id !== undefined && { id }),
        ...(retry !== undefined && { retry }),
      });
      continue;
    }
    const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name === "data") (frame.data ??= []).push(value);
    if (name === "event") frame.event = value;
    if (name === "id" && !value.includes("\0")) frame.id = value;
    if (name === "retry" && /^\d+$/.test(value)) frame.retry = Number(value);
  }
  return events;
}

const piece = fc.oneof(
  fc.constantFrom("\n", "\r", "\r\n", "\n\n", ":", ": ", " ", "\0", "\uFEFF", "日本", "😀"),
  fc.constantFrom("data", "data:", "data: ", "event: ", "id: ", "retry: ", "retry: 12\n", "x"),
  fc.string({ maxLength: 6 }),
);
const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

describe(`any event stream (seed ${seed})`, () => {
  test("F8 has the events that a plain reader of its text finds, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(text, sizes, async (given, lengths) => {
        const bytes = new TextEncoder().encode(given);
        expect(await decode(cut(bytes, lengths))).toEqual(
          eventsOf(new TextDecoder().decode(bytes)),
        );
      }),
      { seed, numRuns: 1_000 },
    );
  });

  test("F8 of any bytes ends, or is refused as an answer that is too long", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), sizes, async (bytes, lengths) => {
        const fault = await decode(cut(bytes, lengths), 50).then(
          () => undefined,
          (thrown) => thrown,
        );
        expect(fault === undefined || fault instanceof GatewayError).toBe(true);
      }),
      { seed, numRuns: 500 },
    );
  });

  test("B14 comes back as it was written, or is refused before it is", async () => {
    const field = fc.string({ unit: "binary", maxLength: 8 })
      .filter((value) => value.isWellFormed() && !value.startsWith("\uFEFF"));
    const frame = fc.record({ event: field, id: field, data: field, retry: fc.nat() }, {
      requiredKeys: ["data"],
    });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 5 }), sizes, async (frames, lengths) => {
        const written = frames.flatMap((one): { frame: Frame; bytes: Uint8Array }[] => {
          try {
            return [{ frame: one, bytes: encodeFrame(one) }];
          } catch (fault) {
            expect(fault).toBeInstanceOf(TypeError);
            expect(/[\r\n\0]/.test(`${one.event ?? ""}${one.id ?? ""}`)).toBe(true);
            return [];
          }
        });
        const bytes = Uint8Array.from(written.flatMap((one) => [...one.bytes]));
        expect(await decode(cut(bytes, lengths))).toEqual(
          written.map(({ frame: { event, data = "", id, retry } }) => ({
            event: event || "message",
            data: data.replace(/\r\n?/g, "\n"),
            ...(id !== undefined && { id }),
            ...(retry !== undefined && { retry }),
          })),
        );
      }),
      { seed, numRuns: 500 },
    );
  });
});
