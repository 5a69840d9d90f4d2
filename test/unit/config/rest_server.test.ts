/** Web APIs in `mcp.json`: what recipes and OpenAPI documents become, and what is refused and how. */
import { describe, expect, test } from "bun:test";
import { failed, fileName, read, readOne, rest, shell, start } from "./read.ts";

const path = "/etc/gateway/mine.json";

/** A recipe; a test says what differs. */
const mine = (more: object = {}) => ({
  title: "Mine",
  description: "What is mine.",
  baseUrl: "https://api.example.com/v1/",
  endpoints: [{ name: "list", description: "Lists it.", path: "/list" }],
  ...more,
});

const withRecipe = (recipe: unknown, entry: object = {}, env = shell, more = {}) =>
  readOne({ recipe: "./mine.json", ...entry }, env, false, {
    [path]: typeof recipe === "string" ? recipe : JSON.stringify(recipe),
    ...more,
  });

const recipeOf = (config: Awaited<ReturnType<typeof readOne>>) => {
  const { source } = rest(config);
  if (source.type !== "recipe") throw new Error(`It is no recipe: ${source.type}`);
  return source.recipe;
};

describe("a recipe in a file", () => {
  test("becomes a server, and the file is watched", async () => {
    const config = await withRecipe(mine({ headers: { "User-Agent": "${USER} v1" } }));
    expect(rest(config)).toMatchObject({
      kind: "rest",
      headers: { "user-agent": "me v1" },
      credentials: { type: "none" },
      login: { type: "none" },
    });
    expect(rest(config).baseUrl).toBe(undefined);
    expect(recipeOf(config)).toMatchObject({
      title: "Mine",
      baseUrl: "https://api.example.com/v1",
    });
    expect(config.files).toEqual([path]);
    expect(config.warnings).toEqual([]);
  });

  test("may have comments; its path may be relative to mcp.json, to home, or absolute", async () => {
    const text = `// mine\n${JSON.stringify(mine()).replace(/\}$/, ",}")}`;
    for (
      const [recipe, at] of [
        ["./a/b.json", "/etc/gateway/a/b.json"],
        ["~/b.json", "/home/me/b.json"],
        ["/srv/b.jsonc", "/srv/b.jsonc"],
        ["b.json", "/etc/gateway/b.json"],
        ["${DIR}/b.json", "/var/b.json"],
      ] as const
    ) {
      const config = await readOne({ recipe }, { ...shell, DIR: "/var" }, false, { [at]: text });
      expect(recipeOf(config).title).toBe("Mine");
      expect(config.files).toEqual([at]);
    }
  });

  test("is watched even if it is invalid, so that a correction is enough", async () => {
    const config = await withRecipe("{");
    failed(config);
    expect(config.files).toEqual([path]);
    expect((await readOne({ recipe: "./mine.json" })).files).toEqual([path]);
  });

  test("with a repeated key causes a warning", async () => {
    const text = JSON.stringify(mine()).replace('{"title"', '{"title":"Other","title"');
    expect((await withRecipe(text)).warnings).toEqual([
      "Ignored the first title of mine.json: the key appears twice, and the last one counts",
    ]);
  });

  test("may use any names", async () => {
    const parameters = { constructor: { in: "query", schema: { type: "string" } } };
    const endpoints = [{ name: "a", description: "A.", path: "/a", parameters }];
    const [endpoint] = recipeOf(await withRecipe(mine({ endpoints }))).endpoints;
    expect(Object.keys(endpoint?.parameters ?? {})).toEqual(["constructor"]);
  });

  test("has credentials: files are relative to its own folder, and values are hidden", async () => {
    const credentials = { type: "bearer", token: { file: "./token" } };
    const config = await readOne({ recipe: "./a/b.json" }, shell, false, {
      "/etc/gateway/a/b.json": JSON.stringify(mine({ credentials })),
    });
    expect(rest(config).credentials).toEqual({
      type: "bearer",
      token: { file: "/etc/gateway/a/token" },
    });
    expect(config.warnings).toEqual([
      "Cannot read the file of credentials.token in b.json, or it is empty: calls fail until it " +
      "can be read",
    ]);
    const key = { type: "api_key", in: "query", name: "k", key: "${API_KEY}" } as const;
    const hidden = await withRecipe(mine({ credentials: key }), {}, {
      ...shell,
      API_KEY: "key-value",
    });
    expect(rest(hidden).credentials).toEqual({ ...key, key: "key-value" });
    expect(hidden.secrets).toEqual(["key-value"]);
  });

  test("is overridden by mcp.json", async () => {
    const recipe = mine({
      headers: { "X-A": "recipe", Authorization: "recipe-value" },
      credentials: { type: "api_key", in: "header", name: "X-Key", key: "${NOT_SET}" },
    });
    const config = await withRecipe(recipe, {
      baseUrl: "http://localhost:1234/v2/",
      headers: { "x-a": "own" },
      credentials: { type: "bearer", token: "own-token" },
      callTimeoutMs: 5,
      tools: { allow: ["list"] },
    });
    expect(rest(config)).toMatchObject({
      baseUrl: "http://localhost:1234/v2",
      credentials: { type: "bearer", token: "own-token" },
      callTimeoutMs: 5,
      tools: { allow: ["list"] },
    });
    expect({ ...rest(config).headers }).toEqual({ "x-a": "own" });
  });
});

