/** What the index of the search keeps: each form of a tool once, and no more than its bound. */
import { describe, expect, test } from "bun:test";
import { createToolSearch, type OfferedTool } from "../../../src/gateway/tool_search.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import type { ToolIndex } from "../../../src/search/tool_index.ts";
import { coreConfig } from "../../support/core_gateway.ts";
import { createFakeUpstream } from "../../support/fake_upstream.ts";

/** An index that tells what it was asked for; every tool answers to every word. */
function createNotedIndex() {
  const kept = new Set<number>();
  let last = 0;
  let rests = 0;
  const index: ToolIndex = {
    add: (tools) =>
      tools.map(() => {
        kept.add(last += 1);
        return last;
      }),
    remove: (ids) => ids.forEach((id) => kept.delete(id)),
    rest: async () => void (rests += 1),
    match: () => [...kept].map((id) => ({ id, score: 1 })),
    close: () => {},
  };
  return { index, kept, added: () => last, rests: () => rests };
}

const upstream = createFakeUpstream("one");
const [config] = coreConfig([upstream]).servers;
const toItems = (count: number, start = "tool"): JsonObject[] =>
  Array.from({ length: count }, (_, at) => ({ name: `${start}_${at}`, description: "a word" }));
const toOffered = (items: readonly JsonObject[], prefix = "one__"): OfferedTool[] => {
  if (config === undefined) throw new Error("no server");
  return items.map((item) => ({
    server: { config, upstream },
    item,
    tool: { ...item, name: `${prefix}${item["name"]}` },
  }));
};
const none = { list: () => Promise.resolve({ items: [], missing: [] }) };

describe("the index of the search", () => {
  const start = (limits = {}) => {
    const noted = createNotedIndex();
    const search = createToolSearch({
      index: noted.index,
      limits: { ...defaultLimits, ...limits },
      catalog: none,
    });
    return { ...noted, search };
  };

  test("takes each form of a tool in once, however often it is searched", async () => {
    const { search, added } = start();
    const items = toItems(10);
    for (let round = 0; round < 3; round += 1) await search.best("word", toOffered(items));
    expect(added()).toBe(10);
    await search.best("word", toOffered(items, "other__"));
    expect(added()).toBe(20);
    // Another list of the same server has other objects.
    await search.best("word", toOffered(toItems(10)));
    expect(added()).toBe(30);
  });

  test("finds only what was asked among", async () => {
    const { search } = start();
    const [first = [], second = []] = [toOffered(toItems(3, "a")), toOffered(toItems(3, "b"))];
    expect((await search.best("word", first)).length).toBe(3);
    expect(await search.best("word", second)).toEqual(second);
    expect(await search.best("", first)).toEqual([]);
    expect(await search.best("word", [])).toEqual([]);
  });

  test("lets the longest unused go, but none of those that are searched", async () => {
    const { search, kept } = start({ searchToolsMax: 12 });
    const [old, recent, big] = [toItems(8, "old"), toItems(8, "new"), toItems(20, "big")];
    await search.best("word", toOffered(old));
    await search.best("word", toOffered(recent));
    expect(kept.size).toBe(12);
    expect((await search.best("word", toOffered(recent))).length).toBe(8);
    expect((await search.best("word", toOffered(old))).length).toBe(8);
    expect((await search.best("word", toOffered(big))).length).toBe(20);
    expect(kept.size).toBe(20);
    await search.best("word", toOffered(old));
    expect(kept.size).toBe(12);
  });

  test("lets other work run while it takes many in, and takes none in twice", async () => {
    const { search, added, rests } = start({ searchPortion: 4 });
    const offered = toOffered(toItems(10));
    const found = await Promise.all([search.best("word", offered), search.best("word", offered)]);
    expect(found.map(({ length }) => length)).toEqual([10, 10]);
    expect(added()).toBe(10);
    expect(rests()).toBeGreaterThanOrEqual(2);
  });
});
