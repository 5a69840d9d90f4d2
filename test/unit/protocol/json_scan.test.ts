/**
 * The one pass over a text finds what three slow and plain readers find: how deeply it nests, keys
 * that stand twice, numbers and keys that the runtime's parser may misread. A failure names the
 * seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import { scanJson } from "../../../src/protocol/json_scan.ts";

const seed = Number(process.env["MCP_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const check = <T extends [unknown, ...unknown[]]>(property: fc.IPropertyWithHooks<T>) =>
  fc.assert(property, { seed, numRuns: 3_000 });

const word = fc.constantFrom("", "a", "b", "result", "id", "\\u0061", "\\n", '\\"', "\\\\", "[{,:");
const longWord = fc.tuple(word, fc.nat(60)).map(([text, chars]) => text + "x".repeat(chars) + text);
const quoted = fc.oneof(word, longWord).map((text) => `"${text}"`);
const number = fc.constantFrom(
  "0",
  "-1",
  "1.5",
  "9007199254740993",
  "0.1234567890123456",
  "123456789012345",
  "1e999",
  "1E+400",
  "1e-400",
  "1e22",
  "2e5",
);
const gap = fc.constantFrom("", "", "", " ", "\n", "\t", "\r\n");
/** Valid JSON with all that a text can hold and a value cannot: gaps, escapes, keys twice. */
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small" },
    quoted,
    number,
    fc.constantFrom("true", "null"),
    fc.array(fc.tuple(gap, tie("json"), gap).map((parts) => parts.join("")), { maxLength: 4 })
      .map((items) => `[${items.join(",")}]`),
    fc.array(fc.tuple(gap, quoted, gap, tie("json"), gap), { maxLength: 4 }).map((members) =>
      `{${members.map(([a, key, b, value, c]) => `${a}${key}${b}:${value}${c}`).join(",")}}`
    ),
  ),
}));
/** Often a response. */
const text = fc.oneof(
  json,
  fc.tuple(gap, json, gap, fc.constantFrom("", ',"id":2', ',"result":{}'))
    .map(([before, result, after, more]) =>
      `{"jsonrpc":"2.0","id":1,"result":${before}${result}${after}${more}}`
    ),
);

const strings = /"(?:[^"\\]|\\.)*"/g;

function depthOf(whole: string): number {
  let depth = 0;
  let deepest = 0;
  for (const mark of whole.replace(strings, "")) {
    if (mark === "[" || mark === "{") deepest = Math.max(deepest, ++depth);
    if (mark === "]" || mark === "}") depth--;
  }
  return deepest;
}

/** Whether an object within the outer levels has a key twice. */
function repeats(whole: string, levels: number): boolean {
  const keys: Set<string>[] = [];
  for (const [mark, key] of whole.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (mark === "{" || mark === "[") keys.push(new Set());
    else if (mark === "}" || mark === "]") keys.pop();
    else if (key !== undefined && keys.length <= levels) {
      const name = JSON.parse(key) as string;
      if (keys.at(-1)?.has(name)) return true;
      keys.at(-1)?.add(name);
    }
  }
  return false;
}

function isMisread(whole: string): boolean {
  return /\d{16}|\d[eE]\+?\d{3}/.test(whole.replace(strings, "")) ||
    [...whole.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"/g)]
      .some(([, key]) => key?.includes("\\") === true);
}

describe("One pass over a text", () => {
  test("finds what three plain readers find", () =>
    check(fc.property(text, fc.constantFrom(2, 3), (whole, levels) => {
      expect(scanJson(whole, 128, levels)).toMatchObject({
        isTooDeep: false,
        repeatsKey: repeats(whole, levels),
        mayBeMisread: isMisread(whole),
      });
    })));

  test("stops at the first level too many, and not before", () =>
    check(fc.property(text, (whole) => {
      const depth = depthOf(whole);
      expect(scanJson(whole, depth, 2).isTooDeep).toBe(false);
      if (depth > 0) expect(scanJson(whole, depth - 1, 2).isTooDeep).toBe(true);
    })));

  test("gives the text of a result, and of nothing else", () =>
    check(fc.property(text, (whole) => {
      const { result } = scanJson(whole, 128, 2);
      if (result === undefined) return;
      const value = JSON.parse(whole) as { readonly result: unknown };
      expect(JSON.parse(result)).toEqual(value.result);
      expect(result).not.toMatch(/[\r\n]/);
    })));

  test("gives no text of a result with a key twice, a line break, or what may be misread", () => {
    const textOf = (result: string) => scanJson(`{"id":1,"result":${result}}`, 128, 2).result;
    expect(textOf('{"a":[1],"b":"\\n"}')).toBe('{"a":[1],"b":"\\n"}');
    expect(textOf('{"a":1,"a":2}')).toBeUndefined();
    expect(textOf('{"a":1,\n"b":2}')).toBeUndefined();
    expect(textOf('{"a":12345678901234567890}')).toBeUndefined();
    expect(textOf('{"a":"12345678901234567890"}')).toBe('{"a":"12345678901234567890"}');
  });

  test("survives every text that is no JSON", () =>
    check(fc.property(text, fc.nat(), fc.constantFrom("", '"', "{", "]", ":", "\\", ","), (
      whole,
      cut,
      mark,
    ) => {
      const at = cut % (whole.length + 1);
      expect(() => scanJson(whole.slice(0, at) + mark + whole.slice(at + 1), 128, 2)).not.toThrow(
        TypeError,
      );
    })));
});

describe("A text that is no JSON", () => {
  const long = `"\\u0061${"x".repeat(1_000_000)}"`;

  test("is read in linear time when many colons follow a long string", () => {
    for (const head of ["{", '{"result":{', '{"result":{"content":[{']) {
      const begunAt = performance.now();
      expect(scanJson(head + long + ":".repeat(100_000), 128, 2).result).toBe(undefined);
      // Reading the string again for each colon takes minutes.
      expect(performance.now() - begunAt).toBeLessThan(2_000);
    }
  });

  test("is read in linear time when more is closed than was opened", () => {
    const begunAt = performance.now();
    expect(scanJson("{]]".repeat(1_500_000), 128, 2).result).toBe(undefined);
    expect(performance.now() - begunAt).toBeLessThan(1_500);
  });
});