describe("variants of a recipe", () => {
  const variants = [
    { name: "gold", when: { PLAN: "gold", KEY: true }, baseUrl: "https://gold.example.com" },
    {
      name: "key",
      when: { KEY: true },
      credentials: { type: "bearer", token: "${KEY}" },
      budget: { requests: 5, perMs: 1000 },
    },
    { name: "public" },
  ];
  const recipe = mine({ variants, budget: { requests: 1, perMs: 1000 } });
  const chosen = async (env: Record<string, string>, entry = {}) => {
    const config = await withRecipe(recipe, entry, { ...shell, ...env });
    const { baseUrl, budget } = recipeOf(config);
    const credentials: string = rest(config).credentials.type;
    return { baseUrl, requests: budget?.requests, credentials };
  };
  const usual = { baseUrl: "https://api.example.com/v1", requests: 1, credentials: "none" };

  test("the first whose condition holds is used", async () => {
    expect(await chosen({})).toEqual(usual);
    expect(await chosen({ KEY: " " })).toEqual(usual);
    expect(await chosen({ PLAN: "gold" })).toEqual(usual);
    const withKey = { ...usual, requests: 5, credentials: "bearer" };
    expect(await chosen({ KEY: "k" })).toEqual(withKey);
    expect(await chosen({ KEY: "k", PLAN: "silver" })).toEqual(withKey);
    expect(await chosen({ KEY: "k", PLAN: "gold" }))
      .toEqual({ ...usual, baseUrl: "https://gold.example.com" });
  });

  test("one can be pinned", async () => {
    expect(await chosen({ KEY: "k" }, { variant: "public" })).toEqual(usual);
  });

  test("a pinned one still needs its variables, and the error names the place", async () => {
    expect(failed(await withRecipe(recipe, { variant: "key" })).problem).toBe(
      "variants[1].credentials.token in mine.json: the environment variable KEY is not set; " +
        "set it in the environment or .env and restart, or write ${KEY:-default}",
    );
  });

  test("an unknown one fails with the list of known ones", async () => {
    expect(failed(await withRecipe(recipe, { variant: "silver" })).problem).toBe(
      'mcpServers.files.variant in mcp.json: expected one of "gold", "key", "public"',
    );
    expect(failed(await withRecipe(mine(), { variant: "gold" })).problem)
      .toBe("mcpServers.files.variant in mcp.json: this recipe has no variants");
  });
});

