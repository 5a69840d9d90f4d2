/**
 * The built-in recipes, against local servers that serve the two APIs as documented: what is sent,
 * what is returned, and what is not sent again. Then the documentation's own commands and recipe,
 * run as they are written.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readServers } from "../../src/config/mcp_json.ts";
import type { JsonObject } from "../../src/model.ts";
import { createUpstream, upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { serveApi, type ToolResult } from "../support/api_server.ts";
import { serveCoingecko } from "../support/coingecko_server.ts";
import type { FaultServer } from "../support/fault_server.ts";
import { serveOpensubtitles } from "../support/opensubtitles_server.ts";
import { projectDirectory, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";
import { callerOf, createTestDeps, drain, toolCall } from "../support/upstream_deps.ts";

const testMs = 60_000;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function served<Server extends FaultServer>(starting: Promise<Server>): Promise<Server> {
  const server = await starting;
  closers.push(server.close);
  return server;
}

/** The upstream of one server of `mcp.json`, in this environment. */
async function open(entry: JsonObject, env: Readonly<Record<string, string>> = {}) {
  const { servers } = await readServers({
    kinds: upstreamKinds,
    path: "/mcp.json",
    env,
    own: { host: "localhost", port: 8999 },
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: { api: entry } })),
  });
  const [config] = servers;
  if (config?.kind !== "rest") throw new Error(`It cannot be used: ${JSON.stringify(config)}`);
  const upstream: Upstream = createUpstream(config, await createTestDeps());
  closers.push(() => upstream.close());
  const call = async (tool: string, args: JsonObject = {}, scope = "a"): Promise<ToolResult> => {
    const { end } = await drain(upstream.open(toolCall(tool, args, callerOf(scope))));
    if (end.kind !== "result") throw new Error(`It failed: ${JSON.stringify(end)}`);
    return end.value as unknown as ToolResult;
  };
  return {
    call,
    names: async () =>
      (await upstream.list("tools", callerOf("a"))).map(({ name }) => String(name)),
    async give(tool: string, args?: JsonObject): Promise<ToolResult["structuredContent"]> {
      const { isError, content, structuredContent } = await call(tool, args);
      if (isError === true) throw new Error(content[0]?.text);
      return structuredContent;
    },
    async fail(tool: string, args?: JsonObject, scope?: string): Promise<JsonObject> {
      const { isError, content } = await call(tool, args, scope);
      if (isError !== true) throw new Error(`It went well: ${content[0]?.text}`);
      return JSON.parse(content[0]?.text ?? "");
    },
  };
}

