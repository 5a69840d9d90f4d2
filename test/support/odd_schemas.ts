/**
 * Schemas as careless servers write them, each with what becomes of it as an output schema: it stays,
 * is corrected (to this), or is lost. Tests show that every validator of a client compiles what is
 * left, and that some validator refuses what is lost.
 */
import type { JsonObject } from "../../src/model.ts";

/** What becomes of a schema. */
export type Fate = "stays" | "lost" | { readonly becomes: JsonObject };

/** One schema; `why` says what is wrong where no validator of the tests refuses it at once. */
export interface OddSchema {
  readonly schema: JsonObject;
  readonly fate: Fate;
  readonly why?: string;
}

/** An object with one property. */
const within = (a: unknown): JsonObject => ({ type: "object", properties: { a } });
const withDefs = ($defs: JsonObject, a: unknown): JsonObject => ({ $defs, ...within(a) });
const parsed = (text: string): JsonObject => JSON.parse(text);
const text = { type: "string" };
const lost = (schema: JsonObject, why?: string): OddSchema => ({
  schema,
  fate: "lost",
  ...(why === undefined ? {} : { why }),
});
const stays = (schema: JsonObject): OddSchema => ({ schema, fate: "stays" });
const becomes = (schema: JsonObject, other: JsonObject): OddSchema => ({
  schema,
  fate: { becomes: other },
});

const draft = (name: string) => `http://json-schema.org/draft-${name}/schema#`;
const draft2020 = "https://json-schema.org/draft/2020-12/schema";

/** A chain of schemas, each of which refers to the next one and at last to the first one. */
function chain(length: number): JsonObject {
  const link = (at: number) => within({ $ref: `#/$defs/d${(at + 1) % length}` });
  const links = Array.from({ length }, (_, at) => [`d${at}`, link(at)]);
  return withDefs(Object.fromEntries(links), { $ref: "#/$defs/d0" });
}

/** One schema of many parts that many properties refer to. */
function repeated(parts: number, times: number): JsonObject {
  const big = { anyOf: Array.from({ length: parts }, (_, at) => ({ const: at })) };
  const properties = Array.from({ length: times }, (_, at) => [`p${at}`, { $ref: "#/$defs/big" }]);
  return { type: "object", $defs: { big }, properties: Object.fromEntries(properties) };
}

