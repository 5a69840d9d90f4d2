/** The list of steps and the policy as an embedding program extends them: one file, one row. */
import { createTestRates } from "../../support/rates.ts";
import { describe, expect, test } from "bun:test";
import { defaultTables } from "../../../src/app.ts";
import { anonymous } from "../../../src/auth/none.ts";
import type { Clock } from "../../../src/clock.ts";
import type { FailedServerConfig, ServersConfig } from "../../../src/config/config.ts";
import type { Policy } from "../../../src/gateway/access_policy.ts";
import { createGatewayCore } from "../../../src/gateway/gateway.ts";
import type { MakeStep } from "../../../src/gateway/steps/steps.ts";
import { createSurfaceResolver, surfaceKinds } from "../../../src/http/surface_kinds.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Call, Caller, JsonObject, Notice } from "../../../src/model.ts";
import { createSealer, makeKey } from "../../../src/seal.ts";
import { createTestClock } from "../../support/clock.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";
import { createTestLog } from "../../support/log.ts";
import { next } from "../../support/pull.ts";
import { within } from "../../support/wait.ts";

const caller: Caller = {
  principal: anonymous,
  scope: "scope-1",
  revision: "any",
  capabilities: {},
  clientInfo: { name: "test", version: "1" },
};
const tool = (name: string): JsonObject => ({ name, inputSchema: { type: "object" } });

/** A configuration of servers with these names. */
function configOf(names: readonly string[]): ServersConfig {
  const servers = names.map((name): FailedServerConfig => ({
    kind: "failed",
    problem: "",
    name,
    callTimeoutMs: 60_000,
    startTimeoutMs: 1_000,
    idleTimeoutMs: 60_000,
    tools: {},
  }));
  return { servers, names: "auto", warnings: [], files: [], secrets: [] };
}

async function gatewayOf(
  fakes: Record<string, FakeUpstream>,
  { steps = defaultTables.steps, policy = defaultTables.policy, clock = createTestClock() }: {
    readonly steps?: readonly MakeStep[];
    readonly policy?: Policy;
    readonly clock?: Clock;
  } = {},
) {
  const gateway = createGatewayCore({
    rates: createTestRates(),
    resolveSurface: createSurfaceResolver(surfaceKinds),
    servers: configOf(Object.keys(fakes)),
    create: ({ name }) => fakes[name] ?? createFakeUpstream(name),
    sameServer: () => true,
    limits: { ...defaultLimits, changeDebounceMs: 1 },
    clock,
    log: createTestLog(),
    emit: () => {},
    sealer: await createSealer(makeKey()),
    instance: "this-gateway",
    steps,
    policy,
    debug: false,
    tryServers: false,
  });
  const call = async (method: string, params: JsonObject = {}, more: Partial<Call> = {}) =>
    await next(gateway.call("/mcp", { method, params, wantsProgress: false, caller, ...more }));
  return { gateway, call };
}

const two = () => ({
  a: createFakeUpstream("a", {
    tools: [tool("x"), tool("secret")],
    prompts: [{ name: "p" }],
    resources: [{ uri: "mem://r", name: "r" }],
  }),
  b: createFakeUpstream("b", { tools: [tool("y")] }),
});

