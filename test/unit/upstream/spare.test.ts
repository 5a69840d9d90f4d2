/** When a server gets a spare process, and for how long: over processes that a test ends itself. */
import { describe, expect, test } from "bun:test";
import type { StdioServerConfig } from "../../../src/config/config.ts";
import type { Limits } from "../../../src/limits.ts";
import type { Child, ExitStatus, Runtime } from "../../../src/runtime/runtime.ts";
import type { ChildHandler } from "../../../src/upstream/stdio/child.ts";
import { createSpare } from "../../../src/upstream/stdio/spare.ts";
import { createTestClock, type TestClock } from "../../support/clock.ts";
import { createTestDeps, hostileConfig, type TestDeps } from "../../support/upstream_deps.ts";

/** A child that exits when its input ends, or on request. */
interface Fake {
  readonly pid: number;
  isAlive(): boolean;
  write(text: string): void;
  exit(code: number): void;
}

function createFakes(real: Runtime): { runtime: Runtime; all: Fake[]; alive(): number[] } {
  const all: Fake[] = [];
  const spawn = (): Child => {
    const exited = Promise.withResolvers<ExitStatus>();
    const outputs: ReadableStreamDefaultController<Uint8Array>[] = [];
    const toOutput = () =>
      new ReadableStream<Uint8Array>({ start: (controller) => void outputs.push(controller) });
    let isAlive = true;
    const exit = (code: number) => {
      if (!isAlive) return;
      isAlive = false;
      exited.resolve({ code, signal: null });
      for (const output of outputs) output.close();
    };
    const pid = all.length + 1;
    const write = (text: string) => outputs[0]?.enqueue(new TextEncoder().encode(text));
    all.push({ pid, isAlive: () => isAlive, write, exit });
    const stdin = { write: () => undefined, close: () => exit(0) };
    return { pid, stdin, stdout: toOutput(), stderr: toOutput(), exited: exited.promise };
  };
  const runtime: Runtime = {
    ...real,
    spawn(options) {
      if (options.command === "ps") throw new Error("no ps here");
      return spawn();
    },
    signalGroup: () => false,
  };
  return { runtime, all, alive: () => all.filter((one) => one.isAlive()).map(({ pid }) => pid) };
}

/** Lets everything happen that waits for no time. */
async function settle(clock: TestClock): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    clock.advance(0);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

const never = new AbortController().signal;
const silent: ChildHandler = { lines: () => {}, tooLong: () => {}, broken: () => {} };

async function house(limits: Partial<Limits> = {}) {
  const clock = createTestClock();
  const real = (await createTestDeps()).runtime;
  const fakes = createFakes(real);
  const deps = await createTestDeps(limits, { clock, runtime: fakes.runtime });
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settle(clock);
  };
  const make = (name: string, overrides: Partial<StdioServerConfig> = {}) =>
    createSpare(hostileConfig([], { name, spare: true, ...overrides }), deps);
  /** A server with one process in use whose start took this long. */
  const serve = async (
    name: string,
    startMs = 2_000,
    overrides: Partial<StdioServerConfig> = {},
  ) => {
    const spare = make(name, overrides);
    spare.up(startMs);
    spare.used();
    await settle(clock);
    return spare;
  };
  return { clock, deps, fakes, pass, serve };
}

const infos = ({ lines }: TestDeps) =>
  lines.filter(({ severity }) => severity !== "debug").map(({ message }) => message);

