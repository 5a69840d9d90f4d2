/**
 * The format of recipes: errors name the place in the file, and the JSON Schema for editors matches
 * what the gateway checks.
 */
import { describe, expect, test } from "bun:test";
import { type Schema, Validator } from "@cfworker/json-schema";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { builtInRecipes } from "../../../src/config/built_in.ts";
import { parseJsonc } from "../../../src/config/jsonc.ts";
import { recipeSchema } from "../../../src/config/recipe.ts";
import type { JsonObject } from "../../../src/model.ts";
import editorSchema from "../../../src/recipes/recipe.schema.json" with { type: "json" };
import { projectDirectory } from "../../support/spawn_gateway.ts";
import { toJsonSchema } from "../../support/valibot_json_schema.ts";
import { failed, readOne, shell } from "./read.ts";

const endpoint = { name: "list", description: "Lists it.", path: "/list" };
const mine = {
  title: "Mine",
  description: "What is mine.",
  baseUrl: "https://api.example.com",
  endpoints: [endpoint],
};
const withEndpoint = (more: object) => ({ ...mine, endpoints: [{ ...endpoint, ...more }] });
const withParameter = (more: object, path = "/list") =>
  withEndpoint({ path, parameters: { a: { in: "query", schema: { type: "string" }, ...more } } });
const login = { path: "/login", body: {}, token: "token", lifetimeMs: 1000 };

const validator = new Validator(editorSchema as Schema, "2020-12");

async function problemOf(recipe: unknown): Promise<string> {
  const text = typeof recipe === "string" ? recipe : JSON.stringify(recipe);
  const files = { "/etc/gateway/mine.json": text };
  return failed(await readOne({ recipe: "./mine.json" }, shell, false, files)).problem;
}

