import { describe, expect, test } from "bun:test";
import { isOffered } from "../../../src/config/tool_filter.ts";
import { createNameTable, nameStart } from "../../../src/gateway/name.ts";

const items = (...names: string[]): { name: string }[] => names.map((name) => ({ name }));

describe("names of tools on a surface of several servers", () => {
  test("carry their server's name and lead back to the own name", () => {
    const table = createNameTable(items("read_file"), {}, "files");
    expect(table.toOffered("read_file")).toBe("files__read_file");
    expect(table.toOwn("files__read_file")).toBe("read_file");
    expect(table.toOwn("read_file")).toBe(undefined);
  });

  test("fit into 64 safe characters and stay apart when they are cut", () => {
    const long = "x".repeat(80);
    const table = createNameTable(
      items(`${long}a`, `${long}b`, "dots.and/slashes ü"),
      {},
      "my server",
    );
    const offered = [`${long}a`, `${long}b`, "dots.and/slashes ü"].map((own) =>
      table.toOffered(own)
    );
    expect(new Set(offered).size).toBe(3);
    for (const name of offered) {
      expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(name?.startsWith(nameStart({ name: "my server" }))).toBe(true);
    }
    expect(table.toOwn(offered[1] ?? "")).toBe(`${long}b`);
  });

  test("are the same at every start", () => {
    const names = items("a.b", "a_b", "y".repeat(70));
    const first = createNameTable(names, {}, "s");
    const second = createNameTable(names, {}, "s");
    for (const { name } of names) expect(second.toOffered(name)).toBe(first.toOffered(name));
    expect(first.toOffered("a.b")).toBe("s__a_b");
    expect(first.toOffered("a_b")).not.toBe("s__a_b");
  });

  test("of a server whose own name needs all the room still belong to it", () => {
    const server = "s".repeat(100);
    const offered = createNameTable(items("tool"), {}, server).toOffered("tool") ?? "";
    expect(offered.length).toBe(64);
    expect(offered.startsWith(nameStart({ name: server }))).toBe(true);
  });
});

describe("a tool filter", () => {
  test("hides what is not allowed and what is denied, with * for any characters", () => {
    expect(isOffered({ allow: ["read_*"] }, "read_file")).toBe(true);
    expect(isOffered({ allow: ["read_*"] }, "write_file")).toBe(false);
    expect(isOffered({ deny: ["*_file"] }, "read_file")).toBe(false);
    expect(isOffered({ allow: ["*"], deny: ["a*b*c"] }, "aXbYc")).toBe(false);
    expect(isOffered({ deny: ["ab*ba"] }, "aba")).toBe(true);
  });

  test("renames, and frees the old name", () => {
    const table = createNameTable(items("echo", "add"), { rename: { echo: "say" } });
    expect(table.toOffered("echo")).toBe("say");
    expect(table.toOwn("say")).toBe("echo");
    expect(table.toOwn("echo")).toBe(undefined);
  });
});
