/**
 * The catalog of a local server: from its process, from the store, and the notices about its
 * changes.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { StdioServerConfig } from "../../src/config/config.ts";
import type { GatewayError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import type { Caller, JsonObject, ListKind } from "../../src/model.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  callerOf,
  callTool,
  createTestDeps,
  failTool,
  hostileConfig,
  type TestDeps,
  watchScope,
} from "../support/upstream_deps.ts";
import { until } from "../support/wait.ts";

const opened: { upstream: Upstream; deps: TestDeps }[] = [];

async function open(
  options: string[] = [],
  overrides: Partial<StdioServerConfig> = {},
  limits: Partial<Limits> = {},
  catalogs?: TestDeps["catalogsByKey"],
): Promise<{ upstream: Upstream; deps: TestDeps }> {
  const deps = await createTestDeps(limits);
  for (const [key, catalog] of catalogs ?? []) deps.catalogsByKey.set(key, catalog);
  const pair = { upstream: createUpstream(hostileConfig(options, overrides), deps), deps };
  opened.push(pair);
  return pair;
}

afterEach(async () => {
  for (const { upstream, deps } of opened.splice(0)) {
    await upstream.close();
    expect([...deps.held]).toEqual([]);
  }
});

async function names(
  upstream: Upstream,
  kind: ListKind,
  caller: Caller = callerOf("a"),
): Promise<unknown[]> {
  const identity = { tools: "name", prompts: "name", resources: "uri", templates: "uriTemplate" };
  return (await upstream.list(kind, caller)).map((item: JsonObject) => item[identity[kind]]);
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "went well", (error: GatewayError) => error.message);

describe("the catalog of a stdio upstream", () => {
  test("a server that was never seen is started, describes itself and lists", async () => {
    const { upstream, deps } = await open();
    const description = await upstream.describe(callerOf("a"));
    expect(description).toMatchObject({
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: "hostile-child" },
      instructions: "Be careful",
    });
    expect(await names(upstream, "tools")).toContain("echo");
    expect(await names(upstream, "prompts")).toEqual(["greet"]);
    expect(await names(upstream, "resources")).toEqual(["mem://a", "mem://b"]);
    expect(await names(upstream, "templates")).toEqual(["mem://items/{id}"]);
    expect(deps.everHeld.length).toBe(1);
  });

  test("all pages are read", async () => {
    const { upstream } = await open(["--tools=7", "--page=3"]);
    const tools = await names(upstream, "tools");
    expect(tools).toContain("echo");
    expect(tools).toContain("extra_6");
    expect(new Set(tools).size).toBe(tools.length);
  });

  test("pages that repeat, and too many pages, end the list", async () => {
    const { upstream, deps } = await open(["--page=1", "--cursor-loop"]);
    expect((await names(upstream, "resources")).length).toBe(1);
    expect(deps.lines.some(({ message }) => message.includes("its pages repeat"))).toBe(true);
    const few = await open(["--tools=30", "--page=1"], {}, { listPagesMax: 5 });
    expect((await names(few.upstream, "tools")).length).toBe(5);
    const short = await open(["--tools=30"], {}, { listItemsMax: 10 });
    expect((await names(short.upstream, "tools")).length).toBe(10);
  });

  test("an absent capability is an empty list", async () => {
    const { upstream } = await open(["--caps=tools"]);
    for (const kind of ["prompts", "resources", "templates"] as const) {
      expect(await names(upstream, kind)).toEqual([]);
    }
  });

  test("many sessions at once get it from one process", async () => {
    const { upstream, deps } = await open(["--init=slow:200"], {}, { processesMax: 1 });
    const scopes = Array.from({ length: 10 }, (_, index) => `scope ${index}`);
    const lists = await Promise.all(
      scopes.map((scope) => names(upstream, "prompts", callerOf(scope))),
    );
    expect(lists).toEqual(scopes.map(() => ["greet"]));
    expect(deps.everHeld.length).toBe(1);
  });

  test("is shared by clients of every name", async () => {
    const { upstream, deps } = await open();
    await names(upstream, "tools");
    const other = callerOf("b", {
      clientInfo: { name: "another", title: "Another", version: "9" },
    });
    await callTool(upstream, "echo", {}, other);
    expect(await names(upstream, "tools", other)).toContain("echo");
    expect(deps.catalogsByKey.size).toBe(1);
  });

  test("a stored catalog answers at once, and the process starts in the background", async () => {
    const first = await open();
    await names(first.upstream, "tools");
    await until("it is stored", () => first.deps.catalogsByKey.size === 1);
    const { upstream, deps } = await open(
      [],
      {},
      {},
      first.deps.catalogsByKey,
    );
    expect((await upstream.describe(callerOf("a"))).instructions).toBe("Be careful");
    expect(deps.everHeld).toEqual([]);
    expect(await names(upstream, "prompts")).toEqual(["greet"]);
    await until("it is warm", () => upstream.status().state === "running");
    await names(upstream, "tools");
    expect(deps.everHeld.length).toBe(1);
  });

  test("a background start ends no other process", async () => {
    const first = await open();
    await names(first.upstream, "tools");
    await until("it is stored", () => first.deps.catalogsByKey.size === 1);
    const limits = { processesMax: 1 };
    const { upstream, deps } = await open([], {}, limits, first.deps.catalogsByKey);
    await callTool(upstream, "echo", {}, callerOf("b"));
    expect(await names(upstream, "prompts", callerOf("a"))).toEqual(["greet"]);
    await callTool(upstream, "slow", { ms: 100 }, callerOf("b"));
    expect(deps.everHeld.length).toBe(1);
  });

  test("clients of other capabilities, and other arguments, have catalogs of their own", async () => {
    const { upstream, deps } = await open();
    await names(upstream, "tools");
    const other = callerOf("b", { capabilities: { sampling: {} } });
    // The list of the most similar client comes first, and its own is stored behind it.
    expect(await names(upstream, "prompts", other)).toEqual(["greet"]);
    await until("both are stored", () => deps.catalogsByKey.size === 2);
    await names(upstream, "tools", callerOf("c", { capabilities: { unheardOf: {} } }));
    expect(deps.catalogsByKey.size).toBe(2);
    const changed = await open(["--tools=1"], {}, {}, deps.catalogsByKey);
    expect(await names(changed.upstream, "tools")).toContain("extra_0");
  });

  test("a stored list that is out of date is corrected, and its readers get a notice", async () => {
    const first = await open();
    await names(first.upstream, "tools");
    await until("it is stored", () => first.deps.catalogsByKey.size === 1);
    const [[key, catalog] = []] = [...first.deps.catalogsByKey];
    if (key === undefined || catalog === undefined) throw new Error("nothing stored");
    const stale = { ...catalog, lists: { ...catalog.lists, tools: [{ name: "gone" }] } };
    const { upstream, deps } = await open([], {}, {}, new Map([[key, stale]]));
    const watch = watchScope(upstream, "a");
    expect(await names(upstream, "tools")).toEqual(["gone"]);
    await until("the reader gets a notice", () => watch.notices.length > 0);
    // The gateway merges those of a burst (src/gateway/surface_watch.ts).
    expect(new Set(watch.methods())).toEqual(new Set(["notifications/tools/list_changed"]));
    expect(await names(upstream, "tools")).toContain("echo");
    await until("the store is right", () => deps.catalogsByKey.get(key)?.lists.tools.length !== 1);
  });

  test("list_changed: the next list is fresh, and each notice is relayed at once", async () => {
    const { upstream } = await open();
    const watch = watchScope(upstream, "a");
    await names(upstream, "tools");
    await Promise.all(
      ["one", "two", "three"].map((name) => callTool(upstream, "add_tool", { name })),
    );
    await until("the notice comes", () => watch.notices.length > 0);
    // The gateway merges those of a burst (src/gateway/surface_watch.ts).
    expect(new Set(watch.methods())).toEqual(new Set(["notifications/tools/list_changed"]));
    expect(await names(upstream, "tools")).toContain("three");
  });

  test("clients wait for a slow server, even clients that do not stay", async () => {
    const { upstream, deps } = await open(["--init=slow:600"], {}, { firstListMs: 50 });
    const leaving = codeOf(upstream.list("tools", callerOf("gone")));
    await until("a process starts", () => deps.everHeld.length === 1);
    upstream.endScope("gone");
    expect(await leaving).toBe("went well");
    expect(await names(upstream, "prompts", callerOf("next"))).toEqual(["greet"]);
    expect(deps.everHeld.length).toBe(1);
    await until("the process that filled the catalog is gone", () => deps.held.size === 0);
  });

  test("a server that cannot start fails its lists at once, for every session", async () => {
    const { upstream } = await open(["--exit=1", "--stderr=no key"], {}, { restartMsMin: 60_000 });
    const asked = ["a", "a", "b", "c"].flatMap((scope) => [
      codeOf(upstream.describe(callerOf(scope))),
      codeOf(upstream.list("tools", callerOf(scope))),
    ]);
    for (const message of await Promise.all(asked)) {
      expect(message).toContain("exited with code 1");
      expect(message).not.toContain("no key");
    }
    expect(upstream.status()).toMatchObject({ state: "failing", connections: 0 });
  });

  test("a session that ended while it waited starts no process for itself", async () => {
    const { upstream, deps } = await open(["--init=slow:300"]);
    const first = names(upstream, "tools");
    const second = codeOf(upstream.list("tools", callerOf("gone")));
    await until("a process starts", () => deps.everHeld.length === 1);
    upstream.endScope("gone");
    expect(await first).toContain("echo");
    await second;
    expect((await failTool(upstream, "echo", {}, callerOf("gone"))).message).toContain(
      "its session ended",
    );
    expect(deps.everHeld.length).toBe(1);
    expect(upstream.status().connections).toBe(1);
  });

  test("after a process died, the next one says that its lists may have changed", async () => {
    const { upstream } = await open();
    const watch = watchScope(upstream, "a");
    await names(upstream, "tools");
    await failTool(upstream, "crash", { how: "exit" });
    await until("the death is reported", () => watch.methods().includes("notifications/message"));
    expect(watch.notices[0]?.params).toMatchObject({ level: "warning", logger: "hostile" });
    await callTool(upstream, "echo");
    await until(
      "the list changes are reported",
      () => watch.methods().includes("notifications/tools/list_changed"),
    );
  });
});

describe("a failed upstream", () => {
  test("says its problem to every call, and closes", async () => {
    const deps = await createTestDeps();
    const problem = "mcp.json: mcpServers.files.command: expected text, got 7";
    const common = {
      callTimeoutMs: 60_000,
      startTimeoutMs: 60_000,
      idleTimeoutMs: 60_000,
      tools: {},
    };
    const config = { kind: "failed", name: "files", problem, ...common } as const;
    const upstream = createUpstream(config, deps);
    expect((await failTool(upstream, "echo")).message).toContain(problem);
    expect(await codeOf(upstream.describe(callerOf("a")))).toContain(problem);
    expect(await codeOf(upstream.list("tools", callerOf("a")))).toContain(problem);
    expect(upstream.status()).toMatchObject({ state: "failed", connections: 0, problem });
    await upstream.close();
  });
});