describe("a recipe of the wrong shape", () => {
  const word = '"GET", "POST", "PUT", "PATCH" or "DELETE"';
  const kinds =
    'an object with type "none", "api_key", "bearer", "basic", "headers", "oauth2", "enterprise" or "workload", got ';
  const milliseconds = "a whole number of milliseconds from 1 to ";
  const rows: readonly [what: string, recipe: unknown, problem: string][] = [
    ["a list", [], "the recipe in FILE: expected an object, got a list"],
    ["a text", '"a"', "the recipe in FILE: expected an object, got a string"],
    [
      "no title",
      { ...mine, title: undefined },
      "title in FILE: expected a string, got nothing",
    ],
    [
      "an empty title",
      { ...mine, title: "" },
      "title in FILE: expected a string that is not empty",
    ],
    [
      "a number as base URL",
      { ...mine, baseUrl: 1 },
      "baseUrl in FILE: expected a string, got a number",
    ],
    [
      "a mistyped key",
      withEndpoint({ metod: "GET" }),
      'endpoints[0].metod in FILE: expected no keys but name, title, description, method, path, parameters, pagination, projection, outputSchema, cacheMs, repeatable, readOnly, login; did you mean "method"?',
    ],
    [
      "an unknown key",
      { ...mine, retries: 1 },
      "retries in FILE: expected no keys but $schema, title, ",
    ],
    [
      "no endpoints",
      { ...mine, endpoints: [] },
      "endpoints in FILE: expected at least one endpoint",
    ],
    [
      "endpoints by name",
      { ...mine, endpoints: { list: endpoint } },
      "endpoints in FILE: expected a list of endpoints, got an object",
    ],
    [
      "a method",
      withEndpoint({ method: "get" }),
      `endpoints[0].method in FILE: expected ${word}, got "get"`,
    ],
    [
      "a name with a space",
      withEndpoint({ name: "my list" }),
      'endpoints[0].name in FILE: expected a name of 1 to 64 letters, digits, _ and -, got "my list"',
    ],
    [
      "a path without its slash",
      withEndpoint({ path: "list" }),
      "endpoints[0].path in FILE: expected a path that begins with /",
    ],
    [
      "a path that leads out",
      withEndpoint({ path: "/a/../b" }),
      "endpoints[0].path in FILE: expected a path that begins with /, without ?, #, .. and empty parts",
    ],
    [
      "a path with an empty part",
      withEndpoint({ path: "/a//b" }),
      "endpoints[0].path in FILE: expected a path that begins with /",
    ],
    [
      "an argument that models cannot have",
      withEndpoint({ parameters: { "a b": { in: "query", schema: {} } } }),
      'endpoints[0].parameters["a b"] in FILE: expected a name of 1 to 64 letters, digits, _, . and -',
    ],
    ["more tools than anybody reads", {
      ...mine,
      endpoints: Array.from({ length: 501 }, (_, at) => ({ ...endpoint, name: `a${at}` })),
    }, "endpoints in FILE: expected at most 500 endpoints"],
    [
      "a path with a query",
      withEndpoint({ path: "/list?a=b" }),
      "endpoints[0].path in FILE: expected a path that begins with /",
    ],
    [
      "parameters as a list",
      withEndpoint({ parameters: [] }),
      "endpoints[0].parameters in FILE: expected an object, got a list",
    ],
    [
      "a parameter's place",
      withParameter({ in: "cookie" }),
      'endpoints[0].parameters.a.in in FILE: expected "path", "query", "header" or "body", got "cookie"',
    ],
    [
      "a parameter without schema",
      withParameter({ schema: undefined }),
      "endpoints[0].parameters.a.schema in FILE: expected an object, got nothing",
    ],
    [
      "required as text",
      withParameter({ required: "yes" }),
      "endpoints[0].parameters.a.required in FILE: expected true or false, got a string",
    ],
    [
      "pages of no kind",
      withEndpoint({ pagination: { type: "pages" } }),
      'endpoints[0].pagination.type in FILE: expected an object with type "page", "offset" or "cursor", got "pages"',
    ],
    [
      "pages of two kinds",
      withEndpoint({ pagination: { type: "cursor", parameter: "a", next: "b", size: "c" } }),
      "endpoints[0].pagination.size in FILE: expected no keys but type, parameter, next",
    ],
    [
      "half a second",
      withEndpoint({ cacheMs: 0.5 }),
      "endpoints[0].cacheMs in FILE: expected a whole number of milliseconds from 0 to ",
    ],
    [
      "a budget of nothing",
      { ...mine, budget: { requests: 0, perMs: 1 } },
      "budget.requests in FILE: expected a whole number of requests, at least 1",
    ],
    [
      "a budget of no time",
      { ...mine, budget: { requests: 1, perMs: 0 } },
      `budget.perMs in FILE: expected ${milliseconds}`,
    ],
    [
      "credentials of no kind",
      { ...mine, credentials: { type: "password" } },
      `credentials.type in FILE: expected ${kinds}"password"`,
    ],
    ["keys of mcp.json alone", {
      ...mine,
      credentials: { type: "bearer", token: "hunter2", public: true },
    }, "credentials.public in FILE: expected no keys but type, token"],
    [
      "a secret of no kind",
      { ...mine, credentials: { type: "bearer", token: 1 } },
      "credentials.token in FILE: expected a string, or an object with file, got a number",
    ],
    [
      "a condition that cannot be",
      { ...mine, variants: [{ name: "a", when: { KEY: false } }] },
      "variants[0].when.KEY in FILE: expected a string, or true, got a boolean",
    ],
    [
      "a log-in without a token",
      { ...mine, login: { ...login, token: undefined } },
      "login.token in FILE: expected a string, got nothing",
    ],
    [
      "a log-in for no time",
      { ...mine, login: { ...login, lifetimeMs: 0 } },
      `login.lifetimeMs in FILE: expected ${milliseconds}`,
    ],
    [
      "a URL as host",
      { ...mine, login: { ...login, hosts: ["https://a.test"] } },
      "login.hosts[0] in FILE: expected a host such as api.example.com or api.example.com:8443",
    ],
  ];
  for (const [what, recipe, problem] of rows) {
    test(`${what} is reported with its place, and editors see it, too`, async () => {
      const said = await problemOf(recipe);
      expect(said).toContain(problem.replace("FILE", "mine.json"));
      expect(said).not.toContain("hunter2");
      const value: unknown = typeof recipe === "string" ? JSON.parse(recipe) : recipe;
      expect(validator.validate(JSON.parse(JSON.stringify(value))).valid).toBe(false);
    });
  }

  test("is reported with all its faults, up to a number", async () => {
    const said = await problemOf({ title: "", endpoints: [] });
    expect(said.split("; ")).toEqual([
      "title in mine.json: expected a string that is not empty",
      "description in mine.json: expected a string, got nothing",
      "baseUrl in mine.json: expected a string, got nothing",
      "endpoints in mine.json: expected at least one endpoint",
    ]);
    const many = await problemOf({ ...mine, endpoints: Array.from({ length: 99 }, () => ({})) });
    expect(many.split("; ").length).toBeLessThan(9);
  });

  test("is reported without possible secrets and long values", async () => {
    const key = "bot123:AAHsecretKEY";
    expect(await problemOf(withEndpoint({ path: `${key}/send` }))).not.toContain(key);
    expect(await problemOf(withEndpoint({ path: `/send?key=${key}` }))).not.toContain(key);
    expect(await problemOf(withEndpoint({ method: "x".repeat(100_000) })))
      .toMatch(/, got a string$/);
  });

  test("that is no JSON is reported with line and column", async () => {
    expect(await problemOf('{\n  "title" "a" }'))
      .toContain("mcpServers.files.recipe in mcp.json: Cannot parse mine.json: line 2, column 11");
  });
});

