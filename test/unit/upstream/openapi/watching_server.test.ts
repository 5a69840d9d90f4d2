/** The server that checks requests must notice every fault, or it proves nothing. */
import { expect, test } from "bun:test";
import { createPlainDocument } from "../../../support/openapi_document.ts";
import { serveOpenApi } from "../../../support/openapi_server.ts";

const document = createPlainDocument({
  openapi: "3.0.0",
  paths: {
    "/pets/{id}": {
      parameters: [{ in: "path", name: "id", required: true, schema: { type: "integer" } }],
      get: {
        parameters: [
          { in: "query", name: "size", required: true, schema: { type: "string", enum: ["s"] } },
          { in: "query", name: "tags", schema: { type: "array", items: { type: "integer" } } },
        ],
        responses: { 200: { content: { "application/json": { schema: { type: "boolean" } } } } },
      },
      post: {
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } },
        },
        responses: { 204: {} },
      },
    },
  },
  components: {
    schemas: {
      Pet: {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string", nullable: true } },
      },
    },
  },
});

test("A server made of a document notes every kind of wrong request, and no right one", async () => {
  const server = await serveOpenApi(document);
  const ask = async (path: string, body?: unknown, mediaType = "application/json") => {
    const before = server.misdeeds.length;
    const given = body === undefined ? {} : {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": mediaType },
    };
    const response = await fetch(`${server.baseUrl}${path}`, given);
    await response.text();
    return server.misdeeds.slice(before);
  };
  try {
    expect(await ask("/pets/1?size=s&tags=1&tags=2")).toEqual([]);
    expect(await ask("/pets/1", { name: null })).toEqual([]);
    expect(await ask("/pets/1?tags=1")).toEqual(['GET /pets/{id}: "size" is missing']);
    expect((await ask("/pets/one?size=s"))[0]).toContain('"id" is "one"');
    expect((await ask("/pets/1?size=l"))[0]).toContain('"size" is "l"');
    expect((await ask("/pets/1?size=s&tags=a"))[0]).toContain('"tags" is ["a"]');
    expect(await ask("/pets/1?size=s&more=1")).toEqual(['GET /pets/{id}: "more" is not declared']);
    expect((await ask("/pets/1", {}))[0]).toContain("the body is {}");
    expect(await ask("/pets/1", "", "text/plain")).toEqual(["POST /pets/{id}: there is no body"]);
    expect(await ask("/pets/1", "x", "text/plain")).toEqual([
      'POST /pets/{id}: the body is "text/plain"',
    ]);
    expect((await ask("/pets"))[0]).toContain("no such operation");
    expect((await ask("/../v2/pets/1"))[0]).toContain("no such operation");
    expect([...server.called]).toEqual(["GET /pets/{id}", "POST /pets/{id}"]);
  } finally {
    await server.close();
  }
});
