/** The contract of the store of fingerprints, for every kind of storage. */
import { describe, expect, test } from "bun:test";
import type { Limits } from "../../src/limits.ts";
import type { PinnedList, PinStore, StoredChange } from "../../src/upstream/pins.ts";

/** Opens the stores of a kind, with some limits of the test's own. */
type OpenStores = (
  changes?: Partial<Limits>,
) => Promise<{ readonly pins: PinStore; close(): Promise<void> }>;

/** A list with two tools. */
export const pinnedList = (changes: Partial<PinnedList> = {}): PinnedList => ({
  subject: "digest",
  principal: "",
  variant: "roots/0af",
  key: "server/legacy/roots/0af",
  version: '["server","legacy","1.0"]',
  tools: new Map([["read", ["f1"]], ["日本", ["f2", "f1"]], ["__proto__", ["f3"]]]),
  ...changes,
});

/** A change that waits. */
export const storedChange = (changes: Partial<StoredChange> = {}): StoredChange => ({
  tool: "read",
  fingerprint: "f9",
  kind: "changed",
  before: "f1",
  principal: "",
  variant: "roots/0af",
  at: 1_700_000_000_000,
  isApproved: false,
  ...changes,
});

/** The cases of one kind; `isKept`: its data outlives the process. */
export function describePinStore(name: string, open: OpenStores, isKept: boolean): void {
  const use = (
    what: string,
    run: (store: PinStore) => Promise<void>,
    changes: Partial<Limits> = {},
  ) =>
    test(what, async () => {
      const { pins, close } = await open(changes);
      await run(pins);
      await close();
    });

  describe(`fingerprints, ${name}`, () => {
    use("are found as they were stored, by server, principal and variant", async (store) => {
      expect(await store.lists("box")).toEqual([]);
      const [one, other] = [pinnedList(), pinnedList({ principal: "user:ann", tools: new Map() })];
      await store.update("box", { lists: [one, other] });
      await store.update("far", { lists: [pinnedList({ subject: "another" })] });
      expect((await store.lists("box")).toSorted(byPrincipal)).toEqual([one, other]);
      const next = pinnedList({ version: "2", tools: new Map([["read", ["f9", "f1"]]]) });
      await store.update("box", { lists: [next], droppedLists: [other] });
      expect(await store.lists("box")).toEqual([next]);
      expect((await store.servers()).toSorted()).toEqual(["box", "far"]);
    });

    use("are removed with their server, and no other one's", async (store) => {
      for (const server of ["box", "far"]) {
        const definitions = new Map([["f1", "{}"]]);
        await store.update(server, {
          lists: [pinnedList()],
          changes: [storedChange()],
          definitions,
        });
      }
      await store.remove(["box", "none"]);
      expect(await store.lists("box")).toEqual([]);
      expect(await store.definition("box", "f1")).toBe(undefined);
      expect([...(await store.changes()).keys()]).toEqual(["far"]);
      expect(await store.definition("far", "f1")).toBe("{}");
      expect(await store.servers()).toEqual(["far"]);
    });

    use("of servers beyond the bound leave, the oldest first", async (store) => {
      for (const server of ["a", "b", "c"]) {
        await store.update(server, { lists: [pinnedList()], changes: [storedChange()] });
      }
      expect((await store.servers()).length).toBe(2);
    }, { pinnedServersMax: 2 });

    use(
      "changes are listed by server, the oldest first, and replaced as a whole",
      async (store) => {
        const late = storedChange({
          tool: "write",
          at: 1_700_000_000_009,
          kind: "new",
          before: "",
        });
        const gone = storedChange({ fingerprint: "", kind: "removed", at: 1_700_000_000_005 });
        await store.update("box", { changes: [late, gone, storedChange()] });
        expect((await store.changes()).get("box")).toEqual([storedChange(), gone, late]);
        const approved = storedChange({ isApproved: true, at: 1_700_000_000_010 });
        await store.update("box", { changes: [approved], droppedChanges: [gone] });
        expect((await store.changes()).get("box")).toEqual([late, approved]);
      },
    );

    use("definitions stay as long as they are wanted", async (store) => {
      const definitions = new Map([["f1", '{"name":"日本"}'], ["f2", "{}"], ["f3", "{}"]]);
      await store.update("box", { lists: [pinnedList()], definitions });
      await store.update("far", { definitions });
      expect(await store.definition("box", "f1")).toBe('{"name":"日本"}');
      await store.update("box", { droppedDefinitions: ["f2", "none"] });
      await store.update("box", { keptDefinitions: new Set(["f1", "f9"]) });
      const left = await Promise.all(["f1", "f2", "f3"].map((one) => store.definition("box", one)));
      expect(left).toEqual(['{"name":"日本"}', undefined, undefined]);
      expect(await store.definition("far", "f3")).toBe("{}");
    });

    if (isKept) {
      test("outlive the process", async () => {
        const first = await open();
        await first.pins.update("box", { lists: [pinnedList()], changes: [storedChange()] });
        await first.close();
        const second = await open();
        expect(await second.pins.lists("box")).toEqual([pinnedList()]);
        expect((await second.pins.changes()).get("box")).toEqual([storedChange()]);
        await second.close();
      });
    }
  });
}

const byPrincipal = (one: PinnedList, other: PinnedList) =>
  one.principal < other.principal ? -1 : 1;