describe("a recipe's log-in", () => {
  const login = {
    when: { NAME: true, PASSWORD: true },
    path: "/login",
    body: { username: "${NAME}", password: "${PASSWORD}" },
    token: "token",
    lifetimeMs: 1000,
  };

  test("has its defaults, and its values are hidden", async () => {
    const env = { ...shell, NAME: "my-own-name", PASSWORD: "my-password" };
    const config = await withRecipe(mine({ login }), {}, env);
    expect(rest(config).login).toEqual({
      type: "login",
      path: "/login",
      body: { username: "my-own-name", password: "my-password" },
      token: "token",
      hosts: [],
      header: "authorization",
      prefix: "Bearer ",
      lifetimeMs: 1000,
    });
    expect(config.secrets).toEqual(["my-password"]);
  });

  test("without its variables fails only tools that need it, and the error says what to set", async () => {
    const config = await withRecipe(mine({ login }), {}, { ...shell, NAME: "my-own-name" });
    expect(rest(config).login).toEqual({
      type: "unset",
      problem: "needs a log-in for this; set PASSWORD in the environment or .env, and restart",
    });
  });

  test("with a password in a missing file causes a warning", async () => {
    const body = { password: { file: "./password" } };
    const { warnings } = await withRecipe(mine({ login: { ...login, when: undefined, body } }));
    expect(warnings).toEqual([
      "Cannot read the file of login.body.password in mine.json, or it is empty: calls fail " +
      "until it can be read",
    ]);
  });
});

describe("the built-in recipes", () => {
  test("CoinGecko sends its key as the plan needs", async () => {
    const shown = async (env: Record<string, string>) => {
      const config = await readOne({ recipe: "coingecko" }, { ...shell, ...env });
      const { credentials } = rest(config);
      const name = credentials.type === "api_key" ? credentials.name : credentials.type;
      return [name, recipeOf(config).baseUrl, recipeOf(config).budget?.requests];
    };
    const base = "https://api.coingecko.com/api/v3";
    expect(await shown({})).toEqual(["none", base, 10]);
    expect(await shown({ COINGECKO_API_KEY: "k" })).toEqual(["x-cg-demo-api-key", base, 100]);
    expect(await shown({ COINGECKO_API_KEY: "k", COINGECKO_API_PLAN: "pro" }))
      .toEqual(["x-cg-pro-api-key", "https://pro-api.coingecko.com/api/v3", 250]);
    const keyless = await readOne({ recipe: "coingecko" }, { ...shell, COINGECKO_API_PLAN: "pro" });
    expect(failed(keyless).problem).toContain("COINGECKO_API_KEY is not set");
  });

  test("OpenSubtitles needs its key, and an account only for downloads", async () => {
    expect(failed(await readOne({ recipe: "opensubtitles" })).problem).toBe(
      "credentials.key in recipe opensubtitles: the environment variable OPENSUBTITLES_API_KEY " +
        "is not set; set it in the environment or .env and restart",
    );
    const env = { ...shell, OPENSUBTITLES_API_KEY: "key-value" };
    const config = await readOne({ recipe: "opensubtitles" }, env);
    expect(rest(config).headers["user-agent"]).toMatch(/^mcp-wrapper v\d/);
    expect(rest(config).login).toEqual({
      type: "unset",
      problem: "needs a log-in for this; set OPENSUBTITLES_USERNAME and OPENSUBTITLES_PASSWORD " +
        "in the environment or .env, and restart",
    });
    expect(config.secrets).toEqual(["key-value"]);
  });

  test("are available without a file: CoinGecko always, OpenSubtitles with its key", async () => {
    const names = async (env: Record<string, string>) =>
      (await start({ ...shell, ...env })).config.servers.map(({ name, kind }) => [name, kind]);
    expect(await names({})).toEqual([["coingecko", "rest"]]);
    expect(await names({ OPENSUBTITLES_API_KEY: "k" }))
      .toEqual([["coingecko", "rest"], ["opensubtitles", "rest"]]);
    const { notes } = await start(shell);
    expect(notes.join("\n")).toContain("set OPENSUBTITLES_API_KEY to add OpenSubtitles");
  });
});

