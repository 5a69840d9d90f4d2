/** The decoder against the standard's examples, split at every byte, and against our own encoder. */
import { describe, expect, test } from "bun:test";
import { decodeSse, type SseEvent } from "../../../src/sse/decode.ts";
import { encodeFrame } from "../../../src/sse/encode.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function decode(chunks: readonly Uint8Array[], eventBytesMax = 1000): Promise<SseEvent[]> {
  return await Array.fromAsync(decodeSse(streamOf(chunks), { eventBytesMax }));
}

const message = (data: string, more: Partial<SseEvent> = {}): SseEvent => ({
  event: "message",
  data,
  ...more,
});

const cases: readonly { name: string; text: string; events: readonly SseEvent[] }[] = [
  {
    name: "multi-line data",
    text: "data: YHOO\ndata: +2\ndata: 10\n\n",
    events: [message("YHOO\n+2\n10")],
  },
  {
    name: "comments, and ids set and taken back",
    text: ": test stream\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
    events: [message("first", { id: "1" }), message("second", { id: "" }), message(" third")],
  },
  {
    name: "empty data, and drops an unfinished frame",
    text: "data\n\ndata\ndata\n\nid: lost\ndata:",
    events: [message(""), message("\n")],
  },
  {
    name: "a byte order mark, CR and CRLF, an event without data, unknown fields",
    text: "\uFEFFevent: a\r\ndata: 1\r\n\r\nevent: b\r\rnope: x\rdata: 日本\r\r",
    events: [{ event: "a", data: "1" }, message("日本")],
  },
  {
    name: "a second byte order mark as text",
    text: "\uFEFF\uFEFFdata: 1\n\ndata: 2\n\n",
    events: [message("2")],
  },
  {
    name: "a frame without data that says where and when to go on",
    text: "id: p-0\nretry: 500\ndata:\n\nid: p-1\n\nretry: 20\n\nevent: x\n\ndata: z\n\n",
    events: [
      message("", { id: "p-0", retry: 500 }),
      message("", { id: "p-1" }),
      message("", { retry: 20 }),
      message("z"),
    ],
  },
  {
    name: "no id with NUL and no retry that is not digits alone",
    text: "id: a\0b\nretry: 1s\nretry: -1\nretry:\nretry: 1.5\ndata: x\n\n",
    events: [message("x")],
  },
  {
    name: "the last of several ids, events and retries of one frame",
    text: "id: 1\nid: 2\nevent: a\nevent: b\nretry: 1\nretry: 2\ndata: x\n\n",
    events: [{ event: "b", data: "x", id: "2", retry: 2 }],
  },
  {
    name: "fields by their exact names, with at most one space taken away",
    text: "Data: no\n data: no\ndata :no\ndata:\tx: y\n\n",
    events: [message("\tx: y")],
  },
];

describe("the event stream decoder", () => {
  for (const { name, text, events } of cases) {
    test(`reads ${name}, split anywhere`, async () => {
      const bytes = bytesOf(text);
      for (let at = 0; at <= bytes.length; at++) {
        const found = await decode([bytes.slice(0, at), bytes.slice(at)]);
        expect([at, found]).toEqual([at, [...events]]);
      }
      expect(await decode([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual([...events]);
    });
  }

  test("gives back what our encoder wrote", async () => {
    const data = '{"text":"日本\\n🎈"}';
    const events = await decode([
      encodeFrame({ comment: "heartbeat 1" }),
      encodeFrame({ event: "connection_established", data }),
      encodeFrame({ id: "x-1-0", retry: 500, data: "" }),
      encodeFrame({ data: "a\r\nb\rc" }),
    ]);
    expect(events).toEqual([
      { event: "connection_established", data },
      message("", { id: "x-1-0", retry: 500 }),
      message("a\nb\nc"),
    ]);
  });

  test("replaces bytes that are no text, and reads on", async () => {
    const events = await decode([bytesOf("data: a"), Uint8Array.of(0xff), bytesOf("b\n\n")]);
    expect(events).toEqual([message("a\uFFFDb")]);
  });

  test("gives an event when its line ends, not when the next byte comes", async () => {
    for (const end of ["\n\n", "\r\r", "\r\n\r\n"]) {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const reader = decodeSse(readable, { eventBytesMax: 100 }).getReader();
      const writer = writable.getWriter();
      void writer.write(bytesOf(`data: now${end}`));
      expect((await reader.read()).value).toEqual(message("now"));
      await reader.cancel();
    }
  });

  test("F8 fails on an event beyond its bound, in one line or in many, and lets go of the stream", async () => {
    const frames = {
      line: `data: ${"x".repeat(200)}\n\n`,
      lines: "data: xxxxxxxxx\n".repeat(20),
      "other fields": "id: xxxxxxxxx\n".repeat(20),
      "empty lines of data": "data\n".repeat(40),
      comment: `: ${"x".repeat(200)}`,
    };
    for (const [name, text] of Object.entries(frames)) {
      for (
        const chunks of [
          [bytesOf(text)],
          [...bytesOf(text)].map((byte) => Uint8Array.of(byte)),
        ]
      ) {
        let cancelled = false;
        const source = new ReadableStream<Uint8Array>({
          pull: (controller) => {
            const chunk = chunks.shift();
            if (chunk !== undefined) controller.enqueue(chunk);
          },
          cancel: () => void (cancelled = true),
        });
        const events = decodeSse(source, { eventBytesMax: 100 });
        await expect(Array.fromAsync(events)).rejects.toThrow("longer than 100 bytes");
        expect([name, cancelled]).toEqual([name, true]);
      }
    }
  });

  test("comments without end and many small events stay within the bound", async () => {
    const text = ": still here\n".repeat(50) + "data: 1\n\n".repeat(50);
    expect((await decode([bytesOf(text)], 100)).length).toBe(50);
  });

  test("cancelling the events cancels the stream, a silent one too", async () => {
    for (const silent of [false, true]) {
      let reason: unknown;
      const source = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (!silent) controller.enqueue(bytesOf("data: 1\n\n"));
        },
        cancel: (given) => void (reason = given),
      });
      const reader = decodeSse(source, { eventBytesMax: 100 }).getReader();
      const first = reader.read();
      if (!silent) await first;
      await reader.cancel("enough");
      expect((await first).done).toBe(silent);
      expect(reason).toBe("enough");
    }
  });

  test("a stream that breaks gives what was whole, then its fault", async () => {
    const chunks = [bytesOf("data: 1\n\ndata: half")];
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.error(new Error("cut"));
        else controller.enqueue(chunk);
      },
    });
    const reader = decodeSse(source, { eventBytesMax: 100 }).getReader();
    expect((await reader.read()).value).toEqual(message("1"));
    await expect(reader.read()).rejects.toThrow("cut");
  });
});
