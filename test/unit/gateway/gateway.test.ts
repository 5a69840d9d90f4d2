import { createTestRates } from "../../support/rates.ts";
import { defaultTables } from "../../../src/app.ts";
import { next } from "../../support/pull.ts";
import { describe, expect, test } from "bun:test";
import { anonymous } from "../../../src/auth/none.ts";
import { systemClock } from "../../../src/clock.ts";
import type {
  FailedServerConfig,
  ServerConfig,
  ServersConfig,
  ToolFilter,
} from "../../../src/config/config.ts";
import { GatewayError } from "../../../src/errors.ts";
import { failureExchange, resultExchange, settledExchange } from "../../../src/gateway/exchange.ts";
import { createGatewayCore } from "../../../src/gateway/gateway.ts";
import {
  createSurfaceResolver,
  type SurfaceKinds,
  surfaceKinds,
} from "../../../src/http/surface_kinds.ts";
import type { Gateway } from "../../../src/gateway/surface.ts";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import type { Log } from "../../../src/log.ts";
import type { Caller, JsonObject, Notice } from "../../../src/model.ts";
import { createSealer, makeKey } from "../../../src/seal.ts";
import { createLogReader } from "../../../src/telemetry/log_reader.ts";
import { createTestLog } from "../../support/log.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";
import { until } from "../../support/wait.ts";

const caller = (scope = "scope-1", principal = anonymous): Caller => ({
  principal,
  scope,
  revision: "any",
  capabilities: {},
  clientInfo: { name: "test", version: "1" },
});

const server = (name: string, tools: ToolFilter = {}): FailedServerConfig => ({
  kind: "failed",
  problem: "",
  name,
  callTimeoutMs: 60_000,
  startTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  tools,
});

const servers = (...list: ServerConfig[]): ServersConfig => ({
  servers: list,
  names: "auto",
  warnings: [],
  files: [],
  secrets: [],
});

async function gatewayOf(
  config: ServersConfig,
  fakes: Record<string, FakeUpstream>,
  limits: Partial<Limits> = {},
  log: Log = createTestLog(),
  kinds: SurfaceKinds = surfaceKinds,
): Promise<Gateway> {
  return createGatewayCore({
    rates: createTestRates(),
    resolveSurface: createSurfaceResolver(kinds),
    ...defaultTables,
    emit: createLogReader(log, defaultLimits),
    servers: config,
    create: ({ name }) => fakes[name] ?? createFakeUpstream(name),
    sameServer: (one, other) => JSON.stringify(one) === JSON.stringify(other),
    limits: {
      ...defaultLimits,
      firstListMs: 50,
      listMs: 50,
      listKnownMs: 5,
      changeDebounceMs: 5,
      ...limits,
    },
    clock: systemClock,
    log,
    sealer: await createSealer(makeKey()),
    instance: "this-gateway",
    debug: true,
    tryServers: false,
  });
}

async function ask(
  gateway: Gateway,
  method: string,
  params: JsonObject = {},
  surface = "/mcp",
  by: Caller = caller(),
  hears: () => boolean = () => true,
): Promise<JsonObject> {
  const call = { method, params, wantsProgress: false, caller: by, hears };
  const reply = await next(gateway.call(surface, call));
  if (reply.kind === "result") return reply.value;
  if (reply.kind === "failure") return { failure: reply.error.code, ...reply.error.toRpc() };
  return { unexpected: reply };
}

const names = (list: JsonObject, key: string, member = "name"): unknown[] =>
  (list[key] as JsonObject[]).map((item) => item[member]);

const tool = (name: string): JsonObject => ({ name, inputSchema: { type: "object" } });