describe("an OpenAPI document", () => {
  const document = "/etc/gateway/api.yaml";
  const withDocument = (entry: object = {}, text = "openapi: 3.1.0") =>
    readOne({ openapi: "./api.yaml", ...entry }, { ...shell, KEY: "key-value" }, false, {
      [document]: text,
    });

  test("in a file is watched, and an edit counts as a new configuration", async () => {
    const config = await withDocument({
      baseUrl: "https://api.example.com/",
      headers: { "X-A": "a" },
      credentials: { type: "api_key", in: "query", name: "k", key: "${KEY}" },
    });
    const { source, baseUrl, headers, credentials } = rest(config);
    expect(source).toMatchObject({ type: "openapi", location: document });
    expect(baseUrl).toBe("https://api.example.com");
    expect({ ...headers }).toEqual({ "x-a": "a" });
    expect(credentials).toEqual({ type: "api_key", in: "query", name: "k", key: "key-value" });
    expect(config.files).toEqual([document]);
    expect(config.secrets).toEqual(["key-value"]);
    const stampOf = async (text: string) => rest(await withDocument({}, text)).source;
    expect(await stampOf("openapi: 3.1.0")).toEqual(await stampOf("openapi: 3.1.0"));
    expect(await stampOf("openapi: 3.1.0")).not.toEqual(await stampOf("openapi: 3.0.0"));
  });

  test("at a URL is taken as it is written, without a fragment", async () => {
    const config = await withDocument({ openapi: "https://example.com/${KEY}/api.json?a=b#c" });
    expect(rest(config).source).toEqual({
      type: "openapi",
      location: "https://example.com/key-value/api.json?a=b",
      stamp: undefined,
    });
    expect(config.files).toEqual([]);
  });
});