describe("CoinGecko", () => {
  const keyHeaders = ["x-cg-demo-api-key", "x-cg-pro-api-key"];
  const plans: readonly [plan: string, env: Record<string, string>, header: string | undefined][] =
    [
      ["the public API", {}, undefined],
      ["a demo key", { COINGECKO_API_KEY: "key-value" }, "x-cg-demo-api-key"],
      [
        "a pro key",
        { COINGECKO_API_KEY: "key-value", COINGECKO_API_PLAN: "pro" },
        "x-cg-pro-api-key",
      ],
    ];
  for (const [plan, env, header] of plans) {
    test(`${plan}: the key is in its header, and nowhere else`, async () => {
      const key = header === undefined ? {} : { key: { header, value: "key-value" } };
      const api = await served(serveCoingecko(key));
      const { give } = await open({ recipe: "coingecko", baseUrl: api.baseUrl }, env);
      expect(await give("ping")).toMatchObject({ result: { gecko_says: expect.any(String) } });
      expect(api.seen.map(({ url }) => url)).toEqual(["/api/v3/ping"]);
      expect(keyHeaders.filter((name) => api.seen[0]?.headers[name] !== undefined))
        .toEqual(header === undefined ? [] : [header]);
    });
  }

  test("a refused key is reported once, without its value", async () => {
    const key = { header: "x-cg-demo-api-key", value: "the-right-key" };
    const api = await served(serveCoingecko({ key }));
    const env = { COINGECKO_API_KEY: "the-wrong-key" };
    const { fail } = await open({ recipe: "coingecko", baseUrl: api.baseUrl }, env);
    const fault = await fail("ping");
    expect(fault).toMatchObject({ status: 401, method: "GET", url: `${api.baseUrl}/ping` });
    expect(String(fault["error"])).toContain("refused the credentials");
    expect(JSON.stringify(fault)).not.toContain("the-wrong-key");
    expect(api.seen.length).toBe(1);
  });

  test("F6 once the rate limit is reached, no client asks until it is over", async () => {
    const api = await served(serveCoingecko({ requestsMax: 1 }));
    const entry = { recipe: "coingecko", baseUrl: api.baseUrl, callTimeoutMs: 5_000 };
    const { give, fail } = await open(entry);
    await give("ping");
    const refused = await fail("global");
    expect(refused).toMatchObject({ status: 429, retryAfterMs: expect.any(Number) });
    expect(String(refused["error"])).toContain("exceeded the Rate Limit");
    const before = api.seen.length;
    for (const scope of ["a", "b"]) {
      const { retryAfterMs } = await fail("trending", {}, scope);
      expect(retryAfterMs).toBeGreaterThan(30_000);
      expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    }
    expect(api.seen.length).toBe(before);
  });

  test("the same request is sent once", async () => {
    const api = await served(serveCoingecko());
    const { give } = await open({ recipe: "coingecko", baseUrl: api.baseUrl });
    const first = await give("coin_data", { id: "bitcoin" });
    expect(await give("coin_data", { id: "bitcoin" })).toEqual(first);
    await give("coin_data", { id: "bitcoin", raw: true });
    expect(api.seen.length).toBe(1);
    await give("coin_data", { id: "bitcoin", sparkline: true });
    expect(api.seen.length).toBe(2);
  });

  test("pages go on until a short one", async () => {
    const api = await served(serveCoingecko());
    const { give } = await open({ recipe: "coingecko", baseUrl: api.baseUrl });
    const args = { vs_currency: "usd", per_page: 3 };
    const first = await give("coin_markets", args);
    expect((first.result as unknown[]).length).toBe(3);
    expect(first.next).toEqual({ page: 2 });
    const second = await give("coin_markets", { ...args, ...first.next });
    expect((second.result as unknown[]).length).toBe(1);
    expect(second.next).toBe(undefined);
  });

  test("a long answer comes in parts that together are complete", async () => {
    const api = await served(serveCoingecko());
    const { give } = await open({ recipe: "coingecko", baseUrl: api.baseUrl });
    const args = { id: "bitcoin", raw: true };
    const tickers = ({ raw }: ToolResult["structuredContent"]) =>
      (raw as { tickers: unknown[] }).tickers.length;
    let part = await give("coin_data", args);
    expect(part.note).toContain('of 100 items of "tickers"');
    let count = tickers(part);
    while (part.next !== undefined) {
      expect(count).toBeLessThan(100);
      part = await give("coin_data", { ...args, ...part.next });
      count += tickers(part);
    }
    expect(count).toBe(100);
    expect(api.seen.length).toBe(1);
  });
});

