/**
 * Reading OpenAPI documents: formats, versions, references, and hostile texts.
 */
import { describe, expect, test } from "bun:test";
import {
  documentOf,
  documentWith,
  load,
  loadAt,
  operationOf,
  pet,
  refersTo,
  refusalOf,
} from "../../../support/openapi_load.ts";

const yaml = `
openapi: 3.0
info: {title: Pets, version: "1"}
servers: [{url: https://pets.example}]
paths:
  /pets: {get: {operationId: pets, responses: {}}}
`;

describe("An OpenAPI document", () => {
  test("may be JSON or YAML, whatever its file is called, with or without a byte order mark", async () => {
    for (
      const text of [yaml, `\ufeff${yaml}`, JSON.stringify(documentOf({ "/pets": { get: {} } }))]
    ) {
      const { service } = await load(text);
      expect(service.operations.map(({ method, path }) => `${method} ${path}`)).toEqual([
        "GET /pets",
      ]);
    }
  });

  test("of version 2.0 is converted, with its host, its parameters and its body", async () => {
    const operation = await operationOf({
      swagger: "2.0",
      info: { title: "Old", version: "1" },
      host: "old.example",
      basePath: "/v1",
      schemes: ["http", "https"],
      paths: {
        "/pets": {
          post: {
            operationId: "add",
            parameters: [
              { in: "query", name: "tags", type: "array", items: { type: "string" } },
              { in: "body", name: "pet", required: true, schema: { $ref: "#/definitions/Pet" } },
            ],
            responses: { 200: { schema: { $ref: "#/definitions/Pet" } } },
          },
        },
      },
      definitions: {
        Pet: {
          type: "object",
          required: ["name"],
          properties: { name: { type: "string", "x-nullable": true } },
        },
      },
    });
    expect(operation.inputSchema).toEqual({
      type: "object",
      properties: {
        tags: { type: "array", items: { type: "string" } },
        name: { type: ["string", "null"] },
      },
      required: ["name"],
    });
    expect(operation.parameters[0]?.explode).toBe(false);
    expect(operation.body?.mediaType).toBe("application/json");
    expect(operation.outputSchema?.["properties"]).toEqual({ name: { type: ["string", "null"] } });
  });

  test("of another version, or none at all, is refused with a sentence", async () => {
    expect(await refusalOf(load({ openapi: "4.0.0", paths: {} }))).toContain(
      'its version is "4.0.0"; expected OpenAPI 3.0, 3.1 or 2.0',
    );
    expect(await refusalOf(load({ hello: "world" }))).toContain('"openapi" must say its version');
    expect(await refusalOf(load("just words"))).toContain("it must be an object");
    expect(await refusalOf(load("[]"))).toContain("it must be an object");
    expect(await refusalOf(load("{ not: [closed"))).toContain("neither JSON nor YAML");
    expect(await refusalOf(load(""))).toContain("Cannot take");
    expect(await refusalOf(loadAt("/nowhere/api.yaml"))).toBe(
      'Cannot read the file "api.yaml": there is no such file',
    );
  });

  test("that is too large is refused", async () => {
    expect(await refusalOf(load(yaml, { limits: { openApiCharsMax: 100 } }))).toContain(
      "more than 100 characters",
    );
  });

  test("leaves out what is malformed, says why, and keeps the rest", async () => {
    const { service } = await load(documentOf({
      "/a": { get: { operationId: "a" }, post: { operationId: "b", parameters: "none" } },
      "/c": { get: { parameters: [{ in: "somewhere", name: "x" }] }, put: null },
      "/d": { $ref: "#/nowhere" },
      "no-slash": { get: {} },
      "x-notes": { get: "a word of our own" },
    }));
    expect(service.operations.map(({ name }) => name)).toEqual(["a"]);
    expect(service.leftOut).toEqual([
      '/d: cannot follow the reference "#/nowhere": there is nothing with that name',
      'POST /a: "parameters" of it must be a list',
      'GET /c: "in" of one of its parameters must be "path", "query", "header" or "cookie"',
      "PUT /c: it must be an object",
      "GET no-slash: its path must begin with / and have neither ? nor #",
    ]);
  });

  test("without any usable operation fails with the first reason", async () => {
    expect(await refusalOf(load(documentOf({ "/a": { get: { parameters: 1 } } })))).toContain(
      'none of its operations can be a tool (GET /a: "parameters" of it must be a list)',
    );
    expect(await refusalOf(load(documentOf({})))).toContain("none of its operations");
  });
});

