/** Lines on their way to a file: what is written together, what is lost, and how that is reported. */
import { describe, expect, test } from "bun:test";
import { createLineQueue, type LineQueueOptions } from "../../../src/line_queue.ts";
import { createTestClock } from "../../support/clock.ts";

/** A file that takes a text when the test says so. */
function createFile() {
  const texts: string[] = [];
  const pending: ((isTaken: boolean) => void)[] = [];
  let isClosed = false;
  const settle = async (isTaken: boolean) => {
    pending.shift()?.(isTaken);
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return {
    texts,
    pending,
    isClosed: () => isClosed,
    take: () => settle(true),
    fail: () => settle(false),
    file: {
      append(text: string) {
        texts.push(text);
        return new Promise<boolean>((resolve) => pending.push(resolve));
      },
      close: () => Promise.resolve(void (isClosed = true)),
    },
  };
}

function open(changes: Partial<LineQueueOptions<string>> = {}) {
  const written = createFile();
  const clock = createTestClock();
  const losses: number[] = [];
  const queue = createLineQueue({
    file: written.file,
    clock,
    linesMax: 4,
    batchCharsMax: 20,
    gatherMs: 0,
    stopMs: 100,
    toLine: (line) => line,
    toLost: (lost) => `lost ${lost}`,
    onLoss: () => losses.push(queue.counts().lost),
    ...changes,
  });
  return { ...written, clock, queue, losses };
}

describe("lines", () => {
  test("are written at once, and those that come meanwhile together after that", async () => {
    const { queue, texts, take } = open();
    for (const line of ["one", "two", "three"]) queue.push(line);
    expect(texts).toEqual(["one"]);
    expect(queue.counts()).toEqual({ waiting: 2, lost: 0 });
    await take();
    expect(texts).toEqual(["one", "two\nthree"]);
    await take();
    queue.push("four");
    expect(texts.at(-1)).toBe("four");
  });

  test("are written together until they reach a size", async () => {
    const { queue, texts, take } = open({ linesMax: 9 });
    const [two, four, five] = ["2".repeat(30), "4".repeat(15), "5".repeat(10)];
    for (const line of ["1", two, "3", four, five, "6"]) queue.push(line);
    for (let count = 0; count < 4; count += 1) await take();
    expect(texts).toEqual(["1", two, `3\n${four}\n${five}`, "6"]);
  });

  test("are finished when they are written, not before", async () => {
    const finished: string[] = [];
    const toLine = (line: string) => {
      finished.push(line);
      return line.toUpperCase();
    };
    const { queue, texts, take, clock } = open({ gatherMs: 50, toLine });
    for (const line of ["one", "two"]) queue.push(line);
    expect(finished).toEqual([]);
    clock.advance(50);
    expect(texts).toEqual(["ONE\nTWO"]);
    await take();
  });

  test("wait for others where the file is written seldom, but not for long", async () => {
    const { queue, texts, take, clock } = open({ gatherMs: 50 });
    queue.push("one");
    clock.advance(49);
    queue.push("two");
    expect(texts).toEqual([]);
    clock.advance(1);
    expect(texts).toEqual(["one\ntwo"]);
    await take();
  });
});

describe("a line that is lost", () => {
  test("because too many wait is counted, and reported in the file as soon as there is room", async () => {
    const { queue, texts, take, losses } = open();
    for (let at = 0; at < 8; at += 1) queue.push(`${at}`);
    expect(queue.counts()).toEqual({ waiting: 4, lost: 3 });
    expect(losses).toEqual([1]);
    await take();
    await take();
    expect(texts).toEqual(["0", "1\n2\n3\n4\nlost 3"]);
    for (let at = 0; at < 6; at += 1) queue.push(`${at}`);
    expect(losses).toEqual([1, 4]);
  });

  test("because the disk did not take it is counted, and reported once it takes lines again", async () => {
    const { queue, texts, take, fail, losses } = open();
    queue.push("one");
    await fail();
    queue.push("two");
    queue.push("three");
    await fail();
    await fail();
    expect(queue.counts()).toEqual({ waiting: 0, lost: 3 });
    expect(texts).toEqual(["one", "two", "three"]);
    expect(losses).toEqual([1]);
    queue.push("four");
    await take();
    await take();
    expect(texts.slice(3)).toEqual(["four", "lost 3"]);
  });

  test("is reported again if the report is lost, too", async () => {
    const { queue, texts, take, fail } = open();
    queue.push("one");
    await fail();
    queue.push("two");
    await take();
    await fail();
    queue.push("three");
    await take();
    await take();
    expect(texts).toEqual(["one", "two", "lost 1", "three", "lost 1"]);
    expect(queue.counts().lost).toBe(1);
  });
});

describe("closing", () => {
  test("writes what is gathered, closes the file, and takes no more", async () => {
    const { queue, texts, take, isClosed } = open({ gatherMs: 50 });
    queue.push("one");
    queue.push("two");
    const closing = queue.close();
    queue.push("three");
    await take();
    await closing;
    expect(texts).toEqual(["one\ntwo"]);
    expect(isClosed()).toBe(true);
  });

  test("does not wait for a file that never answers", async () => {
    const { queue, clock } = open();
    queue.push("stuck");
    const closing = queue.close();
    await Promise.resolve();
    clock.advance(100);
    await closing;
  });
});
