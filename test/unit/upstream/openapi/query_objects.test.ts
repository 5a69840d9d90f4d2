/**
 * Objects in the query of an OpenAPI operation, as its API gets them, whichever way the document
 * declares their members and however deep they nest. Also the bodies of read operations.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../../src/model.ts";
import { createApis } from "../../../support/api_server.ts";
import { documentOf, operationOf } from "../../../support/openapi_load.ts";

const apis = createApis();
afterEach(apis.closeAll);
const echo = { "*": (visit: { json(value: unknown): void }) => visit.json({ ok: true }) };
const text = { type: "string" };
const whole = { type: "integer" };

/** Opens the only operation of a document, which is called `it`. */
async function open(operation: JsonObject, { method = "get", path = "/it", schemas = {} } = {}) {
  const loaded = await operationOf(documentOf(
    { [path]: { [method]: { operationId: "it", ...operation } } },
    { components: { schemas } },
  ));
  return { api: await apis.open(echo, [loaded]), loaded };
}

/** What the query is for an argument `p` with this schema. */
async function queryOf(
  schema: JsonObject,
  value: unknown,
  more: JsonObject = { style: "deepObject", explode: true },
  schemas: JsonObject = {},
) {
  const parameters = [{ name: "p", in: "query", schema, ...more }];
  const { api } = await open({ parameters }, { schemas });
  const { isError, content } = await api.call("it", { p: value });
  if (isError === true) return content[0]?.text;
  return decodeURIComponent(api.server.seen[0]?.url.replace(/^\/it\??/, "") ?? "");
}

const form = { style: "form", explode: true };
const range = { type: "object", properties: { gte: whole, lte: whole } };

