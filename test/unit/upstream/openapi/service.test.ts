/** An OpenAPI document as a service: which operations, under which names, where, and for whom. */
import { describe, expect, test } from "bun:test";
import type { CredentialsConfig } from "../../../../src/config/config.ts";
import type { JsonObject } from "../../../../src/model.ts";
import { documentOf, load, operationOf, refusalOf } from "../../../support/openapi_load.ts";

const named = (...ids: readonly string[]) =>
  documentOf(Object.fromEntries(
    ids.map((
      operationId,
      at,
    ) => [`/${at}`, { get: { operationId, tags: [at % 3 ? "cats" : "dogs"] } }]),
  ));
const namesOf = async (document: JsonObject, tools = {}) =>
  (await load(document, { tools })).service.operations.map(({ name }) => name);

describe("The name of an operation", () => {
  test("is its own as far as clients allow, or else its method and path", async () => {
    expect(await namesOf(named("repos/list-for-user", "getPet", "älter als 3?"))).toEqual([
      "repos_list-for-user",
      "getPet",
      "lter_als_3",
    ]);
    expect(
      await namesOf(
        documentOf({ "/users/{username}/pets": { get: {}, delete: {} }, "/": { put: {} } }),
      ),
    ).toEqual(["get_users_by_username_pets", "delete_users_by_username_pets", "put"]);
  });

  test("is short and unique, whatever the order", async () => {
    const long = "a".repeat(100);
    const paths = {
      "/a": { get: { operationId: "same" } },
      "/b": { get: { operationId: "same" }, post: { operationId: "sa me" } },
      "/c": { get: { operationId: "sa/me" } },
      "/d": { get: { operationId: long } },
      "/e": { get: { operationId: `${long}b` } },
    };
    const { operations } = (await load(documentOf(paths))).service;
    const names = operations.map(({ name }) => name);
    expect(new Set(names).size).toBe(6);
    expect(names.every((name) => /^[A-Za-z0-9_-]{1,64}$/.test(name))).toBe(true);
    const reversed = Object.fromEntries(Object.entries(paths).reverse());
    const again = (await load(documentOf(reversed))).service.operations;
    const toPlace = (all: typeof operations) =>
      Object.fromEntries(all.map(({ method, path, name }) => [`${method} ${path}`, name]));
    expect(toPlace(again)).toEqual(toPlace(operations));
  });
});

describe("Operations", () => {
  test("are chosen by tools.allow and tools.deny", async () => {
    const document = named("pets_list", "pets_add", "pets_drop", "shops_list");
    expect(await namesOf(document, { allow: ["pets_*"], deny: ["*_drop"] })).toEqual([
      "pets_list",
      "pets_add",
    ]);
    expect(await refusalOf(load(document, { tools: { allow: ["cats_*"] } }))).toContain(
      '"tools" chooses none of its 4 operations; they have names such as "pets_list"',
    );
  });

  test("are not offered if there are too many: the operator must choose", async () => {
    const document = named(...Array.from({ length: 9 }, (_, at) => `pets/${at}`), "shops/1");
    const limits = { openApiOperationsMax: 5, openApiOperationsChosenMax: 9 };
    expect(await refusalOf(load(document, { limits }))).toBe(
      'Cannot offer "api.json": its 10 operations are too many tools; choose some with "tools": ' +
        '{"allow":["pets*"]}, or all with ["*"]; its tags are cats (6), dogs (4)',
    );
    expect(
      (await load(document, { limits, tools: { allow: ["pets*"] } })).service.operations.length,
    )
      .toBe(9);
    expect((await load(document, { limits, tools: { deny: ["pets*"] } })).service.operations.length)
      .toBe(1);
    expect(await refusalOf(load(document, { limits, tools: { allow: ["*"] } }))).toContain(
      '"tools" chooses 10 operations, and at most 9 can be tools',
    );
  });

  test("that were left out are named up to a number, and counted beyond", async () => {
    const bad = Object.fromEntries(Array.from({ length: 27 }, (_, at) => [`/${at}`, { get: 1 }]));
    const { service } = await load(documentOf({ ...bad, "/good": { get: {} } }));
    expect(service.leftOut.length).toBe(21);
    expect(service.leftOut.at(-1)).toBe("7 more");
  });

  test("bring their documentation, and what their method means", async () => {
    const { service } = await load(documentOf({
      "/a": {
        get: { summary: "List pets", description: "All of them.", deprecated: true },
        post: { summary: "Add a pet", description: "To add a pet, name it." },
        put: { description: "x".repeat(9_000) },
        delete: {},
        head: {},
        options: {},
        trace: {},
      },
    }));
    const [get, post, put, remove, ...others] = service.operations;
    expect(others).toEqual([]);
    expect([get?.title, get?.description, get?.readOnly, get?.repeatable]).toEqual([
      "List pets",
      "Deprecated.\n\nList pets\n\nAll of them.",
      true,
      true,
    ]);
    expect([post?.description, post?.readOnly, post?.repeatable]).toEqual([
      "To add a pet, name it.",
      false,
      false,
    ]);
    expect([put?.description.length, put?.repeatable]).toEqual([4_096, true]);
    expect([remove?.description, remove?.readOnly, remove?.repeatable]).toEqual([
      "DELETE /a",
      false,
      true,
    ]);
  });

  test("have more pages where answers have links, or lists are numbered", async () => {
    const query = (...names: string[]) => ({
      parameters: names.map((name) => ({ in: "query", name })),
    });
    const linked = { responses: { 200: { headers: { Link: { schema: { type: "string" } } } } } };
    const { service } = await load(documentOf({
      "/a": { get: query("page", "per_page") },
      "/b": { get: linked, post: linked },
      "/c": { get: query("page") },
    }));
    expect(service.operations.map(({ pagination }) => pagination?.type)).toEqual([
      "link",
      "link",
      undefined,
      undefined,
    ]);
  });
});