describe("several servers behind one surface", () => {
  test("are merged in the order of the configuration, under prefixed names", async () => {
    const fakes = {
      b: createFakeUpstream("b", { tools: [tool("x"), tool("y")] }),
      a: createFakeUpstream("a", { tools: [tool("x")] }),
    };
    const gateway = await gatewayOf(servers(server("b"), server("a")), fakes);
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["b__x", "b__y", "a__x"]);
    expect(await ask(gateway, "tools/call", { name: "a__x", arguments: { n: 1 } })).toEqual({
      method: "tools/call",
      params: { name: "x", arguments: { n: 1 } },
    });
    expect(fakes.b.opened).toEqual([]);
  });

  test("a merged list is as fresh as its least fresh part, and has no age when a part is not known", async () => {
    const fresh = (name: string, ttlMs: number, isShared: boolean): FakeUpstream => ({
      ...createFakeUpstream(name, { tools: [tool("x")] }),
      freshness: () => ({ ttlMs, isShared }),
    });
    const list = async (...fakes: FakeUpstream[]) => {
      const config = servers(...fakes.map(({ name }) => server(name)));
      const byName = Object.fromEntries(fakes.map((fake) => [fake.name, fake]));
      const gateway = await gatewayOf(config, byName);
      const call = { method: "tools/list", params: {}, wantsProgress: false, caller: caller() };
      const reply = await next(gateway.call("/mcp", call));
      return reply.kind === "result" ? reply.freshness : reply;
    };
    const one = fresh("one", 500, true);
    const two = fresh("two", 300, false);
    expect(await list(one)).toEqual({ ttlMs: 500, isShared: true });
    expect(await list(one, two)).toEqual({ ttlMs: 300, isShared: false });
    expect(await list(one, createFakeUpstream("three", { tools: [] }))).toBe(undefined);
    two.broken = new GatewayError("upstream_unavailable");
    const broken = { ...two, list: () => Promise.reject(two.broken) };
    expect(await list(one, broken)).toBe(undefined);
  });

  test("one alone keeps its own names, on /mcp and on its own surface", async () => {
    const fakes = { a: createFakeUpstream("a", { tools: [tool("x")] }) };
    const gateway = await gatewayOf(servers(server("a")), fakes);
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["x"]);
    expect((await ask(gateway, "tools/call", { name: "x" }, "/servers/a"))["params"]).toEqual({
      name: "x",
    });
    expect(gateway.surface("/servers/missing", anonymous)).toBe(undefined);
  });

  test("a server whose name begins another's does not take its tools", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("b__x")] }),
      a__b: createFakeUpstream("a__b", { tools: [tool("x"), tool("y")] }),
    };
    const gateway = await gatewayOf(servers(server("a"), server("a__b")), fakes);
    const listed = names(await ask(gateway, "tools/list"), "tools");
    expect(listed).toEqual(["a__b__x", "a_b__x", "a_b__y"]);
    await ask(gateway, "tools/call", { name: "a__b__x" });
    await ask(gateway, "tools/call", { name: "a_b__x" });
    expect([fakes.a.opened.length, fakes.a__b.opened.length]).toEqual([1, 1]);
  });

  test("bare names are kept where they are free and prefixed where they are taken", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("x")] }),
      b: createFakeUpstream("b", { tools: [tool("x"), tool("y")] }),
    };
    const gateway = await gatewayOf({ ...servers(server("a"), server("b")), names: "bare" }, fakes);
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["x", "b__x", "y"]);
    await ask(gateway, "tools/call", { name: "x" });
    await ask(gateway, "tools/call", { name: "b__x" });
    await ask(gateway, "tools/call", { name: "y" });
    expect([fakes.a.opened.length, fakes.b.opened.length]).toEqual([1, 2]);
  });

  test("a denied or hidden tool cannot be called by any name", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("good"), tool("bad"), tool("old")] }),
      b: createFakeUpstream("b"),
    };
    const rules = { deny: ["b*"], rename: { old: "new" } };
    const gateway = await gatewayOf(servers(server("a", rules), server("b")), fakes);
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["a__good", "a__new"]);
    for (
      const [surface, name] of [["/mcp", "a__bad"], ["/mcp", "a__old"], ["/servers/a", "bad"], [
        "/servers/a",
        "old",
      ]]
    ) {
      expect((await ask(gateway, "tools/call", { name }, surface))["code"]).toBe(-32602);
    }
    expect((await ask(gateway, "tools/call", { name: "new" }, "/servers/a"))["params"]).toEqual({
      name: "old",
    });
    expect(fakes.a.opened.length).toBe(1);
  });

  test("a tool renamed to another's name: what is listed is what is called", async () => {
    const fakes = { a: createFakeUpstream("a", { tools: [tool("b"), tool("a")] }) };
    const gateway = await gatewayOf(servers(server("a", { rename: { a: "b" } })), fakes);
    const listed = names(await ask(gateway, "tools/list"), "tools");
    const called: unknown[] = [];
    for (const name of listed) {
      const echoed = await ask(gateway, "tools/call", { name });
      called.push((echoed["params"] as JsonObject)["name"]);
    }
    expect(listed[0]).toBe("b");
    expect(called).toEqual(["b", "a"]);
    for (const name of ["a", "a__a", "a__b"]) {
      expect((await ask(gateway, "tools/call", { name }))["failure"]).toBe("invalid_params");
    }
  });
});