describe("a spare", () => {
  test("is there once a start took more than a second, and not before", async () => {
    const { fakes, serve, pass } = await house();
    const spare = await serve("a", 1_000);
    expect(fakes.alive()).toEqual([]);
    spare.up(1_001);
    spare.used();
    await pass(0);
    expect(fakes.alive()).toEqual([1]);
  });

  test("is one, however many sessions use the server", async () => {
    const { fakes, serve, pass } = await house();
    const spare = await serve("a");
    for (let session = 0; session < 5; session++) {
      spare.up(2_000);
      spare.used();
      await pass(5_000);
    }
    expect(fakes.alive()).toEqual([1]);
  });

  test("is not kept for a server whose starts are measured alone (a trial)", async () => {
    const { deps, fakes, pass } = await house();
    createSpare(hostileConfig([], { spare: true }), deps).up(5_000);
    await pass(10_000);
    expect(fakes.all.length).toBe(0);
  });

  test("is not kept where each process has credentials of its own moment", async () => {
    const { fakes, serve } = await house();
    const credentials = { type: "bearer", token: "t" } as const;
    await serve("a", 2_000, { childCredentials: { credentials, variables: { value: "TOKEN" } } });
    expect(fakes.all.length).toBe(0);
  });

  test("is followed by another when it is taken", async () => {
    const { fakes, serve, pass } = await house();
    const spare = await serve("a");
    expect(spare.take(silent)?.pid).toBe(1);
    expect(spare.take(silent)).toBeUndefined();
    spare.up(undefined);
    spare.used();
    await pass(5_000);
    expect(fakes.alive()).toEqual([1, 2]);
    expect(spare.take(silent)?.pid).toBe(2);
  });

  test("is replaced when it is old", async () => {
    const { fakes, serve, pass } = await house({ spareAgeMs: 60_000 });
    await serve("a");
    await pass(59_999);
    expect(fakes.alive()).toEqual([1]);
    await pass(1);
    expect(fakes.alive()).toEqual([2]);
  });

  test("stays for as long as an idle process after its server was last used", async () => {
    const { fakes, serve, pass } = await house();
    const spare = await serve("a", 2_000, { idleTimeoutMs: 30_000 });
    await pass(100_000);
    expect(fakes.alive()).toEqual([1]);
    spare.down();
    await pass(29_999);
    expect(fakes.alive()).toEqual([1]);
    await pass(1);
    expect(fakes.alive()).toEqual([]);
    await pass(2_000_000);
    expect(fakes.all.length).toBe(1);
  });

  test("what it wrote before it is taken reaches the session that takes it, in order", async () => {
    const { fakes, serve, pass } = await house();
    const spare = await serve("a");
    fakes.all[0]?.write("one\ntwo\n");
    await pass(0);
    fakes.all[0]?.write("three\n");
    await pass(0);
    const heard: string[] = [];
    spare.take({ ...silent, lines: (lines) => void heard.push(...lines) });
    fakes.all[0]?.write("four\n");
    await pass(0);
    expect(heard).toEqual(["one", "two", "three", "four"]);
  });

  test("that floods its output with one line is ended", async () => {
    const { fakes, serve, pass } = await house({ lineBytesMax: 10 });
    await serve("a");
    fakes.all[0]?.write("far more than ");
    fakes.all[0]?.write("ten bytes\n");
    await pass(0);
    expect(fakes.alive()).toEqual([]);
  });

  test("is not started by a server that is closed", async () => {
    const { fakes, serve, pass } = await house();
    const spare = await serve("a");
    await spare.close();
    expect(fakes.alive()).toEqual([]);
    spare.used();
    await pass(10_000);
    expect(fakes.all.length).toBe(1);
  });
});

describe("the end of a spare", () => {
  test("next to a running process is the last of its server, with one line", async () => {
    const { deps, fakes, serve, pass } = await house();
    const spare = await serve("a");
    fakes.all[0]?.exit(3);
    await pass(0);
    spare.used();
    await pass(10_000);
    expect(fakes.all.length).toBe(1);
    expect(infos(deps)).toEqual([
      'Server "a" gets no more spare processes: one failed next to a running process (exited with ' +
      "code 3); they may share a port, file or profile that only one can use",
    ]);
  });

  test("next to none says nothing, and the next use starts another", async () => {
    const { deps, fakes, serve, pass } = await house();
    const spare = await serve("a");
    spare.down();
    fakes.all[0]?.exit(3);
    await pass(10_000);
    expect(fakes.all.length).toBe(1);
    spare.up(2_000);
    spare.used();
    await pass(0);
    expect(fakes.alive()).toEqual([2]);
    expect(infos(deps)).toEqual([]);
  });
});

