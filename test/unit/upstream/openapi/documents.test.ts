/** Reading OpenAPI documents: formats, versions, references, and texts that mean harm. */
import { afterEach, describe, expect, test } from "bun:test";
import { type Served, serveFetch } from "../../../support/serve_fetch.ts";
import {
  documentOf,
  documentWith,
  load,
  loadAt,
  operationOf,
  refusalOf,
} from "../../../support/openapi_load.ts";

const yaml = `
openapi: 3.0
info: {title: Pets, version: "1"}
servers: [{url: https://pets.example}]
paths:
  /pets: {get: {operationId: pets, responses: {}}}
`;

/** A document whose body is somewhere else. */
const refersTo = (reference: string) =>
  documentOf({
    "/here": { get: { operationId: "here" } },
    "/there": {
      post: {
        operationId: "there",
        requestBody: { content: { "application/json": { schema: { $ref: reference } } } },
      },
    },
  });

const pet = { Pet: { type: "object", properties: { name: { type: "string" } } } };

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
      '/d: cannot follow the reference "#/nowhere": there is nothing of that name',
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
  test("lead to other files beside and below the document, and from there on", async () => {
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

  test("to what is not there, is no pointer, or leads in a ring leave the operation out", async () => {
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
      "it leads in a ring",
      "only pointers such as #/components/schemas/Name are known",
      "there is nothing of that name",
      "only pointers such as #/components/schemas/Name are known",
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

describe("Texts that mean harm", () => {
  test("aliases that multiply are refused at once, and harmless ones are read", async () => {
    const lines = Array.from(
      { length: 40 },
      (_, at) => `a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(", ")}]`,
    );
    expect(await refusalOf(load(`${yaml}a0: &a0 x\n${lines.join("\n")}\n`))).toContain(
      "written out it has more than 2000000 values",
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

  test("names that every object inherits are names like others", async () => {
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

describe("A document at a URL", () => {
  let served: Served | undefined;
  afterEach(async () => {
    await served?.close();
    served = undefined;
  });
  const serve = async (answers: Readonly<Record<string, unknown>>) => {
    const asked: { readonly path: string; readonly headers: Headers }[] = [];
    served = await serveFetch(async (request) => {
      const { pathname } = new URL(request.url);
      asked.push({ path: pathname, headers: request.headers });
      const answer = answers[pathname];
      if (answer instanceof Response) return answer.clone();
      return answer === undefined ? new Response("no", { status: 404 }) : Response.json(answer);
    });
    return { asked, origin: `http://127.0.0.1:${served.port}` };
  };
  const secret = { credentials: { type: "bearer", token: "secret" } } as const;

  test("is fetched with what it refers to, and its API is where it says, within its origin", async () => {
    const { servers: _, ...document } = refersTo("sub/pet.json#/Pet");
    const { asked, origin } = await serve({
      "/docs/api.json": {
        ...document,
        servers: [{ url: "../v{n}", variables: { n: { default: 2 } } }],
      },
      "/docs/sub/pet.json": pet,
    });
    const { service } = await loadAt(`${origin}/docs/api.json`, secret);
    expect(service.baseUrl).toBe(`${origin}/v2`);
    expect(service.operations[1]?.inputSchema["properties"]).toEqual({ name: { type: "string" } });
    expect(asked.map(({ path }) => path)).toEqual(["/docs/api.json", "/docs/sub/pet.json"]);
    expect(asked.some(({ headers }) => headers.has("authorization"))).toBe(false);
  });

  test("gets the credentials only where the operator put the API at its origin", async () => {
    const { asked, origin } = await serve({ "/api.json": refersTo("#/paths") });
    const more = { ...secret, headers: { "x-team": "cats" } };
    await loadAt(`${origin}/api.json`, { ...more, baseUrl: `${origin}/v1` });
    await loadAt(`${origin}/api.json`, { ...more, baseUrl: "https://pets.example" });
    expect(asked.map(({ headers }) => [headers.get("authorization"), headers.get("x-team")]))
      .toEqual([["Bearer secret", "cats"], [null, null]]);
  });

  test("cannot choose another origin for its API", async () => {
    const { origin } = await serve({ "/api.json": documentOf({ "/a": { get: {} } }) });
    expect(await refusalOf(loadAt(`${origin}/api.json`, secret))).toContain(
      'set "baseUrl" to "https://pets.example/v1" if that is right',
    );
    const { service } = await loadAt(`${origin}/api.json`, { baseUrl: "https://pets.example/v2/" });
    expect(service.baseUrl).toBe("https://pets.example/v2");
  });

  test("refers to nothing outside of its origin: no other host, port, scheme or file is asked", async () => {
    const other = await serveFetch(async () => {
      reached += 1;
      return Response.json(pet);
    });
    let reached = 0;
    try {
      for (
        const reference of [
          `http://127.0.0.1:${other.port}/pet.json#/Pet`,
          `//127.0.0.1:${other.port}/pet.json#/Pet`,
          "https://127.0.0.1/pet.json#/Pet",
          "file:///etc/passwd",
        ]
      ) {
        const { origin } = await serve({ "/api.json": refersTo(reference) });
        const { service } = await loadAt(`${origin}/api.json`, { baseUrl: "https://pets.example" });
        expect(service.leftOut[0]).toContain(`it leaves "${origin}", where the document is`);
        await served?.close();
      }
    } finally {
      await other.close();
    }
    expect(reached).toBe(0);
  });

  test("that cannot be had says why, without what is secret in its URL", async () => {
    const { origin } = await serve({
      "/closed": new Response("no", { status: 401 }),
      "/page": new Response("<html>Log in</html>", { headers: { "content-type": "text/html" } }),
    });
    expect(await refusalOf(loadAt(`${origin}/none?key=hidden`))).toBe(
      'Server "pets" answers the request for its document with status 404; correct its URL',
    );
    expect(await refusalOf(loadAt(`${origin}/closed`, secret))).toContain(
      `set "baseUrl" to "${origin}"`,
    );
    const page = await refusalOf(loadAt(`${origin}/page?key=hidden`));
    expect(page).toContain(`Cannot take "${origin}/page?…"`);
    expect(page).not.toContain("hidden");
  });

  test("that does not come in time is given up", async () => {
    served = await serveFetch(() => new Promise(() => {}));
    expect(
      await refusalOf(loadAt(`http://127.0.0.1:${served.port}/api.json`, { startTimeoutMs: 100 })),
    ).toMatch(/within 100 ms|in time|did not answer/);
  });
});
