/** The form of a server's question, field by field, and what a person may type. */
import { expect, test } from "bun:test";
import { type FormField, readFields, readValue } from "../../../src/cli/form_fields.ts";

const fields = readFields({
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", title: "Your name", minLength: 2, maxLength: 5 },
    age: { type: "integer", minimum: 1, maximum: 150 },
    weight: { type: "number" },
    agreed: { type: "boolean", default: false },
    size: { type: "string", enum: ["s", "l"], enumNames: ["small", "large"] },
    colour: { type: "string", oneOf: [{ const: "r", title: "red" }, { const: "b" }] },
    days: { type: "array", items: { type: "string", enum: ["mon", "tue"] }, minItems: 1 },
  },
});

const typed = (key: string, text: string) => {
  const field = fields.find((one): one is FormField => one.key === key);
  if (field === undefined) throw new Error(key);
  const { value, problem } = { value: undefined, ...readValue(field, text) };
  return problem ?? value;
};

test("each kind of field takes its values", () => {
  expect(typed("name", " Ann ")).toBe("Ann");
  expect(typed("age", "42")).toBe(42);
  expect(typed("weight", "1.5")).toBe(1.5);
  expect([typed("agreed", "y"), typed("agreed", "No"), typed("agreed", "")])
    .toEqual([true, false, false]);
  expect([typed("size", "2"), typed("size", "s"), typed("size", "large")]).toEqual(["l", "s", "l"]);
  expect([typed("colour", "1"), typed("colour", "b")]).toEqual(["r", "b"]);
  expect(typed("days", "1, tue")).toEqual(["mon", "tue"]);
});

test("an empty line leaves out what is optional", () => {
  expect([typed("age", ""), typed("size", " ")]).toEqual([undefined, undefined]);
  expect(typed("name", "")).toBe("A value is needed");
});

test("what does not fit is asked again, with the reason", () => {
  expect(typed("name", "A")).toBe("Expected at least 2 characters");
  expect(typed("name", "Annabel")).toBe("Expected at most 5 characters");
  expect([typed("age", "x"), typed("age", "1.5"), typed("age", "0")])
    .toEqual(["Expected a number", "Expected a whole number", "Expected at least 1"]);
  expect(typed("agreed", "maybe")).toBe("Expected y or n");
  expect([typed("size", "3"), typed("days", "1, wed")])
    .toEqual(["Expected a number from 1 to 2", "Expected a number from 1 to 2"]);
});

test("a schema that is none has no fields", () => {
  for (const schema of [undefined, null, 1, {}, { properties: [] }]) {
    expect(readFields(schema)).toEqual([]);
  }
});
