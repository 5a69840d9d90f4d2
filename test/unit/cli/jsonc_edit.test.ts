/**
 * A file with comments is changed in one place, and every other byte stays. How an entry is put into
 * the files of clients, whatever they look like, is in server_list.test.ts.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type MemberPath, removeMember, setMember } from "../../../src/cli/jsonc_edit.ts";
import { parseJsonc } from "../../../src/config/jsonc.ts";

const file = "mcp.json";
const lines = (...all: string[]): string => `${all.join("\n")}\n`;

const annotated = lines(
  "// mine",
  "{",
  '  "mcpServers": {',
  "    // the first",
  '    "files": { "command": "npx" }, // as Ann said',
  "    /* the last */",
  '    "web": { "url": "https://example.com/mcp" } // no comma',
  "  },",
  '  "names": "auto"',
  "}",
);

const all = (text: string): unknown => parseJsonc(text, file).value;

describe("adding", () => {
  test("a member goes first, and all other lines stay as they are", () => {
    const entry = { command: "uvx", args: ["x"] };
    const next = setMember({ text: annotated, file }, ["mcpServers", "new"], entry);
    for (const line of annotated.trim().split("\n")) expect(next).toContain(line);
    expect(next.replace(/\n {4}"new": \{[^}]*\},/, "")).toBe(annotated);
    expect(all(next)).toMatchObject({ mcpServers: { new: entry, files: { command: "npx" } } });
  });

  test("objects on the way are made, in an empty text too", () => {
    for (const text of ["", "\n", "{}", "{ // nothing\n}", '{"names":"auto"}']) {
      const next = setMember({ text, file }, ["mcpServers", "a"], { url: "http://x" });
      expect(all(next)).toMatchObject({ mcpServers: { a: { url: "http://x" } } });
      expect(next.includes("nothing")).toBe(text.includes("nothing"));
    }
  });

  test("line ends, tabs and a byte order mark stay", () => {
    const text = '\uFEFF{\r\n\t"mcpServers": {\r\n\t\t"a": { "command": "x" }\r\n\t}\r\n}\r\n';
    const next = setMember({ text, file }, ["mcpServers", "b"], { command: "y" });
    expect(next.startsWith('\uFEFF{\r\n\t"mcpServers": {\r\n\t\t"b": {')).toBe(true);
    expect(next.replaceAll("\r\n", "")).not.toContain("\n");
  });

  test("a member of an object on one line stays on that line", () => {
    const path: MemberPath = ["mcpServers", "files", "disabled"];
    expect(setMember({ text: annotated, file }, path, true)).toBe(
      annotated.replace('{ "command": "npx" }', '{ "disabled": true, "command": "npx" }'),
    );
    expect(setMember({ text: '{"a":{"b":1}}', file }, ["a", "c"], { d: ["[ x", 1], e: {} }))
      .toBe('{"a":{ "c": { "d": ["[ x", 1], "e": {} },"b":1}}');
  });

  test("a comment behind an opening brace stays there", () => {
    const text = '{\n  "mcpServers": { // all of them\n    // the first\n    "a": {}\n  }\n}\n';
    expect(setMember({ text, file }, ["mcpServers", "b"], { url: "u" })).toBe(text.replace(
      "// all of them\n",
      '// all of them\n    "b": {\n      "url": "u"\n    },\n',
    ));
  });

  test("an empty object gets lines", () => {
    const text = '{\n  "mcpServers": {}\n}\n';
    expect(setMember({ text, file }, ["mcpServers", "b"], 1))
      .toBe('{\n  "mcpServers": {\n    "b": 1\n  }\n}\n');
    expect(setMember({ text: "{}", file }, ["b"], 1)).toBe('{\n  "b": 1\n}');
  });

  test("a value is replaced in its place", () => {
    const path: MemberPath = ["mcpServers", "web", "url"];
    const next = setMember({ text: annotated, file }, path, "https://other.example/mcp");
    expect(next).toBe(annotated.replace("example.com", "other.example"));
  });

  test("a file that cannot be read is refused with the place of the fault", () => {
    expect(() => setMember({ text: '{ "a": }', file }, ["b"], 1))
      .toThrow("Cannot parse mcp.json: line 1, column 8");
  });
});

