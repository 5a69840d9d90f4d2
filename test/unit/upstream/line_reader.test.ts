/**
 * The line framer: whole lines whatever the chunks, long ones dropped, failing reads retried (E4,
 * E5, P1).
 */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../src/clock.ts";
import type { OversizedMessage } from "../../../src/upstream/link/oversized_message.ts";
import { createFramer, readLines } from "../../../src/upstream/stdio/line_reader.ts";
import { createRandom, createTestClock } from "../../support/clock.ts";
import { until } from "../../support/wait.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function frame(chunks: readonly Uint8Array[], bytesMax = 1_000) {
  const long: OversizedMessage[] = [];
  const framer = createFramer(bytesMax, (line) => void long.push(line));
  const lines = chunks.flatMap((chunk) => framer.push(chunk));
  return { lines: [...lines, ...framer.finish()], long };
}

const limits = {
  lineBytesMax: 1_000,
  readFailuresMax: 5,
  readAheadBytes: 200,
  readPieceBytes: 100,
  readRetryMsMin: 100,
  readRetryMsMax: 500,
  readTurnMs: 20,
};

/** A stream whose reads do what the plan says, in order; then it ends. */
function planned(plan: (string | Error)[]): ReadableStream<Uint8Array> {
  let cancelled = false;
  const reader = {
    async read() {
      const step = cancelled ? undefined : plan.shift();
      if (step instanceof Error) throw step;
      return step === undefined ? { done: true } : { done: false, value: encode(step) };
    },
    cancel() {
      cancelled = true;
      return Promise.resolve();
    },
  };
  return { getReader: () => reader } as unknown as ReadableStream<Uint8Array>;
}

describe("the line framer", () => {
  test("E4 joins lines however the bytes are cut, inside of characters too", () => {
    const text = 'one\n{"text":"zażółć 😀"}\r\n\ntwo\nlast';
    const bytes = encode(text);
    const random = createRandom(7);
    for (let round = 0; round < 200; round++) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length;) {
        const size = 1 + Math.floor(random() * 9);
        chunks.push(bytes.slice(at, at + size));
        at += size;
      }
      expect(frame(chunks).lines).toEqual(text.split("\n"));
    }
  });

  test("E5 throws a line beyond the bound away up to its newline, and tells how it began and ended", () => {
    const long = `{"a":"${"x".repeat(5_000)}","id":7}`;
    const chunks = ["before\n", ...long.match(/.{1,97}/g) ?? [], "\nafter\n"].map(encode);
    const framed = frame(chunks);
    expect(framed.lines).toEqual(["before", "after"]);
    expect(framed.long.length).toBe(1);
    expect(framed.long[0]?.bytes).toBe(long.length);
    expect(framed.long[0]?.head.startsWith('{"a":"xxx')).toBe(true);
    expect(framed.long[0]?.tail.endsWith('","id":7}')).toBe(true);
  });

  test("a line of just the bound is kept", () => {
    expect(frame([encode("y".repeat(500)), encode("y".repeat(500) + "\n")]).lines[0]?.length)
      .toBe(1_000);
  });
});

describe("reading lines", () => {
  test("P1 a failing read is tried again after growing pauses, and success resets the count", async () => {
    const clock = createTestClock();
    const fault = new Error("input/output error");
    const lines: string[] = [];
    const faults: number[] = [];
    const stream = planned(["a\n", fault, fault, fault, "b\n", fault, fault, "c\n"]);
    const reader = readLines(
      stream,
      {
        lines: (found) => void lines.push(...found),
        tooLong: () => {},
        fault: (_error, inARow) => void faults.push(inARow),
      },
      limits,
      clock,
    );
    await until("the first fault", () => faults.length === 1);
    clock.advance(99);
    await settled();
    expect(faults).toEqual([1]);
    clock.advance(1);
    await until("the second fault", () => faults.length === 2);
    clock.advance(199);
    await settled();
    expect(faults.length).toBe(2);
    clock.advance(1);
    await until("the third fault", () => faults.length === 3);
    clock.advance(400);
    await until("the next line", () => lines.includes("b") && faults.length === 4);
    clock.advance(100);
    await until("the next fault", () => faults.length === 5);
    clock.advance(200);
    expect(await reader.ended).toBe("eof");
    expect(lines).toEqual(["a", "b", "c"]);
    expect(faults).toEqual([1, 2, 3, 1, 2]);
  });

  test("P1 five failures in a row end the reader", async () => {
    const faults: number[] = [];
    const reader = readLines(
      planned(Array.from({ length: 9 }, () => new Error("gone"))),
      {
        lines: () => {},
        tooLong: () => {},
        fault: (_error, inARow) => void faults.push(inARow),
      },
      { ...limits, readRetryMsMin: 1, readRetryMsMax: 2 },
      systemClock,
    );
    expect(await reader.ended).toBe("failed");
    expect(faults).toEqual([1, 2, 3, 4, 5]);
  });

  test("P1 a stop is clean: during a read, and during a pause", async () => {
    for (const start of ["reading", "pausing"]) {
      const stream = start === "reading"
        ? new ReadableStream<Uint8Array>()
        : planned([new Error("gone")]);
      const told: unknown[] = [];
      const reader = readLines(
        stream,
        {
          lines: (found) => void told.push(found),
          tooLong: () => {},
          fault: () => {},
        },
        limits,
        createTestClock(),
      );
      await settled();
      reader.stop();
      expect(["stopped", "eof"]).toContain(await reader.ended);
      expect(told).toEqual([]);
    }
  });

  test("reading waits for a handler that asks it to", async () => {
    const lines: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const reader = readLines(
      planned(["a\n", "b\n"]),
      {
        lines(found) {
          lines.push(...found);
          return promise;
        },
        tooLong: () => {},
        fault: () => {},
      },
      limits,
      systemClock,
    );
    await settled();
    expect(lines).toEqual(["a"]);
    resolve();
    await reader.ended;
    expect(lines).toEqual(["a", "b"]);
  });

  test("E3 asks for a turn after notices and after much output at a time, not after answers", async () => {
    const asked: [number, number][] = [];
    let came = 0;
    const reader = readLines(
      planned(["answer\n", "notice\nnotice\n", "x".repeat(250) + "\n"]),
      {
        lines: (found) => void (came += found.filter((line) => line === "notice").length),
        unasked: () => came,
        tooLong: () => {},
        fault: () => {},
      },
      limits,
      systemClock,
      { next: (bytes, notices) => void asked.push([bytes, notices]) },
    );
    expect(await reader.ended).toBe("eof");
    expect(asked).toEqual([[14, 2], [100, 0], [100, 0], [51, 0]]);
  });

  test("a stream that always has data lets timers run", async () => {
    let isTurn = false;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (isTurn) controller.close();
        else controller.enqueue(encode("x\n"));
      },
    });
    const reader = readLines(
      stream,
      { lines: () => {}, tooLong: () => {}, fault: () => {} },
      limits,
      systemClock,
    );
    setTimeout(() => isTurn = true, 0);
    expect(await reader.ended).toBe("eof");
  });
});

/** Lets everything run that only waits for promises. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