describe("a step", () => {
  test("is added by one row, and learns of each call where it went and how it ended", async () => {
    const counts = new Map<string, number>();
    const countByServer: MakeStep = () => ({
      name: "count",
      end(context, ending) {
        const server = context.target?.server.config.name ?? "none";
        counts.set(server, (counts.get(server) ?? 0) + 1);
        return ending;
      },
    });
    const { call } = await gatewayOf(two(), { steps: [countByServer, ...defaultTables.steps] });
    await call("tools/call", { name: "a__x" });
    await call("tools/call", { name: "a__x" });
    await call("tools/call", { name: "b__y" });
    await call("tools/call", { name: "c__z" });
    await call("tools/list");
    expect(Object.fromEntries(counts)).toEqual({ a: 2, b: 1, none: 2 });
  });

  test("may answer a call, which then reaches no server", async () => {
    const answering: MakeStep = () => ({
      name: "answer",
      before: () => ({ kind: "result", value: { from: "the step" } }),
    });
    const fakes = two();
    const [trace, audit, ...others] = defaultTables.steps;
    const steps = [trace, audit, answering, ...others].filter((one) => one !== undefined);
    const { call } = await gatewayOf(fakes, { steps });
    expect(await call("tools/call", { name: "a__x" })).toMatchObject({
      value: { from: "the step" },
    });
    expect(fakes.a.opened).toEqual([]);
  });

  test("that throws fails only its call", async () => {
    const throwing: MakeStep = () => ({
      name: "throw",
      reply: () => {
        throw new Error("broken step");
      },
    });
    const fakes = two();
    fakes.a.script(async (source) => {
      source.notice({ kind: "notice", method: "notifications/progress", params: {} });
      return await Promise.resolve({});
    });
    const { call } = await gatewayOf(fakes, { steps: [throwing, ...defaultTables.steps] });
    expect(await call("tools/call", { name: "a__x" })).toMatchObject({ kind: "failure" });
    expect(await call("tools/call", { name: "b__y" })).toMatchObject({ kind: "result" });
  });
});

describe("a policy that hides a tool, a prompt and a resource", () => {
  const hidden = new Set(["secret", "p", "mem://r"]);
  const policy: Policy = (_principal, _server, item) =>
    item !== undefined && hidden.has(item.own) ? "deny" : "allow";

  test("takes them out of lists, and calls of them are those of unknown ones", async () => {
    const fakes = two();
    const { call } = await gatewayOf(fakes, { policy });
    const tools = await call("tools/list");
    expect(JSON.stringify(tools)).not.toContain("secret");
    expect(JSON.stringify(tools)).toContain("a__x");
    for (
      const [method, hiddenParams, unknownParams] of [
        ["tools/call", { name: "a__secret" }, { name: "a__nothing" }],
        ["prompts/get", { name: "a__p" }, { name: "a__nothing" }],
        ["resources/read", { uri: "mem://r" }, { uri: "mem://nothing" }],
        ["resources/subscribe", { uri: "mem://r" }, { uri: "mem://nothing" }],
        [
          "completion/complete",
          { ref: { type: "ref/prompt", name: "a__p" } },
          { ref: { type: "ref/prompt", name: "a__nothing" } },
        ],
      ] as const
    ) {
      const text = async (params: JsonObject, name: string) =>
        JSON.stringify(await call(method, params)).replaceAll(name, "NAME");
      const nameOf = (params: JsonObject) =>
        /"((?:a__|mem:)[^"]+)"/.exec(JSON.stringify(params))![1]!;
      expect(await text(hiddenParams, nameOf(hiddenParams)))
        .toBe(await text(unknownParams, nameOf(unknownParams)));
    }
    expect(fakes.a.opened).toEqual([]);
  });

  test("leaves their bare names to the next server that has them", async () => {
    const fakes = {
      a: createFakeUpstream("a", { tools: [tool("x")] }),
      b: createFakeUpstream("b", { tools: [tool("x")] }),
    };
    const { gateway, call } = await gatewayOf(fakes, {
      policy: (_principal, server) => server === "a" ? "deny" : "allow",
    });
    await gateway.reconfigure({ ...configOf(["a", "b"]), names: "bare" });
    expect(await call("tools/call", { name: "x" })).toMatchObject({ kind: "result" });
    expect([fakes.a.opened.length, fakes.b.opened.length]).toEqual([0, 1]);
  });

  test("keeps back notices about them", async () => {
    const fakes = two();
    const { gateway } = await gatewayOf(fakes, { policy });
    const heard: Notice[] = [];
    gateway.watch("/mcp", caller, {
      notice: (notice) => void heard.push(notice),
      ask: () => Promise.reject(new Error("no ask")),
    }, () => []);
    const updated = (uri: string): Notice => ({
      kind: "notice",
      method: "notifications/resources/updated",
      params: { uri },
    });
    const { watcher } = fakes.a.watchers.get("scope-1")!;
    watcher.notice(updated("mem://r"));
    watcher.notice(updated("mem://other"));
    expect(heard).toEqual([updated("mem://other")]);
  });

  test("that denies a whole server takes it off the surface", async () => {
    const { gateway, call } = await gatewayOf(two(), {
      policy: (_principal, server) => server === "a" ? "deny" : "allow",
    });
    expect(JSON.stringify(await call("tools/list"))).not.toContain("a__");
    const { capabilities } = await gateway.describe("/mcp", caller);
    expect(capabilities["prompts"]).toBeUndefined();
    expect(await call("tools/call", { name: "a__x" })).toMatchObject({ kind: "failure" });
    expect(await call("tools/call", { name: "b__y" })).toMatchObject({ kind: "result" });
  });
});

