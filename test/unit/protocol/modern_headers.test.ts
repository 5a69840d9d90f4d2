/** Headers that repeat what a stateless request says: values, names, and arguments of tools. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/model.ts";
import {
  decodeHeaderValue,
  encodeHeaderValue,
} from "../../../src/protocol/modern/header_values.ts";
import { requestHeaders } from "../../../src/protocol/modern/http_wire.ts";
import {
  checkParamHeaders,
  paramHeaders,
  problemOf,
} from "../../../src/protocol/modern/tool_headers.ts";
import { createRandom } from "../../support/clock.ts";

describe("a text in a header", () => {
  // The table of the specification, and what it leaves to its rules.
  const table: readonly (readonly [text: string, value: string])[] = [
    ["us-west1", "us-west1"],
    ["Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="],
    [" padded ", "=?base64?IHBhZGRlZCA=?="],
    ["line1\nline2", "=?base64?bGluZTEKbGluZTI=?="],
    ["=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="],
    ["", ""],
    ["two words", "two words"],
    ["a\tb", "=?base64?YQli?="],
    ["\u0000", "=?base64?AA==?="],
    ["\ufeffx", "=?base64?77u/eA==?="],
    ["=?base64?half", "=?base64?half"],
    ["half?=", "half?="],
    ["=?BASE64?eA==?=", "=?BASE64?eA==?="],
  ];
  for (const [text, value] of table) {
    test(`${JSON.stringify(text)} is ${value}, and back`, () => {
      expect(encodeHeaderValue(text)).toBe(value);
      expect(decodeHeaderValue(value)).toBe(text);
    });
  }

  test("survives encoding and decoding, and its value is safe in a header", () => {
    const random = createRandom(26);
    for (let round = 0; round < 2_000; round++) {
      const length = Math.floor(random() * 12);
      const text = Array.from({ length }, () => {
        const top = random() < 0.5 ? 0x80 : 0xd7ff;
        return String.fromCodePoint(Math.floor(random() * top));
      }).join("");
      const value = encodeHeaderValue(text);
      const { headers } = new Request("http://a.example", { headers: { "mcp-name": value } });
      expect(headers.get("mcp-name")).toBe(value);
      expect(decodeHeaderValue(value)).toBe(text);
    }
  });

  test("loses the blanks around it, as HTTP has it", () => {
    expect(decodeHeaderValue(" \tus-west1 \t")).toBe("us-west1");
    expect(decodeHeaderValue(" =?base64?eA==?= ")).toBe("x");
  });

  test("that is marked as Base64 but is not is no text", () => {
    const bodies = [
      "eA",
      "eA=",
      "e A==",
      "eA==\u0020",
      "eA-_",
      "=",
      "====",
      "e",
      "/w==",
      "eA==eA==",
    ];
    for (const body of bodies) expect(decodeHeaderValue(`=?base64?${body}?=`)).toBe(undefined);
    expect(decodeHeaderValue("=?base64?=")).toBe(undefined);
  });
});

describe("the headers of a request", () => {
  test("repeat its method and revision, and what it names", () => {
    const cases: [string, JsonObject, JsonObject][] = [
      ["tools/call", { name: "größe" }, { "mcp-name": encodeHeaderValue("größe") }],
      ["prompts/get", { name: "p" }, { "mcp-name": "p" }],
      ["resources/read", { uri: "mem://a" }, { "mcp-name": "mem://a" }],
      ["tools/list", { name: "x", uri: "y" }, {}],
      ["completion/complete", { ref: { name: "p" } }, {}],
    ];
    for (const [method, params, named] of cases) {
      expect<JsonObject>(requestHeaders({ method, params }, undefined)).toEqual({
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        ...named,
      });
    }
  });

  test("repeat the marked arguments of a tool that is known", () => {
    const tool = { name: "x", inputSchema: marked({ region: "Region" }) };
    const params = { name: "x", arguments: { region: "Åland", other: 1 } };
    expect(requestHeaders({ method: "tools/call", params }, tool)["mcp-param-Region"])
      .toBe(encodeHeaderValue("Åland"));
  });
});

/** A schema with these properties as marked texts. */
const marked = (names: Record<string, unknown>, type = "string"): JsonObject => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(names).map(([name, header]) => [name, { type, "x-mcp-header": header }]),
  ),
});

