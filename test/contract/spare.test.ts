/**
 * The spare process of a slow server: which session gets it, and what happens if it fails.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { StdioServerConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { canReadProcesses, isAlive } from "../support/processes.ts";
import {
  callerOf,
  callTool,
  createTestDeps,
  hostileConfig,
  stateOf,
  type TestDeps,
} from "../support/upstream_deps.ts";
import { until } from "../support/wait.ts";

const linuxTest = test.skipIf(!canReadProcesses);
const testMs = 60_000;
const opened: { upstream: Upstream; deps: TestDeps }[] = [];
const folders: string[] = [];

afterEach(async () => {
  const all = opened.splice(0);
  for (const { upstream } of all) await upstream.close();
  expect(all.flatMap(({ deps }) => [...deps.held])).toEqual([]);
  for (const path of folders.splice(0)) rmSync(path, { recursive: true });
});

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];

/** A server whose every start counts as slow, and the pids of its processes in order. */
async function open(
  options: string[] = [],
  overrides: Partial<StdioServerConfig> = {},
  limits: Partial<Limits> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "spare-"));
  folders.push(folder);
  const file = (name: string) => join(folder, name);
  const deps = await createTestDeps({ spareStartMs: 0, startBusyMs: 20, ...limits });
  const own = [`--start-file=${file("starts")}`, `--input-file=${file("input")}`];
  const all = [...own, ...options.map((option) => option.replace("FOLDER", folder))];
  const config = hostileConfig(all, { spare: true, ...overrides });
  const upstream = createUpstream(config, deps);
  opened.push({ upstream, deps });
  const pids = () => linesOf(file("starts")).map(Number);
  return {
    upstream,
    deps,
    pids,
    input: (pid?: number) =>
      linesOf(file("input")).filter((line) => pid === undefined || line.startsWith(`${pid} `)),
    /** Waits until the nth process has begun to run. */
    started: (count: number) =>
      until(`process ${count}`, () => pids().length >= count && pids()[count - 1], 30_000),
  };
}

const messages = ({ deps }: { deps: TestDeps }, severity: string) =>
  deps.lines.filter((line) => line.severity === severity).map(({ message }) => message);

describe("a spare process", () => {
  test("is not started for a session that only lists", async () => {
    const wanted: unknown[] = [];
    const want = (connection: unknown) => (wanted.push(connection), () => {});
    const spares = { want, count: () => 0 };
    const deps = await createTestDeps({ spareStartMs: 0 }, { spares });
    const upstream = createUpstream(hostileConfig([], { spare: true }), deps);
    opened.push({ upstream, deps });
    await upstream.list("tools", callerOf("a"));
    expect(wanted).toEqual([]);
    await stateOf(upstream, callerOf("a"));
    expect(wanted).toHaveLength(1);
  }, testMs);

  test("serves the next session, although it started earlier", async () => {
    const { upstream, pids, started } = await open();
    const first = await stateOf(upstream, callerOf("a"));
    const spare = await started(2);
    const second = await stateOf(upstream, callerOf("b"));
    expect(second.pid).toBe(spare);
    expect(second.pid).not.toBe(first.pid);
    const next = await started(3);
    expect((await stateOf(upstream, callerOf("c"))).pid).toBe(next);
    expect(pids().slice(0, 3)).toEqual([first.pid, spare, next]);
  }, testMs);

  test("gets no byte before its session, and then that session's handshake first", async () => {
    const { upstream, started, input } = await open();
    await stateOf(upstream, callerOf("a", { capabilities: { roots: {}, sampling: {} } }));
    await callTool(upstream, "echo", {}, callerOf("a"));
    const spare = await started(2);
    // Its own start is over: it could read.
    await callTool(upstream, "slow", { ms: 50 }, callerOf("a"));
    expect(input(spare)).toEqual([]);
    const second = await stateOf(
      upstream,
      callerOf("b", { capabilities: { elicitation: {} } }),
    );
    expect(second.pid).toBe(spare);
    expect(second.capabilities).toEqual({ elicitation: {} });
    expect(input(spare)[0]).toContain('"method":"initialize"');
    expect(input(spare)[0]).toContain('"elicitation"');
    expect(input(spare).filter((line) => line.includes("sampling"))).toEqual([]);
  }, testMs);

  test("serves sessions that open, call and end one after the other", async () => {
    const { upstream, pids, started } = await open();
    const answered: number[] = [];
    for (let number = 1; number <= 4; number++) {
      const scope = `session ${number}`;
      answered.push((await stateOf(upstream, callerOf(scope))).pid);
      upstream.endScope(scope);
      await started(number + 1);
    }
    expect(answered).toEqual(pids().slice(0, 4));
  }, testMs);

  test("serves stateless clients too", async () => {
    const { upstream, started } = await open();
    const caller = (scope: string) =>
      callerOf(scope, {
        revision: "2026-07-28",
        asksByResult: true,
        sharesScope: true,
        capabilities: { sampling: {} },
      });
    await stateOf(upstream, caller("a"));
    const spare = await started(2);
    expect((await stateOf(upstream, caller("b"))).pid).toBe(spare);
  }, testMs);

  test("may print before it has a session, like any process", async () => {
    const { upstream, deps, started } = await open(["--banner", "--stderr=I am up"]);
    await stateOf(upstream, callerOf("a"));
    const ignored = () => messages({ deps }, "warn").filter((text) => text.includes("Ignored"));
    const before = ignored().length;
    expect(before).toBeGreaterThan(0);
    const spare = await started(2);
    expect((await stateOf(upstream, callerOf("b"))).pid).toBe(spare);
    expect(ignored().length).toBe(2 * before);
  }, testMs);

  linuxTest("is gone when the server is closed", async () => {
    const { upstream, deps, started } = await open();
    await stateOf(upstream);
    const spare = await started(2);
    expect(deps.everHeld).toContain(spare);
    await upstream.close();
    expect(isAlive(spare)).toBe(false);
  }, testMs);

  test("does not count as running in the server's status", async () => {
    const { upstream, started } = await open();
    await stateOf(upstream);
    await started(2);
    expect(upstream.status()).toMatchObject({ state: "running", connections: 1 });
  }, testMs);
});