describe("a broken or slow server", () => {
  const broken = new GatewayError("upstream_unavailable", "It is broken");

  test("affects only its own part of a merged list, and is named", async () => {
    const fakes = {
      bad: createFakeUpstream("bad", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    fakes.bad.broken = broken;
    const gateway = await gatewayOf(servers(server("bad"), server("good")), fakes);
    const list = await ask(gateway, "tools/list");
    expect(names(list, "tools")).toEqual(["good__y"]);
    expect(list["_meta"]).toEqual({
      "mcp-wrapper/unavailable": [{ name: "bad", reason: "It is broken" }],
    });
    expect((await ask(gateway, "tools/call", { name: "bad__x" }))["failure"]).toBe(
      "upstream_unavailable",
    );
  });

  test("keeps its last good list while it is unavailable", async () => {
    const fakes = {
      bad: createFakeUpstream("bad", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    const gateway = await gatewayOf(servers(server("bad"), server("good")), fakes);
    await ask(gateway, "tools/list");
    fakes.bad.broken = broken;
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["bad__x", "good__y"]);
    fakes.bad.broken = undefined;
    fakes.bad.slow = new Promise(() => {});
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["bad__x", "good__y"]);
  });

  test("that lists late is announced when it does, and listed whole", async () => {
    const fakes = {
      late: createFakeUpstream("late", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    const gateway = await gatewayOf(servers(server("late"), server("good")), fakes);
    const heard = Promise.withResolvers<Notice>();
    const deaf: Notice[] = [];
    gateway.watch("/mcp", caller("other"), {
      notice: (notice) => void deaf.push(notice),
      ask: () => Promise.reject(new Error("no server asks")),
    }, () => []);
    gateway.watch("/mcp", caller(), {
      notice: heard.resolve,
      ask: () => Promise.reject(new Error("no server asks")),
    }, () => []);
    // It shakes hands at once, so that only its list is late.
    await gateway.describe("/mcp", caller());
    const listing = Promise.withResolvers<void>();
    fakes.late.slow = listing.promise;
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["good__y"]);
    listing.resolve();
    expect((await heard.promise).method).toBe("notifications/tools/list_changed");
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["late__x", "good__y"]);
    expect(deaf).toEqual([]);
  });

  test("that lists late is announced to the client that left, though another one waited for it", async () => {
    const fakes = {
      late: createFakeUpstream("late", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    const started = Promise.withResolvers<void>();
    fakes.late.slow = started.promise;
    const gateway = await gatewayOf(servers(server("late"), server("good")), fakes);
    const heard = Promise.withResolvers<Notice>();
    gateway.watch("/mcp", caller(), {
      notice: (notice) => heard.resolve(notice),
      ask: () => Promise.reject(new Error("unexpected")),
    }, () => []);
    // Clients without a session share a scope: one of them listens, the other does not.
    const patient = ask(gateway, "tools/list", {}, "/mcp", caller(), () => false);
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["good__y"]);
    started.resolve();
    expect(names(await patient, "tools")).toEqual(["late__x", "good__y"]);
    expect((await heard.promise).method).toBe("notifications/tools/list_changed");
  });

  test("that is late and alone is waited for, by clients that hear of changes too", async () => {
    const fakes = { late: createFakeUpstream("late", { tools: [tool("x")] }) };
    const started = Promise.withResolvers<void>();
    fakes.late.slow = started.promise;
    const gateway = await gatewayOf(servers(server("late")), fakes);
    const { capabilities } = await gateway.describe("/mcp", caller());
    expect(capabilities["tools"]).toEqual({ listChanged: true });
    const lists = ["/mcp", "/servers/late"].map((surface) =>
      ask(gateway, "tools/list", {}, surface)
    );
    // By then a list of several servers would have been given without this one.
    await new Promise((resolve) => setTimeout(resolve, 100));
    started.resolve();
    for (const list of await Promise.all(lists)) expect(names(list, "tools")).toEqual(["x"]);
    // The client got prompts as a capability, because it was unknown: their list is empty.
    expect(await ask(gateway, "prompts/list")).toEqual({ prompts: [] });
    const later = caller("later");
    await gateway.describe("/mcp", later);
    expect((await ask(gateway, "prompts/list", {}, "/mcp", later))["code"]).toBe(-32601);
  });

  test("does not delay the answer to whether a surface serves something", async () => {
    const good = createFakeUpstream("good", { resources: [] });
    const fakes = { hung: createFakeUpstream("hung"), good };
    fakes.hung.slow = new Promise(() => {});
    // Longer than a test may take.
    const patience = { firstListMs: 600_000, listMs: 600_000 };
    const gateway = await gatewayOf(servers(server("hung"), server("good")), fakes, patience);
    expect(await gateway.serves("/mcp", caller(), "resources")).toBe(true);
    // Whether the one that hangs has it is not known, so it may be asked.
    const impatient = await gatewayOf(servers(server("hung"), server("good")), fakes);
    expect(await impatient.serves("/mcp", caller(), "made-up")).toBe(true);
    expect(await impatient.serves("/servers/good", caller(), "made-up")).toBe(false);
  });

  test("that is alone and never answers is a retryable error, never an empty success", async () => {
    const fakes = { late: createFakeUpstream("late", { tools: [tool("x")] }) };
    fakes.late.slow = new Promise(() => {});
    const gateway = await gatewayOf(servers(server("late")), fakes, { listWaitMsMax: 100 });
    const list = await ask(gateway, "tools/list");
    expect(list["failure"]).toBe("upstream_late");
    expect(list["message"]).toContain("has not answered yet");
  });

  test("is waited for by a client that cannot receive changes", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    const started = Promise.withResolvers<void>();
    fakes.slow.slow = started.promise;
    const gateway = await gatewayOf(servers(server("slow"), server("good")), fakes);
    const deaf = ask(gateway, "tools/list", {}, "/mcp", caller("deaf"), () => false);
    const stateless = { ...caller("principal"), asksByResult: true, sharesScope: true };
    const one = ask(gateway, "tools/list", {}, "/mcp", stateless, () => false);
    const hearing = await ask(gateway, "tools/list");
    expect(names(hearing, "tools")).toEqual(["good__y"]);
    expect(hearing["_meta"]).toMatchObject({ "mcp-wrapper/unavailable": [{ name: "slow" }] });
    started.resolve();
    for (const list of await Promise.all([deaf, one])) {
      expect(names(list, "tools")).toEqual(["slow__x", "good__y"]);
      expect(list["_meta"]).toBe(undefined);
    }
  });

  test("is waited for no longer once the client listens", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    fakes.slow.slow = new Promise(() => {});
    const gateway = await gatewayOf(servers(server("slow"), server("good")), fakes, {
      listRecheckMs: 10,
    });
    let looks = 0;
    // It begins to listen when its list has been waiting for a while.
    const hears = () => ++looks > 3;
    const list = await ask(gateway, "tools/list", {}, "/mcp", caller(), hears);
    expect(names(list, "tools")).toEqual(["good__y"]);
  });

  test("is waited for by a call of its tool, while the others answer theirs", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    const started = Promise.withResolvers<void>();
    fakes.slow.slow = started.promise;
    const gateway = await gatewayOf(servers(server("slow"), server("good")), fakes);
    const call = ask(gateway, "tools/call", { name: "slow__x" });
    expect((await ask(gateway, "tools/call", { name: "good__y" }))["params"]).toEqual({
      name: "y",
    });
    started.resolve();
    expect((await call)["params"]).toEqual({ name: "x" });
  });

  test("does not make a tool unknown whose name it may have", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    fakes.slow.slow = new Promise(() => {});
    const config: ServersConfig = {
      ...servers({ ...server("slow"), startTimeoutMs: 20 }, server("good")),
      names: "bare",
    };
    const gateway = await gatewayOf(config, fakes);
    expect((await ask(gateway, "tools/call", { name: "x" }))["failure"]).toBe("upstream_late");
  });

  test("holds up no call of a tool or read of a resource that another server has", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { tools: [tool("x")], resources: [] }),
      good: createFakeUpstream("good", { tools: [tool("y")], resources: [{ uri: "test://y" }] }),
    };
    fakes.slow.slow = new Promise(() => {});
    const config: ServersConfig = {
      ...servers({ ...server("slow"), startTimeoutMs: 600_000 }, server("good")),
      names: "bare",
    };
    const gateway = await gatewayOf(config, fakes);
    expect((await ask(gateway, "tools/call", { name: "y" }))["params"]).toEqual({ name: "y" });
    expect((await ask(gateway, "resources/read", { uri: "test://y" }))["params"]).toEqual({
      uri: "test://y",
    });
  });

  test("does not make a resource unknown that it may own", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { resources: [{ uri: "test://x" }] }),
      good: createFakeUpstream("good", { resources: [{ uri: "test://y" }] }),
    };
    const started = Promise.withResolvers<void>();
    fakes.slow.slow = started.promise;
    const config = servers({ ...server("slow"), startTimeoutMs: 20 }, server("good"));
    const gateway = await gatewayOf(config, fakes);
    const read = async () => await ask(gateway, "resources/read", { uri: "test://x" });
    expect((await read())["failure"]).toBe("upstream_late");
    started.resolve();
    expect((await read())["params"]).toEqual({ uri: "test://x" });
  });

  test("that has kept a client waiting is listed once it has answered", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    fakes.slow.slow = new Promise(() => {});
    const gateway = await gatewayOf(servers(server("slow"), server("good")), fakes, {
      listKnownMs: 500,
    });
    await gateway.describe("/mcp", caller());
    fakes.slow.slow = undefined;
    const list = await ask(gateway, "tools/list");
    expect(names(list, "tools")).toEqual(["slow__x", "good__y"]);
  });

  test("a tool that only the client's own list has can be called", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("x")] }),
      b: createFakeUpstream("b"),
    };
    fakes.a.list = (kind, _caller, source) =>
      Promise.resolve(kind === "tools" ? [tool(source === "own" ? "special" : "x")] : []);
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes);
    const called = await ask(gateway, "tools/call", { name: "a__special" });
    expect(called["params"]).toEqual({ name: "special" });
    expect((await ask(gateway, "tools/call", { name: "a__none" }))["code"]).toBe(-32602);
  });

  test("that answered the handshake has the whole first time for its first list", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    const gateway = await gatewayOf(servers(server("slow"), server("good")), fakes, {
      listMs: 1,
      firstListMs: 20_000,
    });
    await gateway.describe("/mcp", caller());
    fakes.slow.slow = new Promise((resolve) => setTimeout(resolve, 50));
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["slow__x", "good__y"]);
  });

  test("is an error on its own surface", async () => {
    const fakes = {
      bad: createFakeUpstream("bad", { tools: [] }),
      good: createFakeUpstream("good"),
    };
    fakes.bad.broken = broken;
    const gateway = await gatewayOf(servers(server("bad"), server("good")), fakes);
    const answer = await ask(gateway, "tools/list", {}, "/servers/bad");
    expect([answer["code"], answer["message"]]).toEqual([-32603, "It is broken"]);
  });

  test("that never answered is waited for once, not at every list", async () => {
    const fakes = {
      bad: createFakeUpstream("bad", { tools: [] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    fakes.bad.slow = new Promise(() => {});
    const gateway = await gatewayOf(servers(server("bad"), server("good")), fakes, {
      firstListMs: 300,
    });
    const begun = performance.now();
    await gateway.describe("/mcp", caller());
    const first = performance.now() - begun;
    for (let round = 0; round < 5; round += 1) await ask(gateway, "tools/list");
    expect(performance.now() - begun - first).toBeLessThan(first);
  });

  test("is not stood in for by what was listed for clients with other extensions", async () => {
    const fakes = { bad: createFakeUpstream("bad", { tools: [tool("chart")] }) };
    const gateway = await gatewayOf(servers(server("bad"), server("good")), fakes);
    const extensions = { "io.modelcontextprotocol/ui": {} };
    const plain = { ...caller(), sharesScope: true };
    const shows = { ...plain, capabilities: { extensions } };
    const list = async (by: Caller) =>
      names(await ask(gateway, "tools/list", {}, "/mcp", by), "tools");
    expect(await list(shows)).toEqual(["bad__chart"]);
    fakes.bad.broken = broken;
    expect(await list(shows)).toEqual(["bad__chart"]);
    expect(await list(plain)).toEqual([]);
  });

  test("leaves every capability declared, since its lists can follow", async () => {
    const fakes = {
      bad: createFakeUpstream("bad"),
      good: createFakeUpstream("good", { tools: [] }),
    };
    fakes.bad.broken = broken;
    const gateway = await gatewayOf(servers(server("bad"), server("good")), fakes);
    const { capabilities } = await gateway.describe("/mcp", caller());
    expect(Object.keys(capabilities).sort()).toEqual([
      "completions",
      "extensions",
      "logging",
      "prompts",
      "resources",
      "tools",
    ]);
    expect(capabilities["extensions"]).toEqual({
      "io.modelcontextprotocol/skills": {},
      "io.modelcontextprotocol/ui": {},
      "io.modelcontextprotocol/tasks": {},
    });
  });
});

describe("what a surface declares", () => {
  test("is the union of its servers, and a list that no server has is an unknown method", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [] }),
      b: createFakeUpstream("b", { prompts: [] }),
    };
    fakes.a.instructions = "Use A";
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes);
    const description = await gateway.describe("/mcp", caller());
    expect(Object.keys(description.capabilities).sort()).toEqual(["logging", "prompts", "tools"]);
    expect(description.instructions).toBe("# a\n\nUse A");
    expect((await ask(gateway, "resources/list"))["code"]).toBe(-32601);
    expect(await ask(gateway, "prompts/list")).toEqual({ prompts: [] });
    expect((await gateway.describe("/servers/a", caller())).instructions).toBe("Use A");
  });

  test("is what a running server said, without asking it again", async () => {
    const fake = createFakeUpstream("a", { tools: [] });
    fake.slow = new Promise(() => {});
    fake.knownDescription = ({ scope }) =>
      scope === "its own" ? { capabilities: { tools: {} }, instructions: "Use A" } : undefined;
    const gateway = await gatewayOf(servers(server("a")), { a: fake });
    const known = await gateway.describe("/mcp", caller("its own"));
    expect(known.instructions).toBe("Use A");
    expect(Object.keys(known.capabilities).sort()).toEqual(["logging", "tools"]);
    fake.knownDescription = () => ({ capabilities: { prompts: {} }, instructions: "Use A so" });
    const later = await gateway.describe("/mcp", caller("its own"));
    expect([later.instructions, Object.keys(later.capabilities).sort()])
      .toEqual(["Use A so", ["logging", "prompts"]]);
  });

  test("without any server is an empty list of tools", async () => {
    const gateway = await gatewayOf(servers(), {});
    expect(await ask(gateway, "tools/list")).toEqual({ tools: [] });
    expect((await gateway.describe("/mcp", caller())).capabilities["tools"]).toEqual({
      listChanged: true,
    });
  });
});

