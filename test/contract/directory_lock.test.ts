/** Case G6: one gateway owns a data directory, by a file with its process id and its start. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../src/clock.ts";
import { defaultLimits } from "../../src/limits.ts";
import { readIdentity } from "../../src/process_identity.ts";
import { openSqliteStore } from "../../src/store/sqlite_store.ts";
import type { StoreEngine } from "../../src/store/stores.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";

const runtime = await createTestRuntime();

let folder: string;
let engines: StoreEngine[];
let groups: number[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "directory-lock-"));
  engines = [];
  groups = [];
});
afterEach(async () => {
  for (const engine of engines) await engine.close();
  for (const group of groups) runtime.signalGroup(group, "SIGKILL");
  await rm(folder, { recursive: true });
});

/** A clock on which each wait ends at once, in its order, and which notes how long they were. */
function createHastyClock(onWait: (nth: number) => void | Promise<void> = () => {}) {
  const waits: number[] = [];
  let now = 0;
  const clock: Clock = {
    wall: () => now,
    monotonic: () => now,
    random: () => 0.75,
    after(ms, run) {
      // The check of the storage, which no one waits for.
      if (ms >= defaultLimits.storageCheckMs) return () => {};
      waits.push(ms);
      now += ms;
      void Promise.resolve(onWait(waits.length)).then(run);
      return () => {};
    },
  };
  return { clock, waits };
}

async function open(clock = createHastyClock().clock, platform = runtime): Promise<StoreEngine> {
  const options = { runtime: platform, directory: folder, clock, limits: defaultLimits };
  const engine = await openSqliteStore({ ...options, log: createTestLog() });
  engines.push(engine);
  return engine;
}

const lockPath = () => join(folder, "gateway.lock");
const lockOf = (pid: number, start: string) =>
  writeFileSync(lockPath(), JSON.stringify({ pid, start }));

/** Another process, which runs until it is ended. */
async function startOther() {
  const child = runtime.spawn({ command: "sleep", args: ["600"], env: { PATH: "/usr/bin:/bin" } });
  groups.push(child.pid);
  const deps = { runtime, clock: createHastyClock().clock, limits: defaultLimits };
  const start = await readIdentity(deps, child.pid) ?? "";
  return {
    pid: child.pid,
    start,
    async end() {
      runtime.signalGroup(child.pid, "SIGKILL");
      await child.exited;
    },
  };
}

describe("G6: the lock of a data directory", () => {
  test("names its process, is for its owner alone, and ends with the gateway", async () => {
    const engine = await open();
    const { pid, start } = JSON.parse(readFileSync(lockPath(), "utf8"));
    expect([pid, start !== ""]).toEqual([runtime.pid, true]);
    expect(statSync(lockPath()).mode & 0o777).toBe(0o600);
    await engine.close();
    expect(existsSync(lockPath())).toBe(false);
    await open();
  });

  test("P3: refuses a second gateway with the process of the first, after attempts at growing random times", async () => {
    const other = await startOther();
    lockOf(other.pid, other.start);
    const { clock, waits } = createHastyClock();
    await expect(open(clock)).rejects.toThrow(
      `another gateway uses this data directory (process ${other.pid})`,
    );
    // Each wait is a random part of a span that doubles up to a limit.
    const { databaseRetryMsMin: min, databaseRetryMsMax: max } = defaultLimits;
    expect(waits).toEqual(waits.map((_, at) => 0.75 * Math.min(max, min * 2 ** at)));
    expect(waits.length).toBeGreaterThan(5);
    expect(existsSync(join(folder, "mcp-wrapper.db"))).toBe(false);
    expect(JSON.parse(readFileSync(lockPath(), "utf8")).pid).toBe(other.pid);
  });

  test("refuses a second gateway of the same process", async () => {
    await open();
    await expect(open()).rejects.toThrow(`(process ${runtime.pid})`);
  });

  test("is waited for while its gateway stops", async () => {
    const first = await open();
    const { clock, waits } = createHastyClock(async (nth) => {
      if (nth === 3) await first.close();
    });
    await open(clock);
    expect(waits.length).toBe(3);
  });

  test("of a process that was killed is taken over at once", async () => {
    const other = await startOther();
    lockOf(other.pid, other.start);
    await other.end();
    const { clock, waits } = createHastyClock();
    await open(clock);
    expect(waits).toEqual([]);
    expect(JSON.parse(readFileSync(lockPath(), "utf8")).pid).toBe(runtime.pid);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("of a process whose id another one has by now is taken over at once", async () => {
    const other = await startOther();
    lockOf(other.pid, `${other.start}0`);
    const { clock, waits } = createHastyClock();
    await open(clock);
    expect(waits).toEqual([]);
  });

  test("that names no process is taken over after a while: its process may be about to write it", async () => {
    for (const text of ["", "{", '{"pid":-1,"start":"x"}', "null"]) {
      writeFileSync(lockPath(), text);
      const { clock, waits } = createHastyClock();
      const engine = await open(clock);
      expect(waits.length).toBeGreaterThan(5);
      await engine.close();
    }
  });

  test("of several gateways that start on a stale one lets one start", async () => {
    const other = await startOther();
    await other.end();
    for (let round = 0; round < 10; round += 1) {
      lockOf(other.pid, other.start);
      const all = await Promise.allSettled(Array.from({ length: 5 }, () => open()));
      expect(all.filter(({ status }) => status === "fulfilled").length).toBe(1);
      for (const engine of engines.splice(0)) await engine.close();
    }
  });

  test("ends if the database cannot be opened", async () => {
    const platform = createFaultyRuntime(runtime);
    platform.failAlways("sql", createSqlFault(10, "disk I/O error"));
    await expect(open(undefined, platform)).rejects.toThrow("disk I/O error");
    expect(existsSync(lockPath())).toBe(false);
  });

  test("is backed by the database's own lock, where processes cannot be told apart", async () => {
    const first = await open();
    await first.sessions.count();
    lockOf(1, "");
    await expect(open()).rejects.toThrow("another gateway uses this data directory");
  });
});
