/** Lines to a child: coalesced, in order, bounded; a broken stream is reported once. */
import { describe, expect, test } from "bun:test";
import { createLineWriter } from "../../../src/upstream/stdio/line_writer.ts";
import type { ChildInput } from "../../../src/runtime/runtime.ts";
import { until } from "../../support/wait.ts";

function make(bytesMax: number, write: (text: string) => Promise<void> | void) {
  const faults: unknown[] = [];
  let closed = 0;
  const input: ChildInput = {
    write: (text) => write(text) ?? undefined,
    close() {
      closed++;
    },
  };
  const writer = createLineWriter(input, {
    writeBytesMax: bytesMax,
    nextTurn: (run) => void setTimeout(run, 0),
    fault: (error) => void faults.push(error),
  });
  return { writer, faults, closed: () => closed };
}

describe("the line writer", () => {
  test("lines of one turn, and those that come during a write, leave as one chunk each", async () => {
    const chunks: string[] = [];
    const gate = Promise.withResolvers<void>();
    const { writer } = make(1_000, (text) => {
      chunks.push(text);
      return chunks.length === 1 ? gate.promise : undefined;
    });
    for (const line of ["a", "b", "é"]) {
      expect(writer.write(line)).toBe(true);
      // Requests that arrive together are handled one microtask after the other.
      await Promise.resolve();
    }
    await until("the first chunk", () => chunks.length === 1);
    for (const line of ["c", "d"]) expect(writer.write(line)).toBe(true);
    gate.resolve();
    await until("the second chunk", () => chunks.length === 2);
    expect(chunks).toEqual(["a\nb\né\n", "c\nd\n"]);
  });

  test("E11 what a child does not read is bounded, and taken again when it reads", async () => {
    const gate = Promise.withResolvers<void>();
    const chunks: string[] = [];
    const { writer } = make(100, (text) => {
      chunks.push(text);
      return gate.promise;
    });
    let taken = 0;
    while (writer.write("x".repeat(9))) taken++;
    expect(taken).toBe(10);
    gate.resolve();
    await until("it was read", () => chunks.length === 1 && writer.write("y"));
  });

  test("a broken stream is reported once, and refuses from then on", async () => {
    const { writer, faults } = make(1_000, () => Promise.reject(new Error("EPIPE")));
    writer.write("a");
    await until("it is reported", () => faults.length === 1);
    expect(writer.write("b")).toBe(false);
    writer.close();
    expect(faults.length).toBe(1);
  });

  test("closing sends what is queued first", async () => {
    const chunks: string[] = [];
    const { writer, closed } = make(1_000, (text) => void chunks.push(text));
    writer.write("last words");
    writer.close();
    writer.close();
    await until("it is closed", () => closed() === 1);
    expect(chunks).toEqual(["last words\n"]);
    expect(writer.write("more")).toBe(false);
  });

  test("closing during a write sends what came meanwhile, in order, before the end", async () => {
    const gate = Promise.withResolvers<void>();
    const chunks: string[] = [];
    const { writer, faults, closed } = make(1_000, (text) => {
      chunks.push(text);
      return chunks.length === 1 ? gate.promise : undefined;
    });
    writer.write("first");
    await until("the first chunk", () => chunks.length === 1);
    writer.write("last words");
    writer.close();
    gate.resolve();
    await until("it is closed", () => closed() === 1);
    expect(chunks).toEqual(["first\n", "last words\n"]);
    expect(faults).toEqual([]);
  });
});