describe("a long list", () => {
  test("comes in pages that leave nothing out, and refuses foreign cursors", async () => {
    const all = Array.from({ length: 25 }, (_, index) => tool(`t${index}`));
    const fakes = {
      a: createFakeUpstream("a", { tools: all }),
      b: createFakeUpstream("b", { tools: [tool("z")] }),
    };
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes, { pageItemsMax: 10 });
    const seen: unknown[] = [];
    let cursor: unknown;
    do {
      const page = await ask(gateway, "tools/list", cursor === undefined ? {} : { cursor });
      seen.push(...names(page, "tools"));
      cursor = page["nextCursor"];
    } while (cursor !== undefined);
    expect(seen).toEqual([...all.map(({ name }) => `a__${name}`), "b__z"]);
    const { nextCursor } = await ask(gateway, "tools/list");
    for (const bad of ["", "x", 5, `${nextCursor}x`]) {
      expect((await ask(gateway, "tools/list", { cursor: bad }))["code"]).toBe(-32602);
    }
    expect((await ask(gateway, "tools/list", { cursor: nextCursor }, "/servers/a"))["code"]).toBe(
      -32602,
    );
    const other = caller("scope-2", { id: "someone" });
    expect((await ask(gateway, "tools/list", { cursor: nextCursor }, "/mcp", other))["code"]).toBe(
      -32602,
    );
  });
});

