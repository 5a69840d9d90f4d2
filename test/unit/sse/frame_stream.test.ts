/**
 * One client's stream among many: frames for many readers keep their place between a stream's own
 * ones, frames of one moment leave together, and a reader that lags is ended alone.
 */
import { describe, expect, test } from "bun:test";
import { encodeFrame, frameText, type SharedFrame, shareFrame } from "../../../src/sse/encode.ts";
import { type FrameStream, openFrameStream } from "../../../src/sse/frame_stream.ts";
import { createRandom } from "../../support/clock.ts";

const limits = { streamBytesMax: 10_000 };
const decoder = new TextDecoder();

/** Lets what is ready happen. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

async function readAll(readable: ReadableStream<Uint8Array>): Promise<string> {
  let all = "";
  for await (const chunk of readable) all += decoder.decode(chunk, { stream: true });
  return all;
}

/** Each way in which the gateway writes a frame, and the text that its reader must get. */
const ways: readonly ((data: string) => readonly [Parameters<FrameStream["write"]>[0], string])[] =
  [
    (data) => [{ data }, frameText({ data })],
    (data) => [frameText({ id: data, data }), frameText({ id: data, data })],
    (data) => [encodeFrame({ event: "message", data }), frameText({ event: "message", data })],
    (data) => [shareFrame({ data }), frameText({ data })],
  ];

describe("frames for many readers", () => {
  test("stay in the order of their making between frames of each stream, at any pace of readers", async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = createRandom(seed);
      const streams = Array.from({ length: 3 }, () => {
        const stream = openFrameStream({ streamBytesMax: 1_000_000 });
        return { stream, all: readAll(stream.readable), expected: "" };
      });
      for (let count = 0; count < 60; count += 1) {
        const shared = random() < 0.5 ? shareFrame({ data: `all ${count}` }) : undefined;
        const own = ways[Math.floor(random() * ways.length)] ?? ways[0]!;
        for (const [at, one] of streams.entries()) {
          const isShared = shared !== undefined;
          if (!isShared && random() < 0.3) continue;
          const [frame, text] = isShared
            ? [shared, frameText(shared.frame)]
            : own(`${at} only ${count}`);
          expect(one.stream.write(frame)).toBe(true);
          one.expected += text;
        }
        if (random() < 0.2) await Promise.resolve();
        if (random() < 0.1) await turn();
      }
      for (const { stream } of streams) stream.end();
      for (const { all, expected } of streams) expect([seed, await all]).toEqual([seed, expected]);
    }
  });

  test("are encoded once, even by streams whose own frames are under way", async () => {
    const streams = Array.from({ length: 4 }, () => openFrameStream(limits));
    const readers = streams.map(({ readable }) => readable.getReader());
    streams[0]?.write({ data: "own" });
    streams[2]?.write({ data: "own" });
    const shared = shareFrame({ data: "for all" });
    for (const stream of streams) stream.write(shared);
    const last = await Promise.all(readers.map(async (reader, at) => {
      if (at % 2 === 0) await reader.read();
      return (await reader.read()).value;
    }));
    expect(decoder.decode(last[0])).toBe("data: for all\n\n");
    for (const bytes of last) expect(bytes === last[0]).toBe(true);
    for (const reader of readers) await reader.cancel();
  });

  test("end the stream of a reader that lags, and no other", async () => {
    const [slow, quick] = [openFrameStream({ streamBytesMax: 100 }), openFrameStream(limits)];
    const all = readAll(quick.readable);
    const frames: SharedFrame[] = Array.from(
      { length: 20 },
      (_, at) => shareFrame({ data: `${at}`.padStart(20) }),
    );
    let taken = 0;
    for (const frame of frames) {
      if (slow.write(frame)) taken += 1;
      expect(quick.write(frame)).toBe(true);
      await turn();
    }
    // Bytes count with their field names: 28 for each frame.
    expect(taken).toBe(4);
    expect(await slow.closed).toBe("overflow");
    const text = frames.map(({ frame }) => frameText(frame));
    expect(await readAll(slow.readable)).toBe(text.slice(0, taken).join(""));
    quick.end();
    expect(await all).toBe(text.join(""));
  });

  test("are counted as what waits for the reader, until it has read them", async () => {
    const stream = openFrameStream(limits);
    const reader = stream.readable.getReader();
    const bytes = encodeFrame({ data: "0123456789" });
    stream.write(bytes);
    stream.write(shareFrame({ data: "0123456789" }));
    await turn();
    expect(stream.queuedBytes()).toBe(2 * bytes.byteLength);
    await reader.read();
    expect(stream.queuedBytes()).toBe(bytes.byteLength);
    await reader.read();
    expect(stream.queuedBytes()).toBe(0);
    await reader.cancel();
  });
});

describe("frames of one moment", () => {
  test("leave in one chunk", async () => {
    const stream = openFrameStream(limits);
    const reader = stream.readable.getReader();
    await turn();
    for (const data of ["a", "b", "c"]) stream.write({ data });
    const { value } = await reader.read();
    expect(decoder.decode(value)).toBe("data: a\n\ndata: b\n\ndata: c\n\n");
    stream.write({ data: "later" });
    expect(decoder.decode((await reader.read()).value)).toBe("data: later\n\n");
    await reader.cancel();
  });

  test("are the whole body, as text, if the stream ends in it", async () => {
    const stream = openFrameStream(limits);
    stream.write({ data: "a" });
    stream.write({ data: "ü" });
    expect(stream.takeWhole()).toBe(undefined);
    stream.end();
    expect(stream.write({ data: "late" })).toBe(false);
    expect(stream.takeWhole()).toBe("data: a\n\ndata: ü\n\n");
    expect(await stream.closed).toBe("ended");
    expect(stream.queuedBytes()).toBe(0);
  });

  test("are no whole body once the stream has a reader", async () => {
    const stream = openFrameStream(limits);
    const all = readAll(stream.readable);
    stream.write({ data: "a" });
    stream.end();
    expect(stream.takeWhole()).toBe(undefined);
    expect(await all).toBe("data: a\n\n");
    expect(await stream.closed).toBe("ended");
  });

  test("that were written before the reader came reach it", async () => {
    const stream = openFrameStream(limits);
    stream.write({ data: "a" });
    stream.write(encodeFrame({ data: "b" }));
    stream.end();
    expect(await readAll(stream.readable)).toBe("data: a\n\ndata: b\n\n");
  });

  test("that exceed the budget before a reader came are read, and then the stream is over", async () => {
    const stream = openFrameStream({ streamBytesMax: 10 });
    expect(stream.write({ data: "0123456789" })).toBe(true);
    expect(stream.write({ data: "too much" })).toBe(false);
    expect(stream.takeWhole()).toBe(undefined);
    expect(await readAll(stream.readable)).toBe("data: 0123456789\n\n");
    expect(await stream.closed).toBe("overflow");
  });
});