describe("removing", () => {
  test("a member goes with its line; comments stay", () => {
    expect(removeMember({ text: annotated, file }, ["names"]))
      .toBe(annotated.replace('  },\n  "names": "auto"\n', "  }\n"));
    const first = removeMember({ text: annotated, file }, ["mcpServers", "files"]);
    expect(first).toBe(annotated.replace('"files": { "command": "npx" }, ', ""));
    const last = removeMember({ text: annotated, file }, ["mcpServers", "web"]);
    expect(last).toBe(
      annotated.replace("}, // as", "} // as").replace(
        '"web": { "url": "https://example.com/mcp" } ',
        "",
      ),
    );
  });

  test("what is left can be read, whichever member goes and however the text is written", () => {
    const texts = [
      '{"a":1,"b":2,"c":3}',
      '{ "a": 1 , "b" : 2 /* b */ , "c": 3 , }',
      '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}\n',
      '{\n  "a": 1 // one\n  , "b": 2 // two\n  , "c": 3 // three\n}\n',
      '{\r\n\t"a": 1,\r\n\r\n\t// b\r\n\t"b": 2,\r\n\t"c": 3,\r\n}',
    ];
    for (const text of texts) {
      for (const gone of ["a", "b", "c"]) {
        const next = removeMember({ text, file }, [gone]);
        const { [gone]: _, ...others } = { a: 1, b: 2, c: 3 } as Record<string, number>;
        expect({ ...(all(next) as object) }).toEqual(others);
        for (const comment of text.match(/\/\/ \w+|\/\*.*?\*\//g) ?? []) {
          expect(next).toContain(comment);
        }
      }
    }
    expect(removeMember({ text: '{"a":1}', file }, ["a"])).toBe("{}");
    expect(removeMember({ text: '{"a":1}', file }, ["b"])).toBe('{"a":1}');
  });

  test("an object that takes a member and loses it has the data of before", () => {
    const gaps = fc.constantFrom("", " ", "\n  ", "\r\n\t", " // c\n", " /* c\n , */ ");
    const keys = fc.uniqueArray(fc.constantFrom("a", "b", "c d", "1"), { maxLength: 3 });
    const commentsIn = (text: string) => text.match(/\/\/ c|\/\* c\n , \*\//g);
    fc.assert(
      fc.property(keys, gaps, gaps, fc.boolean(), (keys, before, after, extra) => {
        const members = keys.map((key) => `${before}"${key}": {"x": [1]}${after}`);
        const comma = extra && keys.length > 0 ? "," : "";
        const text = `{${members.join(",")}${comma}${after}}`;
        const longer = setMember({ text, file }, ["new", "y"], 1);
        expect(all(longer)).toEqual({ ...(all(text) as object), new: { y: 1 } });
        expect(all(removeMember({ text: longer, file }, ["new"]))).toEqual(all(text));
        for (const key of keys) {
          const shorter = removeMember({ text, file }, [key]);
          expect(Object.keys(all(shorter) as object)).not.toContain(key);
          expect(commentsIn(shorter)).toEqual(commentsIn(text));
        }
      }),
    );
  });
});

describe("a change is refused", () => {
  const refused = "Cannot change a.b in mcp.json safely; nothing was written: edit it by hand";

  test("where the way leads through a value that is no object", () => {
    for (const text of ['{"a": []}', '{"a": null}', '{"a": "x"}']) {
      expect(() => setMember({ text, file }, ["a", "b"], 1)).toThrow(refused);
    }
  });

  test("where a key is there twice, so that the other one would count", () => {
    for (const text of ['{"a": {"b": 1}, "a": {"b": 2, "c": 3}}', '{"a": {"b": 1, "b": 2}}']) {
      expect(() => setMember({ text, file }, ["a", "b"], 3)).toThrow(refused);
      expect(() => removeMember({ text, file }, ["a", "b"])).toThrow(refused);
    }
  });
});
