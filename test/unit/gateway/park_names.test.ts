/** Clients that are asked by result in front of several servers: names, URIs and what goes with results. */
import { createTestRates } from "../../support/rates.ts";
import { defaultTables } from "../../../src/app.ts";
import { next } from "../../support/pull.ts";
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../src/clock.ts";
import type { FailedServerConfig, ToolFilter } from "../../../src/config/config.ts";
import { settledExchange } from "../../../src/gateway/exchange.ts";
import { createGatewayCore } from "../../../src/gateway/gateway.ts";
import type { Gateway } from "../../../src/gateway/surface.ts";
import { createSurfaceResolver, surfaceKinds } from "../../../src/http/surface_kinds.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Caller, Ending, JsonObject, Notice, Resume } from "../../../src/model.ts";
import { createSealer, makeKey } from "../../../src/seal.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";
import { createTestLog } from "../../support/log.ts";
import { until, within } from "../../support/wait.ts";

const alice: Caller = {
  principal: { id: "alice" },
  scope: "p:alice",
  revision: "any",
  capabilities: { elicitation: {} },
  clientInfo: {},
  asksByResult: true,
  sharesScope: true,
};

async function gatewayOf(
  fakes: Record<string, FakeUpstream>,
  tools: ToolFilter = {},
  startTimeoutMs = 60_000,
) {
  const servers = Object.keys(fakes).map((name): FailedServerConfig => ({
    kind: "failed",
    problem: "",
    name,
    callTimeoutMs: 60_000,
    startTimeoutMs,
    idleTimeoutMs: 60_000,
    tools,
  }));
  return createGatewayCore({
    rates: createTestRates(),
    resolveSurface: createSurfaceResolver(surfaceKinds),
    ...defaultTables,
    emit: () => {},
    servers: { servers, names: "auto", warnings: [], files: [], secrets: [] },
    create: ({ name }) => fakes[name] ?? createFakeUpstream(name),
    sameServer: () => true,
    limits: { ...defaultLimits, parkGatherMs: 1 },
    clock: systemClock,
    log: createTestLog(),
    sealer: await createSealer(makeKey()),
    instance: "this-gateway",
    debug: false,
    tryServers: false,
  });
}

async function call(
  gateway: Gateway,
  method: string,
  params: JsonObject,
  resume?: Resume,
): Promise<Ending> {
  const exchange = gateway.call("/mcp", {
    method,
    params,
    wantsProgress: false,
    caller: alice,
    resume,
  });
  const reply = await within("the ending", next(exchange));
  if (reply.kind === "notice" || reply.kind === "ask") throw new Error(`Unexpected ${reply.kind}`);
  return reply;
}

const tool = (name: string, title: string): JsonObject => ({ name, title, inputSchema: {} });

