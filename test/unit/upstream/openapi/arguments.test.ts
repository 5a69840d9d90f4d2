/** Parameters and bodies of an OpenAPI operation as the arguments of one tool. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../../src/model.ts";
import {
  documentOf,
  documentWith,
  load,
  type LoadOptions,
  operationOf,
} from "../../../support/openapi_load.ts";

const text = { type: "string" };

/** An operation with a body of this media type and schema. */
const withBody = (mediaType: string, schema: JsonObject, more: JsonObject = {}) =>
  documentWith({ requestBody: { required: true, content: { [mediaType]: { schema } }, ...more } });

const argumentsOf = async (document: JsonObject, options: LoadOptions = {}) => {
  const { inputSchema, parameters, body, description } = await operationOf(document, options);
  return {
    description,
    names: Object.keys(inputSchema["properties"] as object),
    required: inputSchema["required"] ?? [],
    properties: inputSchema["properties"] as Record<string, JsonObject>,
    parameters,
    body,
  };
};

const leftOutOf = async (document: JsonObject) => {
  const paths = { ...document["paths"] as JsonObject, "/other": { get: {} } };
  return (await load({ ...document, paths })).service.leftOut;
};

describe("Parameters", () => {
  test("of the path hold for its methods, whose own win", async () => {
    const { properties, required } = await argumentsOf(documentOf({
      "/pets/{id}": {
        parameters: [
          { in: "path", name: "id", required: true, schema: { type: "integer" } },
          { in: "query", name: "size", schema: text },
        ],
        get: { parameters: [{ $ref: "#/components/parameters/size" }] },
      },
    }, {
      components: {
        parameters: {
          size: { in: "query", name: "size", schema: { type: "number" }, description: "How big" },
        },
      },
    }));
    expect(properties).toEqual({
      id: { type: "integer" },
      size: { type: "number", description: "How big" },
    });
    expect(required).toEqual(["id"]);
  });

  test("in the path are arguments even where the document forgets them, and nothing else is", async () => {
    const { names, required } = await argumentsOf(documentOf({
      "/a/{one}/{two}": { get: { parameters: [{ in: "path", name: "three", schema: text }] } },
    }));
    expect(names).toEqual(["one", "two"]);
    expect(required).toEqual(["one", "two"]);
  });

  test("are written as their style says, or as is usual for their place", async () => {
    const { parameters } = await argumentsOf(documentOf({
      "/{p}/{q}": {
        get: {
          parameters: [
            { in: "path", name: "p", required: true, style: "matrix", explode: true, schema: text },
            { in: "path", name: "q", required: true, style: "form", schema: text },
            { in: "query", name: "a", schema: { type: "array" } },
            { in: "query", name: "b", style: "pipeDelimited", schema: { type: "array" } },
            {
              in: "query",
              name: "c",
              style: "deepObject",
              explode: true,
              schema: { type: "object" },
            },
            {
              in: "query",
              name: "d",
              content: { "application/json": { schema: { type: "object" } } },
            },
            { in: "header", name: "X-Trace", schema: { type: "array" } },
            { in: "cookie", name: "e", schema: text },
          ],
        },
      },
    }));
    expect(parameters.map((one) => [one.wire, one.in, one.style, one.explode])).toEqual([
      ["p", "path", "matrix", true],
      ["q", "path", "simple", false],
      ["a", "query", "form", true],
      ["b", "query", "pipeDelimited", false],
      ["c", "query", "deepObject", true],
      ["d", "query", "json", false],
      ["X-Trace", "header", "simple", false],
      ["e", "cookie", "form", true],
    ]);
  });

  test("of one name in several places, and in the body, stay distinct", async () => {
    const parameters = ["header", "query", "path"].map((place) => ({ in: place, name: "id" }));
    const schema = { type: "object", properties: { id: text, id_query: text } };
    const { names, parameters: made, body } = await argumentsOf(documentOf({
      "/{id}": {
        put: { parameters, requestBody: { content: { "application/json": { schema } } } },
      },
    }));
    expect(names).toEqual(["id", "id_query", "id_header", "id_body", "id_query_body"]);
    expect(made.map(({ argument, wire, in: place }) => [argument, wire, place])).toEqual([
      ["id", "id", "path"],
      ["id_query", "id", "query"],
      ["id_header", "id", "header"],
    ]);
    expect(body?.members).toEqual({ id_body: "id", id_query_body: "id_query" });
  });

  test("with names that clients refuse get others, and say how they are sent", async () => {
    const wires = ["filter[name]", "$top", "名前", "x".repeat(80), "a.b-c_d"];
    const { names, properties } = await argumentsOf(documentWith({
      parameters: wires.map((name) => ({ in: "query", name, description: "Some" })),
    }));
    expect(names).toEqual(["filter_name", "top", "query", "x".repeat(55), "a.b-c_d"]);
    expect(properties["filter_name"]?.["description"]).toBe('Some Sent as "filter[name]".');
    expect(properties["a.b-c_d"]?.["description"]).toBe("Some");
  });

  test("that carry credentials, or say how the request is made, are no arguments", async () => {
    const { names } = await argumentsOf(
      documentWith({
        parameters: [
          ["query", "api_key"],
          ["header", "X-Api-Key"],
          ["cookie", "session"],
          ["header", "Authorization"],
          ["header", "Accept"],
          ["header", "Content-Type"],
          ["header", "Cookie"],
          ["header", "Host"],
          ["header", "X-Tenant"],
          ["query", "own_key"],
          ["query", "session"],
        ].map(([place, name]) => ({ in: place, name, required: true, schema: text })),
      }, {
        components: {
          securitySchemes: {
            a: { type: "apiKey", in: "query", name: "api_key" },
            b: { type: "apiKey", in: "header", name: "x-api-key" },
            c: { type: "apiKey", in: "cookie", name: "session" },
          },
        },
      }),
      {
        headers: { "x-tenant": "cats" },
        credentials: { type: "api_key", in: "query", name: "own_key", key: "k" },
      },
    );
    expect(names).toEqual(["session"]);
  });

  test("that cannot be written are left out with their operation when they are needed", async () => {
    const content = { "application/xml": {} };
    const optional = documentWith({ parameters: [{ in: "query", name: "x", content }] });
    expect((await argumentsOf(optional)).names).toEqual([]);
    const needed = documentWith({
      parameters: [{ in: "query", name: "x", required: true, content }],
    });
    expect(await leftOutOf(needed)).toEqual([
      'POST /it: it needs "x" as "application/xml", which cannot be written',
    ]);
    const broken = documentWith({ parameters: [{ in: "header", name: "a b\r\nc" }] });
    expect((await leftOutOf(broken))[0]).toContain("has an invalid name");
  });
});