describe("resources of several servers", () => {
  const build = async () => {
    const fakes = {
      a: createFakeUpstream("a", {
        resources: [{ uri: "test://same" }, { uri: "test://a" }],
        templates: [{ uriTemplate: "tpl://{id}" }],
      }),
      b: createFakeUpstream("b", {
        tools: [tool("link")],
        resources: [{ uri: "test://same" }, { uri: "test://b" }],
        templates: [{ uriTemplate: "other://{+path}" }, { uriTemplate: "tpl://{id}" }],
      }),
    };
    const read = (own: FakeUpstream) => {
      own.reply = ({ params, method }) =>
        method === "resources/read"
          ? resultExchange({ contents: [{ uri: params["uri"], text: own.name }] })
          : resultExchange({});
    };
    read(fakes.a);
    read(fakes.b);
    return { fakes, gateway: await gatewayOf(servers(server("a"), server("b")), fakes) };
  };

  test("keep their URIs, and a second owner of one gets a URI that leads to it", async () => {
    const { gateway } = await build();
    const uris = names(await ask(gateway, "resources/list"), "resources", "uri");
    expect(uris).toEqual(["test://same", "test://a", "mcp-wrapper://b/test://same", "test://b"]);
    for (const [index, owner] of ["a", "a", "b", "b"].entries()) {
      const { contents } = await ask(gateway, "resources/read", { uri: uris[index] });
      expect(contents).toEqual([{ uri: uris[index], text: owner }]);
    }
  });

  test("are found by template, and an unknown one is refused without asking a server", async () => {
    const { gateway, fakes } = await build();
    const templates = await ask(gateway, "resources/templates/list");
    expect(names(templates, "resourceTemplates", "uriTemplate")).toEqual([
      "tpl://{id}",
      "other://{+path}",
      "mcp-wrapper://b/tpl://{id}",
    ]);
    const owner = async (uri: string) =>
      (await ask(gateway, "resources/read", { uri }))["contents"];
    expect(await owner("tpl://5")).toEqual([{ uri: "tpl://5", text: "a" }]);
    expect(await owner("other://x/y")).toEqual([{ uri: "other://x/y", text: "b" }]);
    expect(await owner("mcp-wrapper://b/tpl://5")).toEqual([{
      uri: "mcp-wrapper://b/tpl://5",
      text: "b",
    }]);
    const before = fakes.a.opened.length + fakes.b.opened.length;
    const unknown = await ask(gateway, "resources/read", { uri: "nowhere://x" });
    expect([unknown["code"], unknown["data"]]).toEqual([
      -32002,
      { uri: "nowhere://x", outcome: "not_sent" },
    ]);
    expect(fakes.a.opened.length + fakes.b.opened.length).toBe(before);
  });

  test("that a tool's result links to can be read, though no list names them", async () => {
    const { gateway, fakes } = await build();
    fakes.b.reply = ({ method, params }) =>
      method === "tools/call"
        ? resultExchange({
          content: [
            { type: "resource_link", uri: "hidden://1", name: "h" },
            { type: "resource", resource: { uri: "test://same", text: "" } },
          ],
        })
        : resultExchange({ contents: [{ uri: params["uri"], text: "b" }] });
    const { content } = await ask(gateway, "tools/call", { name: "b__link" });
    expect((content as JsonObject[])[0]?.["uri"]).toBe("hidden://1");
    expect(((content as JsonObject[])[1]?.["resource"] as JsonObject)["uri"]).toBe(
      "mcp-wrapper://b/test://same",
    );
    expect((await ask(gateway, "resources/read", { uri: "hidden://1" }))["contents"]).toEqual([
      { uri: "hidden://1", text: "b" },
    ]);
    const other = await ask(
      gateway,
      "resources/read",
      { uri: "hidden://1" },
      "/mcp",
      caller("scope-2"),
    );
    expect(other["code"]).toBe(-32002);
  });
});