describe("members of an object in the query", () => {
  const declared: readonly [name: string, schema: JsonObject, value: JsonObject][] = [
    ["in the schema", range, { gte: 5 }],
    ["in one of its choices", { anyOf: [range, whole] }, { gte: 5 }],
    ["in the other of two", { oneOf: [{ properties: { a: text } }, range] }, { gte: 5 }],
    ["in one of its parts", { allOf: [range, { properties: { b: text } }] }, { gte: 5, b: "x" }],
    ["behind a reference", { $ref: "#/components/schemas/Range" }, { gte: 5 }],
    ["behind references in parts of a choice", {
      anyOf: [{ allOf: [{ $ref: "#/components/schemas/Range" }] }, whole],
    }, { gte: 5 }],
    ["in a schema that contains itself", { $ref: "#/components/schemas/Tree" }, { gte: 5 }],
    ["beside choices that only say what is needed", {
      ...range,
      anyOf: [{ required: ["gte"] }, { required: ["lte"] }],
    }, { gte: 5 }],
    ["in a type that may be null", { ...range, type: ["object", "null"] }, { gte: 5 }],
  ];
  const schemas = {
    Range: range,
    Tree: {
      type: "object",
      properties: { gte: whole, not: { $ref: "#/components/schemas/Tree" } },
    },
  };
  for (const [name, schema, value] of declared) {
    test(`that are declared ${name} are sent, and no others`, async () => {
      const deep = Object.entries(value).map(([key, one]) => `p[${key}]=${one}`).join("&");
      const flat = Object.entries(value).map(([key, one]) => `${key}=${one}`).join("&");
      expect(await queryOf(schema, value, undefined, schemas)).toBe(deep);
      expect(await queryOf(schema, value, form, schemas)).toBe(flat);
      for (const style of [undefined, form]) {
        expect(await queryOf(schema, { role: "admin" }, style, schemas))
          .toMatch(/^(Cannot send "role" in argument "p"|Argument "p" is wrong)/);
      }
    });
  }

  const free: readonly [name: string, schema: JsonObject][] = [
    ["nothing is declared", { type: "object" }],
    ["the schema says nothing at all", {}],
    ["others have a schema", { type: "object", additionalProperties: text }],
    ["others may be anything", { ...range, additionalProperties: true }],
    ["others may be anything, in a schema", { ...range, additionalProperties: {} }],
    ["they have a pattern", { type: "object", patternProperties: { "^n": text } }],
    ["a choice is any object", { anyOf: [{ type: "object" }, whole] }],
    ["a part says so", { allOf: [range, { additionalProperties: true }] }],
    ["a reference leads to such", { $ref: "#/components/schemas/Free" }],
  ];
  for (const [name, schema] of free) {
    test(`may have any name where ${name}`, async () => {
      const schemas = { Free: { type: "object", additionalProperties: text } };
      expect(await queryOf(schema, { name: "x&y" }, undefined, schemas)).toBe("p[name]=x&y");
      expect(await queryOf(schema, { name: "x" }, form, schemas)).toBe("name=x");
    });
  }

  test("and a scalar in its place is sent as one", async () => {
    const schema = { anyOf: [range, whole] };
    expect(await queryOf(schema, 5)).toBe("p=5");
    expect(await queryOf(schema, 5, form)).toBe("p=5");
  });

  test("never take the name of another parameter, nor of a credential", async () => {
    const parameters = [
      { name: "filter", in: "query", ...form, schema: { type: "object" } },
      { name: "limit", in: "query", schema: whole },
    ];
    const { api, loaded } = await open({ parameters });
    expect(await api.refuse("it", { filter: { limit: "9" } })).toContain(
      'Cannot send "limit" in argument "filter": another parameter has this name',
    );
    const guarded = await apis.open(echo, [loaded], {
      config: { credentials: { type: "api_key", in: "query", name: "key", key: "real" } },
    });
    await guarded.call("it", { filter: { key: "theirs", q: "x" } });
    expect(guarded.server.seen[0]?.url).toBe("/it?q=x&key=real");
  });

  test("nest in brackets, and each piece is encoded for itself", async () => {
    const schema = { type: "object", additionalProperties: true };
    expect(await queryOf(schema, { a: { b: { c: 1 }, d: true } })).toBe(
      "p[a][b][c]=1&p[a][d]=true",
    );
    expect(await queryOf(schema, { a: ["x", "y"] })).toBe("p[a][]=x&p[a][]=y");
    expect(await queryOf(schema, { a: [{ b: 1, c: 2 }, { b: 3 }] }))
      .toBe("p[a][0][b]=1&p[a][0][c]=2&p[a][1][b]=3");
    expect(await queryOf({ type: "array", items: text }, ["x", "y"])).toBe("p[]=x&p[]=y");
    expect(await queryOf(schema, { "a&x=1": { "b]": "#" } })).toBe("p[a&x=1][b]]=#");
    const { api } = await open({
      parameters: [{ name: "p", in: "query", style: "deepObject", explode: true, schema }],
    });
    await api.call("it", { p: { "a&x=1": { b: "#" } } });
    expect(api.server.seen[0]?.url).toBe("/it?p%5Ba%26x%3D1%5D%5Bb%5D=%23");
  });

  test("stand in one text where the style says so, or the document has JSON", async () => {
    const schema = { type: "object", properties: { R: whole, G: whole } };
    const value = { R: 100, G: 200 };
    const styled = (style: string) => queryOf(schema, value, { style, explode: false });
    expect(await styled("form")).toBe("p=R,100,G,200");
    expect(await styled("spaceDelimited")).toBe("p=R 100 G 200");
    expect(await styled("pipeDelimited")).toBe("p=R|100|G|200");
    const content = { "application/json": { schema: { type: "object" } } };
    const { api } = await open({ parameters: [{ name: "p", in: "query", content }] });
    await api.call("it", { p: { a: { b: [1] } } });
    expect(decodeURIComponent(api.server.seen[0]?.url ?? "")).toBe('/it?p={"a":{"b":[1]}}');
  });

  test("are written in paths, headers and cookies as their styles say", async () => {
    const schema = { type: "object", additionalProperties: whole };
    const placed = async (place: string, more: JsonObject) => {
      const path = place === "path" ? "/it/{p}" : "/it";
      const parameters = [{ name: "p", in: place, required: true, schema, ...more }];
      const { api } = await open({ parameters }, { path });
      await api.call("it", { p: { R: 100, G: 200 } });
      const [seen] = api.server.seen;
      if (place === "path") return decodeURIComponent(seen?.url ?? "");
      return place === "header" ? seen?.headers["p"] : seen?.headers.cookie;
    };
    expect(await placed("path", {})).toBe("/it/R,100,G,200");
    expect(await placed("path", { explode: true })).toBe("/it/R=100,G=200");
    expect(await placed("path", { style: "label" })).toBe("/it/.R,100,G,200");
    expect(await placed("path", { style: "label", explode: true })).toBe("/it/.R=100.G=200");
    expect(await placed("path", { style: "matrix" })).toBe("/it/;p=R,100,G,200");
    expect(await placed("path", { style: "matrix", explode: true })).toBe("/it/;R=100;G=200");
    expect(await placed("header", {})).toBe("R,100,G,200");
    expect(await placed("header", { explode: true })).toBe("R=100,G=200");
    expect(await placed("cookie", { explode: false })).toBe("p=R,100,G,200");
    expect(await placed("cookie", {})).toBe("R=100; G=200");
  });
});