describe("A body", () => {
  test("that is a JSON object gives its members as arguments, those of its parts too", async () => {
    const { properties, required, body, description } = await argumentsOf(
      withBody("application/json", {
        allOf: [
          { type: "object", required: ["name"], properties: { name: text } },
          {
            $ref: "#/paths/~1it/post/requestBody/content/application~1json/schema/definitions/More",
          },
        ],
        definitions: {
          More: {
            properties: { age: { type: "integer" }, id: { type: "integer", readOnly: true } },
          },
        },
        required: ["id"],
        anyOf: [{ required: ["name"] }, { required: ["age"] }],
      }),
    );
    expect(description).toBe("POST /it\n\nNeeds one of these: `name`; `age`.");
    expect(properties).toEqual({ name: text, age: { type: "integer" } });
    expect(required).toEqual(["name"]);
    expect(body).toEqual({
      mediaType: "application/json",
      required: true,
      members: { name: "name", age: "age" },
      defaults: {},
    });
  });

  test("that is anything else is one argument", async () => {
    for (
      const schema of [
        { type: "array", items: text },
        { oneOf: [{ type: "object", properties: { a: text } }, text] },
        { type: "object", additionalProperties: text },
        { type: "object" },
        {},
      ]
    ) {
      const { names, required, body } = await argumentsOf(withBody("application/json", schema));
      expect(names).toEqual(["body"]);
      expect(required).toEqual(["body"]);
      expect(body?.argument).toBe("body");
    }
    const document = withBody("text/plain", text);
    expect((await argumentsOf(document)).body).toEqual({
      mediaType: "text/plain",
      required: true,
      argument: "body",
      members: {},
      defaults: {},
    });
  });

  test("that may be absent needs none of its members", async () => {
    const schema = { type: "object", required: ["a"], properties: { a: text } };
    const { required } = await argumentsOf(
      withBody("application/json", schema, { required: false }),
    );
    expect(required).toEqual([]);
  });

  test("is written in the best of its media types", async () => {
    const schema = { type: "object", properties: { a: text } };
    const best = async (...types: string[]) => {
      const content = Object.fromEntries(types.map((type) => [type, { schema }]));
      return (await argumentsOf(documentWith({ requestBody: { content } }))).body?.mediaType;
    };
    const form = "application/x-www-form-urlencoded";
    expect(await best("text/plain", "multipart/form-data", form, "application/json")).toBe(
      "application/json",
    );
    expect(await best(form, "application/vnd.pets+json")).toBe("application/vnd.pets+json");
    expect(await best("application/xml", "application/json; charset=utf-8")).toBe(
      "application/json",
    );
    expect(await best("*/*")).toBe("application/json");
    expect(await best("text/plain", "multipart/form-data", form)).toBe(form);
    expect(await best("text/plain", "multipart/form-data")).toBe("multipart/form-data");
    expect(await best("application/xml", "text/csv")).toBe("text/csv");
    expect(await best("application/octet-stream")).toBe(undefined);
  });

  test("with files goes without them, or not at all", async () => {
    const file = { type: "string", format: "binary" };
    const properties = { note: text, file, files: { type: "array", items: file } };
    const { names } = await argumentsOf(
      withBody("multipart/form-data", { type: "object", properties }),
    );
    expect(names).toEqual(["note"]);
    expect(
      await leftOutOf(
        withBody("multipart/form-data", { type: "object", properties, required: ["file"] }),
      ),
    ).toEqual(['POST /it: it needs a file as "file", which cannot be sent']);
    expect(await leftOutOf(withBody("application/octet-stream", file))).toEqual([
      'POST /it: it needs a body of the type "application/octet-stream"',
    ]);
  });
});