/** All of them, by the kind of mistake. */
export const oddSchemas: Readonly<Record<string, OddSchema>> = {
  "a reference to a missing definition": lost(within({ $ref: "#/$defs/Screen" })),
  "a reference to another document": lost(within({ $ref: "https://a.example/b.json" })),
  "a reference to a file": lost(within({ $ref: "./common.json#/definitions/x" })),
  "a reference to the schema of schemas": lost(within({ $ref: draft("07") })),
  "a reference to a name that nothing has": lost(within({ $ref: "#missing" })),
  "a reference with broken escapes": lost(withDefs({ "a%b": text }, { $ref: "#/$defs/a%b" })),
  "a reference to a value that is no schema": lost(
    { title: "x", ...within({ $ref: "#/title" }) },
    "jsonschema fails on it when it is followed",
  ),
  "a reference to a list": lost(
    { type: "object", properties: { t: { enum: ["x"] }, a: { $ref: "#/properties/t/enum" } } },
    "jsonschema fails on it when it is followed",
  ),
  "a reference that is a number": lost(within({ $ref: 5 })),
  "a reference to itself": lost(within({ $ref: "#/properties/a" })),
  "two references to each other": lost(
    withDefs({ x: { $ref: "#/$defs/y" }, y: { $ref: "#/$defs/x" } }, { $ref: "#/$defs/x" }),
  ),
  "a schema that must fit itself": lost({ type: "object", allOf: [{ $ref: "#" }] }),
  "a schema that must fit itself on a way around": lost(
    withDefs({ x: { anyOf: [text, { not: { $ref: "#/$defs/x" } }] } }, { $ref: "#/$defs/x" }),
  ),
  "a reference to what has a wrong type under a keyword of OpenAPI": lost({
    components: { schemas: { X: { type: "any" } } },
    ...within({ $ref: "#/components/schemas/X" }),
  }),
  "references in a chain of hundreds": lost(
    chain(400),
    "engines with a small stack fail on it",
  ),
  "one large schema that is repeated": lost(repeated(100, 60), "it takes seconds to compile"),
  "thousands of properties": lost(
    {
      type: "object",
      properties: Object.fromEntries(Array.from({ length: 6_000 }, (_, at) => [`p${at}`, {}])),
    },
    "it takes seconds to compile once its properties say anything",
  ),

  "a type that does not exist": lost(within({ type: "any" })),
  "a type in capitals": lost(within({ type: "String" })),
  "types of which one does not exist": lost(within({ type: ["string", "file"] })),
  "no type at all": lost(within({ type: [] })),
  "a type that is a schema": lost(within({ type: { type: "string" } })),
  "a bound that is a text": lost(within({ minimum: "0" })),
  "a length that is a text": lost(within({ type: "string", minLength: "1" })),
  "a length below 0": lost(within({ minLength: -1 })),
  "a length with a fraction": lost(within({ maxLength: 1.5 })),
  "a multiple of 0": lost(within({ multipleOf: 0 })),
  "an empty enumeration": lost(within({ enum: [] })),
  "an enumeration that is a text": lost(within({ enum: "a, b" })),
  "a required property that says so itself": lost(within({ type: "string", required: true })),
  "required properties as a text": lost(within({ type: "object", required: "a" })),
  "required properties as objects": lost(within({ type: "object", required: [{}] })),
  "items as a text": lost(within({ type: "array", items: "string" })),
  "a property that is a text": lost(within({ type: "object", properties: { b: "string" } })),
  "properties as a list": lost(within({ type: "object", properties: [{ name: "b" }] })),
  "additional properties as a text": lost(within({ additionalProperties: "false" })),
  "unique items as a text": lost(within({ uniqueItems: "true" })),
  "alternatives as an object": lost(within({ anyOf: { a: text } })),
  "no alternatives": lost(within({ oneOf: [] })),
  "alternatives with a name in between": lost(within({ oneOf: [text, "null"] })),
  "alternatives with null in between": lost(within({ anyOf: [text, null] })),
  "a negation that is a list": lost(within({ not: [text] })),
  "a condition that is a text": lost(within({ if: "x" })),
  "dependencies as a text": lost(within({ dependentRequired: { a: "b" } })),
  "older dependencies as a text": lost(within({ dependencies: { a: "b" } })),
  "a format that is a number": lost(within({ format: 5 })),
  "a format with the name of what objects inherit": lost(
    within({ type: "string", format: "__proto__" }),
    "client 2.x fails when it checks a value",
  ),
  "a wrong type under a property's inherited name": lost(
    parsed('{"type":"object","properties":{"constructor":{"type":"any"}}}'),
  ),
  "a list of schemas as items in a dialect without such": lost({
    $schema: draft2020,
    ...within({ items: [text] }),
  }),

  "flags in a pattern (PCRE, Java, .NET, Go)": lost(within({ pattern: "^(?i)x$" })),
  "flags of a group in a pattern, which older engines lack": lost(
    within({ pattern: "^(?i:x)$" }),
    "engines since 2025 take it",
  ),
  "a name twice in a pattern, which older engines lack": lost(
    within({ pattern: "(?<y>a)|(?<y>b)" }),
    "engines since 2025 take it",
  ),
  "anchors in a pattern (Ruby, Python)": lost(within({ pattern: "\\Ax\\Z" })),
  "a possessive pattern": lost(within({ pattern: "a++" })),
  "an atomic group in a pattern": lost(within({ pattern: "(?>a+)b" })),
  "a named group of Python": lost(within({ pattern: "(?P<year>\\d+)" })),
  "a class of POSIX (Java)": lost(within({ pattern: "^\\p{IsAlphabetic}$" })),
  "an escaped hyphen in a pattern": lost(within({ pattern: "^a\\-b$" })),
  "a hyphen after a class in a pattern": lost(within({ pattern: "^[\\w-.]+$" })),
  "a pattern that is not closed": lost(within({ pattern: "(" })),
  "a pattern that is a number": lost(within({ pattern: 5 })),
  "a pattern with delimiters and flags": stays(within({ pattern: "/^a$/i" })),
  "a pattern of another dialect as a property's name": lost(
    within({ patternProperties: { "(?i)x": text } }),
  ),
  "a pattern as JavaScript has it": stays(
    within({ pattern: "^(?:\\p{L}|(?<year>\\d{4})|[(?i:x)])(?=a)(?<!b)\\(?:x$" }),
  ),

  "two schemas of one name": lost(withDefs({ a: { $id: "x", ...text }, b: { $id: "x" } }, {})),
  "two schemas of one anchor": lost(
    withDefs({ a: { $anchor: "x", ...text }, b: { $anchor: "x" } }, {}),
  ),
  "names of the schema and its parts": becomes(
    {
      $id: "https://a.example/root.json",
      $defs: {
        a: { $anchor: "x", ...text },
        b: { $id: "b.json", ...within({ $ref: "#/$defs/c" }), $defs: { c: text } },
      },
      type: "object",
      properties: {
        p: { $ref: "#x" },
        q: { $ref: "b.json" },
        r: { $ref: "https://a.example/root.json#/$defs/a" },
        s: { $ref: "b.json#/properties/a" },
      },
    },
    {
      $defs: { a: text, b: { ...within({ $ref: "#/$defs/b/$defs/c" }), $defs: { c: text } } },
      type: "object",
      properties: {
        p: { $ref: "#/$defs/a" },
        q: { $ref: "#/$defs/b" },
        r: { $ref: "#/$defs/a" },
        s: { $ref: "#/$defs/b/properties/a" },
      },
    },
  ),
  "a part that contains itself by its name": becomes(
    within({ $id: "T0", ...within({ type: "array", items: { $ref: "T0" } }) }),
    within(within({ type: "array", items: { $ref: "#/properties/a" } })),
  ),
  "a name of draft 7 for a part": becomes(
    withDefs({ x: { $id: "#foo", ...text } }, { $ref: "#foo" }),
    withDefs({ x: text }, { $ref: "#/$defs/x" }),
  ),
  "a dynamic reference": stays({
    $dynamicAnchor: "node",
    ...within({ type: "array", items: { $dynamicRef: "#node" } }),
  }),
  "anchors": stays(
    withDefs({ x: { $anchor: "address", ...text }, y: { $dynamicAnchor: "b" } }, {
      $ref: "#address",
    }),
  ),
  "an anchor that is no name": becomes(
    withDefs({ x: { $anchor: "1 x", ...text } }, { $ref: "#/$defs/x" }),
    withDefs({ x: text }, { $ref: "#/$defs/x" }),
  ),
  "a name that is a number": becomes({ $id: 5, ...within({ $anchor: 5 }) }, within({})),
  "a dynamic reference to two schemas": lost(
    withDefs(
      { x: { $dynamicAnchor: "n" }, y: { $id: "y", $dynamicAnchor: "n" } },
      { $dynamicRef: "#n" },
    ),
    "which one is meant depends on the way there",
  ),
  "a dynamic reference to nothing": lost(
    within({ $dynamicRef: "#nothing" }),
    "jsonschema fails on it when it is followed",
  ),
  "a recursive reference": stays(within({ type: "array", items: { $recursiveRef: "#" } })),
  "names under unknown keywords": becomes(
    { "x-a": { $id: "q" }, "x-b": [{ y: { $id: "q", z: 1 } }], ...within(text) },
    { "x-a": {}, "x-b": [{ y: { z: 1 } }], ...within(text) },
  ),
  "the name of draft 4": becomes({ id: "http://a.example/b", ...within(text) }, within(text)),
  "a flag of ajv": becomes({ $async: true, ...within(text) }, within(text)),

  "null for what is absent": becomes(
    {
      type: "object",
      properties: { a: { type: "string", enum: null, description: null, items: null }, b: null },
      required: null,
      additionalProperties: null,
      $defs: null,
    },
    within(text),
  ),
  "null as a value": stays(within({ default: null, enum: [null, "a"] })),
  "a constant of null": stays(within({ const: null })),
  "empty objects as PHP writes them": becomes(
    { $defs: [], ...within({ type: "array", items: [], properties: { b: [] } }) },
    { $defs: {}, ...within({ type: "array", items: {}, properties: { b: {} } }) },
  ),
  "a required property that is named twice": becomes(
    { ...within(text), required: ["a", "a"] },
    { ...within(text), required: ["a"] },
  ),
  "remarks of wrong types": becomes(
    within({ ...text, title: 5, examples: { a: 1 }, deprecated: "yes", $comment: [] }),
    within(text),
  ),
  "flags next to bounds, as in draft 4": becomes(
    {
      $schema: draft("04"),
      ...within({ minimum: 1, exclusiveMinimum: true, maximum: 5, exclusiveMaximum: false }),
    },
    within({ exclusiveMinimum: 1, maximum: 5 }),
  ),
  "a dialect that does not exist": becomes(
    { $schema: "https://a.example/dialect", ...within(text) },
    within(text),
  ),
  "a dialect that is a number": becomes({ $schema: 5, ...within(text) }, within(text)),
  "a list of schemas as items": becomes(within({ items: [text, {}] }), {
    ...within({ items: [text, {}] }),
    $schema: draft("07"),
  }),
  "a list of schemas as items, in draft 7": stays({
    $schema: draft("07"),
    ...within({ items: [text], additionalItems: false }),
  }),
  "draft 2019-09": stays({
    $schema: "https://json-schema.org/draft/2019-09/schema",
    ...within({ items: [text], unevaluatedProperties: false }),
  }),
  "OpenAPI's nullable next to a type": stays(within({ ...text, nullable: true })),
  "OpenAPI's nullable next to a reference": lost(
    withDefs({ x: text }, { $ref: "#/$defs/x", nullable: true }),
  ),
  "OpenAPI's nullable that says nothing": becomes(
    within({ nullable: false, const: "a" }),
    within({ const: "a" }),
  ),
  "OpenAPI's nullable against the type": becomes(
    within({ type: ["null", "string"], nullable: false }),
    within({ type: ["null", "string"] }),
  ),
  "an unknown format": stays(within({ type: "string", format: "uint-something" })),
  "a discriminator": stays(within({ oneOf: [text], discriminator: { propertyName: "t" } })),
  "keywords that do not exist": stays(
    within({ ...text, "x-order": 1, widget: "select", constructor: 5, toString: { a: 1 } }),
  ),
  "keywords of 2020-12": stays({
    $schema: draft2020,
    ...within({
      prefixItems: [text],
      items: false,
      contains: {},
      minContains: 0,
      dependentRequired: { a: ["b"] },
      dependentSchemas: { a: true },
      unevaluatedItems: false,
      if: text,
      then: { minLength: 1 },
      propertyNames: { pattern: "^a" },
    }),
  }),
  "properties with the names of keywords": stays({
    type: "object",
    properties: { $id: text, $ref: text, type: text, id: text, required: text },
    required: ["$id"],
  }),
  "schemas that contain themselves": stays(
    withDefs(
      { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
      { $ref: "#/$defs/node" },
    ),
  ),
  "references by every spelling": stays({
    $defs: { "a b": text, "P[I]": text, "R<T>": text, "a/b": text, "ä": text, "c~d": text },
    type: "object",
    properties: {
      a: { $ref: "#/$defs/a b" },
      b: { $ref: "#/$defs/a%20b" },
      c: { $ref: "#/$defs/P[I]" },
      d: { $ref: "#/$defs/R<T>" },
      e: { $ref: "#/$defs/a~1b" },
      f: { $ref: "#/$defs/ä" },
      g: { $ref: "#/$defs/c~0d" },
      h: { $ref: "#/properties/a", description: "beside" },
    },
  }),
  "a reference to another part of the schema": stays({
    components: { schemas: { X: within({ $ref: "#/components/schemas/Y" }), Y: true } },
    ...within({ $ref: "#/components/schemas/X" }),
  }),
  "definitions in a chain of a hundred": stays(chain(100)),
  "an alternative as the root": stays({
    type: "object",
    oneOf: [within(text), { required: ["b"] }],
  }),
};
