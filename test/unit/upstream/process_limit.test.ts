/** The ceilings on processes: how many live, how many start, who gives way. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { createLaneBudget } from "../../../src/upstream/mcp/process_limit.ts";
import type { LanePlace } from "../../../src/upstream/deps.ts";
import { createTestClock } from "../../support/clock.ts";

const never = new AbortController().signal;

function make(lanesMax: number, startsMax: number, startBusyMs = 10_000) {
  const clock = createTestClock();
  return {
    clock,
    budget: createLaneBudget(
      { lanesMax, startsMax, startBusyMs, startsWaitingMax: 3 },
      clock,
    ),
  };
}

function lane(idleSince?: number) {
  const state = { idle: idleSince, evicted: 0, place: undefined as LanePlace | undefined };
  return {
    state,
    idleSince: () => state.idle,
    evict() {
      state.evicted++;
    },
  };
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "granted", (error) => error instanceof GatewayError ? error.code : "other");

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  return await Promise.race([promise, Promise.resolve(pending)]) === pending;
}

describe("the lane budget", () => {
  test("no more start at once than allowed; the next starts when one is done", async () => {
    const { budget } = make(10, 2);
    const first = await budget.acquire(lane(), never);
    await budget.acquire(lane(), never);
    const third = budget.acquire(lane(), never);
    expect(await isPending(third)).toBe(true);
    first.started();
    first.started();
    const place = await third;
    const fourth = budget.acquire(lane(), never);
    expect(await isPending(fourth)).toBe(true);
    place.release();
    await fourth;
  });

  test("a start that takes long keeps nobody else from starting", async () => {
    const { budget, clock } = make(10, 2, 100);
    await budget.acquire(lane(), never);
    const slow = await budget.acquire(lane(), never);
    const third = budget.acquire(lane(), never);
    const fourth = budget.acquire(lane(), never);
    clock.advance(99);
    expect(await isPending(third)).toBe(true);
    clock.advance(1);
    await Promise.all([third, fourth]);
    // Its end later makes no second place.
    slow.started();
    slow.release();
    expect(await isPending(budget.acquire(lane(), never))).toBe(true);
  });

  test("first come, first served", async () => {
    const { budget } = make(10, 1);
    const place = await budget.acquire(lane(), never);
    const order: number[] = [];
    const waiting = [1, 2, 3].map((n) =>
      budget.acquire(lane(), never).then((granted) => {
        order.push(n);
        granted.started();
      })
    );
    place.started();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
  });

  test("in a full house the lane that is idle for longest gives way, one for each newcomer", async () => {
    const { budget } = make(3, 3);
    const lanes = [lane(5), lane(2), lane(undefined)];
    const places = [];
    for (const each of lanes) {
      const place = await budget.acquire(each, never);
      place.started();
      places.push(place);
    }
    const newcomer = budget.acquire(lane(), never);
    expect(lanes.map(({ state }) => state.evicted)).toEqual([0, 1, 0]);
    expect(await isPending(newcomer)).toBe(true);
    places[1]?.release();
    await newcomer;
    expect(lanes.map(({ state }) => state.evicted)).toEqual([0, 1, 0]);
  });

  test("when nobody can give way the newcomer is refused", async () => {
    const { budget } = make(1, 1);
    const place = await budget.acquire(lane(undefined), never);
    place.started();
    expect(await codeOf(budget.acquire(lane(), never))).toBe("overloaded");
  });

  test("a place in the queue never expires, and is left by giving up", async () => {
    const { budget, clock } = make(10, 1);
    const first = await budget.acquire(lane(), never);
    const patient = codeOf(budget.acquire(lane(), never));
    const giveUp = new AbortController();
    const given = codeOf(budget.acquire(lane(), giveUp.signal));
    giveUp.abort();
    expect(await given).toBe("overloaded");
    clock.advance(9_999);
    expect(await isPending(patient)).toBe(true);
    first.started();
    expect(await patient).toBe("granted");
    expect(await codeOf(budget.acquire(lane(), AbortSignal.abort()))).toBe("overloaded");
  });

  test("a queue that is full refuses the next start", async () => {
    const { budget } = make(10, 1);
    await budget.acquire(lane(), never);
    const waiting = [1, 2, 3].map(() => budget.acquire(lane(), never));
    expect(await codeOf(budget.acquire(lane(), never))).toBe("overloaded");
    expect(await isPending(Promise.race(waiting))).toBe(true);
  });

  test("a place that no caller waits for is given when nothing starts or waits to", async () => {
    const { budget } = make(2, 1);
    const first = await budget.acquire(lane(), never);
    const second = budget.acquire(lane(), never);
    const granted: LanePlace[] = [];
    budget.acquireQuietly(lane(0), (place) => void granted.push(place));
    first.started();
    (await second).started();
    expect(granted.length).toBe(0);
    first.release();
    expect(granted.length).toBe(1);
    expect(budget.hasRoom()).toBe(false);
  });

  test("a place that no caller waits for holds up no start, and is not given when given up", async () => {
    const { budget } = make(3, 1);
    const granted: LanePlace[] = [];
    budget.acquireQuietly(lane(0), (place) => void granted.push(place));
    expect(granted.length).toBe(1);
    const place = await budget.acquire(lane(), never);
    const giveUp = budget.acquireQuietly(lane(0), (other) => void granted.push(other));
    giveUp();
    place.started();
    expect(granted.length).toBe(1);
  });

  test("says whether one more can start soon without another giving way", async () => {
    const { budget } = make(2, 1);
    expect(budget.hasRoom()).toBe(true);
    const place = await budget.acquire(lane(0), never);
    expect(budget.hasRoom()).toBe(true);
    const second = budget.acquire(lane(0), never);
    expect(budget.hasRoom()).toBe(false);
    place.release();
    await second;
    expect(budget.hasRoom()).toBe(true);
  });
});