describe("a web API that cannot be used", () => {
  const credentials = { type: "bearer", token: "hunter2" };
  const anonymous = { ...credentials, onFailure: "anonymous", public: true };
  const rows: readonly [what: string, entry: object, problem: string][] = [
    [
      "a recipe of no name",
      { recipe: "coingeko" },
      '.recipe in FILE: expected "coingecko", "opensubtitles" or the path of a file such as ./mine.json',
    ],
    ["an empty recipe", { recipe: "" }, ".recipe in FILE: expected a string that is not empty"],
    [
      "a recipe that is a number",
      { recipe: 1 },
      ".recipe in FILE: expected a string, got a number",
    ],
    [
      "no such file",
      { recipe: "./none.json" },
      ".recipe in FILE: no such file; correct the path (relative paths start at the folder of mcp.json)",
    ],
    [
      "a file that cannot be read",
      { recipe: "/unreadable" },
      ".recipe in FILE: the file cannot be read; check its permissions",
    ],
    [
      "a variable in the path",
      { recipe: "${NONE}/a.json" },
      ".recipe in FILE: the environment variable NONE is not set; set it in the environment or .env and restart, or write ${NONE:-default}",
    ],
    [
      "a variant that is a list",
      { variant: [] },
      ".variant in FILE: expected a string, got a list",
    ],
    [
      "two of them",
      { openapi: "./api.json" },
      ".recipe in FILE: a server has either a recipe or an openapi document; remove one of them",
    ],
    [
      "a recipe and a url",
      { url: "https://example.com" },
      ".url in FILE: a server has either a url or a recipe; remove one of them",
    ],
    [
      "a recipe and a command",
      { command: "node" },
      ".command in FILE: a server has either a command or a recipe; remove one of them",
    ],
    [
      "arguments",
      { args: ["a"] },
      ".args in FILE: has no meaning for a server that is reached by its recipe; remove it",
    ],
    [
      "an era",
      { era: "modern" },
      ".era in FILE: has no meaning for a server that is reached by its recipe; remove it",
    ],
    [
      "a base URL that is none",
      { baseUrl: "api.example.com" },
      ".baseUrl in FILE: expected an absolute URL such as https://api.example.com/v1",
    ],
    [
      "a base URL of another scheme",
      { baseUrl: "ftp://a.test" },
      '.baseUrl in FILE: expected a URL with https: or http:, got "ftp:"',
    ],
    [
      "a base URL with a login",
      { baseUrl: "https://a:hunter2@a.test" },
      ".baseUrl in FILE: expected a URL without a login in it; use credentials or headers",
    ],
    [
      "a base URL with a query",
      { baseUrl: "https://a.test?k=hunter2" },
      ".baseUrl in FILE: expected a URL without a query",
    ],
    [
      "a filter that leaves nothing",
      { tools: { allow: ["lists_*"] } },
      '.tools in FILE: chooses none of its 1 tools; they have names such as "list"',
    ],
    [
      "a header's name",
      { headers: { "a b": "hunter2" } },
      '.headers["a b"] in FILE: not a valid header name',
    ],
    [
      "a header of the gateway",
      { headers: { Host: "hunter2" } },
      ".headers.Host in FILE: is set by the gateway itself; remove it",
    ],
    [
      "a header beside credentials",
      { credentials, headers: { Authorization: "hunter2" } },
      ".headers.authorization in FILE: is set by credentials, too; remove one of them",
    ],
    [
      "credentials of no kind",
      { credentials: { type: "password" } },
      '.credentials.type in FILE: expected an object with type "none", "api_key", "bearer", "basic", "headers", "oauth2", "enterprise" or "workload"',
    ],
    [
      "credentials of a program",
      { credentials: { ...credentials, env: "TOKEN" } },
      ".credentials.env in FILE: has no meaning for a server that is not a program; remove it",
    ],
    ["none without public", {
      credentials: { ...anonymous, public: false, anonymousTools: ["list"] },
    }, '.credentials.onFailure in FILE: "anonymous" also needs public: true'],
    [
      "none without tools",
      { credentials: anonymous },
      '.credentials.onFailure in FILE: "anonymous" also needs anonymousTools, the list of tools that it applies to',
    ],
    [
      "none for no tool",
      { credentials: { ...anonymous, anonymousTools: ["lisst"] } },
      '.credentials.anonymousTools[0] in FILE: expected the name of one of its tools, got "lisst"; did you mean "list"?',
    ],
  ];
  for (const [what, entry, problem] of rows) {
    test(`${what} fails it, with file, path and what to do, and shows no value`, async () => {
      const config = await read(
        { mcpServers: { files: { recipe: "./mine.json", ...entry }, other: { command: "a" } } },
        shell,
        false,
        { [path]: JSON.stringify(mine()) },
      );
      const said = failed(config).problem;
      expect(said).toContain(`mcpServers.files${problem.replace("FILE", fileName)}`);
      expect(said).not.toContain("hunter2");
      expect(config.servers.find(({ name }) => name === "other")?.kind).toBe("stdio");
    });
  }

  test("a document that is not there, or no URL, fails it", async () => {
    const problemOf = async (openapi: string) => failed(await readOne({ openapi })).problem;
    const at = "mcpServers.files.openapi in mcp.json: ";
    expect(await problemOf("./none.yaml")).toBe(
      `${at}no such file; correct the path (relative paths start at the folder of mcp.json)`,
    );
    expect(await problemOf("/unreadable"))
      .toBe(`${at}the file cannot be read; check its permissions`);
    expect(await problemOf("https://")).toBe(
      `${at}expected an absolute URL such as https://example.com/openapi.json`,
    );
    expect(await problemOf("https://me:hunter2@example.com/a.json"))
      .toBe(`${at}expected a URL without a login in it; use credentials or headers`);
  });

  test("keys that do not apply to a document fail it", async () => {
    const config = await readOne({ openapi: "./api.yaml", variant: "pro" }, shell, false, {
      "/etc/gateway/api.yaml": "openapi: 3.1.0",
    });
    expect(failed(config).problem).toBe(
      "mcpServers.files.variant in mcp.json: has no meaning for a server that is reached by its " +
        "openapi; remove it",
    );
  });

  test("headers next to a recipe's own credentials fail it, and the error names the place", async () => {
    const recipe = mine({ credentials });
    const beside = "is set by credentials, too; remove one of them";
    expect(failed(await withRecipe(recipe, { headers: { Authorization: "a" } })).problem)
      .toBe(`mcpServers.files.headers.authorization in mcp.json: ${beside}`);
    expect(failed(await withRecipe({ ...recipe, headers: { Authorization: "a" } })).problem)
      .toBe(`headers.authorization in mine.json: ${beside}`);
  });
});