describe("in front of several servers", () => {
  test("a paused call goes on at the server that asked, under the name it was called by", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("x", "A")] }),
      b: createFakeUpstream("b", { tools: [tool("x", "B")] }),
    };
    for (const fake of Object.values(fakes)) {
      fake.script(async (source) => {
        const answer = await source.ask("elicitation/create", { message: "Who?" });
        return { server: fake.name, answer };
      });
    }
    const gateway = await gatewayOf(fakes);
    const pause = await call(gateway, "tools/call", { name: "b__x" });
    if (pause.kind !== "inputRequired") throw new Error(`It did not pause: ${pause.kind}`);
    const value = { action: "accept" };
    const answers = { [pause.questions[0]?.key ?? ""]: value };
    const resume = { answers, state: pause.state };
    const elsewhere = await call(gateway, "tools/call", { name: "a__x" }, resume);
    expect(elsewhere.kind === "failure" && elsewhere.error.code).toBe("invalid_params");
    expect(await call(gateway, "tools/call", { name: "b__x" }, resume)).toEqual({
      kind: "result",
      value: { server: "b", answer: { kind: "answer", value } },
    });
    expect([fakes.a.opened.length, fakes.b.opened.length]).toEqual([0, 1]);
  });

  test("what a server pauses with comes back to that server alone", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("x", "A")] }),
      b: createFakeUpstream("b", { tools: [tool("x", "B")] }),
    };
    fakes.b.reply = () => settledExchange({ kind: "inputRequired", questions: [], state: "of b" });
    const gateway = await gatewayOf(fakes);
    const pause = await call(gateway, "tools/call", { name: "b__x" });
    if (pause.kind !== "inputRequired") throw new Error(`It did not pause: ${pause.kind}`);
    const resume = { answers: {}, state: pause.state };
    expect((await call(gateway, "tools/call", { name: "a__x" }, resume)).kind).toBe("failure");
    await call(gateway, "tools/call", { name: "b__x" }, resume);
    expect(fakes.a.opened).toEqual([]);
    expect(fakes.b.opened.map(({ params, resume }) => [params["name"], resume])).toEqual([
      ["x", undefined],
      ["x", { answers: {}, state: "of b" }],
    ]);
  });

  test("a read resource says how long it may be kept, its URIs renamed or not", async () => {
    const shared = { uri: "file:///one" };
    const fakes = {
      a: createFakeUpstream("a", { resources: [shared] }),
      b: createFakeUpstream("b", { resources: [shared, { uri: "file:///two" }] }),
    };
    const freshness = { ttlMs: 5, isShared: true };
    fakes.b.reply = () =>
      settledExchange({ kind: "result", value: { contents: [{ ...shared }] }, freshness });
    const gateway = await gatewayOf(fakes);
    const read = await call(gateway, "resources/read", { uri: "file:///two" });
    if (read.kind !== "result") throw new Error(`No result: ${read.kind}`);
    expect(read.freshness).toEqual(freshness);
    const [{ uri = "" } = {}] = read.value["contents"] as { uri?: string }[];
    expect(uri).not.toBe(shared.uri);
    await call(gateway, "resources/read", { uri });
    expect(fakes.b.opened.map(({ params }) => params["uri"])).toEqual(["file:///two", shared.uri]);
  });

  test("a subscription belongs to its principal: all watches of it hear of changes", async () => {
    const fakes = {
      a: createFakeUpstream("a", { resources: [{ uri: "file:///one" }] }),
      b: createFakeUpstream("b", { resources: [{ uri: "file:///two" }] }),
    };
    const gateway = await gatewayOf(fakes);
    const heard: Notice[] = [];
    const stop = gateway.watch("/mcp", alice, {
      notice: (notice) => void heard.push(notice),
      ask: () => Promise.reject(new Error("No client to ask")),
    }, () => []);
    const uri = "file:///two";
    expect((await call(gateway, "resources/subscribe", { uri })).kind).toBe("result");
    const watched = fakes.b.watchers.get(alice.scope);
    expect(watched?.interest().subscriptions).toEqual([uri]);
    expect(fakes.a.watchers.get(alice.scope)?.interest().subscriptions).toEqual([]);
    const updated: Notice = {
      kind: "notice",
      method: "notifications/resources/updated",
      params: { uri },
    };
    watched?.watcher.notice(updated);
    await until("the notice", () => heard.length > 0);
    expect(heard).toEqual([updated]);
    stop();
  });
});

/** The tool that a call of this name was checked against. */
async function toolOf(gateway: Gateway, surface: string, name: string, by: Caller) {
  let seen: JsonObject | undefined;
  const checkItem = (item: JsonObject) => void (seen = item);
  const params = { name };
  const call = { method: "tools/call", params, wantsProgress: false, caller: by, checkItem };
  await next(gateway.call(surface, call));
  return seen;
}

describe("a tool is looked up", () => {
  test("by the name it is offered by, and comes as its server lists it", async () => {
    const [ofA, ofB] = [tool("x", "A"), tool("x", "B")];
    const gateway = await gatewayOf({
      a: createFakeUpstream("a", { tools: [ofA] }),
      b: createFakeUpstream("b", { tools: [ofB] }),
    });
    expect(await toolOf(gateway, "/mcp", "b__x", alice)).toEqual(ofB);
    expect(await toolOf(gateway, "/servers/a", "x", alice)).toEqual(ofA);
    for (const unknown of ["x", "c__x", "b__y", ""]) {
      expect(await toolOf(gateway, "/mcp", unknown, alice)).toBe(undefined);
    }
    expect(await toolOf(gateway, "/servers/c", "x", alice)).toBe(undefined);
  });

  test("under its new name only where it was renamed, and not where it is hidden", async () => {
    const [one, two] = [tool("x", "One"), tool("y", "Two")];
    const fakes = { a: createFakeUpstream("a", { tools: [one, two] }) };
    const gateway = await gatewayOf(fakes, { rename: { x: "z" }, deny: ["y"] });
    expect(await toolOf(gateway, "/mcp", "z", alice)).toEqual(one);
    expect(await toolOf(gateway, "/mcp", "x", alice)).toBe(undefined);
    expect(await toolOf(gateway, "/mcp", "y", alice)).toBe(undefined);
  });

  test("for no longer than lists are waited for", async () => {
    const fakes = { a: createFakeUpstream("a", { tools: [tool("x", "A")] }) };
    fakes.a.slow = new Promise(() => {});
    const gateway = await gatewayOf(fakes, {}, 50);
    expect(await within("the look-up", toolOf(gateway, "/mcp", "x", alice))).toBe(undefined);
  });
});