describe("a server gets no spare", () => {
  /** One of another server, which wished for it later, has come: the first one's would be there. */
  async function otherHasSpare(deps: TestDeps) {
    const other = hostileConfig([], { spare: true, name: "other" });
    const limits = { ...deps.limits, spareStartMs: 0 };
    const upstream = createUpstream(other, { ...deps, limits });
    opened.push({ upstream, deps });
    await stateOf(upstream, callerOf("a"));
    await until("the other's spare", () => deps.everHeld.length >= 3, 30_000);
  }

  const cases: [string, Partial<StdioServerConfig>, Partial<Limits>][] = [
    ["whose configuration says so", { spare: false }, {}],
    ["whose process is shared", { isolation: "shared" }, {}],
    ["that starts fast", {}, { spareStartMs: 600_000 }],
  ];
  for (const [what, overrides, limits] of cases) {
    test(what, async () => {
      const { upstream, deps, pids } = await open([], overrides, limits);
      await stateOf(upstream, callerOf("a"));
      await otherHasSpare(deps);
      expect(pids().length).toBe(1);
    }, testMs);
  }

  test("that no session has used yet, even after its trial", async () => {
    const { upstream, deps, pids, started } = await open();
    await upstream.trial();
    await otherHasSpare(deps);
    expect(pids().length).toBe(1);
    await stateOf(upstream, callerOf("a"));
    const spare = await started(3);
    expect((await stateOf(upstream, callerOf("b"))).pid).toBe(spare);
  }, testMs);
});

describe("a spare that fails", () => {
  test(
    "next to a running process: the server gets no more spares, and one log line says why",
    async () => {
      const { upstream, deps, pids, started } = await open(["--lock=FOLDER/lock"]);
      await stateOf(upstream, callerOf("a"));
      await started(2);
      const isLine = (text: string) => text.includes("no more spare");
      await until("the line", () => messages({ deps }, "info").some(isLine));
      const [line, ...others] = deps.lines.filter(({ message }) => isLine(message));
      expect(others).toEqual([]);
      expect(line?.message).toContain("exited with code 1");
      expect(line?.fields).toEqual({ printed: "the profile is in use" });
      expect(messages({ deps }, "warn")).toEqual([]);
      expect(upstream.status()).toMatchObject({ state: "running", problem: undefined });
      upstream.endScope("a");
      await until("the first to be gone", () => deps.held.size === 0);
      await stateOf(upstream, callerOf("b"));
      upstream.endScope("b");
      await until("the third to be gone", () => deps.held.size === 0);
      expect(pids().length).toBe(3);
    },
    testMs,
  );

  test("its handshake: the session gets a new process and notices nothing", async () => {
    const { upstream, deps, pids, started } = await open(["--stale=2", "--stderr=I was old"]);
    await stateOf(upstream, callerOf("a"));
    const stale = await started(2);
    const { pid } = await stateOf(upstream, callerOf("b"));
    expect(pid).not.toBe(stale);
    expect(pids().indexOf(pid)).toBe(2);
    expect(messages({ deps }, "warn")).toEqual([]);
    expect(upstream.status().problem).toBeUndefined();
    const [line] = deps.lines.filter(({ message }) => message.includes("no more spare"));
    expect(line).toMatchObject({ severity: "info", fields: { printed: "I was old" } });
  }, testMs);

  test("at a question of another revision: the session gets a new process", async () => {
    const { upstream, deps, started } = await open(["--probe=exit"]);
    await stateOf(upstream, callerOf("a"));
    const asked = await started(2);
    const stateless = { revision: "2026-07-28", asksByResult: true, sharesScope: true };
    const { pid } = await stateOf(upstream, callerOf("b", stateless));
    expect(pid).not.toBe(asked);
    expect(messages({ deps }, "info").filter((text) => text.includes("no more spare"))).toEqual([]);
  }, testMs);

  test(
    "its handshake while nothing else of its server runs: the next session gets one",
    async () => {
      const { upstream, deps, started } = await open(["--stale=2"]);
      await stateOf(upstream, callerOf("a"));
      await started(2);
      upstream.endScope("a");
      await until("the first to be gone", () => deps.held.size === 1);
      await stateOf(upstream, callerOf("b"));
      const next = await started(4);
      expect((await stateOf(upstream, callerOf("c"))).pid).toBe(next);
    },
    testMs,
  );

  test("when nothing else of its server runs: the next session gets one as before", async () => {
    const { upstream, deps, started } = await open();
    await stateOf(upstream, callerOf("a"));
    const spare = await started(2);
    upstream.endScope("a");
    await until("the first to be gone", () => deps.held.size === 1);
    process.kill(spare, "SIGKILL");
    await until("the spare to be gone", () => deps.held.size === 0);
    const { pid } = await stateOf(upstream, callerOf("b"));
    expect(await started(3)).toBe(pid);
    const next = await started(4);
    expect((await stateOf(upstream, callerOf("c"))).pid).toBe(next);
    expect(messages({ deps }, "info").filter((text) => text.includes("no more spare"))).toEqual([]);
  }, testMs);
});
