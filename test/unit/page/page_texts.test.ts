/** Texts as the page shows them: unseen characters, differences, folded JSON, numbers and times. */
import { describe, expect, test } from "bun:test";
import { comparable, difference } from "../../../src/page/difference.js";
import { age, clock, count, duration, number, since, size } from "../../../src/page/format.js";
import { jsonIn, membersOf, nodeOf } from "../../../src/page/json_tree.js";
import { base64In } from "../../../src/page/base64.js";
import { cut, line, visible } from "../../../src/page/visible.js";
import { showUnseen } from "../../../src/unseen_characters.ts";

describe("characters that a person cannot see", () => {
  test("are spelled out", () => {
    expect(visible("a\u202eb")).toBe("a⟨U+202E⟩b");
    expect(visible("\u200b\u2066\ufeff\u0000\u001b\u{e0041}\u2800")).toBe(
      "⟨U+200B⟩⟨U+2066⟩⟨U+FEFF⟩⟨U+0000⟩⟨U+001B⟩⟨U+E0041⟩⟨U+2800⟩",
    );
    expect(visible("x\ud800y\u2028z\u{e0100}")).toBe("x⟨U+D800⟩y⟨U+2028⟩z⟨U+E0100⟩");
  });

  test("stay what they are where they belong to an emoji", () => {
    for (const text of ["👨‍👩‍👧", "👍🏽", "❤️", "1️⃣"]) expect(visible(text)).toBe(text);
    expect(visible("❤️\ufe0f")).toBe("❤️⟨U+FE0F⟩");
    expect(visible("a\u200db")).toBe("a⟨U+200D⟩b");
  });

  // One rule decides for the whole project; the page in the browser has it in its own words.
  test("are those that the log and the terminal spell out", () => {
    for (let code = 0; code < 0x2fa20; code += 1) {
      const text = `a${String.fromCodePoint(code)}b`;
      if (code === 0x0d || visible(text) === showUnseen(text)) continue;
      expect([code.toString(16), visible(text)]).toEqual([code.toString(16), showUnseen(text)]);
    }
    for (const text of ["👨‍👩‍👧", "❤️\ufe0f", "می\u200cخواهم", "葛\u{e0100}", "a\u200db", "क्\u200dष"]) {
      expect(visible(text)).toBe(showUnseen(text));
    }
  });

  test("do not include lines, tabs and other scripts", () => {
    for (const text of ["a\n\tb", "日本語", "עברית", "é"]) expect(visible(text)).toBe(text);
    expect(visible("a\r\nb\rc")).toBe("a\nb⟨U+000D⟩c");
  });
});

test("Base64 is read without its blanks, and a hostile text is refused at once", () => {
  expect(base64In(" aGV\nsbG8= ")).toBe("aGVsbG8=");
  expect(base64In("aGVsbG8")).toBe("aGVsbG8");
  // The square of these blanks would take minutes.
  expect(base64In(`${" ".repeat(500_000)}!`)).toBe(undefined);
  expect(base64In("a=b")).toBe(undefined);
});

test("long texts are cut between characters", () => {
  expect(cut("abcdef", 4)).toBe("abc…");
  expect(cut("ab😀def", 4)).toBe("ab…");
  expect(line("  two\n lines \u202e", 20)).toBe("two lines ⟨U+202E⟩");
});