describe("References", () => {
  test("lead to other files next to and below the document, and from there on", async () => {
    const { service } = await load(refersTo("./models/pet.yaml#/Pet"), {}, {
      "folder/models/pet.yaml": "Pet: {type: object, properties: {owner: {$ref: '../owner.json'}}}",
      "folder/owner.json": { type: "string", maxLength: 9 },
    });
    expect(service.operations[1]?.inputSchema["properties"]).toEqual({
      owner: { type: "string", maxLength: 9 },
    });
  });

  test("never leave the folder of a file, however they are written", async () => {
    const outside = { "outside.json": pet };
    for (
      const reference of [
        "../outside.json#/Pet",
        "models/../../outside.json#/Pet",
        "%2e%2e/outside.json#/Pet",
        "..%2foutside.json#/Pet",
        "x%2f..%2f..%2foutside.json#/Pet",
        "..%5coutside.json#/Pet",
        "/etc/passwd",
        "file:///etc/passwd",
        "//host/etc/passwd",
        "http://127.0.0.1:9/pet.json",
        "data:application/json,{}",
      ]
    ) {
      const { service } = await load(refersTo(reference), {}, outside);
      expect(service.operations.map(({ name }) => name)).toEqual(["here"]);
      expect(service.leftOut[0]).toContain(
        `cannot follow the reference ${JSON.stringify(reference)}: it leaves the folder`,
      );
    }
  });

  test("to what is not there, is no pointer, or leads in a circle leave the operation out", async () => {
    const { service } = await load(
      documentOf({
        "/here": { get: {} },
        ...Object.fromEntries(
          ["#/components/schemas/Ring", "#name", "#/components/schemas/toString", "#/%E0"]
            .map(($ref, at) => [`/${at}`, {
              post: { requestBody: { content: { "application/json": { schema: { $ref } } } } },
            }]),
        ),
      }, {
        components: {
          schemas: {
            Ring: { $ref: "#/components/schemas/Gnir" },
            Gnir: { $ref: "#/components/schemas/Ring" },
          },
        },
      }),
    );
    expect(service.operations.length).toBe(1);
    expect(service.leftOut.map((reason) => reason.slice(reason.lastIndexOf(": ") + 2))).toEqual([
      "it leads in a circle",
      "only pointers such as #/components/schemas/Name are supported",
      "there is nothing with that name",
      "only pointers such as #/components/schemas/Name are supported",
    ]);
  });

  test("to a file that is missing fail the document, naming the file", async () => {
    expect(await refusalOf(load(refersTo("missing.json")))).toBe(
      'Cannot read the file "missing.json": there is no such file',
    );
  });

  test("to too many files are refused", async () => {
    const others = Object.fromEntries(
      Array.from(
        { length: 5 },
        (_, at) => [`folder/${at}.json`, { next: { $ref: `${at + 1}.json` } }],
      ),
    );
    expect(
      await refusalOf(load(refersTo("0.json"), { limits: { openApiDocumentsMax: 4 } }, others)),
    ).toContain("refers to more than 3 other documents");
  });
});

describe("Hostile texts", () => {
  test("aliases that multiply are refused at once, and harmless ones are read", async () => {
    const lines = Array.from(
      { length: 40 },
      (_, at) => `a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(", ")}]`,
    );
    expect(await refusalOf(load(`${yaml}a0: &a0 x\n${lines.join("\n")}\n`))).toContain(
      "expanded it has more than 2000000 values",
    );
    const { service } = await load(
      `${yaml}  /more: &more {get: {responses: {}}}\n  /again: *more\n`,
    );
    expect(service.operations.length).toBe(3);
  });

  test("a value within itself, or nested too deeply, is refused", async () => {
    expect(await refusalOf(load(`${yaml}x: &x [*x]\n`))).toContain("it contains itself");
    const deep = `{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
    expect(await refusalOf(load(deep))).toContain("nests deeper than");
    expect(await refusalOf(load(`a: ${"[".repeat(5_000)}`))).toContain("neither JSON nor YAML");
  });

  test("names that every object inherits are ordinary names", async () => {
    const text = JSON.stringify(documentWith({
      parameters: ["__proto__", "constructor", "toString"].map((name) => ({ in: "query", name })),
      requestBody: {
        content: {
          "application/json": {
            schema: {
              type: "object",
              properties: { hasOwnProperty: { $ref: "#/components/schemas/constructor" } },
            },
          },
        },
      },
    }, { components: { schemas: { constructor: { type: "integer" } } } }));
    const poisoned = text.replace('"properties":{', '"properties":{"__proto__":{"polluted":true},');
    const operation = await operationOf(poisoned);
    expect(Object.keys(operation.inputSchema["properties"] as object)).toEqual([
      "proto",
      "constructor",
      "toString",
      "hasOwnProperty",
    ]);
    expect(operation.body?.members).toEqual({ hasOwnProperty: "hasOwnProperty" });
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined);
  });
});