describe("a tool's markings", () => {
  const property = (schema: unknown): JsonObject => ({ properties: { a: schema } });
  const mark = { type: "string", "x-mcp-header": "A" };
  const good: Record<string, unknown> = {
    "none at all": { type: "object" },
    "no schema": undefined,
    "all three types": {
      properties: {
        a: { type: "string", "x-mcp-header": "A" },
        b: { type: "integer", "x-mcp-header": "B" },
        c: { type: "boolean", "x-mcp-header": "C" },
      },
    },
    "a nested property": property(property(mark)),
    "a property of that name": { properties: { "x-mcp-header": { type: "number" } } },
    "a property named as a keyword": { properties: { items: mark, properties: { type: "null" } } },
    "the word in a value": property({ type: "object", default: { "x-mcp-header": "" } }),
    "all signs of a token": marked({ a: "!#$%&'*+-.^_`|~0aZ" }),
  };
  const bad: Record<string, unknown> = {
    "empty": marked({ a: "" }),
    "a blank": marked({ a: "my region" }),
    "a colon": marked({ a: "a:b" }),
    "a line's end": marked({ a: "a\r\nb" }),
    "not ASCII": marked({ a: "Größe" }),
    "no text": marked({ a: 1 }),
    "null": marked({ a: null }),
    "the same twice": marked({ a: "Region", b: "Region" }),
    "the same twice, but for case": marked({ a: "Region", b: "REGION" }),
    "twice at different depths": {
      properties: { a: mark, b: property({ type: "string", "x-mcp-header": "a" }) },
    },
    "a number": marked({ a: "A" }, "number"),
    "an object": marked({ a: "A" }, "object"),
    "a list": marked({ a: "A" }, "array"),
    "several types": property({ type: ["string", "null"], "x-mcp-header": "A" }),
    "no type": property({ "x-mcp-header": "A" }),
    "the root": { ...mark, type: "string" },
    "an item": property({ type: "array", items: mark }),
    "a property of an item": property({ type: "array", items: property(mark) }),
    "one of several": property({ oneOf: [mark] }),
    "a property of one of several": { anyOf: [property(mark)] },
    "a condition": { if: property(mark) },
    "a negation": { not: property(mark) },
    "a definition": { $defs: { region: mark }, ...property({ $ref: "#/$defs/region" }) },
    "an additional property": { additionalProperties: mark },
    "a property by pattern": { patternProperties: { "^a": mark } },
  };
  for (const [what, schema] of Object.entries(good)) {
    test(`are good: ${what}`, () => expect(problemOf(schema)).toBe(undefined));
  }
  for (const [what, schema] of Object.entries(bad)) {
    test(`are faulty: ${what}`, () => {
      expect(problemOf(schema)).toContain("x-mcp-header");
      expect(paramHeaders(schema, { a: "x" })).toEqual([]);
    });
  }
});

describe("marked arguments", () => {
  const schema = {
    properties: {
      region: { type: "string", "x-mcp-header": "Region" },
      limit: { type: "integer", "x-mcp-header": "Limit" },
      dry: { type: "boolean", "x-mcp-header": "Dry-Run" },
      deep: { properties: { path: { type: "string", "x-mcp-header": "Path" } } },
    },
  };
  const headersOf = (args: unknown) => Object.fromEntries(paramHeaders(schema, args));

  test("have their headers; what is absent, null or of another type has none", () => {
    expect(headersOf({ region: "a b ", limit: 0, dry: false, deep: { path: "/é" } })).toEqual({
      "mcp-param-Region": encodeHeaderValue("a b "),
      "mcp-param-Limit": "0",
      "mcp-param-Dry-Run": "false",
      "mcp-param-Path": encodeHeaderValue("/é"),
    });
    for (const args of [undefined, {}, { region: null, deep: null }, { region: {}, limit: 1.5 }]) {
      expect(headersOf(args)).toEqual({});
    }
    expect(headersOf({ limit: -7 })).toEqual({ "mcp-param-Limit": "-7" });
  });

  const check = (args: JsonObject, headers: Record<string, string>) =>
    checkParamHeaders(schema, args, new Headers(headers));

  test("match the headers that the gateway builds", () => {
    const args = { region: "=?base64?x?=", limit: -3, dry: true, deep: { path: "\n" } };
    expect(check(args, headersOf(args))).toBe(undefined);
  });

  const agreeing: [JsonObject, Record<string, string>][] = [
    [{}, {}],
    [{ region: null }, {}],
    [{ region: "x" }, { "MCP-PARAM-REGION": " x " }],
    [{ region: "x" }, { "mcp-param-region": "=?base64?eA==?=" }],
    [{ region: "=?base64?eA==" }, { "mcp-param-region": "=?base64?eA==" }],
    [{ limit: 42 }, { "mcp-param-limit": "42.0" }],
    [{ limit: 0 }, { "mcp-param-limit": "-0" }],
    // An argument of a wrong type has no header, and is the server's to refuse.
    [{ region: ["x"], limit: 1.5 }, {}],
    [{ unmarked: 1 }, { "mcp-param-other": "anything" }],
  ];
  for (const [args, headers] of agreeing) {
    test(`${JSON.stringify(args)} agrees with ${JSON.stringify(headers)}`, () => {
      expect(check(args, headers)).toBe(undefined);
    });
  }
  const disagreeing: [JsonObject, Record<string, string>][] = [
    [{ region: "x" }, {}],
    [{ region: "x" }, { "mcp-param-region": "X" }],
    [{ region: "x" }, { "mcp-param-region": "=?base64?eA=?=" }],
    [{ region: "x" }, { "mcp-param-region": "=?BASE64?eA==?=" }],
    [{}, { "mcp-param-region": "x" }],
    [{ region: null }, { "mcp-param-region": "null" }],
    [{ limit: 42 }, { "mcp-param-limit": "43" }],
    [{ limit: 0 }, { "mcp-param-limit": "" }],
    [{ limit: 1 }, { "mcp-param-limit": "one" }],
    [{ limit: 42 }, { "mcp-param-limit": "0x2a" }],
    [{ limit: 10 }, { "mcp-param-limit": "1e1" }],
    [{ limit: 1.5 }, { "mcp-param-limit": "2" }],
    [{ region: ["x"] }, { "mcp-param-region": "y" }],
    [{ dry: true }, { "mcp-param-dry-run": "True" }],
    [{ deep: { path: "a" } }, { "mcp-param-path": "b" }],
  ];
  for (const [args, headers] of disagreeing) {
    test(`${JSON.stringify(args)} disagrees with ${JSON.stringify(headers)}`, () => {
      expect(check(args, headers)).toContain("eader mcp-param-");
    });
  }
});