describe("OpenSubtitles", () => {
  const apiKey = "key-of-the-subtitles";
  const account = { username: "me", password: "password-of-mine" };
  const env = {
    OPENSUBTITLES_API_KEY: apiKey,
    OPENSUBTITLES_USERNAME: account.username,
    OPENSUBTITLES_PASSWORD: account.password,
  };
  const logins = ({ seen }: FaultServer) => seen.filter(({ url }) => url.endsWith("/login")).length;
  const openWith = async (
    options: Partial<Parameters<typeof serveOpensubtitles>[0]> = {},
    more: Readonly<Record<string, string>> = env,
  ) => {
    const api = await served(serveOpensubtitles({ apiKey, ...account, ...options }));
    return { api, ...await open({ recipe: "opensubtitles", baseUrl: api.baseUrl }, more) };
  };

  test("subtitles come in as many pages as the answer says", async () => {
    const { give, api } = await openWith({}, { OPENSUBTITLES_API_KEY: apiKey });
    const args = { query: "friends", languages: ["en"] };
    const first = await give("search_subtitles", args);
    expect(first).toMatchObject({ result: { total: 6 }, next: { page: 2 } });
    const second = await give("search_subtitles", { ...args, ...first.next });
    expect(second.next).toBe(undefined);
    expect(api.seen.map(({ url }) => url)).toEqual([
      "/api/v1/subtitles?languages=en&query=friends",
      "/api/v1/subtitles?languages=en&page=2&query=friends",
    ]);
    expect(api.seen.every(({ headers }) => headers["api-key"] === apiKey)).toBe(true);
  });

  test("without an account, tools that need one say what to set, and send nothing", async () => {
    const { fail, api } = await openWith({}, { OPENSUBTITLES_API_KEY: apiKey });
    expect(String((await fail("download", { file_id: 1 }))["error"])).toContain(
      "needs a log-in for this; set OPENSUBTITLES_USERNAME and OPENSUBTITLES_PASSWORD",
    );
    expect(api.seen.length).toBe(0);
  });

  test("a password that is refused is not tried again", async () => {
    const { fail, api } = await openWith({ password: "another-one" });
    for (const tool of ["user_info", "user_info", "download"]) {
      const { error } = await fail(tool, tool === "download" ? { file_id: 1 } : {});
      expect(String(error)).toContain("log-in refuses the credentials (status 401)");
      expect(String(error)).not.toContain(account.password);
    }
    expect(api.seen.map(({ url }) => url)).toEqual(["/api/v1/login"]);
  });

  test("an expired token causes one log-in for all waiting calls, and no call fails", async () => {
    const { give, api } = await openWith();
    await give("user_info");
    api.revoke();
    const users = await Promise.all(Array.from({ length: 4 }, () => give("user_info")));
    expect(users.length).toBe(4);
    expect(logins(api)).toBe(2);
  });

  test("F9 a download with an expired token is made once", async () => {
    const { give, api } = await openWith({ downloads: 5 });
    await give("user_info");
    api.revoke();
    expect(await give("download", { file_id: 7 })).toMatchObject({ result: { remaining: 4 } });
    expect(logins(api)).toBe(2);
  });

  test("a used-up quota is reported in the API's words, and the request is not repeated", async () => {
    const { give, fail, api } = await openWith({ downloads: 1 });
    expect(await give("download", { file_id: 7 })).toMatchObject({
      result: { remaining: 0, link: expect.stringContaining("https://") },
    });
    const before = api.seen.length;
    const fault = await fail("download", { file_id: 7 });
    expect(fault).toMatchObject({ status: 406, method: "POST" });
    expect(String(fault["error"])).toContain("You have downloaded your allowed 1 subtitles");
    expect(api.seen.length).toBe(before + 1);
  });

  test("F12 a log-in that names another host leads nowhere", async () => {
    const other = await served(serveOpensubtitles({ apiKey, ...account }));
    const { fail } = await openWith({ baseUrl: new URL(other.origin).host });
    expect(String((await fail("user_info"))["error"])).toContain("names a host");
    expect(other.seen.length).toBe(0);
  });
});

const hasCurl = spawnSync("curl", ["--version"], { stdio: "ignore" }).status === 0;

