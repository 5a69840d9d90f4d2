/**
 * The log has one line for each call that fails, and none for other calls.
 */
import { createTestRates } from "../../support/rates.ts";
import { defaultTables } from "../../../src/app.ts";
import { next } from "../../support/pull.ts";
import { describe, expect, test } from "bun:test";
import { anonymous } from "../../../src/auth/none.ts";
import { systemClock } from "../../../src/clock.ts";
import type { FailedServerConfig } from "../../../src/config/config.ts";
import { GatewayError } from "../../../src/errors.ts";
import { failureExchange, resultExchange } from "../../../src/gateway/exchange.ts";
import { createGatewayCore } from "../../../src/gateway/gateway.ts";
import { createSurfaceResolver, surfaceKinds } from "../../../src/http/surface_kinds.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Caller, JsonObject, Resume } from "../../../src/model.ts";
import { createSealer, makeKey } from "../../../src/seal.ts";
import { createFakeUpstream } from "../../support/fake_upstream.ts";
import { createLogReader } from "../../../src/telemetry/log_reader.ts";
import { createTestLog } from "../../support/log.ts";
import { until } from "../../support/wait.ts";

const caller = (clientInfo: JsonObject = { name: "desk", version: "2" }): Caller => ({
  principal: anonymous,
  scope: "s",
  revision: "any",
  capabilities: { elicitation: {} },
  clientInfo,
});

const server = (name: string): FailedServerConfig => ({
  kind: "failed",
  problem: "",
  name,
  callTimeoutMs: 60_000,
  startTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  tools: {},
});

async function setUp() {
  const lists = {
    tools: [{ name: "read", inputSchema: {} }],
    prompts: [{ name: "greet" }],
    resources: [{ uri: "mem://a", name: "a" }],
  };
  const fakes = { a: createFakeUpstream("a", lists), b: createFakeUpstream("b", lists) };
  const log = createTestLog();
  const gateway = createGatewayCore({
    rates: createTestRates(),
    resolveSurface: createSurfaceResolver(surfaceKinds),
    ...defaultTables,
    emit: createLogReader(log, defaultLimits),
    servers: {
      servers: [server("a"), server("b")],
      names: "auto",
      warnings: [],
      files: [],
      secrets: [],
    },
    create: ({ name }) => fakes[name as "a" | "b"],
    sameServer: () => true,
    limits: { ...defaultLimits, parkGatherMs: 1 },
    clock: systemClock,
    log,
    sealer: await createSealer(makeKey()),
    instance: "this-gateway",
    debug: false,
    tryServers: false,
  });
  const call = (
    method: string,
    params: JsonObject,
    by: Caller = caller(),
    surface = "/mcp",
    resume?: Resume,
  ) => gateway.call(surface, { method, params, wantsProgress: false, caller: by, resume });
  /** What a person sees who does not want to see everything. */
  const lines = () => log.records.filter(({ severity }) => severity !== "DEBUG");
  return { fakes, call, lines };
}

const refuse = (message: string) => () =>
  failureExchange(
    new GatewayError("upstream_error", undefined, {
      upstream: { code: -32000, message },
    }),
  );

