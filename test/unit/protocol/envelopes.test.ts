/**
 * Properties of every message, however odd, each tried on many random ones. A failure names the
 * seed and the smallest failing message; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as sdkOne from "@modelcontextprotocol/sdk/types.js";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import * as fc from "fast-check";
import process from "node:process";
import { defaultLimits as limits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { withSoundResult } from "../../../src/protocol/sound_results.ts";
import { toMessage } from "../../../src/protocol/jsonrpc.ts";
import { latestRevision } from "../../../src/protocol/legacy/revisions.ts";
import { client, legacy, resultOf } from "../../support/codecs.ts";
import { correctSchemas } from "../../../src/protocol/tool_schemas.ts";

const seed = Number(process.env["MCP_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const check = (property: fc.IProperty<never[]> | fc.IRawProperty<unknown>, numRuns = 500) =>
  fc.assert(property as fc.IRawProperty<unknown>, { seed, numRuns });

/** What careless programs put in the place of a value. */
const odd = fc.oneof(
  fc.constantFrom(null, [], {}, "", "text", 0, -1, 1.5, true, false, [null], [{}], { a: null }),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>,
);
/** Most often the right value. */
const mostly = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 2, arbitrary: right }, { weight: 1, arbitrary: odd });
/** An object that may lack each of its members, and have each wrong. */
const careless = (members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<JsonObject> =>
  fc.record(
    Object.fromEntries(Object.entries(members).map(([name, right]) => [name, mostly(right)])),
    { requiredKeys: [] },
  );
const words = fc.string({ maxLength: 8 });
const uri = fc.constantFrom("a://b", "https://example.com/x");

const icon = careless({ src: uri, mimeType: words, sizes: fc.array(words), theme: words });
const shown = { title: words, description: words, icons: fc.array(icon), _meta: fc.constant({}) };
const annotations = careless({
  audience: fc.array(fc.constantFrom("user", "assistant")),
  priority: fc.double(),
  lastModified: fc.constant("2025-01-01T00:00:00Z"),
});

const keywords: Record<string, fc.Arbitrary<unknown>> = {
  type: fc.constantFrom("object", "string", "number", ["string", "null"], "any"),
  pattern: fc.constantFrom("^a$", "(?i)x", "[", "\\p{L}+", "\\A"),
  minimum: fc.integer(),
  maxLength: fc.nat(),
  enum: fc.array(fc.constantFrom("a", 1, null)),
  format: fc.constantFrom("date", "email", "made-up"),
  $ref: fc.constantFrom("#", "#/$defs/a", "#/$defs/none", "https://example.com/s", "other.json"),
  $id: fc.constantFrom("https://example.com/a", "a", "#a"),
  $schema: fc.constantFrom(
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2020-12/schema",
    "https://example.com/schema",
  ),
  nullable: fc.boolean(),
  default: odd,
};
const { schema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    careless(keywords),
    careless({
      ...keywords,
      properties: fc.dictionary(words, tie("schema"), { maxKeys: 3 }),
      items: tie("schema"),
      additionalProperties: fc.oneof(fc.boolean(), tie("schema")),
      $defs: fc.record({ a: tie("schema") }),
      anyOf: fc.array(tie("schema"), { maxLength: 3 }),
      not: tie("schema"),
      required: fc.array(words),
    }),
  ),
}));
const rootSchema = fc.tuple(schema, fc.boolean()).map(([inner, isObject]) =>
  isObject ? { ...inner, type: "object" } : inner
);

/** The lists: method, member, item, and the schema by which a client reads the answer. */
const lists = {
  "tools/list": {
    key: "tools",
    item: careless({
      name: words,
      ...shown,
      inputSchema: rootSchema,
      outputSchema: rootSchema,
      annotations: careless({ title: words, readOnlyHint: fc.boolean(), openWorldHint: odd }),
      execution: careless({ taskSupport: fc.constantFrom("optional", "required") }),
    }),
    taken: sdkOne.ListToolsResultSchema,
  },
  "prompts/list": {
    key: "prompts",
    item: careless({
      name: words,
      ...shown,
      arguments: fc.array(careless({ name: words, description: words, required: fc.boolean() })),
    }),
    taken: sdkOne.ListPromptsResultSchema,
  },
  "resources/list": {
    key: "resources",
    item: careless({ uri, name: words, ...shown, mimeType: words, size: fc.nat(), annotations }),
    taken: sdkOne.ListResourcesResultSchema,
  },
  "resources/templates/list": {
    key: "resourceTemplates",
    item: careless({ uriTemplate: uri, name: words, ...shown, mimeType: words, annotations }),
    taken: sdkOne.ListResourceTemplatesResultSchema,
  },
};