describe("Where the API is", () => {
  const at = async (servers: unknown, baseUrl?: string) =>
    (await load(documentOf({ "/a": { get: {} } }, { servers }), { baseUrl })).service.baseUrl;

  test("is what the operator says, or else what the document says first", async () => {
    const one = { url: "https://one.example/v1/" };
    expect(await at([one, { url: "https://two.example" }])).toBe("https://one.example/v1");
    expect(await at([one], "https://mine.example/api/")).toBe("https://mine.example/api");
    expect(await at([{ url: "http://one.example" }, { url: "https://one.example" }]))
      .toBe("https://one.example");
    expect(
      await at([{
        url: "https://{region}.pets.example/{version}",
        variables: { region: { default: "eu" }, version: { enum: ["v3"] } },
      }]),
    ).toBe("https://eu.pets.example/v3");
  });

  test("must be said for a file that does not say it", async () => {
    for (
      const servers of [undefined, [], [{ url: "/v1" }], [{ url: "https://{host}" }], [{
        url: "ftp://x",
      }]]
    ) {
      expect(await refusalOf(at(servers))).toBe(
        'Cannot tell from "api.json" where its API is: set "baseUrl" to the API\'s URL',
      );
    }
  });

  test("may be another place for one operation, within the same origin alone", async () => {
    const servers = (url: string) => [{ url }];
    const { service } = await load(documentOf({
      "/a": { get: {}, post: { servers: servers("https://pets.example/v2") } },
      "/b": { servers: servers("https://pets.example/v1/"), get: {} },
      "/c": { servers: servers("https://upload.example"), get: {} },
    }));
    expect(service.operations.map(({ baseUrl }) => baseUrl)).toEqual([
      undefined,
      "https://pets.example/v2",
      undefined,
    ]);
    expect(service.leftOut).toEqual([
      'GET /c: it is at "https://upload.example" and not at "https://pets.example"; configure a ' +
      "server of its own for it",
    ]);
  });
});

describe("An API that needs credentials", () => {
  const advice = async (
    scheme: unknown,
    { security = [{ it: [] }], credentials = { type: "none" } }: {
      readonly security?: unknown;
      readonly credentials?: CredentialsConfig;
    } = {},
  ) => {
    const components = {
      securitySchemes: { it: scheme, key: { type: "apiKey", in: "header", name: "X-B" } },
    };
    const { service, lines } = await load(
      documentOf({ "/a": { get: {} } }, { security, components }),
      { credentials },
    );
    expect(service.operations.length).toBe(1);
    return lines.map(({ message }) => message.replace(/^.*set "credentials" to /, ""));
  };
  const key = { type: "apiKey", in: "query", name: "api_key" };

  test("offers its tools, and the log says what to write", async () => {
    expect(await advice(key)).toEqual([
      '{"type":"api_key","in":"query","name":"api_key","key":"${PETS_API_KEY}"}',
    ]);
    expect(await advice({ type: "http", scheme: "Bearer" })).toEqual([
      '{"type":"bearer","token":"${PETS_TOKEN}"}',
    ]);
    expect(await advice({ type: "http", scheme: "basic" })).toEqual([
      '{"type":"basic","username":"${PETS_USERNAME}","password":"${PETS_PASSWORD}"}',
    ]);
    const tokenUrl = "https://login.example/token";
    expect(await advice({ type: "oauth2", flows: { clientCredentials: { tokenUrl, scopes: {} } } }))
      .toEqual([
        `{"type":"oauth2","tokenUrl":"${tokenUrl}","clientId":"\${PETS_CLIENT_ID}",` +
        '"clientSecret":"${PETS_CLIENT_SECRET}"}',
      ]);
    const openIdConnectUrl = "https://login.example/.well-known/openid-configuration";
    expect(await advice({ type: "openIdConnect", openIdConnectUrl })).toEqual([
      '{"type":"oauth2","issuer":"https://login.example","clientId":"${PETS_CLIENT_ID}",' +
      '"clientSecret":"${PETS_CLIENT_SECRET}"}',
    ]);
    expect(await advice({ ...key, in: "header", name: "X-A" }, { security: [{ it: [], key: [] }] }))
      .toEqual(['{"type":"headers","headers":{"X-A":"${X_A}","X-B":"${X_B}"}}']);
  });

  test("is left alone when it has some, needs none, or knows no scheme", async () => {
    expect(await advice(key, { credentials: { type: "bearer", token: "t" } })).toEqual([]);
    expect(await advice(key, { security: [{ it: [] }, {}] })).toEqual([]);
    expect(await advice(key, { security: [] })).toEqual([]);
    expect(await advice({ type: "mutualTLS" })).toEqual([]);
  });
});

test("An operation is what the engine needs, and nothing more", async () => {
  const operation = await operationOf(documentOf({ "/a": { get: { operationId: "a" } } }));
  expect(operation).toEqual({
    name: "a",
    description: "GET /a",
    method: "GET",
    path: "/a",
    parameters: [],
    inputSchema: { type: "object", properties: {} },
    cacheMs: 0,
    repeatable: true,
    resends: true,
    readOnly: true,
    login: false,
  });
});