describe("a call that fails", () => {
  test("is one line: the server and its own name for the tool, the client, the reason", async () => {
    const { fakes, call, lines } = await setUp();
    fakes.b.reply = refuse("No such file:\n/etc/nothing");
    await next(call("tools/call", { name: "b__read" }));
    expect(lines()).toEqual([{
      severity: "INFO",
      message: "Call failed",
      fields: {
        server: "b",
        tool: "read",
        client: "desk 2",
        reason: "No such file: /etc/nothing",
        code: "upstream_error",
        method: "tools/call",
        surface: "/mcp",
        ms: expect.any(Number),
      },
    }]);
  });

  test("names prompts, resources and what completion is for as their servers do", async () => {
    const { fakes, call, lines } = await setUp();
    fakes.a.capabilities = { ...fakes.a.capabilities, completions: {} };
    fakes.a.reply = refuse("no");
    await next(call("prompts/get", { name: "a__greet" }));
    await next(call("resources/read", { uri: "mem://a" }));
    await next(call("completion/complete", { ref: { type: "ref/prompt", name: "a__greet" } }));
    expect(lines().map(({ fields }) => fields)).toMatchObject([
      { server: "a", prompt: "greet" },
      { server: "a", resource: "mem://a" },
      { server: "a", what: "greet", method: "completion/complete" },
    ]);
  });

  test("may be a tool's error: the line has the first line of its text", async () => {
    const { fakes, call, lines } = await setUp();
    const say = async (content: unknown) => {
      fakes.a.reply = () => resultExchange({ isError: true, content });
      await next(call("tools/call", { name: "a__read" }));
      return lines().at(-1)?.fields["reason"];
    };
    const text = (words: string) => ({ type: "text", text: words });
    expect(await say([{ type: "image" }, text(" \r\n \u001b[31mbad\u0000 luck \nstack")]))
      .toBe("[31mbad luck");
    expect(await say([text("x".repeat(1_000_000))])).toBe(`${"x".repeat(299)}…`);
    expect(await say([text(`${"x".repeat(298)}😀😀`)])).toBe(`${"x".repeat(298)}…`);
    const problem = { error: 'Server "a" cannot be reached', url: "https://example.com/" };
    expect(await say([text(JSON.stringify(problem, null, 2))])).toBe(problem.error);
    expect(await say([text('{"error": {"message": "no licence", "code": 5}}')])).toBe("no licence");
    expect(await say([text('{"error": 5}')])).toBe('{"error": 5}');
    expect(await say([text("{broken")])).toBe("{broken");
    for (const nothing of [undefined, "no", [], [null, 5, text(" \n")]]) {
      expect(await say(nothing)).toBe("the tool does not say why");
    }
    expect(lines().length).toBe(11);
  });

  test("may be one of a name that is unknown, or a list of a server that cannot be reached", async () => {
    const { fakes, call, lines } = await setUp();
    await next(call("tools/call", { name: `nobody__${"x".repeat(500)}` }));
    fakes.b.broken = new GatewayError("upstream_unavailable", 'Cannot start server "b": no');
    await next(call("tools/list", {}, caller({}), "/servers/b"));
    await next(call("no/such", {}, caller({ name: 5, version: "\n1\u202e " })));
    expect(lines().map(({ fields }) => fields)).toMatchObject([
      { tool: `nobody__${"x".repeat(191)}…`, code: "invalid_params" },
      {
        server: "b",
        method: "tools/list",
        client: "unnamed",
        reason: 'Cannot start server "b": no',
      },
      { client: "1", code: "method_not_found" },
    ]);
    expect("server" in (lines()[0]?.fields ?? {})).toBe(false);
  });

  test("before it got to its server names the one that could not be reached", async () => {
    const { fakes, call, lines } = await setUp();
    const data = { server: "b" };
    fakes.b.broken = new GatewayError("upstream_unavailable", "Cannot start it", { data });
    await next(call("tools/call", { name: "b__read" }));
    expect(lines().map(({ fields }) => fields))
      .toMatchObject([{ server: "b", tool: "b__read", reason: "Cannot start it" }]);
  });

  test("after a question to its client still names the server", async () => {
    const { fakes, call, lines } = await setUp();
    fakes.b.script(async (source) => {
      await source.ask("elicitation/create", { message: "Which?" });
      throw new GatewayError("upstream_error", "after all");
    });
    const by = { ...caller(), asksByResult: true, sharesScope: true };
    const pause = await next(call("tools/call", { name: "b__read" }, by));
    if (pause.kind !== "inputRequired") throw new Error(`It did not pause: ${pause.kind}`);
    expect(lines()).toEqual([]);
    const key = pause.questions[0]?.key ?? "";
    const resume = { answers: { [key]: { action: "decline" } }, state: pause.state };
    await next(call("tools/call", { name: "b__read" }, by, "/mcp", resume));
    expect(lines().map(({ fields }) => fields))
      .toMatchObject([{ server: "b", tool: "read", reason: expect.stringMatching(/^after all/) }]);
  });
});

describe("no line is for", () => {
  test("calls that go well", async () => {
    const { call, lines } = await setUp();
    await next(call("tools/call", { name: "a__read" }));
    await next(call("tools/list", {}));
    await next(call("resources/read", { uri: "mem://a" }));
    expect(lines()).toEqual([]);
  });

  test("calls that their client cancelled, however they end", async () => {
    const { fakes, call, lines } = await setUp();
    const over = Promise.withResolvers<JsonObject>();
    fakes.a.script(() => over.promise);
    const calls = ["a__read", "a__read"].map((name) => call("tools/call", { name }));
    await until("the calls", () => fakes.a.opened.length === 2);
    for (const one of calls) one.cancel("gone");
    over.reject(new GatewayError("upstream_exited"));
    for (const one of calls) await next(one);
    const early = call("tools/call", { name: "a__read" });
    early.cancel("gone");
    await next(early);
    expect(lines()).toEqual([]);
  });
});
