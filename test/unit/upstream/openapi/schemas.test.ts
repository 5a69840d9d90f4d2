/** The schemas of arguments and answers: schemas of a document become self-contained ones. */
import { describe, expect, test } from "bun:test";
import { Validator } from "@cfworker/json-schema";
import type { JsonObject } from "../../../../src/model.ts";
import { documentWith, load, operationOf } from "../../../support/openapi_load.ts";

/** The schema of an argument whose document says this. */
async function argumentOf(schema: unknown, schemas: JsonObject = {}): Promise<JsonObject> {
  const parameters = [{ in: "query", name: "it", schema }];
  const { inputSchema } = await operationOf(
    documentWith({ parameters }, { components: { schemas } }),
  );
  const { it } = inputSchema["properties"] as { it: JsonObject };
  return inputSchema["$defs"] === undefined ? it : { ...it, $defs: inputSchema["$defs"] };
}

/** The schema of an answer whose document says this. */
async function answerOf(schema: unknown, more: JsonObject = {}) {
  const responses = { 200: { content: { "application/json": { schema } } } };
  return (await operationOf(documentWith({ responses }, more))).outputSchema;
}

/** A tree whose nodes hold nodes. */
const tree = {
  Node: {
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string" },
      children: { type: "array", items: { $ref: "#/components/schemas/Node" } },
    },
  },
};

describe("An argument's schema", () => {
  test("says in the words of 2020-12 what 3.0 says in its own", async () => {
    expect(
      await argumentOf({
        type: "object",
        properties: {
          a: { type: "string", nullable: true, example: "x" },
          b: { type: "string", enum: ["x"], nullable: true },
          c: {
            type: "number",
            minimum: 1,
            exclusiveMinimum: true,
            maximum: 9,
            exclusiveMaximum: false,
          },
          d: { allOf: [{ type: "string" }], nullable: true, description: "D" },
          e: { oneOf: [{ type: "string" }], nullable: true },
          f: { type: "array", items: [{ type: "string" }, { type: "integer" }] },
        },
      }),
    ).toEqual({
      type: "object",
      properties: {
        a: { type: ["string", "null"], examples: ["x"] },
        b: { type: ["string", "null"], enum: ["x", null] },
        c: { type: "number", exclusiveMinimum: 1, maximum: 9 },
        d: { anyOf: [{ allOf: [{ type: "string" }] }, { type: "null" }], description: "D" },
        e: { oneOf: [{ type: "string" }, { type: "null" }] },
        f: { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }] },
      },
    });
  });

  test("drops keywords with values that they cannot have, and all that is no keyword of it", async () => {
    expect(
      await argumentOf({
        type: "any",
        required: true,
        enum: "a,b",
        minimum: "1",
        maxLength: -1,
        pattern: "(",
        properties: { a: { type: ["string", "date"], pattern: "^a" }, b: true, c: "text" },
        $id: "http://elsewhere.example/",
        $anchor: "here",
        discriminator: { propertyName: "a" },
        xml: {},
        "x-more": 1,
      }),
    ).toEqual({ properties: { a: { type: "string", pattern: "^a" }, b: {}, c: {} } });
  });

  test("has what a reference stands for in its place, with the description beside it", async () => {
    const schemas = { Size: { type: "string", enum: ["s", "l"], description: "Any size" } };
    expect(await argumentOf({ $ref: "#/components/schemas/Size" }, schemas)).toEqual({
      type: "string",
      enum: ["s", "l"],
      description: "Any size",
    });
    expect(
      (await argumentOf({ $ref: "#/components/schemas/Size", description: "Of the cat" }, schemas))
        .description,
    ).toBe("Of the cat");
  });

  test("that contains itself refers to a definition, and can be checked by", async () => {
    const schema = await argumentOf({ $ref: "#/components/schemas/Node" }, tree);
    expect(schema["$ref"]).toBe("#/$defs/Node");
    expect(Object.keys(schema["$defs"] as object)).toEqual(["Node"]);
    const validator = new Validator(schema, "2020-12");
    expect(validator.validate({ name: "a", children: [{ name: "b" }] }).valid).toBe(true);
    expect(validator.validate({ name: "a", children: [{ name: 1 }] }).valid).toBe(false);
  });

  test("has nothing that only answers have, at any depth", async () => {
    const schema = {
      type: "object",
      required: ["id", "name"],
      properties: {
        id: { type: "integer", readOnly: true },
        name: { type: "string" },
        inner: { type: "object", properties: { at: { $ref: "#/components/schemas/At" } } },
      },
    };
    expect(await argumentOf(schema, { At: { type: "string", readOnly: true } })).toEqual({
      type: "object",
      required: ["name"],
      properties: { name: { type: "string" }, inner: { type: "object", properties: {} } },
    });
  });

  test("is cut at its depth when it would be too large, and then the operation is given up", async () => {
    const wide = (depth: number): JsonObject => ({
      type: "object",
      description: `Level ${depth}`,
      properties: depth === 0 ? {} : Object.fromEntries(
        ["a", "b", "c", "d", "e"].map((name) => [name, wide(depth - 1)]),
      ),
    });
    const parameters = [{ in: "query", name: "it", schema: wide(6) }];
    const { inputSchema } = await operationOf(documentWith({ parameters }));
    const text = JSON.stringify(inputSchema);
    expect(text.length).toBeLessThan(32 * 1024);
    expect(text).toContain("Level 3");
    expect(text).not.toContain("Level 0");
    const many = Array.from({ length: 600 }, (_, at) => ({
      in: "query",
      name: `parameter_${at}`,
      description: "Words, words, words. ".repeat(20),
    }));
    const { service } = await load(documentWith({ parameters: many }, {
      paths: { "/a": { get: { parameters: many } }, "/b": { get: {} } },
    }));
    expect(service.leftOut).toEqual([
      "GET /a: its arguments need more than 32768 characters of schema",
    ]);
  });

  test("is not made larger without end by schemas that use each other", async () => {
    const schemas = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`S${at}`, {
      type: "object",
      properties: Object.fromEntries(
        ["a", "b", "c"].map((name) => [name, { $ref: `#/components/schemas/S${at + 1}` }]),
      ),
    }]));
    const schema = await argumentOf({ $ref: "#/components/schemas/S0" }, { ...schemas, S40: {} });
    expect(JSON.stringify(schema).length).toBeLessThan(32 * 1024);
  });
});