describe("a recipe that does not fit together", () => {
  const page = (more: object) => withEndpoint({ pagination: { type: "page", ...more } });
  const rows: readonly [what: string, recipe: unknown, problem: string][] = [
    [
      "two endpoints of a name",
      { ...mine, endpoints: [endpoint, endpoint] },
      'endpoints[1].name in FILE: expected a unique name, got "list" twice',
    ],
    [
      "two variants of a name",
      { ...mine, variants: [{ name: "a" }, { name: "a" }] },
      'variants[1].name in FILE: expected a unique name, got "a" twice',
    ],
    ...[{}, { a: 1 }, [{}], ["string", null], "text", 1, null].map((
      type,
    ): [string, unknown, string] => [
      `a type of ${JSON.stringify(type)}`,
      withParameter({ schema: { type } }),
      'endpoints[0].parameters.a.schema.type in FILE: expected "string", "number", "integer", ',
    ]),
    [
      "an expression with a control character",
      withEndpoint({ projection: "a\x1bb" }),
      "endpoints[0].projection in FILE: expected a JMESPath expression: Syntax error: unknown " +
      "character: \\u001b",
    ],
    [
      "a log-in that there is not",
      withEndpoint({ login: true }),
      "endpoints[0].login in FILE: expected a log-in in the recipe, because this endpoint needs one",
    ],
    [
      "a part of the path without parameter",
      withEndpoint({ path: "/{a}" }),
      'endpoints[0].path in FILE: expected a parameter "a" with "in": "path"',
    ],
    [
      "a parameter for no part of the path",
      withParameter({ in: "path", required: true }),
      "endpoints[0].parameters.a in FILE: expected {a} in the path of its endpoint",
    ],
    [
      "a part of the path that may be absent",
      withParameter({ in: "path" }, "/{a}"),
      "endpoints[0].parameters.a.required in FILE: expected true, because it is a part of the path",
    ],
    ["an open brace", withEndpoint({ path: "/{a" }), "endpoints[0].path in FILE: expected "],
    [
      "a body of GET",
      withParameter({ in: "body" }),
      "endpoints[0].parameters.a.in in FILE: expected another place, because GET has no body",
    ],
    [
      "a header of the connection",
      withParameter({ in: "header", name: "Host" }),
      "endpoints[0].parameters.a in FILE: is set by the gateway itself; remove it",
    ],
    [
      "a header that shows who calls",
      withParameter({ in: "header", name: "Authorization" }),
      "endpoints[0].parameters.a in FILE: ",
    ],
    [
      "a header that is none",
      withParameter({ in: "header", name: "a b" }),
      "endpoints[0].parameters.a in FILE: not a valid header name",
    ],
    [
      "two parameters in one place",
      withEndpoint({
        parameters: {
          a: { in: "query", schema: { type: "string" } },
          b: { in: "query", name: "a", schema: { type: "string" } },
        },
      }),
      "endpoints[0].parameters.b in FILE: expected ",
    ],
    [
      "an expression",
      withEndpoint({ projection: "a[" }),
      "endpoints[0].projection in FILE: expected a JMESPath expression: ",
    ],
    [
      "an expression of errors",
      { ...mine, errorMessage: "]" },
      "errorMessage in FILE: expected a JMESPath expression: ",
    ],
    [
      "an expression of a log-in",
      { ...mine, login: { ...login, token: "[" } },
      "login.token in FILE: expected a JMESPath expression: ",
    ],
    [
      "pages by no parameter",
      page({ parameter: "page" }),
      'endpoints[0].pagination in FILE: expected a parameter of its endpoint, got "page"',
    ],
    [
      "a base URL",
      { ...mine, baseUrl: "api.example.com" },
      "baseUrl in FILE: expected an absolute URL such as https://api.example.com/v1",
    ],
    [
      "a variant's base URL",
      { ...mine, variants: [{ name: "a", baseUrl: "https://a.test?b" }] },
      "variants[0].baseUrl in FILE: expected a URL without a query",
    ],
    [
      "a variable that is not set",
      { ...mine, headers: { "X-A": "${NONE}" } },
      "headers.X-A in FILE: the environment variable NONE is not set; set it in the environment or .env and restart, or write ${NONE:-default}",
    ],
    [
      "credentials without theirs",
      { ...mine, credentials: { type: "bearer", token: "${NONE}" } },
      "credentials.token in FILE: the environment variable NONE is not set",
    ],
    ["a variant's without theirs", {
      ...mine,
      variants: [{ name: "a", credentials: { type: "bearer", token: "${NONE}" } }],
    }, "variants[0].credentials.token in FILE: the environment variable NONE is not set"],
    ["a log-in without its variable", {
      ...mine,
      login: { ...login, body: { password: "${NONE}" } },
    }, "login.body.password in FILE: the environment variable NONE is not set"],
    [
      "the gateway's own secret",
      { ...mine, headers: { "X-A": "${MCP_SECRET}" } },
      "headers.X-A in FILE: ${MCP_SECRET} belongs to the gateway alone",
    ],
    [
      "a header twice",
      withEndpoint({
        parameters: {
          a: { in: "header", name: "X-A", schema: {} },
          b: { in: "header", name: "x-a", schema: {} },
        },
      }),
      'endpoints[0].parameters.b in FILE: expected a name or place that differs from those of "a"',
    ],
    [
      "a function that there is not",
      withEndpoint({ projection: "{a: items[].nope(b)}" }),
      'endpoints[0].projection in FILE: expected a JMESPath expression: there is no function "nope"',
    ],
    [
      "a type that there is not",
      withParameter({ schema: { type: "int" } }),
      'endpoints[0].parameters.a.schema.type in FILE: expected "string", "number", "integer", "boolean", "array", "object", "null", or a list of them',
    ],
    [
      "an answer's type that there is not",
      withEndpoint({ outputSchema: { type: ["list"] } }),
      'endpoints[0].outputSchema.type in FILE: expected "string", ',
    ],
    [
      "a default of another type",
      withParameter({ default: 1 }),
      "endpoints[0].parameters.a.default in FILE: expected a value that its schema allows",
    ],
    [
      "a default that is never used",
      withParameter({ default: "a", required: true }),
      "endpoints[0].parameters.a.default in FILE: is never used, because the argument is required; remove it",
    ],
    [
      "items joined in a body",
      {
        ...mine,
        endpoints: [{
          ...endpoint,
          method: "POST",
          parameters: { a: { in: "body", join: ",", schema: { type: "array" } } },
        }],
      },
      "endpoints[0].parameters.a.join in FILE: has no meaning in a body, where a list is a list; remove it",
    ],
    [
      "a log-in's header",
      { ...mine, login: { ...login, header: "a b" } },
      "login.header in FILE: not a valid header name",
    ],
    [
      "a log-in's prefix",
      { ...mine, login: { ...login, prefix: "a\nb" } },
      "login.prefix in FILE: expected a value on one line",
    ],
    [
      "a log-in's path with a name",
      { ...mine, login: { ...login, path: "/{a}" } },
      "login.path in FILE: expected a path without braces",
    ],
  ];
  for (const [what, recipe, problem] of rows) {
    test(`${what} is reported with its place`, async () => {
      expect(await problemOf(recipe)).toContain(problem.replace("FILE", "mine.json"));
    });
  }
});