describe("a call of a tool whose list is in memory", () => {
  test("looks its name up once, asks no server for a list, and arms no timer", async () => {
    const fakes = two();
    let listed = 0;
    for (const fake of Object.values(fakes)) {
      const { list } = fake;
      fake.list = (...given) => {
        listed += 1;
        return list(...given);
      };
    }
    const clock = createTestClock();
    let armed = 0;
    const counting: Clock = {
      ...clock,
      after(...given) {
        armed += 1;
        return clock.after(...given);
      },
    };
    const { call } = await gatewayOf(fakes, { clock: counting });
    let checked: JsonObject | undefined;
    const more = { checkItem: (item: JsonObject) => void (checked = item) };
    expect(await call("tools/call", { name: "b__y" }, more)).toMatchObject({ kind: "result" });
    expect(checked).toEqual(tool("y"));
    expect([listed, armed]).toEqual([0, 0]);
  });

  test("is not delayed by a server that hangs, under bare names either", async () => {
    const fakes = two();
    const { gateway, call } = await gatewayOf(fakes);
    await gateway.reconfigure({ ...configOf(["a", "b"]), names: "bare" });
    await call("tools/list");
    fakes.a.slow = new Promise(() => {});
    const reply = await next(gateway.call("/mcp", {
      method: "tools/call",
      params: { name: "y" },
      wantsProgress: false,
      caller,
    }));
    expect(reply).toMatchObject({ kind: "result" });
  });
});

describe("a bare name that a server which hangs may own", () => {
  for (const sharesScope of [false, true]) {
    test(`waits for that server once, ${sharesScope ? "without" : "in"} a session`, async () => {
      const clock = createTestClock();
      const fakes = two();
      fakes.a.slow = new Promise(() => {});
      const { gateway, call } = await gatewayOf(fakes, { clock });
      await gateway.reconfigure({ ...configOf(["a", "b"]), names: "bare" });
      const callY = async (ms: number) => {
        const before = fakes.b.opened.length;
        const reply = call("tools/call", { name: "y" }, { caller: { ...caller, sharesScope } });
        for (const part of [ms - 1, 1]) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          expect(fakes.b.opened.length).toBe(before);
          clock.advance(part);
        }
        expect(await within("the answer", reply)).toMatchObject({ kind: "result" });
        expect(fakes.b.opened.length).toBe(before + 1);
      };
      await callY(defaultLimits.firstListMs);
      await callY(defaultLimits.listKnownMs);
      // Once it answers, the name is its own.
      fakes.a.lists = { tools: [tool("y")] };
      fakes.a.slow = undefined;
      expect(await call("tools/call", { name: "y" })).toMatchObject({ kind: "result" });
      expect([fakes.a.opened.length, fakes.b.opened.length]).toEqual([1, 2]);
    });
  }
});

test("a list of tasks takes the ending of each server's answer, whatever it says before", async () => {
  const fakes = two();
  fakes.a.capabilities = { ...fakes.a.capabilities, tasks: { list: {} } };
  fakes.a.script(async (source) => {
    source.notice({
      kind: "notice",
      method: "notifications/message",
      params: { level: "info", data: "listing" },
    });
    return await Promise.resolve({ tasks: [{ taskId: "t1" }] });
  });
  const { call } = await gatewayOf(fakes);
  expect(await call("tasks/list")).toMatchObject({ value: { tasks: [{ taskId: "t1" }] } });
});
