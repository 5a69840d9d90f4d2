/** In which order the outputs of programs are read that write more than the gateway takes (E3). */
import { describe, expect, test } from "bun:test";
import { createReadTurns } from "../../../src/upstream/read_turns.ts";

/** An order whose turns the test runs, and what was read in them. */
function setUp(readTurnBytes = 0) {
  const due: (() => void)[] = [];
  const read: string[] = [];
  let collected = 0;
  const memory = { residentBytes: 1_000, heapBytes: 0 };
  const turns = createReadTurns({
    runtime: {
      nextTurn: (run) => void due.push(run),
      garbage: { collect: () => void (collected += 1), growth: "floodGrowthBytes" as const },
      memory: () => memory,
    },
    limits: {
      readNoticeBytes: 50,
      readTurnBytes,
      floodLookBytes: 200,
      floodGrowthBytes: 100,
      floodGrowthLargeBytes: 0,
    },
  });
  return {
    turns,
    read,
    /** Asks for a turn. */
    ask: (place: ReturnType<typeof turns.place>, name: string, bytes: number) =>
      void Promise.resolve(place.next(bytes, 1)).then(() => read.push(name)),
    async turn() {
      due.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
    due,
    memory,
    collected: () => collected,
  };
}

describe("E3: programs that flood their output", () => {
  test("are read one after the other, one piece in each turn of the event loop", async () => {
    const { turns, read, ask, turn, due } = setUp();
    for (const name of ["a", "b", "c"]) ask(turns.place(), name, 10);
    expect(due.length).toBe(1);
    await turn();
    expect(read).toEqual(["a"]);
    await turn();
    await turn();
    expect(read).toEqual(["a", "b", "c"]);
    expect(due.length).toBe(0);
  });

  test("do not wait, nor make others wait, before a turn is full", async () => {
    const { turns, ask, turn, due, read, collected } = setUp(400);
    const place = turns.place();
    for (let round = 0; round < 10; round += 1) {
      for (let piece = 0; piece < 4; piece += 1) expect(place.next(100, 1)).toBeUndefined();
      await turn();
    }
    expect([due.length, collected()]).toEqual([0, 0]);
    for (let piece = 0; piece < 4; piece += 1) expect(place.next(100, 1)).toBeUndefined();
    ask(place, "flood", 100);
    await turn();
    expect(read).toEqual([]);
    await turn();
    expect(read).toEqual(["flood"]);
  });

  test("wait the sooner the shorter their lines are", () => {
    const { turns } = setUp(400);
    const place = turns.place();
    expect(place.next(100, 0)).toBeUndefined();
    expect(place.next(100, 6)).toBeUndefined();
    expect(place.next(100, 0)).toBeInstanceOf(Promise);
  });

  test("wait for a program that has said less", async () => {
    const { turns, read, ask, turn } = setUp();
    const [flood, other] = [turns.place(), turns.place()];
    for (let at = 0; at < 5; at += 1) {
      ask(flood, "flood", 100);
      await turn();
    }
    ask(flood, "flood", 100);
    ask(other, "other", 10);
    await turn();
    expect(read.at(-1)).toBe("other");
  });

  test("make garbage that is collected whenever memory has grown", async () => {
    const { turns, ask, turn, collected, memory } = setUp();
    const flood = turns.place();
    const read = async (times: number) => {
      for (let at = 0; at < times; at += 1) {
        ask(flood, "flood", 100);
        await turn();
      }
      return collected();
    };
    expect(await read(10)).toBe(0);
    memory.residentBytes = 1_100;
    expect(await read(10)).toBe(1);
    memory.residentBytes = 1_050;
    expect(await read(10)).toBe(1);
    memory.residentBytes = 1_140;
    expect(await read(10)).toBe(1);
    memory.residentBytes = 1_150;
    expect(await read(1)).toBe(1);
    expect(await read(1)).toBe(2);
  });

  test("have equal parts, however long one of them was silent before", async () => {
    const { turns, read, ask, turn } = setUp();
    const [early, late] = [turns.place(), turns.place()];
    for (let at = 0; at < 50; at += 1) {
      ask(early, "early", 100);
      await turn();
    }
    read.length = 0;
    ask(early, "early", 100);
    ask(late, "late", 100);
    for (let at = 0; at < 10; at += 1) {
      await turn();
      const last = read.at(-1);
      ask(last === "late" ? late : early, String(last), 100);
    }
    expect(read.filter((name) => name === "late").length).toBe(5);
  });
});
