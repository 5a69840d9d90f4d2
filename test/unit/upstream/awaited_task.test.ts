/**
 * A task that the gateway awaits for a client that knows none: when it is looked at, how long at
 * most, and what becomes of it when its server misbehaves.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Ending, JsonObject } from "../../../src/model.ts";
import type { LinkRequest } from "../../../src/upstream/link/link.ts";
import { AwaitedTask } from "../../../src/upstream/mcp/awaited_task.ts";
import type { CallOfRounds } from "../../../src/upstream/mcp/call_round.ts";
import { createRunningTasks } from "../../../src/upstream/mcp/running_tasks.ts";
import { createTestClock } from "../../support/clock.ts";
import { createDialects } from "../../../src/upstream/link/dialect.ts";
import { callerOf } from "../../support/upstream_deps.ts";

const { callMsMax, parkMs, taskPollMs, taskPollMsMin, taskPollMsMax } = defaultLimits;
const year = 365 * 86_400_000;
const [dialect] = createDialects({ name: "test", version: "1" }).of("modern", "2026-07-28");

/** What a server says of a task, each time it is asked. */
type Said = JsonObject | GatewayError;

function open(say: (method: string, at: number) => Said) {
  const clock = createTestClock();
  const asked: { readonly method: string; readonly at: number }[] = [];
  const endings: Ending[] = [];
  const request = ({ method, end }: LinkRequest) => {
    asked.push({ method, at: clock.monotonic() });
    const said = say(method, asked.length);
    end(
      said instanceof GatewayError
        ? { kind: "failure", error: said }
        : { kind: "result", value: said },
    );
    return { cancel: () => {}, touch: () => {}, hold: () => {}, resume: () => {} };
  };
  const config = { name: "disk", roots: "relay", isolation: "session", callTimeoutMs: 60_000 };
  const owner = {
    basis: { config, dialect, link: { request }, deps: { clock, limits: defaultLimits } },
    call: { method: "tools/call", params: {}, caller: callerOf("s") },
  } as unknown as CallOfRounds;
  const task = new AwaitedTask(owner, { taskId: "1" }, (ending) => void endings.push(ending));
  const looks = () => asked.filter(({ method }) => method === "tasks/get").map(({ at }) => at);
  const cancels = () => asked.filter(({ method }) => method === "tasks/cancel").length;
  return { clock, task, endings, looks, cancels };
}

const working = (pollIntervalMs?: unknown) => () => ({ status: "working", pollIntervalMs });

describe("an awaited task", () => {
  test("is looked at when its server proposes, within bounds", () => {
    const proposed: [unknown, number][] = [
      [5_000, 5_000],
      [undefined, taskPollMs],
      ["soon", taskPollMs],
      [0, taskPollMsMin],
      [1, taskPollMsMin],
      [year, taskPollMsMax],
    ];
    for (const [pollMs, expected] of proposed) {
      const { clock, task, looks } = open(working(pollMs));
      task.begin(pollMs);
      clock.advance(3 * expected);
      expect([pollMs, looks()]).toEqual([pollMs, [expected, 2 * expected, 3 * expected]]);
    }
  });

  test("that never ends is cancelled after the time of the longest call", () => {
    const { clock, task, looks, cancels, endings } = open(working(taskPollMsMax));
    task.begin(undefined);
    clock.advance(callMsMax - 1);
    expect([cancels(), endings]).toEqual([0, []]);
    clock.advance(2 * taskPollMsMax);
    expect(endings).toMatchObject([{ kind: "failure", error: { code: "upstream_timeout" } }]);
    expect(cancels()).toBe(1);
    const count = looks().length;
    clock.advance(year);
    expect(looks().length).toBe(count);
  });

  test("goes on after looks that fail in passing, and ends after some in a row", () => {
    const failure = new GatewayError("upstream_unavailable");
    const passing = open((_, at) => at % 3 === 0 ? { status: "working" } : failure);
    passing.task.begin(undefined);
    passing.clock.advance(20 * taskPollMs);
    expect(passing.endings).toEqual([]);
    const lasting = open(() => failure);
    lasting.task.begin(undefined);
    lasting.clock.advance(20 * taskPollMs);
    expect(lasting.endings).toMatchObject([{ error: { code: "upstream_unavailable" } }]);
    expect(lasting.looks().length).toBe(defaultLimits.taskPollFailuresMax);
  });

  test("that is given up is cancelled once, and looked at no more", () => {
    const { clock, task, looks, cancels, endings } = open(working());
    task.begin(undefined);
    clock.advance(taskPollMs);
    task.cancel("the client left");
    task.cancel("again");
    clock.advance(year);
    expect([looks().length, cancels(), endings]).toEqual([1, 1, []]);
  });

  test("has its time again that its client took to answer", () => {
    const { clock, task, endings } = open(working());
    task.begin(undefined);
    task.hold();
    clock.advance(callMsMax - taskPollMs);
    task.resume();
    clock.advance(callMsMax - taskPollMs);
    expect(endings).toEqual([]);
    clock.advance(2 * taskPollMs);
    expect(endings.length).toBe(1);
  });
});

describe("a server with tasks under way", () => {
  const call = (method: string, params: JsonObject = {}) => ({
    method,
    params,
    wantsProgress: false,
    caller: callerOf("s"),
  });
  const task = (taskId: string, status = "working", ttlMs: number | null = null) => ({
    kind: "result" as const,
    value: { taskId, status, ttlMs },
  });
  const started = (id: string, ttlMs: number | null = null) => ({
    ...task(id, "working", ttlMs),
    isTask: true,
  });

  test("is busy until they end, are cancelled or are forgotten by it", () => {
    const clock = createTestClock();
    const tasks = createRunningTasks({ clock, limits: defaultLimits });
    expect(tasks.isBusy()).toBe(false);
    tasks.note(call("tools/call"), started("1"));
    tasks.note(call("tools/call"), started("2"));
    tasks.note(call("tasks/cancel", { taskId: "1" }), { kind: "result", value: {} });
    expect(tasks.isBusy()).toBe(true);
    tasks.note(call("tasks/get", { taskId: "2" }), task("2", "completed"));
    expect(tasks.isBusy()).toBe(false);
    tasks.note(call("tools/call"), started("3", 1_000));
    clock.advance(1_001);
    expect(tasks.isBusy()).toBe(false);
  });

  test("is busy with the task that was asked for, whichever its answer names", () => {
    const tasks = createRunningTasks({ clock: createTestClock(), limits: defaultLimits });
    tasks.note(call("tasks/get", { taskId: "1" }), task("another"));
    tasks.note(call("tasks/get", { taskId: "1" }), task("1", "completed"));
    expect(tasks.isBusy()).toBe(false);
  });

  test("is so no longer than a parked call waits, after it was last asked", () => {
    const clock = createTestClock();
    const tasks = createRunningTasks({ clock, limits: defaultLimits });
    tasks.note(call("tools/call"), started("1", year));
    clock.advance(parkMs - 1);
    tasks.note(call("tasks/get", { taskId: "1" }), task("1"));
    clock.advance(parkMs - 1);
    expect(tasks.isBusy()).toBe(true);
    clock.advance(1);
    expect(tasks.isBusy()).toBe(false);
  });
});