describe("the JSON Schema for editors", () => {
  test("says at every level what the gateway checks", () => {
    expect(withoutNotes(editorSchema, editorSchema)).toEqual(toJsonSchema(recipeSchema));
  });

  test("explains every key", () => {
    const silent: string[] = [];
    visitProperties(editorSchema, "", (path, property) => {
      if (typeof property["description"] !== "string") silent.push(path);
    });
    expect(silent).toEqual([]);
  });

  test("has only keys that docs/web-apis.md explains, except those of credentials", () => {
    const text = readFileSync(join(projectDirectory, "docs/web-apis.md"), "utf8");
    const { credentials: _, secret: __, ...defs } = editorSchema.$defs;
    const silent: string[] = [];
    visitProperties({ ...editorSchema, $defs: defs }, "", (path) => {
      const key = path.slice(path.lastIndexOf("/") + 1);
      if (!new RegExp(`[\`"]${key.replace("$", "\\$")}[\`"]`).test(text)) silent.push(path);
    });
    expect(silent).toEqual([]);
  });

  test("accepts the built-in recipes, which name it", () => {
    for (const [name, recipe] of builtInRecipes) {
      const { valid, errors } = validator.validate(recipe);
      expect([name, valid, errors]).toEqual([name, true, []]);
      expect(recipe).toMatchObject({ $schema: "./recipe.schema.json" });
    }
  });

  test("accepts the recipes of the documentation, and so does the gateway", async () => {
    const page = readFileSync(join(projectDirectory, "docs/web-apis.md"), "utf8");
    const texts = [...page.matchAll(/^```jsonc?\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block)
      .filter((block) => block.includes('"endpoints"'));
    expect(texts.length).toBeGreaterThanOrEqual(3);
    const env = { ...shell, MY_KEY: "k", MY_NAME: "n", MY_PASSWORD: "p" };
    for (const text of texts) {
      const { valid, errors } = validator.validate(parseJsonc(text, "an example").value);
      expect([text.slice(0, 99), valid, errors]).toEqual([text.slice(0, 99), true, []]);
      const files = { "/etc/gateway/mine.json": text };
      const config = await readOne({ recipe: "./mine.json" }, env, false, files);
      expect([...config.servers, ...config.warnings]).toMatchObject([{ kind: "rest" }]);
    }
  });
});

/** A schema with its references replaced, and without what only explains. */
function withoutNotes(schema: JsonObject, root: JsonObject): JsonObject {
  const { $ref, $schema: _, $defs: __, title: ___, description: ____, ...rest } = schema;
  const whole = typeof $ref === "string"
    ? { ...withoutNotes(resolve($ref, root), root), ...rest }
    : rest;
  const inside = (value: unknown) => withoutNotes(value as JsonObject, root);
  return Object.fromEntries(
    Object.entries(whole).map(([key, value]) => {
      if (key === "properties") return [key, mapValues(value as JsonObject, inside)];
      if (key === "anyOf") return [key, (value as JsonObject[]).map(inside)];
      if (key === "items") return [key, inside(value)];
      if (key === "additionalProperties" && value !== false) return [key, inside(value)];
      return [key, value];
    }),
  );
}

function resolve(reference: string, root: JsonObject): JsonObject {
  const name = reference.replace("#/$defs/", "");
  return (root["$defs"] as Readonly<Record<string, JsonObject>>)[name] ?? {};
}

function mapValues(members: JsonObject, change: (value: unknown) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(members).map(([key, value]) => [key, change(value)]));
}

function visitProperties(
  value: unknown,
  path: string,
  visit: (path: string, property: JsonObject) => void,
): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (key === "properties") {
      for (const [name, property] of Object.entries(member as JsonObject)) {
        visit(`${path}/${name}`, property as JsonObject);
      }
    }
    visitProperties(member, `${path}/${key}`, visit);
  }
}
