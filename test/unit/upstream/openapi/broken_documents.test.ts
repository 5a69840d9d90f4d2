/**
 * Documents with something wrong somewhere: every value of a small one, in turn, replaced by what
 * is unexpected there. Whatever it is, either the document is refused with a sentence, or its tools
 * are whole.
 */
import { expect, test } from "bun:test";
import { Validator } from "@cfworker/json-schema";
import { GatewayError } from "../../../../src/errors.ts";
import type { JsonObject } from "../../../../src/model.ts";
import { createEngine } from "../../../../src/upstream/rest/engine.ts";
import { loadOpenApi } from "../../../../src/upstream/rest/openapi/load.ts";
import { openApiConfig } from "../../../support/openapi_load.ts";
import { createTestDeps } from "../../../support/upstream_deps.ts";
import { isThorough } from "../../../support/random.ts";

const schema = { $ref: "#/components/schemas/Pet" };
const modern: JsonObject = {
  openapi: "3.0.1",
  info: { title: "Pets", version: "1", description: "All about pets" },
  servers: [{ url: "https://{host}/v1", variables: { host: { default: "pets.example" } } }],
  security: [{ key: [] }],
  paths: {
    "/pets/{id}": {
      servers: [{ url: "https://pets.example/v2" }],
      parameters: [{ in: "path", name: "id", required: true, schema: { type: "integer" } }],
      put: {
        operationId: "change",
        summary: "Change",
        tags: ["pets"],
        deprecated: true,
        parameters: [
          { $ref: "#/components/parameters/size" },
          {
            in: "query",
            name: "j",
            content: { "application/json": { schema: { type: "object" } } },
          },
        ],
        requestBody: { required: true, content: { "application/json": { schema } } },
        responses: {
          200: {
            description: "Done",
            headers: { Link: { schema: { type: "string" } } },
            content: { "application/json": { schema: { type: "array", items: schema } } },
          },
        },
      },
    },
  },
  components: {
    parameters: {
      size: { in: "query", name: "size", style: "form", explode: false, schema: { type: "array" } },
    },
    securitySchemes: { key: { type: "apiKey", in: "header", name: "X-Key" } },
    schemas: {
      Pet: {
        type: "object",
        required: ["name"],
        anyOf: [{ required: ["name"] }, { required: ["parent"] }],
        properties: {
          name: { type: "string", nullable: true, enum: ["a", "b"], pattern: "^[ab]" },
          age: { type: "number", minimum: 0, exclusiveMinimum: true, example: 3 },
          parent: schema,
          more: { oneOf: [{ type: "string" }, { allOf: [schema] }] },
        },
        additionalProperties: false,
      },
    },
  },
};
const old: JsonObject = {
  swagger: "2.0",
  info: { title: "Pets", version: "1" },
  host: "pets.example",
  basePath: "/v1",
  schemes: ["https"],
  consumes: ["application/json"],
  produces: ["application/json"],
  paths: {
    "/pets": {
      post: {
        parameters: [
          { in: "body", name: "pet", schema: { $ref: "#/definitions/Pet" } },
          {
            in: "query",
            name: "tags",
            type: "array",
            items: { type: "string" },
            collectionFormat: "csv",
          },
          { $ref: "#/parameters/limit" },
        ],
        responses: { 200: { description: "ok", schema: { $ref: "#/definitions/Pet" } } },
      },
    },
  },
  parameters: { limit: { in: "query", name: "limit", type: "integer" } },
  definitions: {
    Pet: { type: "object", discriminator: "kind", properties: { kind: { type: "string" } } },
  },
  securityDefinitions: { key: { type: "apiKey", in: "query", name: "key" } },
};

const surprises: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  "",
  "constructor",
  [],
  [null],
  {},
  { $ref: "#" },
  { $ref: "#/paths" },
  { $ref: 1 },
  { toString: 1, __proto__: null },
];

/** Every so many of the variants are tried; a prime number, so that each surprise has its turn. */
const stride = isThorough ? 1 : 5;

/** The document with another value at each of its places, one at a time. */
function* variantsOf(
  document: JsonObject,
): Generator<{ readonly where: string; readonly text: string }> {
  const copy = structuredClone(document);
  function* visit(holder: JsonObject, trail: string): Generator<{ where: string; text: string }> {
    for (const [key, value] of Object.entries(holder)) {
      for (const surprise of surprises) {
        holder[key] = surprise;
        yield {
          where: `${trail}/${key} = ${JSON.stringify(surprise)}`,
          text: JSON.stringify(copy),
        };
      }
      holder[key] = value;
      if (typeof value === "object" && value !== null) {
        yield* visit(value as JsonObject, `${trail}/${key}`);
      }
    }
  }
  yield* visit(copy, "");
}

for (const [version, document] of Object.entries({ "3.0": modern, "2.0": old })) {
  test(
    `A document of version ${version} with one wrong value gives whole tools, or a sentence`,
    async () => {
      const base = await createTestDeps();
      let text = "";
      const deps = { ...base, runtime: { ...base.runtime, readText: async () => text } };
      const config = openApiConfig("/pets.json");
      const problems: string[] = [];
      const outcomes = { taken: 0, refused: 0 };
      for (const [index, variant] of [...variantsOf(document)].entries()) {
        if (index % stride !== 0) continue;
        text = variant.text;
        try {
          const service = await loadOpenApi(
            config,
            "/pets.json",
            deps,
            new AbortController().signal,
          );
          const { tools } = createEngine(config, service, deps);
          outcomes.taken += 1;
          for (const { name, description, inputSchema } of tools) {
            if (!/^[A-Za-z0-9_-]{1,64}$/.test(String(name))) {
              problems.push(`${variant.where}: ${name}`);
            }
            if (description === "") problems.push(`${variant.where}: no description`);
            new Validator(inputSchema as JsonObject, "2020-12").validate({ id: 1, name: "a" });
          }
        } catch (thrown) {
          outcomes.refused += 1;
          const isSentence = thrown instanceof GatewayError && thrown.code !== "internal";
          if (!isSentence) problems.push(`${variant.where}: ${thrown}`);
        }
      }
      expect(problems).toEqual([]);
      expect(outcomes.taken).toBeGreaterThan(100 / stride);
      expect(outcomes.refused).toBeGreaterThan(20 / stride);
    },
  );
}