describe("what belongs to no call", () => {
  const watch = (gateway: Gateway, by = caller(), kept: string[] = []) => {
    const heard: Notice[] = [];
    let wake: () => void = () => {};
    const stop = gateway.watch("/mcp", by, {
      notice(notice) {
        heard.push(notice);
        wake();
      },
      ask: () => Promise.resolve({ kind: "refusal", code: 0, message: "" }),
    }, () => kept);
    const until = async (count: number): Promise<Notice[]> => {
      while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return heard;
    };
    return { stop, heard, until };
  };

  test("reaches the watcher once: many changes of lists become one notice of each kind", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [] }),
      b: createFakeUpstream("b", { tools: [] }),
    };
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes);
    const { until, heard } = watch(gateway);
    for (let round = 0; round < 10; round += 1) {
      for (const fake of [fakes.a, fakes.b]) {
        fake.watchers.get("scope-1")?.watcher.notice({
          kind: "notice",
          method: "notifications/tools/list_changed",
          params: {},
        });
      }
    }
    fakes.b.watchers.get("scope-1")?.watcher.notice({
      kind: "notice",
      method: "notifications/message",
      params: { level: "info", data: "hello", logger: "db" },
    });
    await until(2);
    expect(heard.map(({ method, params }) => [method, params["logger"]])).toEqual([
      ["notifications/message", "b/db"],
      ["notifications/tools/list_changed", undefined],
    ]);
  });

  test("subscriptions reach the owner, replayed to new connections, and come back under the offered URI", async () => {
    const fakes = {
      a: createFakeUpstream("a", { resources: [{ uri: "test://same" }] }),
      b: createFakeUpstream("b", { resources: [{ uri: "test://same" }] }),
    };
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes);
    const { until } = watch(gateway);
    const uri = "mcp-wrapper://b/test://same";
    await ask(gateway, "resources/subscribe", { uri });
    const connection = fakes.b.watchers.get("scope-1");
    expect(connection?.interest()).toEqual({ subscriptions: ["test://same"] });
    expect(fakes.a.watchers.get("scope-1")?.interest()).toEqual({ subscriptions: [] });
    connection?.watcher.notice({
      kind: "notice",
      method: "notifications/resources/updated",
      params: { uri: "test://same" },
    });
    expect((await until(1))[0]?.params).toEqual({ uri });
    await ask(gateway, "resources/unsubscribe", { uri });
    expect(connection?.interest()).toEqual({ subscriptions: [] });
  });

  test("a subscription by one URL changes nothing on another, for clients who are one scope on all", async () => {
    const same = { resources: [{ uri: "test://same" }] };
    const fakes = { a: createFakeUpstream("a", same), b: createFakeUpstream("b", same) };
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes);
    watch(gateway);
    const uri = "test://same";
    await ask(gateway, "resources/subscribe", { uri }, "/servers/b");
    await ask(gateway, "resources/subscribe", { uri });
    await ask(gateway, "resources/read", { uri });
    expect(fakes.a.opened.map(({ method }) => method)).toEqual([
      "resources/subscribe",
      "resources/read",
    ]);
    await ask(gateway, "resources/unsubscribe", { uri });
    for (const [name, left] of [["a", []], ["b", [uri]]] as const) {
      expect(fakes[name].watchers.get("scope-1")?.interest()).toEqual({ subscriptions: [...left] });
    }
  });

  test("a refused subscription is not kept, and those a client kept through a restart are renewed", async () => {
    const fakes = { a: createFakeUpstream("a", { resources: [] }) };
    const gateway = await gatewayOf(servers(server("a")), fakes);
    fakes.a.reply = () => failureExchange(new GatewayError("upstream_error"));
    watch(gateway, caller("s1"));
    await ask(gateway, "resources/subscribe", { uri: "x://1" }, "/mcp", caller("s1"));
    expect(fakes.a.watchers.get("s1")?.interest()).toEqual({ subscriptions: [] });
    const renewed = new Promise<unknown>((resolve) => {
      fakes.a.reply = (call) => {
        resolve([call.method, call.params]);
        return resultExchange({});
      };
    });
    watch(gateway, caller("s2"), ["x://2"]);
    expect(await renewed).toEqual(["resources/subscribe", { uri: "x://2" }]);
  });
});

