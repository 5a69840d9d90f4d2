/** Forms made from JSON Schemas: which fields they have, and what a filled-in form sends. */
import { describe, expect, test } from "bun:test";
import { hintOf, readField, stateOf } from "../../../src/page/form_values.js";
import { type Field, formOf } from "../../../src/page/schema_form.js";

type Json = Readonly<Record<string, unknown>>;

const object = (properties: Json, required: readonly string[] = []): Json => ({
  type: "object",
  properties,
  required,
});

/** The fields of a form of an object, by key. */
function fieldsOf(schema: Json): Readonly<Record<string, Field>> {
  const form = formOf(schema);
  if (form.kind !== "object") throw new Error(`The form is of the kind ${form.kind}`);
  return Object.fromEntries(form.fields.map((field) => [field.key, field]));
}

const kindsOf = (properties: Json) =>
  Object.fromEntries(
    Object.entries(fieldsOf(object(properties))).map(([key, field]) => [key, field.kind]),
  );

/** What a form sends after some members were filled in. */
function sent(schema: Json, filled: Json) {
  const form = formOf(schema);
  const state = stateOf(form) as Record<string, unknown>;
  return readField(form, { ...state, ...filled } as never);
}

describe("a form", () => {
  test("has a field for each type that one can show", () => {
    expect(kindsOf({
      text: { type: "string" },
      number: { type: "number" },
      whole: { type: "integer" },
      flag: { type: "boolean" },
      choice: { enum: ["a", "b"] },
      only: { const: 7 },
      part: object({ inner: { type: "string" } }),
      tags: { type: "array", items: { type: "string" } },
    })).toEqual({
      text: "string",
      number: "number",
      whole: "integer",
      flag: "boolean",
      choice: "choice",
      only: "choice",
      part: "object",
      tags: "list",
    });
  });

  test("asks for JSON where no field can show a type", () => {
    expect(
      new Set(Object.values(kindsOf({
        anything: {},
        free: { type: "object", additionalProperties: true },
        either: { anyOf: [{ type: "string" }, { type: "number" }] },
        both: { type: ["string", "number"] },
        nested: { type: "array", items: { type: "array", items: { type: "string" } } },
        objects: { type: "array", items: object({ a: { type: "string" } }) },
        wrong: { type: "nonsense" },
        none: null,
      }))),
    ).toEqual(new Set(["json"]));
  });

  test("takes a schema or nothing as the type that it is", () => {
    expect(kindsOf({
      pydantic: { anyOf: [{ type: "integer" }, { type: "null" }], default: null },
      older: { type: ["boolean", "null"] },
    })).toEqual({ pydantic: "integer", older: "boolean" });
  });

  test("follows references within the schema, and asks for JSON where they go in circles", () => {
    const schema = {
      ...object({ unit: { $ref: "#/$defs/unit" }, tree: { $ref: "#/$defs/tree" } }),
      $defs: {
        unit: { enum: ["m", "ft"], title: "Unit" },
        tree: { $ref: "#/$defs/tree" },
      },
    };
    const { unit, tree } = fieldsOf(schema);
    expect(unit).toMatchObject({ kind: "choice", label: "Unit" });
    expect(tree?.kind).toBe("json");
  });

  test("of a schema that contains itself ends", () => {
    const node = object({ name: { type: "string" }, next: { $ref: "#/$defs/node" } });
    const depthOf = (field: Field | undefined): number =>
      field?.kind === "object" ? 1 + depthOf(field.fields.find(({ key }) => key === "next")) : 0;
    expect(depthOf(formOf({ ...node, $defs: { node } }))).toBeLessThan(10);
  });

  test("of a schema with very many fields is one field for JSON", () => {
    const many = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`f${index}`, { type: "string" }]),
    );
    expect(formOf(object(many)).kind).toBe("json");
  });

  test("shows titles of choices, and says what a field expects", () => {
    const { size, count } = fieldsOf(object({
      size: { oneOf: [{ const: "s", title: "Small" }, { const: "l", title: "Large" }] },
      count: { type: "integer", minimum: 1, maximum: 9 },
    }));
    expect(size?.kind === "choice" && size.options.map(({ label }) => label)).toEqual([
      "Small",
      "Large",
    ]);
    expect(hintOf(count as Field)).toBe("integer, 1 to 9");
  });
});

describe("a filled-in form", () => {
  const schema = object({
    text: { type: "string", minLength: 2 },
    count: { type: "integer", minimum: 1, default: 3 },
    flag: { type: "boolean" },
    choice: { enum: ["a", 2, null] },
    tags: { type: "array", items: { type: "number" }, maxItems: 2 },
    part: object({ inner: { type: "string" }, more: { type: "string" } }, ["inner"]),
    free: {},
  }, ["text"]);

  test("sends defaults and what was filled in, and leaves out what is empty", () => {
    expect(sent(schema, { text: "hello" })).toEqual({
      value: { text: "hello", count: 3 },
      problems: [],
    });
  });

  test("sends every kind of value as its type", () => {
    const filled = {
      text: "hello",
      count: "7",
      flag: "false",
      choice: "1",
      tags: ["1.5", "-2"],
      part: { inner: "x", more: "" },
      free: '{"a": [1]}',
    };
    expect(sent(schema, filled).value).toEqual({
      text: "hello",
      count: 7,
      flag: false,
      choice: 2,
      tags: [1.5, -2],
      part: { inner: "x" },
      free: { a: [1] },
    });
  });

  test("says at each field what is wrong", () => {
    const filled = {
      text: "",
      count: "0",
      tags: ["1", "x"],
      part: { inner: "", more: "y" },
      free: "{",
    };
    expect(sent(schema, filled).problems).toEqual([
      { path: "text", message: "Required" },
      { path: "count", message: "At least 1" },
      { path: "tags.1", message: "A number is expected" },
      { path: "part.inner", message: "Required" },
      { path: "free", message: expect.stringContaining("This is not JSON") },
    ]);
    expect(sent(schema, { text: "x" }).problems).toEqual([
      { path: "text", message: "At least 2 characters" },
    ]);
    expect(sent(schema, { text: "hello", count: "2.5" }).problems).toEqual([
      { path: "count", message: "A whole number is expected" },
    ]);
    expect(sent(schema, { text: "hello", tags: ["1", "2", "3"] }).problems).toEqual([
      { path: "tags", message: "At most 2 items" },
    ]);
  });

  test("can be filled from a value, and then sends the same", () => {
    const value = { text: "hello", count: 4, choice: null, tags: [1], part: { inner: "x" } };
    const form = formOf(schema);
    expect(readField(form, stateOf(form, value)).value).toEqual(value);
  });

  test("takes member names that objects have anyway", () => {
    const odd = object(
      JSON.parse('{"__proto__": {"type": "string"}, "constructor": {"type": "string"}}'),
    );
    const state = stateOf(formOf(odd)) as Record<string, string>;
    state["__proto__"] = "a";
    state["constructor"] = "b";
    const { value } = readField(formOf(odd), state);
    expect(JSON.stringify(value)).toBe('{"__proto__":"a","constructor":"b"}');
  });
});
