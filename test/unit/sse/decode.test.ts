/** The tests' own decoder against the standard's examples, split at every byte, and against our encoder. */
import { describe, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/sse/encode.ts";
import { createSseDecoder, type DecodedEvent } from "../../support/sse_decode.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Decodes chunks; comments and retries are listed beside the events. */
async function decode(chunks: Uint8Array[], frameCharsMax = 1000) {
  const comments: string[] = [];
  const retries: number[] = [];
  const decoder = createSseDecoder({
    frameCharsMax,
    comment: (text) => comments.push(text),
    retry: (ms) => retries.push(ms),
  });
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const events: DecodedEvent[] = [];
  for await (const event of source.pipeThrough(decoder)) events.push(event);
  return { events, comments, retries };
}

const cases = [
  {
    name: "multi-line data",
    text: "data: YHOO\ndata: +2\ndata: 10\n\n",
    events: [{ event: "message", data: "YHOO\n+2\n10", id: "" }],
  },
  {
    name: "comments and ids that stay",
    text: ": test stream\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
    events: [
      { event: "message", data: "first", id: "1" },
      { event: "message", data: "second", id: "" },
      { event: "message", data: " third", id: "" },
    ],
  },
  {
    name: "empty data, and an unfinished frame",
    text: "data\n\ndata\ndata\n\ndata:",
    events: [
      { event: "message", data: "", id: "" },
      { event: "message", data: "\n", id: "" },
    ],
  },
  {
    name: "a byte order mark, CR and CRLF, an event without data, unknown fields",
    text: "\uFEFFevent: a\r\ndata: 1\r\n\r\nevent: b\r\rnope: x\rdata: 日本\r\r",
    events: [
      { event: "a", data: "1", id: "" },
      { event: "message", data: "日本", id: "" },
    ],
  },
] as const;

describe("the event stream decoder", () => {
  for (const { name, text, events } of cases) {
    test(`reads ${name}, split anywhere`, async () => {
      const bytes = bytesOf(text);
      for (let at = 0; at <= bytes.length; at++) {
        const { events: found } = await decode([bytes.slice(0, at), bytes.slice(at)]);
        expect([at, found]).toEqual([at, [...events]]);
      }
      const single = await decode([...bytes].map((byte) => Uint8Array.of(byte)));
      expect(single.events).toEqual([...events]);
    });
  }

  test("gives back what our encoder wrote", async () => {
    const data = '{"text":"日本\\n🎈"}';
    const { events, comments, retries } = await decode([
      encodeFrame({ comment: "heartbeat 1" }),
      encodeFrame({ event: "connection_established", data }),
      encodeFrame({ id: "x-1-0", retry: 500, data: "" }),
      encodeFrame({ data: "a\r\nb\rc" }),
    ]);
    expect(events).toEqual([
      { event: "connection_established", data, id: "" },
      { event: "message", data: "", id: "x-1-0" },
      { event: "message", data: "a\nb\nc", id: "x-1-0" },
    ]);
    expect(comments).toEqual(["heartbeat 1"]);
    expect(retries).toEqual([500]);
  });

  test("fails on a frame beyond its bound, in one line or in many", async () => {
    const long = bytesOf(`data: ${"x".repeat(200)}\n\n`);
    const many = bytesOf("data: xxxxxxxxx\n".repeat(20));
    await expect(decode([long], 100)).rejects.toThrow("Cannot decode frame");
    await expect(decode([many], 100)).rejects.toThrow("Cannot decode frame");
  });
});