describe("An answer's schema", () => {
  test("keeps little more than types, and allows null and less and more everywhere", async () => {
    const schema = await answerOf({
      type: "object",
      required: ["id"],
      additionalProperties: false,
      properties: {
        id: { type: "integer", minimum: 1, format: "int64" },
        kind: { type: "string", enum: ["cat"], pattern: "^c" },
        either: { oneOf: [{ type: "string" }, { type: "integer" }] },
        secret: { type: "string", writeOnly: true },
        tags: { type: "array", minItems: 1, items: { type: "string" } },
      },
    });
    expect(schema).toEqual({
      type: ["object", "null"],
      properties: {
        id: { type: ["number", "null"] },
        kind: { type: ["string", "null"] },
        either: { anyOf: [{ type: ["string", "null"] }, { type: ["number", "null"] }] },
        tags: { type: ["array", "null"], items: { type: ["string", "null"] } },
      },
    });
    const validator = new Validator(schema ?? {}, "2020-12");
    expect(validator.validate({ id: null, kind: "dog", more: 1, tags: [] }).valid).toBe(true);
    expect(validator.validate({ id: "one" }).valid).toBe(false);
  });

  test("may contain itself", async () => {
    const schema = await answerOf({ type: "array", items: { $ref: "#/components/schemas/Node" } }, {
      components: { schemas: tree },
    });
    const validator = new Validator(schema ?? {}, "2020-12");
    expect(validator.validate([{ name: null, children: [{ children: null }] }]).valid).toBe(true);
    expect(validator.validate([{ children: [{ name: 1 }] }]).valid).toBe(false);
  });

  test("is absent where it would be large, broken, or of no JSON", async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 500 }, (_, at) => [`member_${at}`, { type: "string" }]),
    );
    expect(await answerOf({ type: "object", properties })).toBe(undefined);
    expect(await answerOf({ $ref: "#/nowhere" })).toBe(undefined);
    const csv = { 200: { content: { "text/csv": { schema: { type: "string" } } } } };
    const operation = await operationOf(documentWith({ responses: csv }));
    expect(operation.outputSchema).toBe(undefined);
    expect(operation.produces).toEqual(["text/csv"]);
  });
});
