/**
 * The listing of a tool, the parts of an answer in its result, and how a model asks for the rest.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { Validator } from "@cfworker/json-schema";
import type { JsonObject } from "../../../../src/model.ts";
import type { Operation } from "../../../../src/upstream/rest/service.ts";
import {
  type ApiOptions,
  type ApiRoutes,
  createApis,
  operation,
  operationOf,
  parameter,
} from "../../../support/api_server.ts";

const apis = createApis();
afterEach(apis.closeAll);

/** Opens one tool, `it`, that gives this answer. */
const give = (answer: unknown, overrides: Partial<Operation> = {}, options: ApiOptions = {}) =>
  apis.open(
    { "/it": ({ json }) => json(answer) },
    [operation({ name: "it", ...overrides })],
    options,
  );

describe("what is listed", () => {
  test("a tool has its schemas, its hints and the engine's own arguments", async () => {
    const api = await give({}, {
      title: "The thing",
      projection: "a",
      outputSchema: { type: "string", pattern: "^(a+)+$", format: "uri" },
      pagination: { type: "page", parameter: "page", first: 1 },
      inputSchema: { type: "object", properties: { page: { type: "integer" } } },
    });
    const [tool] = api.engine.tools as JsonObject[];
    expect(tool?.["title"]).toBe("The thing");
    expect(tool?.["description"]).toContain("one page at a time (argument page)");
    expect(tool?.["annotations"]).toEqual({
      title: "The thing",
      readOnlyHint: true,
      idempotentHint: true,
      openWorldHint: true,
    });
    const input = tool?.["inputSchema"] as { properties: JsonObject };
    expect(Object.keys(input.properties)).toEqual(["page", "raw", "skip"]);
    expect((tool?.["outputSchema"] as { properties: JsonObject }).properties["result"])
      .toEqual({ type: "string" });
  });

  test("what deletes says so; what changes nothing more when repeated says that", async () => {
    const api = await apis.open({}, [
      operation({ name: "remove", method: "DELETE", readOnly: false }),
      operation({ name: "add", method: "POST", readOnly: false, repeatable: false }),
    ]);
    expect(api.engine.tools.map((tool) => tool["annotations"])).toEqual([
      { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
      { readOnlyHint: false, idempotentHint: false, openWorldHint: true },
    ]);
  });

  test("arguments of the API that have these names keep them", async () => {
    const api = await apis.open({ "/it": ({ json, url }) => json({ a: [1, 2, 3], url }) }, [
      operationOf(
        { name: "it", projection: "a" },
        [parameter({ argument: "raw" }), parameter({ argument: "skip" })],
      ),
    ]);
    const { structuredContent } = await api.call("it", { raw: "x", skip: "y", _skip: 1 });
    expect(structuredContent.result).toEqual([2, 3]);
    expect(api.server.seen[0]?.url).toBe("/it?raw=x&skip=y");
    expect((await api.call("it", { _raw: true })).structuredContent.raw)
      .toEqual({ a: [1, 2, 3], url: "/it" });
  });

  test("an output schema that refers to itself still does within the envelope", async () => {
    const outputSchema = {
      type: "object",
      required: ["name"],
      properties: {
        name: { type: "string" },
        children: { type: "array", items: { $ref: "#" } },
        kind: { $ref: "#/$defs/kind" },
        other: { $ref: "#/properties/name" },
      },
      $defs: { kind: { type: "integer" } },
    };
    const answer = { name: "a", other: "b", children: [{ name: "b", kind: 1 }] };
    const api = await give(answer, { outputSchema });
    expect((await api.call("it")).structuredContent).toEqual({ result: answer });
    const listed = api.engine.tools[0]?.["outputSchema"] as ConstructorParameters<
      typeof Validator
    >[0];
    const isValid = (result: unknown) =>
      new Validator(listed, "2020-12").validate({ result }).valid;
    expect(isValid(answer)).toBe(true);
    expect(isValid({ name: "a", children: [{ kind: "x" }] })).toBe(false);
    const wrong = await give({ name: "a", children: [{ kind: "x" }] }, { outputSchema });
    expect((await wrong.call("it")).structuredContent.result).toBe(undefined);
  });
});

describe("projections", () => {
  test("the usual part is given, and all of it when that is asked for", async () => {
    const answer = { data: [{ id: 1, noise: "x" }, { id: 2, noise: "y" }] };
    const api = await give(answer, { projection: "data[].id" });
    expect((await api.call("it")).structuredContent).toEqual({ result: [1, 2] });
    expect((await api.call("it", { raw: true })).structuredContent).toEqual({ raw: answer });
  });

  test("an expression that cannot be read stops the service with its place", async () => {
    await expect(give({}, { projection: "a[" })).rejects.toThrow(
      /Cannot read the JMESPath expression "a\[" of the answer of "it"/,
    );
    await expect(give({}, { projection: "nothing_like_it(@)" })).rejects.toThrow(
      'there is no function "nothing_like_it"',
    );
  });

  test("an expression that does not fit the answer gives null, not a fault", async () => {
    const api = await give({ a: "text" }, { projection: "sum(a)" });
    expect((await api.call("it")).structuredContent).toEqual({ result: null });
  });
});

describe("answers that are too large", () => {
  const limits = { restResultCharsMax: 2_000 };
  const items = Array.from({ length: 300 }, (_, n) => ({ id: n, name: `item ${n}` }));

  test("a list is cut, and its next items come by what the result says", async () => {
    const api = await give({ total: 300, data: items }, {}, { limits });
    const seen: unknown[] = [];
    let given: JsonObject | undefined = {};
    for (let calls = 0; given !== undefined && calls < 20; calls += 1) {
      const { structuredContent, content } = await api.call("it", given);
      const { result, next, note } = structuredContent;
      const { data, total } = result as { data: unknown[]; total: number };
      expect(total).toBe(300);
      expect((content[0]?.text ?? "").length <= 2_000).toBe(true);
      if (next !== undefined) {
        expect(note).toContain(
          `of 300 items of "data", these are ${seen.length} to ${seen.length + data.length - 1}`,
        );
        expect(note).toContain(`skip: ${seen.length + data.length}`);
        expect(content[1]?.text).toBe(note);
        expect(note).not.toContain("To fit");
      }
      seen.push(...data);
      given = next;
    }
    expect(seen).toEqual(items);
  });

  test("lists side by side are cut and skipped alike", async () => {
    const rows = (factor: number) => Array.from({ length: 200 }, (_, n) => [n, n * factor]);
    const api = await give({ prices: rows(3), volumes: rows(7) }, {}, { limits });
    const { structuredContent } = await api.call("it", { skip: 10 });
    const { prices, volumes } = structuredContent.result as Record<string, number[][]>;
    expect(prices?.[0]).toEqual([10, 30]);
    expect(volumes?.[0]).toEqual([10, 70]);
    expect(prices?.length).toBe(volumes?.length ?? 0);
    expect(structuredContent.next).toEqual({ skip: 10 + (prices?.length ?? 0) });
    expect(structuredContent.note).not.toContain("To fit");
  });

  test("lists within items lose their ends before items lose all, and that is said", async () => {
    const rows = Array.from({ length: 5 }, (_, id) => ({
      id,
      spark: Array.from({ length: 300 }, (_, n) => n),
    }));
    const { structuredContent } = await (await give(rows, {}, { limits })).call("it");
    const result = structuredContent.result as { spark: number[] }[];
    expect(result.length).toBe(5);
    expect((result[0]?.spark.length ?? 0) > 50).toBe(true);
    expect(structuredContent.note).toContain("lists longer than");
  });

  test("long texts lose their ends; no character is halved", async () => {
    const api = await give({ a: "😀".repeat(3_000), b: "kept" }, {}, { limits });
    const { structuredContent, content } = await api.call("it");
    const { a, b } = structuredContent.result as { a: string; b: string };
    expect(a.endsWith("😀…")).toBe(true);
    expect(b).toBe("kept");
    expect((content[0]?.text ?? "").length <= 2_000).toBe(true);
    expect(structuredContent.note).toContain("texts longer than");
  });

  test("whatever the shape, a result fits and stays what it is", async () => {
    let deep: unknown = "x".repeat(5_000);
    for (let level = 0; level < 100; level += 1) deep = { a: deep };
    const wide = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, n) => [`${n}-${"k".repeat(30)}`, [n]]),
    );
    for (const answer of [deep, wide, [wide, wide], "y".repeat(9_000), [[items], [items]]]) {
      const { content, structuredContent } = await (await give(answer, {}, { limits })).call("it");
      expect((content[0]?.text ?? "").length <= 2_000).toBe(true);
      expect(Array.isArray(structuredContent.result)).toBe(Array.isArray(answer));
      expect(structuredContent.note).toContain("narrower arguments");
    }
  });

  test("skipping more than there is gives an empty list, and says how many there are", async () => {
    const { structuredContent } = await (await give([1, 2])).call("it", { skip: 5 });
    expect(structuredContent.result).toEqual([]);
    expect(structuredContent.note).toContain("2 of 2 items");
  });
});