describe("a new configuration", () => {
  test("keeps what did not change, adds and removes the rest, and says that lists changed", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("x")] }),
      b: createFakeUpstream("b", { tools: [tool("x")] }),
      c: createFakeUpstream("c", { tools: [tool("x")] }),
    };
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes);
    const told = new Promise<string>((resolve) => {
      gateway.watch("/mcp", caller(), {
        notice: ({ method }) => resolve(method),
        ask: () => Promise.reject(new Error("no server asks")),
      }, () => []);
    });
    await gateway.reconfigure(servers(server("a"), server("c")));
    expect(await told).toBe("notifications/tools/list_changed");
    expect([fakes.a.closed, fakes.b.closed]).toEqual([false, true]);
    expect(names(await ask(gateway, "tools/list"), "tools")).toEqual(["a__x", "c__x"]);
    expect([...fakes.c.watchers.keys()]).toEqual(["scope-1"]);
    expect(gateway.surface("/servers/b", anonymous)).toBe(undefined);
  });

  test("lets a removed server finish the call that is under way", async () => {
    const fakes = { a: createFakeUpstream("a", { tools: [tool("x")] }) };
    let finish: () => void = () => {};
    fakes.a.reply = () => ({
      ...settledExchange({ kind: "result", value: { done: true } }),
      read: (sink) => void (finish = () => sink?.({ kind: "result", value: { done: true } })),
    });
    const gateway = await gatewayOf(servers(server("a")), fakes);
    const call = ask(gateway, "tools/call", { name: "x" });
    while (fakes.a.opened.length === 0) await Promise.resolve();
    await Promise.resolve();
    await gateway.reconfigure(servers());
    expect(fakes.a.closed).toBe(false);
    finish();
    expect(await call).toEqual({ done: true });
    expect(fakes.a.closed).toBe(true);
  });

  test("lets a removed server take the call that was looking for it", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("x")] }),
      b: createFakeUpstream("b", { tools: [tool("y")] }),
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    fakes.a.slow = promise;
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes);
    const call = ask(gateway, "tools/call", { name: "a__x" });
    await gateway.reconfigure(servers(server("b")));
    expect(fakes.a.closed).toBe(false);
    resolve();
    expect(await call).toMatchObject({ method: "tools/call", params: { name: "x" } });
    await until("the server to be closed", () => fakes.a.closed);
  });

  test("lets a server that a surface offers in part finish the call that is under way", async () => {
    const fakes = { a: createFakeUpstream("a", { tools: [tool("x"), tool("y")] }) };
    let finish: () => void = () => {};
    fakes.a.reply = () => ({
      ...settledExchange({ kind: "result", value: {} }),
      read: (sink) => void (finish = () => sink?.({ kind: "result", value: { done: true } })),
    });
    const gateway = await gatewayOf(servers(server("a")), fakes, {}, undefined, [
      ...surfaceKinds,
      {
        path: "/part",
        surface: "/part",
        unknown: "",
        resolve: (_name, running) => ({
          servers: running.servers.map(({ config, upstream }) => ({
            config: { ...config, tools: { deny: ["y"] } },
            upstream,
          })),
          prefixed: false,
          takesForeign: false,
        }),
      },
    ]);
    const call = ask(gateway, "tools/call", { name: "x" }, "/part");
    while (fakes.a.opened.length === 0) await Promise.resolve();
    await Promise.resolve();
    await gateway.reconfigure(servers());
    expect(fakes.a.closed).toBe(false);
    finish();
    expect(await call).toEqual({ done: true });
    expect(fakes.a.closed).toBe(true);
  });
});

