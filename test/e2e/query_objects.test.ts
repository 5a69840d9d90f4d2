/**
 * A document with objects in the query, a body for GET and a tool that places orders. Clients of
 * either era call it: what the API receives, and what the outcome says.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FaultServer, serveFaults } from "../support/fault_server.ts";
import { clientKinds, type RealClient } from "../support/mcp_clients.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;
let api: FaultServer;
let gateway: SpawnedGateway;

const range = { type: "object", properties: { gte: { type: "integer" } } };
const text = { type: "string" };
const deep = (name: string, schema: object) => ({
  name,
  in: "query",
  style: "deepObject",
  explode: true,
  schema,
});
const body = (properties: object) => ({
  content: { "application/json": { schema: { type: "object", properties } } },
});
const paths = {
  "/charges": {
    get: {
      operationId: "charges",
      parameters: [
        deep("created", { anyOf: [range, { type: "integer" }] }),
        deep("filter", { type: "object", additionalProperties: true }),
        deep("all", { allOf: [range] }),
      ],
    },
  },
  "/search": { get: { operationId: "search", requestBody: body({ query: text }) } },
  "/orders": { post: { operationId: "order", requestBody: body({ item: text }) } },
  "/moved": { post: { operationId: "moved", requestBody: body({ item: text }) } },
};

beforeAll(async () => {
  api = await serveFaults((request, response) => {
    const url = request.url ?? "";
    if (url === "/orders") {
      response.writeHead(201, { "content-type": "text/html" });
      response.end("<p>Order 17 placed</p>");
    } else if (url === "/moved") {
      response.writeHead(308, { location: "/orders" });
      response.end();
    } else {
      response.writeHead(200, { "content-type": "application/json" });
      response.end("{}");
    }
  });
  const document = {
    openapi: "3.0.3",
    info: { title: "Charges", version: "1" },
    servers: [{ url: api.origin }],
    paths,
  };
  gateway = await spawnGateway({
    prepare: (directory) => writeFileSync(join(directory, "api.json"), JSON.stringify(document)),
    servers: { api: { openapi: "./api.json" } },
  });
}, testMs);

afterAll(async () => {
  await gateway?.dispose();
  await api?.close();
}, testMs);

for (const kind of clientKinds.filter(({ name }) => /Streamable|pinned/.test(name))) {
  describe(kind.name, () => {
    let client: RealClient;
    beforeAll(async () => {
      client = await kind.open(gateway.url, "/servers/api/mcp");
    }, testMs);
    afterAll(() => client?.close(), testMs);

    test("sends query objects with chosen, free, combined and nested members", async () => {
      const calls = [
        [{ created: { gte: 5 } }, "created[gte]=5"],
        [{ created: 5 }, "created=5"],
        [
          { filter: { name: "x", tags: ["a", "b"] } },
          "filter[name]=x&filter[tags][]=a&filter[tags][]=b",
        ],
        [{ filter: { a: { b: "1" } }, all: { gte: 1 } }, "filter[a][b]=1&all[gte]=1"],
      ] as const;
      for (const [given, query] of calls) {
        const { isError } = await client.callWhole("charges", given);
        expect(isError === true).toBe(false);
        expect(decodeURIComponent(api.seen.at(-1)?.url ?? "")).toBe(`/charges?${query}`);
      }
    }, testMs);

    test("sends the body of a GET", async () => {
      await client.callWhole("search", { query: "shoes" });
      expect([api.seen.at(-1)?.method, api.seen.at(-1)?.body]).toEqual([
        "GET",
        '{"query":"shoes"}',
      ]);
    }, testMs);

    test("reports an order as placed if its answer is a page", async () => {
      const before = api.seen.length;
      const { isError, structuredContent } = await client.callWhole("order", { item: "book" });
      expect(isError === true).toBe(false);
      expect(structuredContent).toMatchObject({
        raw: { text: "<p>Order 17 placed</p>" },
        note: expect.stringContaining("The call was carried out (status 201)"),
      });
      expect(api.seen.length - before).toBe(1);
    }, testMs);

    test(
      "reports a redirected order as unknown, and places it nowhere else",
      async () => {
        const before = api.seen.length;
        const { isError, _meta } = await client.callWhole("moved", { item: "book" });
        expect([isError, (_meta as Record<string, unknown>)["mcp-wrapper/outcome"]])
          .toEqual([true, "unknown"]);
        expect(api.seen.slice(before).map(({ url }) => url)).toEqual(["/moved"]);
      },
      testMs,
    );

    test("reports a call that cannot be sent as not sent", async () => {
      const before = api.seen.length;
      const { isError, content, _meta } = await client.callWhole("charges", { created: { no: 1 } });
      expect([isError, (_meta as Record<string, unknown>)["mcp-wrapper/outcome"]])
        .toEqual([true, "not_sent"]);
      expect((content as { text: string }[])[0]?.text)
        .toBe('Cannot send "no" in argument "created": it can have "gte"');
      expect(api.seen.length).toBe(before);
    }, testMs);
  });
}
