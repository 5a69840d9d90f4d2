/**
 * The errors that a model gets for invalid arguments, and the mistakes that are corrected.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../../src/model.ts";
import { createApis, operationOf, parameter } from "../../../support/api_server.ts";

const apis = createApis();
afterEach(apis.closeAll);

/** Opens one tool, `it`, whose arguments are parameters of the query. */
const open = (schemas: JsonObject, required: readonly string[] = []) => {
  const parameters = Object.keys(schemas)
    .map((argument) => parameter({ argument, required: required.includes(argument) }));
  return apis.open({ "*": (visit) => visit.json({}) }, [
    operationOf({ name: "it" }, parameters, schemas),
  ]);
};

describe("arguments that do not fit", () => {
  test("the sentence names the argument, what it must be and what it is", async () => {
    const api = await open({
      order: { type: "string", enum: ["asc", "desc"] },
      page: { type: "integer", minimum: 1, maximum: 250 },
      price: { type: "number" },
      all: { type: "boolean" },
      ids: { type: "array", items: { type: "string" } },
      either: { anyOf: [{ type: "integer" }, { type: "null" }] },
      deep: { type: "object", properties: { a: { type: "array", items: { type: "integer" } } } },
    });
    const told: [JsonObject, string][] = [
      [{ order: "up" }, 'Argument "order" must be one of "asc", "desc", not "up"'],
      [{ page: 0 }, 'Argument "page" must be a whole number of 1 to 250, not 0'],
      [{ page: "7" }, 'Argument "page" must be a whole number of 1 to 250, not "7"'],
      [{ price: "x" }, 'Argument "price" must be a number, not "x"'],
      [{ all: "yes" }, 'Argument "all" must be true or false, not "yes"'],
      [{ ids: "a" }, 'Argument "ids" must be a list in which each item is a text, not "a"'],
      [{ either: "x" }, 'Argument "either" must be a whole number or null, not "x"'],
    ];
    for (const [given, sentence] of told) expect(await api.refuse("it", given)).toBe(sentence);
    expect(await api.refuse("it", { deep: { a: [1, "x"] } })).toContain('"deep" is wrong at /a/1');
    expect(await api.refuse("it", { page: 0, all: 1 })).toContain('. Argument "all" must be');
  });

  test("a missing argument is named, and an unknown one with the nearest known", async () => {
    const api = await open({ query: { type: "string" }, limit: { type: "integer" } }, ["query"]);
    expect(await api.refuse("it", { limit: 1 })).toBe(
      'Argument "query" is missing: it must be a text',
    );
    expect(await api.refuse("it", { qeury: "x", query: "y" }))
      .toBe('There is no argument "qeury": did you mean "query"?');
    expect(await api.refuse("it", { qeury: "x" })).toBe(
      'There is no argument "qeury": did you mean "query"? Argument "query" is missing: it must ' +
        "be a text",
    );
    expect(await api.refuse("it", { zzz: 1, query: "y" }))
      .toBe('There is no argument "zzz": known are "query", "limit", "skip"');
    expect(await api.refuse("it", { query: null })).toContain('"query" is missing');
    expect(await api.refuse("it", [] as unknown as JsonObject)).toContain("must be an object");
  });

  test("an unknown tool is an error, not a result", async () => {
    const api = await open({});
    await expect(api.call("itt")).rejects.toThrow('Unknown tool "itt": did you mean "it"?');
  });

  test("null for an optional argument is none, and numbers are texts where texts are wanted", async () => {
    const api = await open({
      days: { type: "string", enum: ["1", "7"] },
      page: { type: "integer" },
      maybe: { type: ["string", "null"] },
      ids: { type: "array", items: { type: "string" } },
    });
    await api.call("it", { days: 7, page: null, maybe: null, ids: [1, "b"] });
    expect(api.server.seen[0]?.url).toBe("/it?days=7&ids=1&ids=b");
  });

  test("A11 an argument can be called like a part of the language, and is not found by itself", async () => {
    const names = ["constructor", "toString", "__proto__"];
    const visits: string[] = [];
    const api = await apis.open({
      "*": ({ url, json }) => {
        visits.push(url);
        json({});
      },
    }, [
      operationOf({ name: "query" }, names.map((argument) => parameter({ argument }))),
      operationOf({ name: "needed" }, [parameter({ argument: "constructor", required: true })]),
      {
        ...operationOf({ name: "body", method: "POST" }, []),
        body: {
          mediaType: "application/json",
          required: true,
          members: Object.fromEntries(names.map((name) => [name, name])),
          defaults: {},
        },
        inputSchema: {
          type: "object",
          properties: Object.fromEntries(names.map((name) => [name, {}])),
        },
      },
    ]);
    const all = JSON.parse('{"constructor":"a","toString":"b","__proto__":"c"}');
    await api.call("query");
    await api.call("query", all);
    expect(visits).toEqual(["/query", "/query?constructor=a&toString=b&__proto__=c"]);
    expect(await api.refuse("needed")).toBe('Argument "constructor" is missing');
    await api.call("body");
    await api.call("body", all);
    expect(api.server.seen.slice(2).map(({ body }) => body)).toEqual(["{}", JSON.stringify(all)]);
  });
});

describe("A13 schemas that would take forever", () => {
  test("A13 a pattern is not run, and what it might allow is allowed", async () => {
    const api = await open({
      name: { type: "string", pattern: "^(a+)+$" },
      map: {
        type: "object",
        patternProperties: { "^(x+)+$": { type: "string" } },
        additionalProperties: false,
      },
      list: { type: "array", uniqueItems: true, items: { format: "regex" } },
    });
    await api.call("it", { name: `${"a".repeat(5_000)}!`, list: ["(", "("] });
    expect(api.server.seen.length).toBe(1);
  });

  test("A13 a schema that grows without end is given up, and the API decides", async () => {
    const defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => {
        const next = { $ref: `#/$defs/d${n + 1}` };
        return [`d${n}`, { anyOf: [next, next] }];
      }),
    );
    const api = await apis.open({ "*": (visit) => visit.json({}) }, [
      {
        ...operationOf({ name: "it" }, [parameter({ argument: "a" })]),
        inputSchema: {
          type: "object",
          properties: { a: { $ref: "#/$defs/d0" }, b: { $ref: "#/$defs/self" } },
          $defs: { ...defs, d40: { type: "integer" }, self: { $ref: "#/$defs/self" } },
        },
      },
    ]);
    await api.call("it", { a: "x" });
    await api.call("it", { b: "x" });
    expect(api.server.seen.length).toBe(2);
  });

  test("A13 a reference out of the schema is not followed", async () => {
    const api = await open({ a: { $ref: "http://evil.example/schema.json", type: "string" } });
    await api.call("it", { a: "x" });
    expect(api.server.seen.length).toBe(1);
  });
});

test("an argument of the API keeps its name, however the engine's own would be called", async () => {
  const api = await open({ skip: { type: "string" }, _skip: { type: "string" } });
  await api.call("it", { skip: "a", _skip: "b", __skip: 0 });
  expect(api.server.seen[0]?.url).toBe("/it?skip=a&_skip=b");
});
