/** A plain file and one with comments are read alike, though only the second needs its own parser. */
import { expect, test } from "bun:test";
import { parseText } from "../../../src/config/json_text.ts";
import { parseJsonc } from "../../../src/config/jsonc.ts";

const texts = [
  "null",
  '"a: \\"b\\": c"',
  "[]",
  "{}",
  '{"a":1,"b":{"a":[{"a":"\\\\"},-0,1e3]}}',
  '{"__proto__":{"constructor":1},"toString":null}',
  '{"a\\u0062":1,"c":"\\ud800"}',
  '\uFEFF{"a":1}',
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2,"b":{"c":1,"c":{"d":1,"d":2}}}',
  '[{"a:":":"},{"a:":":","a:":1}]',
  '{"a":1,} // a comment',
  '/* one */ {"a": [1, 2,],}',
];

for (const text of texts) {
  test(`${text} is read as with the parser of comments`, async () => {
    const read = await parseText(text, "FILE");
    expect(read).toEqual(parseJsonc(text, "FILE"));
    const objects = [read.value].filter((value) => typeof value === "object" && value !== null);
    for (const object of objects) {
      if (!Array.isArray(object)) expect(Object.getPrototypeOf(object)).toBe(null);
    }
  });
}

test("a fault has its place", async () => {
  for (const text of ["", '{"a": 01}', '{"a": "b', "{'a': 1}", `${"[".repeat(200_000)}`]) {
    await expect(parseText(text, "FILE")).rejects.toThrow("Cannot parse FILE");
  }
});

test("an escaped key is not read as a key of an earlier file that begins like its escape", async () => {
  // V8 remembers the shape of the first and takes the second key for the same.
  const pairs = [
    ['{"first":1,"pr\\\\u00":2}', '{"first":1,"pr\\u00e9nom":2}', ["first", "prénom"]],
    ['{"last":1,"\\\\":2}', '{"last":1,"\\n" :{"\\"":[]}}', ["last", "\n"]],
  ] as const;
  for (const [earlier, text, keys] of pairs) {
    for (let times = 0; times < 3; times++) {
      await parseText(earlier, "FILE");
      const { value } = await parseText(text, "FILE");
      expect(Object.keys(value as object)).toEqual([...keys]);
    }
  }
});
