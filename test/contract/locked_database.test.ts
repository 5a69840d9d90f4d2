/**
 * Case G1: another program that locks the database. While a gateway runs, it cannot have the lock;
 * where a lock lasts all the same, as on a network drive, it costs new sessions alone.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { defaultLimits } from "../../src/limits.ts";
import { createPacedClocks } from "../support/clock.ts";
import { createFaultyRuntime, createSqlFault, createTestRuntime } from "../support/fake_runtime.ts";
import { sendSignal } from "../support/processes.ts";
import { programCommand, thisRuntime } from "../support/runtimes.ts";
import {
  clearStorage,
  closeGateways,
  newDataFolder,
  startStored,
} from "../support/stored_gateway.ts";
import { testMsMax, until, within } from "../support/wait.ts";

const clocks = createPacedClocks();
const holders: ChildProcess[] = [];

afterEach(async () => {
  for (const { pid } of holders.splice(0)) sendSignal(pid, "SIGKILL");
  clocks.stopAll();
  await clearStorage();
}, testMsMax);

/** Another program that tries to lock the database of a folder, and whether it could. */
async function startHolder(folder: string) {
  const path = join(folder, "mcp-wrapper.db");
  const { command, args } = programCommand("test/support/database_holder.ts", [path], thisRuntime);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  holders.push(child);
  const [word] = await within("the other program to answer", once(child.stdout, "data"));
  return {
    isHeld: String(word).trim() === "held",
    async end() {
      const ended = once(child, "exit");
      child.stdin.end();
      await within("the other program to end", ended);
    },
  };
}

const locked = createSqlFault(5, "database is locked");
const sessionOf = (response: Response) => response.headers.get("mcp-session-id") ?? "";

describe("G1: a program that locks the database", () => {
  test("is refused while the gateway runs, which stores sessions all along", async () => {
    const runtime = await createTestRuntime();
    const folder = newDataFolder();
    const gateway = await startStored(runtime, folder);
    const before = sessionOf(await gateway.open());
    const holder = await startHolder(folder);
    expect(holder.isHeld).toBe(false);
    const during = await gateway.open();
    expect([during.status, await gateway.ping(before)]).toEqual([200, 200]);
    await holder.end();
    expect((await gateway.health()).status).toBe("healthy");
    await closeGateways();
    const next = await startStored(runtime, folder);
    expect(await Promise.all([before, sessionOf(during)].map(next.ping))).toEqual([200, 200]);
  }, testMsMax);

  test("before the start is waited for, and nothing stored is lost", async () => {
    const runtime = await createTestRuntime();
    const folder = newDataFolder();
    const kept = sessionOf(await (await startStored(runtime, folder)).open());
    await closeGateways();
    const holder = await startHolder(folder);
    expect(holder.isHeld).toBe(true);
    const paced = clocks.create();
    const waits: number[] = [];
    let freeing: Promise<void> | undefined;
    const clock = {
      ...paced,
      after(ms: number, run: () => void) {
        if (ms <= defaultLimits.databaseRetryMsMax && waits.push(ms) === 3) freeing = holder.end();
        return paced.after(ms, run);
      },
    };
    const limits = { ...defaultLimits, databaseLockedMs: testMsMax };
    const gateway = await startStored(runtime, folder, { clock, limits });
    await freeing;
    expect(waits.length).toBeGreaterThanOrEqual(3);
    expect(await gateway.ping(kept)).toBe(200);
    expect(gateway.lines.filter((line) => /WARN|ERROR/.test(line))).toEqual([]);
  }, testMsMax);

  test(
    "before the start for too long stops the start, and leaves the database as it is",
    async () => {
      const runtime = await createTestRuntime();
      const folder = newDataFolder();
      const kept = sessionOf(await (await startStored(runtime, folder)).open());
      await closeGateways();
      const holder = await startHolder(folder);
      const limits = { ...defaultLimits, databaseLockedMs: 300 };
      await expect(startStored(runtime, folder, { clock: clocks.create(), limits })).rejects
        .toThrow(
          `Cannot open "${
            join(folder, "mcp-wrapper.db")
          }": another gateway uses this data directory`,
        );
      await holder.end();
      expect(await (await startStored(runtime, folder)).ping(kept)).toBe(200);
    },
    testMsMax,
  );

  test("for 10 s costs new sessions alone, and no client waits for it", async () => {
    const runtime = createFaultyRuntime(await createTestRuntime());
    const folder = newDataFolder();
    const gateway = await startStored(runtime, folder);
    const [used, ended] = [sessionOf(await gateway.open()), sessionOf(await gateway.open())];
    // After the start, the times of stored sessions are looked at in slices.
    let seen = -1;
    await until("the start to be over", () => {
      const before = seen;
      seen = runtime.counts.sql;
      return seen === before;
    });
    /** What a client got, and how many statements it cost, each of which may wait for the lock. */
    const costOf = async <Value>(work: () => Promise<Value>): Promise<[Value, number]> => {
      const before = runtime.counts.sql;
      return [await work(), runtime.counts.sql - before];
    };
    runtime.failAlways("sql", locked);
    const opening = async () => {
      const { status, headers } = await gateway.open();
      return [status, headers.get("retry-after")];
    };
    const [refused, cost] = await costOf(opening);
    expect(refused).toEqual([503, "1"]);
    // The session, and the look whether others would be stored.
    expect(cost * defaultLimits.databaseBusyMs).toBeLessThanOrEqual(100);
    for (let second = 0; second < 10; second += 1) {
      expect(await costOf(opening)).toEqual([[503, "1"], 0]);
      expect(await costOf(() => gateway.ping(used))).toEqual([200, 0]);
      // Activity that waits, and the look whether the lock is gone.
      const [, spent] = await costOf(async () => gateway.clock.advance(1_000));
      expect(spent * defaultLimits.databaseBusyMs).toBeLessThanOrEqual(100);
    }
    expect((await gateway.health()).status).toBe("degraded");
    await gateway.end(ended);
    expect(await gateway.ping(ended)).toBe(404);

    runtime.heal("sql");
    gateway.clock.advance(defaultLimits.storageRetryMs);
    expect((await gateway.health()).status).toBe("healthy");
    expect((await gateway.open()).status).toBe(200);
    await closeGateways();
    const next = await startStored(await createTestRuntime(), folder);
    expect([await next.ping(used), await next.ping(ended)]).toEqual([200, 404]);
  });
});