describe("a difference", () => {
  const shown = (before: string, after: string) =>
    difference(before, after).map((found) =>
      found.kind === "hidden"
        ? `…${found.count}`
        : `${{ same: " ", removed: "-", added: "+" }[found.kind]}${found.text}`
    );

  test("has what went, what came, and the lines around", () => {
    expect(shown("a\nb\nc", "a\nx\nc")).toEqual([" a", "-b", "+x", " c"]);
    expect(shown("", "a\nb")).toEqual(["+a", "+b"]);
    expect(shown("a\nb", "")).toEqual(["-a", "-b"]);
  });

  test("finds lines that moved, and keeps the longest part", () => {
    expect(shown("1\n2\n3\n4", "2\n3\n4\n1")).toEqual(["-1", " 2", " 3", " 4", "+1"]);
  });

  test("counts the unchanged lines far from a change", () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    const changed = lines.with(10, "other");
    const found = shown(lines.join("\n"), changed.join("\n"));
    expect([found[0], found.length, found.at(-1)]).toEqual(["…7", 10, "…6"]);
    expect(shown(lines.join("\n"), lines.join("\n"))).toEqual(["…20"]);
  });

  test("of very long texts ends in time", () => {
    const lines = (seed: number) =>
      Array.from({ length: 20_000 }, (_, index) => `${(index * seed) % 7919}`).join("\n");
    expect(difference(lines(3), lines(5)).length).toBeGreaterThan(20_000);
  });

  test("of JSON does not depend on the order of members", () => {
    expect(comparable({ b: 1, a: { d: [2], c: 3 } })).toBe(
      comparable({ a: { c: 3, d: [2] }, b: 1 }),
    );
    expect(comparable("text")).toBe("text");
    expect(comparable(undefined)).toBe("");
  });
});

describe("folded JSON", () => {
  test("shows what a part holds, and begins unfolded near the top", () => {
    expect(nodeOf({ a: 1, b: 2 }, 0)).toEqual({ kind: "object", text: "2 members", isOpen: true });
    expect(nodeOf([1], 1)).toEqual({ kind: "list", text: "1 item", isOpen: true });
    expect(nodeOf([1], 2)).toMatchObject({ isOpen: false });
    expect(nodeOf(Array(50).fill(0), 1)).toMatchObject({ isOpen: false });
    expect(nodeOf('a"b', 3)).toMatchObject({ kind: "string", text: '"a\\"b"' });
    expect(nodeOf(null, 1)).toMatchObject({ kind: "null", text: "null" });
  });

  test("shows as many members as there is room for, and says how many follow", () => {
    const { members, more } = membersOf(Array.from({ length: 250 }, (_, index) => index));
    expect([members.length, members[99], more]).toEqual([100, { key: "99", value: 99 }, 150]);
    expect(membersOf({ a: 1 })).toEqual({ members: [{ key: "a", value: 1 }], more: 0 });
    expect(membersOf("text")).toEqual({ members: [], more: 0 });
  });

  test("is made of texts that are objects or lists, and of no others", () => {
    expect(jsonIn(' {"a": 1}')).toEqual({ a: 1 });
    expect(jsonIn("[1]")).toEqual([1]);
    for (const text of ["12", '"a"', "{a}", "# Title", ""]) expect(jsonIn(text)).toBe(undefined);
  });
});

describe("numbers and times", () => {
  test("have units that fit", () => {
    expect([0.0312, 4.25, 312.4, 1_400, 65_000, 5_000_000].map(duration)).toEqual([
      "0.03 ms",
      "4.3 ms",
      "312 ms",
      "1.4 s",
      "1 min 5 s",
      "1 h 23 min",
    ]);
    expect([duration(undefined), duration(null)]).toEqual(["", ""]);
    expect([age(0), age(59_000), age(90_061_000)]).toEqual(["0 s", "59 s", "1 d 1 h"]);
    expect([size(812), size(4_100), size(99_960), size(2_000_000), size(undefined)]).toEqual([
      "812",
      "4.1k",
      "100k",
      "2.0M",
      "",
    ]);
    expect([number(0), number(1234567), count(1, "tool"), count(1200, "call")]).toEqual([
      "0",
      "1,234,567",
      "1 tool",
      "1,200 calls",
    ]);
  });

  test("are counted from now", () => {
    const now = Date.parse("2026-05-04T12:00:00Z");
    expect(since("2026-05-04T11:56:00Z", now)).toBe("4 min");
    expect([since(now, now), since(now + 5_000, now)]).toEqual(["now", "now"]);
    expect([since("nonsense", now), since(undefined, now)]).toEqual(["", ""]);
    expect(clock(now, now)).toMatch(/^\d\d:\d\d:00$/);
    expect(clock(now - 3 * 86_400_000, now)).toMatch(/^2026-05-0\d \d\d:\d\d:00$/);
  });
});
