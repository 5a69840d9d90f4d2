/** How the stored sessions are counted after a start, while sessions come and go. */
import { describe, expect, test } from "bun:test";
import { createStoredCounts } from "../../../src/store/stored_counts.ts";

/** A table of sessions by key, whose slices are read one in each turn that the test runs. */
function setUp(stored: Record<string, string>) {
  const table = new Map(Object.entries(stored));
  const due: (() => void)[] = [];
  let fails = false;
  const counts = createStoredCounts({
    nextTurn: (run) => void due.push(run),
    isClosed: () => false,
    read(first, end) {
      if (fails) throw new Error("disk");
      return [...table].filter(([key]) => key >= first && (typeof end !== "string" || key < end))
        .map(([, consumer]) => ({ principal: "", consumer, count: 1 }));
    },
  });
  const turn = async () => {
    due.shift()?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return {
    counts,
    turn,
    async finish() {
      do await turn(); while (due.length > 0);
    },
    come(key: string, consumer: string) {
      table.set(key, consumer);
      counts.add(key, consumer, 1);
    },
    go(key: string, consumer: string) {
      table.delete(key);
      counts.add(key, consumer, -1);
    },
    fail: (isSo: boolean) => void (fails = isSo),
  };
}

describe("the sessions of a start", () => {
  test("are counted once, wherever others come and go meanwhile", async () => {
    const { counts, turn, finish, come, go } = setUp({ "0a": "ann", "5a": "ann", "fa": "bob" });
    const asked = counts.of("ann");
    await turn();
    await turn();
    // Before and behind the place up to which was counted.
    come("0b", "ann");
    come("fb", "ann");
    go("5a", "ann");
    go("0a", "ann");
    await finish();
    expect(await asked).toBe(2);
    expect(await counts.all()).toBe(3);
    come("7a", "bob");
    expect(await counts.of("bob")).toBe(2);
    come("7b", "bob");
    expect(await counts.greediest(1)).toEqual(["bob"]);
  });

  test("are counted again from where a fault stopped it", async () => {
    const { counts, turn, finish, fail } = setUp({ "0a": "ann", "5a": "ann" });
    await turn();
    fail(true);
    await turn();
    fail(false);
    const asked = counts.of("ann");
    await finish();
    expect(await asked).toBe(2);
  });
});