describe("the log", () => {
  test("has every message of a call in debug mode, and nothing of its data", async () => {
    const log = createTestLog();
    const fakes = { a: createFakeUpstream("a", { tools: [tool("x")] }) };
    fakes.a.reply = () => resultExchange({ content: [{ type: "text", text: "my answer" }] });
    const gateway = await gatewayOf(servers(server("a")), fakes, {}, log);
    await ask(gateway, "tools/call", { name: "x", arguments: { password: "my question", n: 5 } });
    const text = JSON.stringify(log.records);
    expect(log.records.map(({ message }) => message)).toEqual(["Request", "Reply: result", "Call"]);
    expect(text).toContain('"name":"x","arguments":{"password":"string(11)","n":"number"}');
    expect(text).toContain('{"type":"text","text":"string(9)"}');
    expect(text).not.toContain("my ");
  });
});

describe("servers are tried", () => {
  const open = async (config: ServersConfig, fakes: Record<string, FakeUpstream>) =>
    createGatewayCore({
      rates: createTestRates(),
      resolveSurface: createSurfaceResolver(surfaceKinds),
      ...defaultTables,
      emit: () => {},
      servers: config,
      create: ({ name }) => fakes[name] ?? createFakeUpstream(name),
      sameServer: (one, other) => JSON.stringify(one) === JSON.stringify(other),
      limits: defaultLimits,
      clock: systemClock,
      log: createTestLog(),
      sealer: await createSealer(makeKey()),
      instance: "this-gateway",
      debug: false,
      tryServers: true,
    });

  test("two at a time, in the order of the configuration, but not those that start on demand", async () => {
    const begun: string[] = [];
    const over = new Map<string, PromiseWithResolvers<void>>();
    const fakes = Object.fromEntries(["a", "b", "c", "d", "lazy"].map((name) => {
      const fake = createFakeUpstream(name);
      over.set(name, Promise.withResolvers());
      fake.trial = async () => {
        begun.push(name);
        await over.get(name)?.promise;
      };
      return [name, fake];
    }));
    const lazy: ServerConfig = { ...server("lazy"), start: "onDemand" };
    const config = servers(server("a"), lazy, server("b"), server("c"), server("d"));
    const gateway = await open(config, fakes);
    const queued = () =>
      gateway.status().servers.filter(({ isQueued }) => isQueued).map(({ name }) => name);
    await until("the first two are tried", () => begun.length === 2);
    expect([begun, queued()]).toEqual([["a", "b"], ["c", "d"]]);
    over.get("b")?.resolve();
    await until("the next is tried", () => begun.length === 3);
    expect(queued()).toEqual(["d"]);
    over.get("a")?.resolve();
    await until("the last is tried", () => begun.length === 4);
    expect(begun).toEqual(["a", "b", "c", "d"]);
    await gateway.close();
  });

  test("when they are added or changed, and only then", async () => {
    const fakes = { a: createFakeUpstream("a"), b: createFakeUpstream("b") };
    const gateway = await open(servers(server("a")), fakes);
    await until("the first is tried", () => fakes.a.trials === 1);
    await gateway.reconfigure(servers(server("a"), server("b")));
    await until("the second is tried", () => fakes.b.trials === 1);
    expect(fakes.a.trials).toBe(1);
    await gateway.reconfigure(servers(server("a", { deny: ["x"] }), server("b")));
    await until("the changed one is tried", () => fakes.a.trials === 2);
    expect(fakes.b.trials).toBe(1);
    await gateway.close();
  });
});

describe("an end", () => {
  test("of the gateway ends the lists and calls that wait for a start, and those alone", async () => {
    const fakes = {
      slow: createFakeUpstream("slow", { tools: [tool("x")] }),
      good: createFakeUpstream("good", { tools: [tool("y")] }),
    };
    fakes.slow.slow = new Promise(() => {});
    const config = servers(server("slow"), server("good"));
    const gateway = await gatewayOf(config, fakes, { listKnownMs: 20 });
    const list = ask(gateway, "tools/list", {}, "/mcp", caller(), () => false);
    const alone = ask(gateway, "tools/list", {}, "/servers/slow");
    const call = ask(gateway, "tools/call", { name: "slow__x" });
    gateway.drain();
    expect(names(await list, "tools")).toEqual(["good__y"]);
    expect((await alone)["failure"]).toBe("draining");
    expect((await call)["failure"]).toBe("draining");
    const { params } = await ask(gateway, "tools/call", { name: "good__y" });
    expect(params).toEqual({ name: "y" });
  });

  test("of a scope reaches every server", async () => {
    const fakes = { a: createFakeUpstream("a"), b: createFakeUpstream("b") };
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes);
    gateway.endScope("scope-1");
    expect([fakes.a.ended, fakes.b.ended]).toEqual([["scope-1"], ["scope-1"]]);
  });

  test("of a call that waits for a slow server comes at once when it is cancelled", async () => {
    const fakes = { a: createFakeUpstream("a", { tools: [] }), b: createFakeUpstream("b") };
    fakes.a.slow = new Promise(() => {});
    const gateway = await gatewayOf(servers(server("a"), server("b")), fakes, {
      firstListMs: 60_000,
    });
    const exchange = gateway.call("/mcp", {
      method: "tools/call",
      params: { name: "a__x" },
      wantsProgress: false,
      caller: caller(),
    });
    const reply = next(exchange);
    exchange.cancel("no longer wanted");
    expect(await reply.then((one) => one.kind === "failure" && one.error.code)).toBe("cancelled");
  });
});
