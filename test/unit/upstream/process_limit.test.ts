/** The ceilings on processes: how many live, how many start, which give way. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { createProcessLimit } from "../../../src/upstream/mcp/process_limit.ts";
import type { GatewayEvent } from "../../../src/telemetry/events.ts";
import type { Evictable, ProcessPlace } from "../../../src/upstream/deps.ts";
import { createTestClock } from "../../support/clock.ts";

const never = new AbortController().signal;

function make(
  processesMax: number,
  startsMax: number,
  startBusyMs = 10_000,
  { principalProcessesMax = processesMax, startsWaitingMax = 3 } = {},
) {
  const clock = createTestClock();
  const limits = {
    processesMax,
    principalProcessesMax,
    startsMax,
    startBusyMs,
    startsWaitingMax,
    retryMsMin: 1,
    retryMsMax: 30_000,
  };
  const events: GatewayEvent[] = [];
  const processLimit = createProcessLimit(limits, clock, (event) => void events.push(event));
  const acquire = (one: Evictable, signal: AbortSignal, waitMs = 60_000) =>
    processLimit.acquire(one, signal, waitMs);
  return { clock, events, processLimit: { ...processLimit, acquire } };
}

function connection(idleSince?: number, restingSince?: number, consumer?: string) {
  const state = {
    idle: idleSince,
    resting: restingSince,
    evicted: 0,
    place: undefined as ProcessPlace | undefined,
  };
  return {
    state,
    server: "one",
    consumer: () => consumer,
    idleSince: () => state.idle,
    restingSince: () => state.resting,
    evict() {
      state.evicted++;
    },
  };
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "granted", (error) => error instanceof GatewayError ? error.code : "other");

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(() => "granted", (error) => ({ code: error.code, ...error.data }));

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  return await Promise.race([promise, Promise.resolve(pending)]) === pending;
}

describe("the process limit", () => {
  test("no more start at once than allowed; the next starts when one is done", async () => {
    const { processLimit } = make(10, 2);
    const first = await processLimit.acquire(connection(), never);
    await processLimit.acquire(connection(), never);
    const third = processLimit.acquire(connection(), never);
    expect(await isPending(third)).toBe(true);
    first.started();
    first.started();
    const place = await third;
    const fourth = processLimit.acquire(connection(), never);
    expect(await isPending(fourth)).toBe(true);
    place.release();
    await fourth;
  });

  test("a start that takes long delays no other start", async () => {
    const { processLimit, clock } = make(10, 2, 100);
    await processLimit.acquire(connection(), never);
    const slow = await processLimit.acquire(connection(), never);
    const third = processLimit.acquire(connection(), never);
    const fourth = processLimit.acquire(connection(), never);
    clock.advance(99);
    expect(await isPending(third)).toBe(true);
    clock.advance(1);
    await Promise.all([third, fourth]);
    // Its end later makes no second place.
    slow.started();
    slow.release();
    expect(await isPending(processLimit.acquire(connection(), never))).toBe(true);
  });

  test("first come, first served", async () => {
    const { processLimit } = make(10, 1);
    const place = await processLimit.acquire(connection(), never);
    const order: number[] = [];
    const waiting = [1, 2, 3].map((n) =>
      processLimit.acquire(connection(), never).then((granted) => {
        order.push(n);
        granted.started();
      })
    );
    place.started();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
  });

  test("at the limit the longest idle connection gives way, one for each start", async () => {
    const { processLimit } = make(3, 3);
    const connections = [connection(5), connection(2), connection(undefined)];
    const places = [];
    for (const each of connections) {
      const place = await processLimit.acquire(each, never);
      place.started();
      places.push(place);
    }
    const newcomer = processLimit.acquire(connection(), never);
    expect(connections.map(({ state }) => state.evicted)).toEqual([0, 1, 0]);
    expect(await isPending(newcomer)).toBe(true);
    places[1]?.release();
    await newcomer;
    expect(connections.map(({ state }) => state.evicted)).toEqual([0, 1, 0]);
  });

  test("at the limit one that only waits for its clients gives way, but no sooner than an idle one", async () => {
    const { processLimit } = make(3, 3);
    const connections = [connection(undefined, 7), connection(9), connection(undefined, 3)];
    for (const each of connections) {
      (each.state.place = await processLimit.acquire(each, never)).started();
    }
    const evicted = () => connections.map(({ state }) => state.evicted);
    for (const [at, after] of [[1, [0, 1, 0]], [2, [0, 1, 1]]] as const) {
      const newcomer = processLimit.acquire(connection(), never);
      expect(evicted()).toEqual([...after]);
      connections[at]?.state.place?.release();
      (await newcomer).started();
    }
  });

  test("where no process can give way the newcomer waits, and is refused after its own time", async () => {
    const { processLimit, clock } = make(1, 1);
    const place = await processLimit.acquire(connection(undefined), never);
    place.started();
    const patient = codeOf(processLimit.acquire(connection(), never, 60_000));
    const hasty = processLimit.acquire(connection(), never, 5_000);
    clock.advance(4_999);
    expect(await isPending(hasty)).toBe(true);
    clock.advance(1);
    expect(await failureOf(hasty)).toEqual({ code: "overloaded", retryAfterMs: 30_000 });
    place.release();
    expect(await patient).toBe("granted");
  });

  test("a newcomer that waits gets the place of a process that becomes idle", async () => {
    const { processLimit, clock } = make(1, 1);
    const busy = connection(undefined);
    const place = await processLimit.acquire(busy, never);
    place.started();
    const newcomer = processLimit.acquire(connection(), never);
    expect(busy.state.evicted).toBe(0);
    busy.state.idle = 3;
    processLimit.changed();
    clock.advance(0);
    expect(busy.state.evicted).toBe(1);
    place.release();
    await newcomer;
  });

  test("a refusal says how long places took to become free of late, for all that wait before", async () => {
    const { processLimit, clock } = make(2, 2);
    const places = [];
    for (const each of [connection(), connection()]) {
      const place = await processLimit.acquire(each, never);
      place.started();
      places.push(place);
    }
    for (let round = 0; round < 8; round += 1) {
      clock.advance(500);
      places.shift()?.release();
      const place = await processLimit.acquire(connection(), never);
      place.started();
      places.push(place);
    }
    const first = processLimit.acquire(connection(), never, 1_000);
    const second = processLimit.acquire(connection(), never, 1_000);
    clock.advance(1_000);
    // Eight became free in 5 s, counted to the refusal; the other one waits before.
    expect(await failureOf(first)).toEqual({ code: "overloaded", retryAfterMs: 1_250 });
    expect(await failureOf(second)).toEqual({ code: "overloaded", retryAfterMs: 625 });
  });

  test("a place in the queue never expires, and is left by giving up", async () => {
    const { processLimit, clock } = make(10, 1);
    const first = await processLimit.acquire(connection(), never);
    const patient = codeOf(processLimit.acquire(connection(), never));
    const giveUp = new AbortController();
    const given = codeOf(processLimit.acquire(connection(), giveUp.signal));
    giveUp.abort();
    expect(await given).toBe("overloaded");
    clock.advance(9_999);
    expect(await isPending(patient)).toBe(true);
    first.started();
    expect(await patient).toBe("granted");
    expect(await codeOf(processLimit.acquire(connection(), AbortSignal.abort()))).toBe(
      "overloaded",
    );
  });

  test("a queue that is full refuses the next start", async () => {
    const { processLimit } = make(10, 1);
    await processLimit.acquire(connection(), never);
    const waiting = [1, 2, 3].map(() => processLimit.acquire(connection(), never));
    expect(await codeOf(processLimit.acquire(connection(), never))).toBe("overloaded");
    expect(await isPending(Promise.race(waiting))).toBe(true);
  });

  test("a place that no caller waits for is given when nothing starts or waits to", async () => {
    const { processLimit } = make(2, 1);
    const first = await processLimit.acquire(connection(), never);
    const second = processLimit.acquire(connection(), never);
    const granted: ProcessPlace[] = [];
    processLimit.acquireQuietly(connection(0), (place) => void granted.push(place));
    first.started();
    (await second).started();
    expect(granted.length).toBe(0);
    first.release();
    expect(granted.length).toBe(1);
    expect(processLimit.hasRoom()).toBe(false);
  });

  test("a place that no caller waits for holds up no start, and is not given when given up", async () => {
    const { processLimit } = make(3, 1);
    const granted: ProcessPlace[] = [];
    processLimit.acquireQuietly(connection(0), (place) => void granted.push(place));
    expect(granted.length).toBe(1);
    const place = await processLimit.acquire(connection(), never);
    const giveUp = processLimit.acquireQuietly(connection(0), (other) => void granted.push(other));
    giveUp();
    place.started();
    expect(granted.length).toBe(1);
  });

  test("says whether one more can start soon without another giving way", async () => {
    const { processLimit } = make(2, 1);
    expect(processLimit.hasRoom()).toBe(true);
    const place = await processLimit.acquire(connection(0), never);
    expect(processLimit.hasRoom()).toBe(true);
    const second = processLimit.acquire(connection(0), never);
    expect(processLimit.hasRoom()).toBe(false);
    place.release();
    await second;
    expect(processLimit.hasRoom()).toBe(true);
  });
});

describe("consumers", () => {
  const busyOf = (principal: string) => connection(undefined, undefined, principal);
  const idleOf = (principal: string, since: number) => connection(since, undefined, principal);

  test("take turns at starts: one of a modest principal is second, whatever a greedy one wants", async () => {
    const { processLimit } = make(100, 1, 10_000, { startsWaitingMax: 20 });
    const order: string[] = [];
    const start = async (principal: string) => {
      const place = await processLimit.acquire(busyOf(principal), never);
      order.push(principal);
      place.started();
    };
    const first = await processLimit.acquire(busyOf("a"), never);
    const starts = [...Array.from({ length: 10 }, () => start("a")), start("b")];
    first.started();
    await Promise.all(starts);
    expect(order.length).toBe(11);
    expect(order.indexOf("b")).toBeLessThanOrEqual(1);
  });

  test("make room in a full queue when most of it is theirs", async () => {
    const { processLimit } = make(100, 1);
    const first = await processLimit.acquire(busyOf("a"), never);
    const greedy = ["a", "a", "a"].map((one) => processLimit.acquire(busyOf(one), never));
    const modest = processLimit.acquire(busyOf("b"), never);
    expect(await codeOf(greedy[2] ?? modest)).toBe("overloaded");
    expect(await codeOf(processLimit.acquire(busyOf("a"), never))).toBe("overloaded");
    first.started();
    expect(await codeOf(greedy[0] ?? modest)).toBe("granted");
    expect(await isPending(modest)).toBe(true);
  });

  test("B15: the greediest gives way first, though another has been idle for longer", async () => {
    const { processLimit, events } = make(8, 8);
    const modest = [idleOf("b", 1), idleOf("b", 2)];
    const greedy = [9, 8, 7, 6, 5].map((since) => idleOf("principal key:a", since));
    for (const each of [...modest, ...greedy]) {
      (await processLimit.acquire(each, never)).started();
    }
    void processLimit.acquire(busyOf("b"), never).catch(() => {});
    expect(modest.map(({ state }) => state.evicted)).toEqual([0, 0]);
    expect(greedy.map(({ state }) => state.evicted)).toEqual([0, 0, 0, 0, 1]);
    expect(events).toEqual([{
      type: "gave_way",
      what: "process",
      principal: "key:a",
      server: "one",
    }]);
  });

  test("with many processes take none of a client with less than half as many", async () => {
    const { processLimit } = make(9, 9);
    const modest = [idleOf("b", 1), idleOf("b", 2)];
    const greedy = [
      busyOf("a"),
      busyOf("a"),
      busyOf("a"),
      busyOf("a"),
      busyOf("a"),
      idleOf("a", 9),
    ];
    for (const each of [...modest, ...greedy]) {
      (await processLimit.acquire(each, never)).started();
    }
    // Its own gives way, though the other's has been idle for longer.
    void processLimit.acquire(busyOf("a"), never).catch(() => {});
    expect(modest.map(({ state }) => state.evicted)).toEqual([0, 0]);
    expect(greedy.at(-1)?.state.evicted).toBe(1);
  });

  test("B15: the only process of a client gives way to the first one of another, to no further one", async () => {
    const { processLimit, clock } = make(4, 4);
    const only = idleOf("b", 1);
    for (const each of [only, busyOf("a"), busyOf("a")]) {
      (await processLimit.acquire(each, never)).started();
    }
    const further = processLimit.acquire(busyOf("a"), never, 5_000);
    clock.advance(5_000);
    expect(await codeOf(further)).toBe("overloaded");
    expect(only.state.evicted).toBe(0);
    // One place is kept for clients that have none; then an idle process makes room for them.
    (await processLimit.acquire(busyOf("c"), never)).started();
    expect(only.state.evicted).toBe(0);
    void processLimit.acquire(busyOf("d"), never).catch(() => {});
    expect(only.state.evicted).toBe(1);
  });

  test("B15: a client that waits for room delays no other that has some", async () => {
    const { processLimit } = make(4, 4);
    for (const each of [busyOf("a"), busyOf("a"), busyOf("a")]) {
      (await processLimit.acquire(each, never)).started();
    }
    const greedy = processLimit.acquire(busyOf("a"), never);
    (await processLimit.acquire(busyOf("b"), never)).started();
    expect(await isPending(greedy)).toBe(true);
  });

  test("have a share of their own, within which one of theirs gives way", async () => {
    const { processLimit, clock } = make(8, 4, 10_000, { principalProcessesMax: 2 });
    const idle = idleOf("a", 1);
    for (const each of [idle, busyOf("a")]) (await processLimit.acquire(each, never)).started();
    (await processLimit.acquire(busyOf("a"), never)).started();
    expect(idle.state.evicted).toBe(1);
    const further = processLimit.acquire(busyOf("a"), never, 5_000);
    expect(await codeOf(processLimit.acquire(busyOf("b"), never))).toBe("granted");
    clock.advance(5_000);
    expect(await failureOf(further)).toEqual({ code: "rate_limited", retryAfterMs: 30_000 });
  });
});
