/** What a reload has to touch. */
import { describe, expect, test } from "bun:test";
import { diffServers, sameServer } from "../../../src/config/diff.ts";
import { read, shell } from "./read.ts";

const servers = async (entries: Record<string, unknown>, env = shell) =>
  (await read({ mcpServers: entries }, env)).servers;
const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);

describe("diffServers", () => {
  test("tells what was added, removed and changed, and nothing else", async () => {
    const before = await servers({
      kept: { command: "a", args: ["1", "2"], env: { X: "1", Y: "2" } },
      gone: { command: "b" },
      edited: { command: "c", args: ["1", "2"] },
    });
    const after = await servers({
      edited: { command: "c", args: ["2", "1"] },
      fresh: { command: "d" },
      kept: { env: { Y: "2", X: "1" }, args: ["1", "2"], command: "a" },
    });
    const { added, removed, changed } = diffServers(before, after);
    expect(names(added)).toEqual(["fresh"]);
    expect(names(removed)).toEqual(["gone"]);
    expect(changed).toEqual(after.filter(({ name }) => name === "edited"));
  });

  test("a server that is disabled is removed, one that breaks is changed", async () => {
    const before = await servers({ a: { command: "x" }, b: { command: "x" } });
    const after = await servers({ a: { command: "x", disabled: true }, b: { command: 5 } });
    const { added, removed, changed } = diffServers(before, after);
    expect([names(added), names(removed), names(changed)]).toEqual([[], ["a"], ["b"]]);
  });

  test("a changed variable, filter, root or timeout is a change", async () => {
    const base = { command: "x" };
    const [one] = await servers({ a: base });
    const variants = [
      { ...base, env: { A: "1" } },
      { ...base, tools: { deny: ["t"] } },
      { ...base, tools: { deny: [] } },
      { ...base, roots: [] },
      { ...base, roots: ["/a"] },
      { ...base, callTimeoutMs: 5 },
      { ...base, cwd: "/" },
    ];
    for (const variant of variants) {
      const [other] = await servers({ a: variant });
      if (one === undefined || other === undefined) throw new Error("Cannot read a server");
      expect(sameServer(one, other)).toBe(false);
      expect(sameServer(other, other)).toBe(true);
    }
  });
});