describe("pages", () => {
  const page = parameter({ argument: "page" });
  const size = parameter({ argument: "limit", wire: "per_page" });
  const schemas = { page: { type: "integer" }, limit: { type: "integer" } };
  const open = (
    pagination: Operation["pagination"],
    answer: ApiRoutes[string],
    options: ApiOptions = {},
  ) =>
    apis.open({ "/it": answer }, [
      operationOf({ name: "it", pagination }, [page, size], schemas),
    ], options);
  const listOf = (length: number) => Array.from({ length }, (_, n) => n);
  const nextOf = async (api: Awaited<ReturnType<typeof open>>, given: JsonObject = {}) =>
    (await api.call("it", given)).structuredContent.next;

  test("by number, until the last one", async () => {
    const counted = await open(
      { type: "page", parameter: "page", first: 1, pages: "meta.pages" },
      ({ json }) => json({ meta: { pages: 3 }, data: [1] }),
    );
    expect(await nextOf(counted)).toEqual({ page: 2 });
    expect(await nextOf(counted, { page: 2 })).toEqual({ page: 3 });
    expect(await nextOf(counted, { page: 3 })).toBe(undefined);
    const full = await open(
      { type: "page", parameter: "page", first: 0, size: "limit", sizeDefault: 10 },
      ({ json, query }) => json(listOf(query.get("page") === "4" ? 3 : 10)),
    );
    expect(await nextOf(full)).toEqual({ page: 1 });
    expect(await nextOf(full, { page: 4 })).toBe(undefined);
    expect(await nextOf(full, { limit: 20 })).toBe(undefined);
  });

  test("by offset, until the total", async () => {
    const by = { type: "offset", parameter: "page", size: "limit", sizeDefault: 10 } as const;
    const total = await open(
      { ...by, total: "total" },
      ({ json }) => json({ total: 25, data: listOf(10) }),
    );
    expect(await nextOf(total)).toEqual({ page: 10 });
    expect(await nextOf(total, { page: 20 })).toBe(undefined);
    const unknown = await open(by, ({ json }) => json({ data: listOf(4) }));
    expect(await nextOf(unknown)).toBe(undefined);
    expect(await nextOf(unknown, { limit: 4 })).toEqual({ page: 4 });
  });

  test("by a cursor, until there is none", async () => {
    const api = await open(
      { type: "cursor", parameter: "page", next: "meta.next" },
      ({ json, count }) => json({ meta: { next: ["c2", null, ""][count - 1] }, data: [1] }),
    );
    expect(await nextOf(api)).toEqual({ page: "c2" });
    expect(await nextOf(api)).toBe(undefined);
    expect(await nextOf(api)).toBe(undefined);
  });

  test("by links: only values for known arguments are taken, no URL is followed", async () => {
    const link = [
      '<https://evil.example/other?page=1>; rel="prev"',
      '<https://evil.example/other?page=3&per_page=20&role=admin>; rel="next last"',
    ].join(", ");
    const api = await open({ type: "link" }, ({ json }) => json([1], 200, { link }));
    expect(await nextOf(api, { limit: 20, page: 2 })).toEqual({ page: 3 });
    expect(await nextOf(api, { page: 3 })).toEqual({ limit: 20 });
    const last = await open(
      { type: "link" },
      ({ json }) => json([1], 200, { link: '<https://x.example/?page=1>; rel="first"' }),
    );
    expect(await nextOf(last)).toBe(undefined);
    expect(api.server.seen.length).toBe(2);
  });

  test("a page that was cut is read to its end before the next one", async () => {
    const api = await open(
      { type: "page", parameter: "page", first: 1 },
      ({ json }) => json(listOf(400)),
      { limits: { restResultCharsMax: 1_000 } },
    );
    const { next } = (await api.call("it")).structuredContent;
    expect(Object.keys(next ?? {})).toEqual(["skip"]);
    expect(await nextOf(api, { skip: 390 })).toEqual({ page: 2, skip: 0 });
  });
});