const content = {
  text: careless({ type: fc.constant("text"), text: words, annotations, _meta: fc.constant({}) }),
  image: careless({
    type: fc.constant("image"),
    data: fc.constantFrom("AAAA", "AA==", "A", "AA=", "=", "_-__"),
    mimeType: words,
  }),
  link: careless({ type: fc.constant("resource_link"), uri, name: words, size: fc.nat() }),
  resource: careless({
    type: fc.constant("resource"),
    resource: careless({
      uri,
      text: words,
      blob: fc.constantFrom("AAAA", "AA==", "A", "AA=", "=", "_-__"),
      mimeType: words,
    }),
  }),
  vendor: careless({ type: fc.constant("vendor/block"), text: words }),
};
const block = fc.oneof(...Object.values(content));

/** Answers to calls. */
const answers = {
  "tools/call": {
    result: careless({
      content: fc.array(block),
      structuredContent: fc.constant({ a: null }),
      isError: fc.boolean(),
      _meta: fc.constant({}),
    }),
    taken: sdkOne.CallToolResultSchema,
  },
  "prompts/get": {
    result: careless({
      description: words,
      messages: fc.array(
        careless({ role: fc.constantFrom("user", "assistant"), content: block }),
      ),
      _meta: fc.constant({}),
    }),
    taken: sdkOne.GetPromptResultSchema,
  },
  "resources/read": {
    result: careless({
      contents: fc.array(
        careless({
          uri,
          text: words,
          blob: fc.constantFrom("AAAA", "AA==", "A", "AA=", "=", "_-__"),
          mimeType: words,
        }),
      ),
      _meta: fc.constant({}),
    }),
    taken: sdkOne.ReadResourceResultSchema,
  },
};

/** What a client of the latest handshake revision gets of a server's result; undefined: an error. */
function relayed(method: string, result: unknown): JsonObject | undefined {
  const decoded = legacy.upstream.decodeResult(method, result);
  if (decoded.kind !== "ok" || decoded.value.kind !== "result") return undefined;
  const value = withSoundResult(method, decoded.value.value, { uri: "a://asked" });
  return legacy.client.encodeResult(method, resultOf(value), client(latestRevision));
}

/** A server's list as a client gets it: with sound schemas, and in pages of the gateway's own. */
function listed(method: string, key: string, result: JsonObject): unknown {
  const { nextCursor: _, ...list } = relayed(method, result) ?? {};
  if (key !== "tools") return list;
  const tools = (list.tools ?? []) as readonly JsonObject[];
  return { ...list, tools: tools.map((tool) => correctSchemas(tool, limits).tool) };
}

describe(`envelopes (seed ${seed})`, () => {
  for (const [method, { key, item, taken }] of Object.entries(lists)) {
    test(`${method}: whatever a server lists, a client takes the list`, () => {
      check(fc.property(fc.array(fc.oneof(item, odd)), mostly(fc.string()), (items, nextCursor) => {
        const result = listed(method, key, { [key]: items, nextCursor });
        expect(taken.safeParse(result).error).toBeUndefined();
      }));
    });
  }

  test("tools/list: every output schema that a client gets compiles", () => {
    const { item } = lists["tools/list"];
    check(fc.property(fc.array(item, { maxLength: 3 }), (tools) => {
      const validator = new AjvJsonSchemaValidator();
      const { tools: given } = listed("tools/list", "tools", { tools }) as { tools: JsonObject[] };
      for (const { outputSchema } of given) {
        if (outputSchema !== undefined) validator.getValidator(outputSchema as never);
      }
    }));
  });

  for (const [method, { result, taken }] of Object.entries(answers)) {
    test(`${method}: whatever a server answers, a client takes it, or an error`, () => {
      check(fc.property(result, (value) => {
        const given = relayed(method, value);
        if (given !== undefined) expect(taken.safeParse(given).error).toBeUndefined();
      }));
    });
  }

  test("a member of the envelope that is null is as if it were absent", () => {
    const nulls = fc.subarray(["params", "result", "error", "method"]);
    const kinds = [
      { id: 1, method: "tools/list" },
      { method: "notifications/x" },
      { id: 1, result: {} },
      { id: 1, error: { code: -1, message: "m" } },
    ];
    check(fc.property(fc.constantFrom(...kinds), nulls, (kind, absent) => {
      const plain = { jsonrpc: "2.0", ...kind };
      const odd = { ...Object.fromEntries(absent.map((name) => [name, null])), ...plain };
      expect(toMessage(odd, limits)).toEqual(toMessage(plain, limits));
    }));
  });
});
