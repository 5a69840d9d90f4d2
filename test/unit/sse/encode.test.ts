/** The encoder of frames and one client's stream: exact bytes, refused fields, ends, the byte budget. */
import { describe, expect, test } from "bun:test";
import { encodeFrame, type Frame } from "../../../src/sse/encode.ts";
import { openFrameStream } from "../../../src/sse/frame_stream.ts";

const text = (frame: Frame) => new TextDecoder().decode(encodeFrame(frame));
const limits = { streamBytesMax: 100 };

/** Reads a stream to its end. */
async function readAll(readable: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  for await (const chunk of readable) all += decoder.decode(chunk, { stream: true });
  return all;
}

describe("a frame", () => {
  test("writes its fields as lines and ends with an empty one", () => {
    expect(text({ event: "greeting", id: "7", retry: 1000, data: '{"a":1}' })).toBe(
      'event: greeting\nid: 7\nretry: 1000\ndata: {"a":1}\n\n',
    );
  });

  test("with empty data still has a data line, as the priming event needs", () => {
    expect(text({ id: "e-1-0", data: "" })).toBe("id: e-1-0\ndata: \n\n");
  });

  test("with a comment alone dispatches nothing", () => {
    expect(text({ comment: "heartbeat 5" })).toBe(": heartbeat 5\n\n");
  });

  test("has one data line for each line of data, however lines are broken", () => {
    expect(text({ data: "a\nb\r\nc\rd\n" })).toBe(
      "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n",
    );
  });

  test("keeps text beyond ASCII and an id of 0", () => {
    expect(text({ id: "0", data: "日本 🎈" })).toBe("id: 0\ndata: 日本 🎈\n\n");
  });

  test("B14 refuses line breaks and NUL in event, id and comment instead of repairing them", () => {
    for (const bad of ["a\nb", "a\rb", "a\r\nb", "a\0b", "\n", "a\n\ndata: forged"]) {
      for (const field of ["event", "id", "comment"] as const) {
        expect(() => encodeFrame({ [field]: bad, data: "x" })).toThrow(`Cannot encode ${field}`);
      }
    }
  });

  test("refuses a retry that is no whole number of milliseconds", () => {
    for (const bad of [-1, 1.5, NaN, Infinity]) {
      expect(() => encodeFrame({ retry: bad })).toThrow("Cannot encode retry");
    }
  });
});

describe("a client's stream", () => {
  test("delivers frames and shared bytes in order and ends after what is queued", async () => {
    const stream = openFrameStream(limits);
    const shared = encodeFrame({ data: "shared" });
    expect(stream.write({ data: "first" })).toBe(true);
    expect(stream.write(shared)).toBe(true);
    expect(stream.write({ data: "last" })).toBe(true);
    stream.end();
    stream.end();
    expect(stream.write({ data: "late" })).toBe(false);
    expect(await readAll(stream.readable)).toBe("data: first\n\ndata: shared\n\ndata: last\n\n");
    expect(await stream.closed).toBe("ended");
    expect(stream.queuedBytes()).toBe(0);
  });

  test("passes shared bytes on without a copy", async () => {
    const stream = openFrameStream(limits);
    const shared = encodeFrame({ data: "shared" });
    stream.write(shared);
    const reader = stream.readable.getReader();
    expect((await reader.read()).value === shared).toBe(true);
    await reader.cancel();
  });

  test("that ends empty is read as empty", async () => {
    const stream = openFrameStream(limits);
    stream.end();
    expect(await readAll(stream.readable)).toBe("");
    expect(await stream.closed).toBe("ended");
  });

  test("tells when its reader goes away and takes no more", async () => {
    const stream = openFrameStream(limits);
    const reader = stream.readable.getReader();
    stream.write({ data: "read" });
    await reader.read();
    stream.write({ data: "never read" });
    await reader.cancel("gone");
    expect(await stream.closed).toBe("cancelled");
    expect(stream.write({ data: "late" })).toBe(false);
    expect(stream.queuedBytes()).toBe(0);
    stream.end();
  });

  test("whose reader goes away before the end was read counts as cancelled", async () => {
    const stream = openFrameStream(limits);
    stream.write({ data: "unread" });
    stream.end();
    await stream.readable.cancel();
    expect(await stream.closed).toBe("cancelled");
  });

  test("of a reader that stalls is ended at the byte budget, between two frames", async () => {
    const stream = openFrameStream(limits);
    let accepted = 0;
    while (stream.write({ data: "0123456789" })) accepted++;
    expect(accepted).toBe(limits.streamBytesMax / 10);
    expect(await stream.closed).toBe("overflow");
    expect(stream.write({ data: "late" })).toBe(false);
    expect(stream.queuedBytes()).toBe(0);
    stream.end();
    expect(await readAll(stream.readable)).toMatch(/^(data: 0123456789\n\n)*$/);
  });

  test("of a reader that stalls after reading some is ended too", async () => {
    const stream = openFrameStream(limits);
    const reader = stream.readable.getReader();
    stream.write({ data: "read" });
    await reader.read();
    while (stream.write(encodeFrame({ data: "0123456789" })));
    expect(await stream.closed).toBe("overflow");
  });

  test("of a reader that keeps up carries far more than the budget", async () => {
    const stream = openFrameStream(limits);
    const reader = stream.readable.getReader();
    for (let i = 0; i < 100; i++) {
      expect(stream.write({ data: `${i}`.padStart(50) })).toBe(true);
      await reader.read();
    }
    expect(stream.queuedBytes()).toBe(0);
    await reader.cancel();
  });

  test("carries one frame that is larger than the budget", async () => {
    const stream = openFrameStream(limits);
    const data = "x".repeat(10 * limits.streamBytesMax);
    expect(stream.write({ data })).toBe(true);
    stream.end();
    expect(await readAll(stream.readable)).toBe(`data: ${data}\n\n`);
  });

  test("B14 is not hurt by a frame that was refused", async () => {
    const stream = openFrameStream(limits);
    expect(() => stream.write({ id: "a\nb", data: "forged" })).toThrow("Cannot encode id");
    stream.write({ data: "good" });
    stream.end();
    expect(await readAll(stream.readable)).toBe("data: good\n\n");
  });
});
