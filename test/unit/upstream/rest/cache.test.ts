/**
 * One request for all callers of the same: callers that leave, callers that stay, and what is
 * dropped.
 */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../../src/clock.ts";
import { defaultLimits } from "../../../../src/limits.ts";
import { createAnswerCache, type Loaded } from "../../../../src/upstream/rest/cache.ts";

/** A cache whose loads end when the test says so. */
function createLoads() {
  const cache = createAnswerCache<string>(defaultLimits, systemClock);
  const loads: {
    readonly signal: AbortSignal;
    readonly finish: (loaded: Loaded<string>) => void;
    readonly fail: (thrown: Error) => void;
  }[] = [];
  const load = (signal: AbortSignal) =>
    new Promise<Loaded<string>>((finish, fail) => loads.push({ signal, finish, fail }));
  return {
    loads,
    get: (signal = new AbortController().signal) => cache.get("key", 60_000, load, signal),
  };
}

describe("one request for many", () => {
  test("a caller that leaves ends at once, and the others get their answer", async () => {
    const { get, loads } = createLoads();
    const stop = new AbortController();
    const leaving = get(stop.signal);
    const staying = [get(), get()];
    stop.abort();
    await expect(leaving).rejects.toThrow("cancelled");
    expect(loads[0]?.signal.aborted).toBe(false);
    loads[0]?.finish({ value: "a", size: 1 });
    expect(await Promise.all(staying)).toEqual(["a", "a"]);
    expect(await get()).toBe("a");
    expect(loads.length).toBe(1);
  });

  test("when the last one leaves, the request ends, and the next is a new one", async () => {
    const { get, loads } = createLoads();
    const stop = new AbortController();
    const leaving = [get(stop.signal), get(stop.signal)];
    stop.abort();
    const states = (await Promise.allSettled(leaving)).map(({ status }) => status);
    expect(states).toEqual(["rejected", "rejected"]);
    expect(loads[0]?.signal.aborted).toBe(true);
    const next = get();
    loads[0]?.fail(new Error("given up"));
    loads[1]?.finish({ value: "b", size: 1 });
    expect(await next).toBe("b");
  });

  test("a failure reaches all waiting callers, and no later call", async () => {
    const { get, loads } = createLoads();
    const waiting = [get(), get()];
    loads[0]?.fail(new Error("broken"));
    const states = (await Promise.allSettled(waiting)).map(({ status }) => status);
    expect(states).toEqual(["rejected", "rejected"]);
    const next = get();
    loads[1]?.finish({ value: "c", size: undefined });
    expect(await next).toBe("c");
    void get();
    expect(loads.length).toBe(3);
  });
});