describe("the spares of all servers", () => {
  test("are eight at most; a ninth comes when one is taken", async () => {
    const { fakes, serve, pass } = await house();
    const spares = [];
    for (let number = 1; number <= 10; number++) spares.push(await serve(`server ${number}`));
    for (let turn = 0; turn < 20; turn++) await pass(2_000);
    expect(fakes.alive().length).toBe(8);
    spares[0]?.take(silent);
    await pass(10_000);
    expect(fakes.alive().length).toBe(9);
  });

  test("start one after the other, so that they do not starve a small machine", async () => {
    const { fakes, serve, pass } = await house({ startBusyMs: 2_000 });
    await serve("a");
    await serve("b");
    expect(fakes.alive()).toEqual([1]);
    await pass(2_000);
    expect(fakes.alive()).toEqual([1, 2]);
  });

  test("wait while others start", async () => {
    const { deps, fakes, serve, pass } = await house({ startsMax: 1, startBusyMs: 2_000 });
    const place = await deps.processLimit.acquire(
      { idleSince: () => 0, evict: () => {} },
      never,
      30_000,
    );
    await serve("a");
    expect(fakes.alive()).toEqual([]);
    place.started();
    await pass(2_000);
    expect(fakes.alive()).toEqual([1]);
  });

  test("hold up no start, and give their places to one that needs them before idle connections do", async () => {
    const { clock, deps, fakes, serve } = await house({ processesMax: 2, startsMax: 1 });
    const evicted: string[] = [];
    const idle = { idleSince: () => 0, evict: () => void evicted.push("idle") };
    (await deps.processLimit.acquire(idle, never, 30_000)).started();
    await serve("a");
    expect(fakes.alive()).toEqual([1]);
    const place = deps.processLimit.acquire(
      { idleSince: () => undefined, evict: () => {} },
      never,
      30_000,
    );
    await settle(clock);
    await place;
    expect(fakes.alive()).toEqual([]);
    expect(evicted).toEqual([]);
  });

  test("never make a connection give way", async () => {
    const { deps, fakes, serve, pass } = await house({ processesMax: 1 });
    const evicted: string[] = [];
    const idle = { idleSince: () => 0, evict: () => void evicted.push("idle") };
    const place = await deps.processLimit.acquire(idle, never, 30_000);
    place.started();
    await serve("a");
    await pass(60_000);
    expect(fakes.all.length).toBe(0);
    expect(evicted).toEqual([]);
    place.release();
    await pass(2_000);
    expect(fakes.alive()).toEqual([1]);
  });

  test("leave their places to those that take them, also at the limit", async () => {
    const { deps, fakes, serve, pass } = await house({ processesMax: 1 });
    const spare = await serve("a");
    const evicted: string[] = [];
    const connection = { idleSince: () => 7, evict: () => void evicted.push("connection") };
    const place = await spare.processLimit.acquire(connection, never, 30_000);
    expect(spare.take(silent)?.pid).toBe(1);
    expect(fakes.alive()).toEqual([1]);
    expect(deps.processLimit.hasRoom()).toBe(false);
    // It is now that connection's to give way.
    const other = deps.processLimit.acquire(
      { idleSince: () => undefined, evict: () => {} },
      never,
      30_000,
    );
    expect(evicted).toEqual(["connection"]);
    place.release();
    await other;
    await pass(0);
  });

  test("are spares still when the start that would have taken them is given up", async () => {
    const { deps, fakes, serve } = await house({ processesMax: 1 });
    const spare = await serve("a");
    const place = await spare.processLimit.acquire(
      { idleSince: () => 7, evict: () => {} },
      never,
      30_000,
    );
    place.release();
    expect(fakes.alive()).toEqual([1]);
    expect(deps.processLimit.hasRoom()).toBe(false);
    expect(spare.take(silent)?.pid).toBe(1);
    expect(deps.processLimit.hasRoom()).toBe(true);
  });
});