describe("a body", () => {
  test("of an operation that reads is sent", async () => {
    const schema = { type: "object", properties: { query: text }, required: ["query"] };
    for (const method of ["get", "delete"]) {
      const { api } = await open({
        requestBody: { required: true, content: { "application/json": { schema } } },
      }, { method });
      await api.call("it", { query: "shoes" });
      const [seen] = api.server.seen;
      expect([seen?.method, seen?.headers["content-type"], seen?.body])
        .toEqual([method.toUpperCase(), "application/json", '{"query":"shoes"}']);
      expect(await api.refuse("it")).toContain('"query" is missing');
    }
  });

  test("of an operation that reads is not sent when nothing of it is given", async () => {
    const schema = { type: "object", properties: { query: text } };
    const { api } = await open({ requestBody: { content: { "application/json": { schema } } } });
    await api.call("it");
    expect([api.server.seen[0]?.body, api.server.seen[0]?.headers["content-type"]])
      .toEqual(["", undefined]);
  });

  test("that cannot be given is said not to be sent, and the operation still reads", async () => {
    const { api, loaded } = await open({
      summary: "Reads",
      requestBody: { required: true, content: { "application/xml": { schema: text } } },
    });
    expect(loaded.description).toBe(
      'Reads\n\nIts body is not sent: it needs a body of the type "application/xml".',
    );
    expect((await api.call("it")).isError).toBe(undefined);
  });

  test("that is a form without fields is none", async () => {
    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data"]) {
      for (const schema of [{ type: "object", additionalProperties: false, properties: {} }, {}]) {
        const required = "type" in schema;
        const { api } = await open(
          { requestBody: { required, content: { [type]: { schema } } } },
          { method: "post" },
        );
        await api.call("it");
        expect(api.server.seen[0]?.body).toBe("");
      }
    }
  });

  test("that is a form writes lists and objects as the document says", async () => {
    const schema = {
      type: "object",
      properties: {
        metadata: { type: "object", additionalProperties: true },
        expand: { type: "array", items: text },
        tags: { type: "array", items: text },
        colors: { type: "array", items: text },
        plain: { type: "object" },
      },
    };
    const encoding = {
      metadata: { style: "deepObject", explode: true },
      expand: { style: "deepObject", explode: true },
      colors: { style: "pipeDelimited", explode: false },
    };
    const content = { "application/x-www-form-urlencoded": { schema, encoding } };
    const { api } = await open({ requestBody: { content } }, { method: "post" });
    const { content: told } = await api.call("it", {
      metadata: { order: { id: "a&b" } },
      expand: ["x"],
      tags: ["y", "z"],
      colors: ["red", "blue"],
      plain: { a: 1 },
    });
    expect(told.map(({ text }) => text)).toEqual(['{"ok":true}']);
    expect(decodeURIComponent(api.server.seen[0]?.body ?? "")).toBe(
      'metadata[order][id]=a&b&expand[]=x&tags=y&tags=z&colors=red|blue&plain={"a":1}',
    );
  });
});