describe("the documentation", () => {
  const page = (name: string) => readFileSync(join(projectDirectory, "docs", name), "utf8");
  const blocks = (name: string, chapter: string, language: string) => {
    const whole = page(name);
    const text = whole.slice(whole.indexOf(`\n${chapter}\n`) + 1).split(/\n##+ /)[0] ?? "";
    return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))]
      .map(([, block = ""]) => block);
  };
  /** The rows of tables whose last column is what a tool of the first column is called with. */
  const examples = (chapter: string) =>
    [...chapter.matchAll(/^\| `(\w+)` +\|[^|]*\| `(\{[^`]*\})`/gm)]
      .map(([, tool = "", args = ""]): [string, JsonObject] => [tool, JSON.parse(args)]);
  const run = (script: string) =>
    new Promise<string>((resolve) => {
      execFile("bash", ["-c", script], { timeout: testMs }, (_error, stdout) => resolve(stdout));
    });

  test("P12 its tables name every built-in tool, each with a call that works", async () => {
    const [coins = [], subtitles = []] = page("web-apis.md").split(
      /\n(?:`opensubtitles` needs|## Add)/,
    ).map(
      examples,
    );
    const account = { username: "me", password: "password-of-mine" };
    const [prices, titles] = [
      await served(serveCoingecko()),
      await served(serveOpensubtitles({ apiKey: "k", ...account })),
    ];
    const env = {
      OPENSUBTITLES_API_KEY: "k",
      OPENSUBTITLES_USERNAME: account.username,
      OPENSUBTITLES_PASSWORD: account.password,
    };
    for (
      const [recipe, { baseUrl }, rows] of [
        ["coingecko", prices, coins],
        ["opensubtitles", titles, subtitles],
      ] as const
    ) {
      // In a plan with room for all of it at once.
      const plan = { ...env, COINGECKO_API_KEY: "k", COINGECKO_API_PLAN: "pro" };
      const { give, names } = await open({ recipe, baseUrl }, plan);
      expect(rows.map(([tool]) => tool)).toEqual(await names());
      for (const [tool, args] of rows) {
        expect([tool, await give(tool, args)]).toMatchObject([tool, { result: expect.anything() }]);
      }
    }
  });

  test.skipIf(!hasCurl)("P12 its call without a session gives a price", async () => {
    const api = await served(serveCoingecko());
    const gateway = await spawnGateway({
      servers: { coingecko: { recipe: "coingecko", baseUrl: api.baseUrl } },
    });
    closers.push(gateway.dispose);
    const [command = ""] = blocks("clients.md", "## One call without a session", "sh");
    const said = await run(command.replace("localhost:8999", `127.0.0.1:${gateway.port}`));
    expect(JSON.parse(said)).toMatchObject({
      result: { structuredContent: { result: { bitcoin: { usd: expect.any(Number) } } } },
    });
  }, testMs);

  test.skipIf(!hasCurl)(
    "P12 its recipe becomes a tool, and an edit changes the tool",
    async () => {
      const recipe = blocks("web-apis.md", "## Add your own API", "json").at(-1) ?? "";
      const api = await served(serveApi({
        "/api/v3/PublicHolidays/2026/DE": ({ json }) =>
          json([{
            date: "2026-01-01",
            localName: "Neujahr",
            name: "New Year's Day",
            global: true,
          }]),
      }));
      const text = recipe.replace("https://date.nager.at", api.origin);
      expect(text).not.toBe(recipe);
      const gateway = await spawnGateway({
        servers: { holidays: { recipe: "./holidays.json" } },
        prepare: (directory) => writeFileSync(join(directory, "holidays.json"), text),
      });
      closers.push(gateway.dispose);
      const [command = ""] = blocks("clients.md", "## One call without a session", "sh");
      const script = command.replace("localhost:8999", `127.0.0.1:${gateway.port}`)
        .replaceAll("simple_price", "public_holidays")
        .replace(/"arguments": \{.*\}(?=,\n)/, '"arguments": {"year": 2026, "country": "DE"}');
      const ask = async () => JSON.parse(await run(script)) as { result?: JsonObject };
      const result = async () => (await ask()).result?.["structuredContent"];
      expect(await result()).toEqual({
        result: [{ date: "2026-01-01", name: "New Year's Day", everywhere: true }],
      });
      const edit = (edited: string) =>
        writeFileSync(join(gateway.directory, "holidays.json"), edited);
      edit(text.replace('"cacheMs"', '"cachMs"'));
      await until("the fault to be told", () => gateway.log().includes('did you mean "cacheMs"?'));
      expect(await ask()).toMatchObject({
        error: { message: expect.stringContaining("endpoints[0].cachMs in holidays.json") },
      });
      edit(text.replace("everywhere: global", "all: global"));
      await until(
        "the change to be there",
        async () => JSON.stringify(await result() ?? "").includes('"all":true'),
      );
    },
    testMs,
  );
});
