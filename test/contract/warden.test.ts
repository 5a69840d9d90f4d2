/** No child outlives the gateway, however it ends: shown with a parent that is really killed. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../../src/clock.ts";
import { openStoreDatabase } from "../../src/store/database.ts";
import { openSqliteProcessGroups } from "../../src/store/sqlite_process_groups.ts";
import { defaultLimits } from "../../src/limits.ts";
import {
  findEscapedProcesses,
  isLeftover,
  readIdentity,
} from "../../src/upstream/stdio/process_table.ts";
import { openWarden } from "../../src/upstream/stdio/warden.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { canReadProcesses, descendants, isAlive, withCommandText } from "../support/processes.ts";
import { programCommand } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

const linuxTest = test.skipIf(!canReadProcesses);
const runtime = await createTestRuntime();
const limits = { ...defaultLimits, restartMsMin: 20, restartMsMax: 20 };
let folder = "";
let started: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "warden-"));
  started = [];
});
afterEach(() => {
  for (const pid of started) runtime.signalGroup(pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Family {
  readonly parent: ChildProcess;
  readonly warden: number;
  readonly child: number;
  readonly grandchild: number;
  /** Leftovers that this run found and killed at its start. */
  readonly killed: number;
}

/** Starts the small gateway of `warden_parent.ts` and waits until its child and grandchild run. */
async function startFamily(mode = ""): Promise<Family> {
  const { command, args } = programCommand("test/support/warden_parent.ts", [folder, mode]);
  const parent = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  parent.stdout?.on("data", (chunk) => text += chunk);
  await until("the family to be complete", () => text.includes("\n"));
  const { child, grandchild, killed } = JSON.parse(text);
  const warden = await until("the warden to run", () => findWarden(parent));
  started.push(child, warden);
  return { parent, warden, child, grandchild, killed };
}

function findWarden(parent: ChildProcess): number | undefined {
  const wardens = withCommandText("mcp-wrapper-warden");
  return descendants(parent.pid ?? 0).find((pid) => wardens.includes(pid));
}

function kill(pid: number | undefined): void {
  // 0 would be the group of this process.
  if (pid === undefined || pid <= 0) throw new Error(`No process has the id ${pid}`);
  process.kill(pid, "SIGKILL");
}

linuxTest(
  "kill -9 of the gateway: its children and grandchildren are gone, and the warden after them",
  async () => {
    const { parent, warden, child, grandchild } = await startFamily();
    expect([warden, child, grandchild].map(isAlive)).toEqual([true, true, true]);
    kill(parent.pid);
    await until("all to be gone", () => ![warden, child, grandchild].some(isAlive));
  },
);

linuxTest("a grandchild whose parent ended before is gone too", async () => {
  const { parent, child, grandchild } = await startFamily("leaderless");
  expect([child, grandchild].map(isAlive)).toEqual([false, true]);
  kill(parent.pid);
  await until("the grandchild to be gone", () => !isAlive(grandchild));
});

for (const mode of ["", "leaderless"]) {
  const who = mode === "" ? "a child and its grandchild" : "a grandchild without its parent";
  linuxTest(`gateway and warden killed at once: the next start ends ${who}`, async () => {
    const first = await startFamily(mode);
    // The warden first: it must not see its input end.
    kill(first.warden);
    kill(first.parent.pid);
    await until("both to be gone", () => ![first.warden, first.parent.pid ?? 0].some(isAlive));
    expect(isAlive(first.grandchild)).toBe(true);
    const second = await startFamily();
    expect(second.killed).toBe(1);
    await until(
      "the first family to be gone",
      () => ![first.child, first.grandchild].some(isAlive),
    );
    expect([second.child, second.grandchild].map(isAlive)).toEqual([true, true]);
    kill(second.parent.pid);
    await until("the second to be gone", () => ![second.child, second.grandchild].some(isAlive));
  });
}

function open() {
  const database = openStoreDatabase(runtime, ":memory:", limits);
  const log = createTestLog();
  const groups = openSqliteProcessGroups({ database, clock: systemClock });
  return { database, log, options: { runtime, groups, log, clock: systemClock, limits } };
}

function spawnSleeper(script = "exec sleep 60") {
  const child = runtime.spawn({
    command: "/bin/sh",
    args: ["-c", script],
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
  });
  started.push(child.pid);
  return child;
}

linuxTest("a process that only has the same id as an earlier child is left alone", async () => {
  const { database, options, log } = open();
  const stranger = spawnSleeper();
  const insert = database.prepare("INSERT INTO children VALUES (?, ?, 'files', 0)");
  insert.run(stranger.pid, "another boot 1 12345");
  insert.run(999_999_999, "another boot 1 12345");
  const warden = await openWarden(options);
  expect(isAlive(stranger.pid)).toBe(true);
  expect(log.records).toEqual([]);
  expect(database.prepare("SELECT * FROM children").all()).toEqual([]);
  await warden.close();
  database.close();
});

