/**
 * Output schemas of every kind, as clients see them: an invalid one would cost a client all other
 * tools, and an answer that does not match is an error there.
 */
import { afterEach, expect, test } from "bun:test";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import type { JsonObject } from "../../../../src/model.ts";
import { createApis, operation } from "../../../support/api_server.ts";

const apis = createApis();
afterEach(apis.closeAll);

type Schema = Parameters<AjvJsonSchemaValidator["getValidator"]>[0];

/** Calls a tool with this output schema, and has a client's library check what it gives. */
async function check(outputSchema: JsonObject, answer: string): Promise<JsonObject> {
  const api = await apis.open(
    { "/it": ({ send }) => send(200, answer, { "content-type": "application/json" }) },
    [operation({ name: "it", outputSchema })],
  );
  const listed = JSON.parse(JSON.stringify(api.engine.tools[0])).outputSchema as Schema;
  const { structuredContent } = await api.call("it");
  const received = JSON.parse(JSON.stringify(structuredContent));
  const { valid, errorMessage } = new AjvJsonSchemaValidator().getValidator(listed)(received);
  expect([valid, errorMessage]).toEqual([true, undefined]);
  return received;
}

test("a schema that clients cannot compile is listed without what they do not take", async () => {
  const wrong: readonly JsonObject[] = [
    { nullable: true },
    { type: "text" },
    { type: ["object", "map"] },
    { minimum: 0, exclusiveMinimum: true },
    { enum: [] },
    { required: true, properties: [], items: 5, allOf: {}, anyOf: [] },
    { multipleOf: 0, maxLength: -1, minItems: "1" },
    { $ref: "#/$defs/none" },
    { $ref: "#name" },
    { $ref: "#/%" },
    { $ref: "#" },
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
  ];
  for (const schema of wrong) expect((await check(schema, '{"a":1}'))["result"]).toEqual({ a: 1 });
});

test("what validators see differently is not promised", async () => {
  const one = { type: "string" };
  expect(await check({ properties: { constructor: one, toString: one } }, "{}"))
    .toEqual({ result: {} });
  expect(await check({ prefixItems: [one], items: { type: "number" } }, '["a",1]'))
    .toEqual({ result: ["a", 1] });
  expect(await check({ multipleOf: 0.1 }, "0.3")).toEqual({ result: 0.3 });
  expect(await check({ type: ["string", "null"] }, "1e400")).toMatchObject({ raw: Infinity });
});

test("what all see alike is promised, and an answer that does not keep it is given as it came", async () => {
  const schema = {
    type: "object",
    required: ["list"],
    properties: { list: { type: "array", items: { $ref: "#/$defs/one" } } },
    $defs: { one: { enum: ["a", "b"] } },
  };
  expect(await check(schema, '{"list":["a"]}')).toEqual({ result: { list: ["a"] } });
  expect(await check(schema, '{"list":["c"]}')).toMatchObject({ raw: { list: ["c"] } });
  expect(await check(schema, "{}")).toMatchObject({ raw: {} });
});
