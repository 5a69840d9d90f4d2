/** Which servers a reload restarts. */
import { describe, expect, test } from "bun:test";
import { sameServer } from "../../../src/config/same_server.ts";
import { read, shell } from "./read.ts";

const servers = async (entries: Record<string, unknown>, env = shell) =>
  (await read({ mcpServers: entries }, env)).servers;

describe("a server of two readings", () => {
  test("is the same if only the order of keys or servers differs", async () => {
    const before = await servers({
      a: { command: "a", args: ["1", "2"], env: { X: "1", Y: "2" } },
    });
    const after = await servers({
      b: { command: "b" },
      a: { env: { Y: "2", X: "1" }, args: ["1", "2"], command: "a" },
    });
    const [one, other] = [before[0], after[1]];
    if (one === undefined || other === undefined) throw new Error("Cannot read a server");
    expect(sameServer(one, other)).toBe(true);
  });

  test("is different if its arguments change order or it fails", async () => {
    const [one] = await servers({ a: { command: "x", args: ["1", "2"] } });
    for (const entry of [{ command: "x", args: ["2", "1"] }, { command: 5 }]) {
      const [other] = await servers({ a: entry });
      if (one === undefined || other === undefined) throw new Error("Cannot read a server");
      expect(sameServer(one, other)).toBe(false);
    }
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
      { ...base, spare: false },
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

  test("a remote server with another URL, header, token or transport is another", async () => {
    const base = { url: "https://a.test/mcp" };
    const [one, alike] = await servers({ a: base, b: { httpUrl: "https://a.test/mcp" } });
    if (one === undefined || alike === undefined) throw new Error("Cannot read a server");
    expect(sameServer(one, { ...alike, name: "a" })).toBe(true);
    const variants = [
      { url: "https://a.test/other" },
      { ...base, headers: { "X-Team": "blue" } },
      { ...base, credentials: { type: "bearer", token: "abc" } },
      { ...base, credentials: { type: "bearer", token: "abd" } },
      { ...base, type: "sse" },
      { ...base, era: "legacy" },
      { ...base, isolation: "shared" },
      { ...base, identify: false },
      { command: "x" },
    ];
    const read = await Promise.all(
      variants.map(async (variant) => (await servers({ a: variant }))[0]),
    );
    for (const [index, other] of read.entries()) {
      if (other === undefined) throw new Error("Cannot read a server");
      expect([index, sameServer(one, other)]).toEqual([index, false]);
      expect(read.filter((any) => any !== undefined && sameServer(any, other)).length).toBe(1);
    }
  });
});