linuxTest(
  "a released group is not killed, a held one is, and nothing is left on disk",
  async () => {
    const { database, options } = open();
    const warden = await openWarden(options);
    const [kept, held] = [spawnSleeper(), spawnSleeper()];
    for (const child of [kept, held]) await warden.hold(child.pid, "files");
    expect(database.prepare("SELECT server FROM children").all().length).toBe(2);
    warden.release(kept.pid);
    await warden.close();
    expect((await within("the held child to end", held.exited)).signal).toBe("SIGKILL");
    expect(isAlive(kept.pid)).toBe(true);
    expect(database.prepare("SELECT * FROM children").all()).toEqual([]);
    database.close();
  },
);

linuxTest("a warden that is killed is started again and knows all that was held", async () => {
  const { parent, warden, child, grandchild } = await startFamily();
  kill(warden);
  const again = await until("another warden", () => {
    const found = findWarden(parent);
    return found === warden ? undefined : found;
  });
  started.push(again);
  expect(isAlive(child)).toBe(true);
  // Its commands are in the pipe before its input ends.
  kill(parent.pid);
  await until("all to be gone", () => ![again, child, grandchild].some(isAlive));
});

test("children run even if the warden cannot start or the database fails", async () => {
  const { database, log } = open();
  const faulty = createFaultyRuntime(runtime);
  faulty.failAt("spawn", 1, new Error("no more processes"));
  const broken = createFaultyRuntime(runtime).openDatabase(":memory:");
  const warden = await openWarden({
    runtime: faulty,
    groups: openSqliteProcessGroups({ database: broken, clock: systemClock }),
    log,
    clock: systemClock,
    limits,
  });
  expect(log.records.map((record) => record.severity)).toContain("ERROR");
  const child = spawnSleeper();
  await warden.hold(child.pid, "files");
  await until("the second attempt", () => faulty.counts.spawn >= 2);
  await warden.close();
  expect((await within("the child to end", child.exited)).signal).toBe("SIGKILL");
  database.close();
  broken.close();
});

test("a fault at any statement fails neither the start nor the end of a child", async () => {
  for (const nth of [1, 2, 3]) {
    const faulty = createFaultyRuntime(runtime);
    const database = openStoreDatabase(faulty, ":memory:", limits);
    const log = createTestLog();
    faulty.failAt("sql", nth, createSqlFault(13, "database or disk is full"));
    const groups = openSqliteProcessGroups({ database, clock: systemClock });
    const warden = await openWarden({ runtime: faulty, groups, log, clock: systemClock, limits });
    const child = spawnSleeper();
    await warden.hold(child.pid, "files");
    runtime.signalGroup(child.pid, "SIGKILL");
    await child.exited;
    warden.release(child.pid);
    await warden.close();
    expect(log.records.map((record) => record.message).join()).toMatch(/^Cannot (look|note)/);
    database.close();
  }
});

linuxTest(
  "E8 a process that calls setsid out of the group is found while its parents live",
  async () => {
    const child = spawnSleeper("setsid sh -c 'sleep 60; :' & wait");
    const deps = { runtime, clock: systemClock, limits };
    const escaped = await until("the escapee to be found", async () => {
      const found = await findEscapedProcesses(deps, child.pid);
      return found.length >= 2 ? found : undefined;
    });
    expect(escaped.every(isAlive)).toBe(true);
    expect(escaped).toEqual(descendants(child.pid).filter((pid) => escaped.includes(pid)));
    for (const pid of escaped) process.kill(pid, "SIGKILL");
    const faulty = createFaultyRuntime(runtime);
    faulty.failAlways("spawn", new Error("no ps here"));
    expect(await findEscapedProcesses({ ...deps, runtime: faulty }, child.pid)).toEqual([]);
  },
);

linuxTest("an identity is one process's own, and ends with it", async () => {
  const deps = { runtime, clock: systemClock, limits };
  const one = spawnSleeper();
  const identity = await readIdentity(deps, one.pid);
  expect(identity).toBe(await readIdentity(deps, one.pid));
  // This test's own process started earlier: an identity holds for one start of one process.
  expect(identity).not.toBe(await readIdentity(deps, process.pid));
  expect(await isLeftover(deps, one.pid, identity ?? "")).toBe(true);
  expect(await isLeftover(deps, process.pid, identity ?? "")).toBe(false);
  runtime.signalGroup(one.pid, "SIGKILL");
  await one.exited;
  expect(await readIdentity(deps, one.pid)).toBe(undefined);
  expect(await isLeftover(deps, one.pid, identity ?? "")).toBe(false);
});

test("a system without a shell, such as Windows, causes one warning, and children are ended", async () => {
  const faulty = createFaultyRuntime(runtime);
  const log = createTestLog();
  const database = openStoreDatabase(runtime, ":memory:", limits);
  const groups = openSqliteProcessGroups({ database, clock: systemClock });
  faulty.failAlways("spawn", Object.assign(new Error("Cannot start"), { code: "ENOENT" }));
  const warden = await openWarden({ runtime: faulty, groups, log, clock: systemClock, limits });
  const child = spawnSleeper();
  await warden.hold(child.pid, "files");
  // The backoff before a second try would be 20 ms.
  await new Promise((resolve) => setTimeout(resolve, 5 * limits.restartMsMin));
  expect(log.records.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
    expect.stringMatching(/^WARN This system has no \/bin\/sh, which guards the children: /),
  ]);
  await warden.close();
  expect((await child.exited).signal).toBe("SIGKILL");
  database.close();
});
