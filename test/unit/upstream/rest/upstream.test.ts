/** A web API as one of the gateway's servers: its description, its lists, and how its calls end. */
import { afterEach, describe, expect, test } from "bun:test";
import type { RestServerConfig } from "../../../../src/config/config.ts";
import type { Recipe, RecipeEndpoint } from "../../../../src/config/recipe.ts";
import { createUpstream } from "../../../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../../../src/upstream/upstream.ts";
import { type ApiRoutes, restConfig, serveApi } from "../../../support/api_server.ts";
import type { FaultServer } from "../../../support/fault_server.ts";
import {
  callerOf,
  createTestDeps,
  drain,
  failTool,
  toolCall,
} from "../../../support/upstream_deps.ts";
import { within } from "../../../support/wait.ts";

const opened: { upstream: Upstream; server: FaultServer }[] = [];
afterEach(async () => {
  for (const { upstream, server } of opened.splice(0)) {
    await upstream.close();
    await server.close();
  }
});

const endpoint: RecipeEndpoint = {
  name: "coin",
  description: "Tells of a coin.",
  method: "GET",
  path: "/coins/{id}",
  parameters: { id: { in: "path", required: true, schema: { type: "string" } } },
  cacheMs: 0,
  login: false,
};

/** Serves routes, with a recipe of these endpoints in front. */
async function open(
  routes: ApiRoutes,
  endpoints: readonly RecipeEndpoint[] = [endpoint],
  overrides: Partial<RestServerConfig> = {},
) {
  const server = await serveApi(routes);
  const recipe: Recipe = {
    title: "Coins",
    description: "Prices of coins.",
    version: "3",
    baseUrl: server.origin,
    budget: undefined,
    errorMessage: undefined,
    endpoints,
  };
  const deps = await createTestDeps({ httpRetriesMax: 0 });
  const config = restConfig({ source: { type: "recipe", recipe }, ...overrides });
  const upstream = createUpstream(config, deps);
  opened.push({ upstream, server });
  return { upstream, server };
}

describe("a web API as a server", () => {
  test("it says what it is, lists its tools, and has nothing else", async () => {
    const { upstream } = await open({});
    const caller = callerOf("a");
    const { serverInfo, instructions, capabilities } = await upstream.describe(caller);
    expect(serverInfo).toEqual({ name: "Coins", version: "3" });
    expect(instructions).toBe("Prices of coins.");
    // It has no resource of its own, but shortened answers are read on as resources.
    expect(Object.keys(capabilities)).toEqual(["tools", "resources"]);
    expect(await upstream.list("resources", caller)).toEqual([]);
    expect((await upstream.list("tools", caller)).map(({ name }) => name)).toEqual(["coin"]);
    expect(await upstream.list("prompts", caller)).toEqual([]);
    expect(upstream.status()).toMatchObject({ state: "running", connections: 0, tools: 1 });
  });

  test("a call is a request, and its answer a result", async () => {
    const { upstream, server } = await open({
      "/coins/bit%20coin": ({ json }) => json({ usd: 1 }),
    });
    const { end, notices, asks } = await drain(upstream.open(toolCall("coin", { id: "bit coin" })));
    expect(end).toEqual({
      kind: "result",
      value: {
        content: [{ type: "text", text: '{"usd":1}' }],
        structuredContent: { result: { usd: 1 } },
      },
    });
    expect([...notices, ...asks]).toEqual([]);
    expect(server.seen.length).toBe(1);
  });

  test("P4 a fault of the API is a result that a model can read", async () => {
    const { upstream, server } = await open({ "*": ({ json }) => json({ error: "no coin" }, 404) });
    const { end } = await drain(upstream.open(toolCall("coin", { id: "x" })));
    const value = end.kind === "result" ? end.value : {};
    expect(value["isError"]).toBe(true);
    const [{ text }] = value["content"] as [{ text: string }];
    expect(JSON.parse(text)).toMatchObject({
      error: 'Server "api" answered with status 404: no coin',
      url: `${server.origin}/coins/x`,
      method: "GET",
      status: 404,
    });
  });

  test("a tool or a method that there is not is the caller's fault", async () => {
    const { upstream } = await open({});
    expect(await failTool(upstream, "coins")).toMatchObject({
      code: -32602,
      message: 'Unknown tool "coins": did you mean "coin"?',
    });
    const call = { ...toolCall("coin"), method: "prompts/get" };
    const { end } = await drain(upstream.open(call));
    expect(end.kind === "failure" && end.error.code).toBe("method_not_found");
  });

  test("a call that its client gives up ends at once, and so does its request", async () => {
    let gone: () => void = () => {};
    const closed = new Promise<void>((resolve) => gone = resolve);
    let come: () => void = () => {};
    const came = new Promise<void>((resolve) => come = resolve);
    const { upstream } = await open({
      "*": ({ response }) => {
        response.on("close", gone);
        come();
      },
    });
    const exchange = upstream.open(toolCall("coin", { id: "x" }));
    await within("the request", came);
    exchange.cancel("no longer wanted");
    await within("its end", closed);
  });

  test("a recipe whose expression is wrong fails with the place, and harms no other", async () => {
    const { upstream } = await open({}, [{ ...endpoint, projection: "a[" }]);
    await expect(upstream.list("tools", callerOf("a"))).rejects.toThrow('of the answer of "coin"');
    expect(upstream.status().state).toBe("failing");
    const { upstream: other } = await open({});
    expect((await other.list("tools", callerOf("a"))).length).toBe(1);
  });
});
