/**
 * Documents that were written to block the gateway: small to read, and endless for a careless
 * reader. Each is accepted or refused within the time of its test.
 */
import { expect, test } from "bun:test";
import type { JsonObject } from "../../../../src/model.ts";
import { documentOf, documentWith, load, refusalOf } from "../../../support/openapi_load.ts";

const million = 1_000_000;

test("long rows of one character in names and URLs", async () => {
  const row = (character: string) => `x${character.repeat(million)}x`;
  const { service } = await load(documentOf(
    {
      "/a": { get: { operationId: row("_") } },
      "/b": { get: { operationId: "b", parameters: [{ in: "query", name: row("_") }] } },
    },
    {
      servers: [{ url: `https://pets.example/${row("/")}` }],
      security: [{ open: [] }],
      components: {
        securitySchemes: {
          open: {
            type: "openIdConnect",
            openIdConnectUrl: `https://pets.example${"/.well-known/".repeat(million / 10)}\n`,
          },
        },
      },
    },
  ));
  expect(service.operations[0]?.name).toMatch(/^x_+_[0-9a-f]{8}$/);
});

test("a summary that is looked for in a description that nearly has it", async () => {
  const half = "a".repeat(million / 2);
  const { service } = await load(documentWith({
    summary: `${half}b${half}`,
    description: half.repeat(8),
  }));
  expect(service.operations[0]?.description.length).toBe(4096);
});

test("many names that would meet", async () => {
  const parameters = Array.from({ length: 20_000 }, (_, at) => ({
    in: "query",
    name: String.fromCodePoint(0x4e00 + at),
  }));
  expect(await refusalOf(load(documentWith({ parameters })))).toContain("its arguments need more");
});

test("many ways to fill a body, of which few are listed", async () => {
  const names = Array.from({ length: 1_000 }, (_, at) => `m${at}`);
  const schema: JsonObject = {
    properties: Object.fromEntries(names.map((name) => [name, {}])),
    anyOf: Array.from({ length: 200_000 }, () => ({ required: ["m999"] })),
  };
  const content = { "application/json": { schema } };
  const { service } = await load(documentWith({ requestBody: { content } }));
  expect(service.operations[0]?.description).toMatch(/Needs one of these: `m999`; .*…$/);
});

/** A document whose body is the first of these schemas. */
function bodyOf(type: string, schemas: JsonObject): JsonObject {
  const [first] = Object.keys(schemas);
  const content = { [type]: { schema: { $ref: `#/components/schemas/${first}` } } };
  return documentWith({ requestBody: { content } }, { components: { schemas } });
}

const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });

test("parts of parts of a body, each many times", async () => {
  const levels = Array.from({ length: 8 }, (_, at): [string, JsonObject] => [
    `l${at}`,
    { allOf: Array.from({ length: 20 }, () => refTo(`l${at + 1}`)) },
  ]);
  const last = { properties: { x: { type: "string" } } };
  const schemas = { ...Object.fromEntries(levels), l8: last };
  const { service } = await load(bodyOf("application/json", schemas));
  const properties = service.operations[0]?.inputSchema["properties"];
  expect(Object.keys(properties as JsonObject)).toEqual(["body"]);
});

test("a field of a form that is a list of itself", async () => {
  const schemas = {
    Form: { properties: { x: refTo("List") } },
    List: { type: "array", items: refTo("List") },
  };
  const { service } = await load(bodyOf("multipart/form-data", schemas));
  const properties = service.operations[0]?.inputSchema["properties"];
  expect(Object.keys(properties as JsonObject)).toEqual(["x"]);
});

test("a chain of references that is longer than the stack", async () => {
  const chain = Array.from({ length: 20_000 }, (_, at): [string, JsonObject] => [
    `c${at}`,
    { type: "object", properties: { x: refTo(`c${at + 1}`) } },
  ]);
  const schemas = { ...Object.fromEntries(chain), c20000: {} };
  const { service } = await load(bodyOf("application/json", schemas));
  const [operation] = service.operations;
  expect(Object.keys(operation?.inputSchema["properties"] as JsonObject)).toEqual(["x"]);
});

test("what steers terminals or cannot be seen is in no text of a tool", async () => {
  const hidden = "\x1b[31m\x07\u202e\u200b\u2066\u{e0041}\x7f";
  const { service } = await load(documentOf({
    "/it": {
      get: {
        operationId: "it",
        summary: `${hidden}Looks`,
        description: `Line\n\tline ${hidden}👩‍👧 می‌خواهم`,
        parameters: [{ in: "query", name: "a", description: `${hidden}An argument` }],
      },
    },
  }, { info: { title: `${hidden}Pets`, version: "1", description: hidden } }));
  const [operation] = service.operations;
  expect(service.title).toBe("[31mPets");
  expect(service.instructions).toBe("[31m");
  expect(operation?.title).toBe("[31mLooks");
  expect(operation?.description).toBe("[31mLooks\n\nLine\n\tline [31m👩‍👧 می‌خواهم");
  expect(JSON.stringify(operation?.inputSchema)).toContain('"[31mAn argument"');
});
