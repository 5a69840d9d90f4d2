/** What each principal may call and keep open, on a clock that stands still. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { AccessRates } from "../../../src/gateway/access_rates.ts";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import { anonymousPrincipal, ownerPrincipal, type Principal } from "../../../src/model.ts";
import { createLogReader } from "../../../src/telemetry/log_reader.ts";
import type { GatewayEvent } from "../../../src/telemetry/events.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestLog } from "../../support/log.ts";
import { createTestRates } from "../../support/rates.ts";

const ada: Principal = { id: "key:ada" };
const bob: Principal = { id: "key:bob" };

/** Rates by the principal's id; a test may change them. */
function open(given: Record<string, AccessRates> = {}, limits: Partial<Limits> = {}) {
  const clock = createTestClock();
  const log = createTestLog();
  const events: GatewayEvent[] = [];
  const read = createLogReader(log, defaultLimits);
  const rates = createTestRates({
    ratesOf: ({ id }) => given[id] ?? {},
    clock,
    limits,
    emit(event) {
      events.push(event);
      read(event);
    },
  });
  return { clock, rates, given, events, records: log.records };
}

/** Sessions of which one has expired in 42 seconds. */
const storedOf = (count: () => Promise<number>) => ({
  count,
  roomInMs: () => Promise.resolve(42_000),
});

/** What a refused attempt throws; undefined if it is not refused. */
function refusalOf(attempt: () => unknown): { message: string; data: unknown } | undefined {
  try {
    attempt();
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code !== "rate_limited") throw thrown;
    const { message, data } = thrown.toRpc();
    return { message, data };
  }
}

describe("calls a minute", () => {
  test("may come in a burst, then one by one; the error says when the next one can", () => {
    const { clock, rates } = open({ "key:ada": { callsPerMinute: 3 } });
    const call = () => refusalOf(() => rates.beginCall({ principal: ada })?.());
    expect([call(), call(), call()]).toEqual([undefined, undefined, undefined]);
    expect(call()).toEqual({
      message: "Too many requests: at most 3 a minute; retry in 20 s",
      data: { reason: "rate_limited", retryAfterMs: 20_000 },
    });
    clock.advance(12_500);
    expect(call()?.data).toEqual({ reason: "rate_limited", retryAfterMs: 7_500 });
    clock.advance(7_499);
    expect(call()?.data).toEqual({ reason: "rate_limited", retryAfterMs: 1 });
    clock.advance(1);
    expect(call()).toBeUndefined();
    expect(call()).toBeDefined();
    // A quiet hour is worth no more than one minute.
    clock.advance(3_600_000);
    expect([call(), call(), call()]).toEqual([undefined, undefined, undefined]);
    expect(call()).toBeDefined();
  });

  test("are those of one principal alone, and count its new sessions and streams", () => {
    const { rates } = open({ "key:ada": { callsPerMinute: 2 } });
    rates.takeRequest(ada);
    rates.beginCall({ principal: ada })?.();
    expect(refusalOf(() => rates.takeRequest(ada))).toBeDefined();
    for (let call = 0; call < 100; call += 1) rates.beginCall({ principal: bob })?.();
    expect(refusalOf(() => rates.takeRequest(bob))).toBeUndefined();
  });

  test("follow a change of the configuration at once", () => {
    const { rates, given, clock } = open({ "key:ada": { callsPerMinute: 1 } });
    const call = () => refusalOf(() => rates.beginCall({ principal: ada })?.()) === undefined;
    expect([call(), call()]).toEqual([true, false]);
    given["key:ada"] = { callsPerMinute: 60 };
    expect(call()).toBe(false);
    clock.advance(1_000);
    expect([call(), call()]).toEqual([true, false]);
    given["key:ada"] = {};
    expect([call(), call(), call()]).toEqual([true, true, true]);
  });
});

describe("calls at once", () => {
  test("are bounded by the configuration, and one that ends makes room", () => {
    const { rates } = open({ "key:ada": { callsAtOnce: 2 } });
    const ends = [rates.beginCall({ principal: ada }), rates.beginCall({ principal: ada })];
    expect(refusalOf(() => rates.beginCall({ principal: ada }))).toEqual({
      message: "Too many calls at once: at most 2 may run; retry later",
      data: { reason: "rate_limited", retryAfterMs: 1_000 },
    });
    ends[0]?.();
    expect(refusalOf(() => rates.beginCall({ principal: ada }))).toBeUndefined();
    expect(refusalOf(() => rates.beginCall({ principal: ada }))).toBeDefined();
  });

  test("have a default bound, which a refused call does not use up", () => {
    const { rates } = open({}, { principalCallsMax: 2 });
    const end = rates.beginCall({ principal: ada });
    rates.beginCall({ principal: ada });
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(refusalOf(() => rates.beginCall({ principal: ada }))).toBeDefined();
    }
    end?.();
    expect(refusalOf(() => rates.beginCall({ principal: ada }))).toBeUndefined();
    expect(refusalOf(() => rates.beginCall({ principal: bob }))).toBeUndefined();
  });
});

describe("sessions and streams", () => {
  const limits = { principalSessionsMax: 3, principalStreamsMax: 2 };

  test("are bounded for each principal: stored sessions and those that open count together", async () => {
    const { rates } = open({}, limits);
    const openWith = (principal: Principal, stored: number) =>
      rates.openSession({ principal }, storedOf(() => Promise.resolve(stored)));
    const close = await openWith(ada, 1);
    await openWith(ada, 1);
    const refused = await openWith(ada, 1).catch((thrown: unknown) => thrown);
    expect(
      refusalOf(() => {
        throw refused;
      })?.data,
    ).toEqual({ reason: "rate_limited", retryAfterMs: 42_000 });
    close();
    close();
    await openWith(ada, 1);
    await expect(openWith(ada, 1)).rejects.toThrow("Too many sessions");
    await openWith(bob, 2);
  });

  test("that are stored while others are counted are not missed", async () => {
    const { rates } = open({}, limits);
    let stored = 2;
    const late = Promise.withResolvers<number>();
    const close = await rates.openSession(
      { principal: ada },
      storedOf(() => Promise.resolve(stored)),
    );
    // This count began before the other session was stored, and is answered after it was.
    const second = rates.openSession({ principal: ada }, storedOf(() => late.promise));
    const before = stored;
    stored += 1;
    close();
    late.resolve(before);
    await expect(second).rejects.toThrow("Too many sessions");
  });

  test("streams of any kind count together", () => {
    const { rates } = open({}, limits);
    const place = rates.openStream({ principal: ada });
    rates.openStream({ principal: ada });
    expect(refusalOf(() => rates.openStream({ principal: ada }))?.data)
      .toEqual({ reason: "rate_limited", retryAfterMs: defaultLimits.heartbeatMs });
    place.leave();
    expect(refusalOf(() => rates.openStream({ principal: ada }))).toBeUndefined();
  });
});

describe("clients that do not authenticate, and operators", () => {
  const limits = { principalCallsMax: 1, principalSessionsMax: 1, principalStreamsMax: 1 };

  for (const principal of [anonymousPrincipal, ownerPrincipal]) {
    test(`have no share: ${principal.id}`, async () => {
      const { rates } = open({}, limits);
      for (let time = 0; time < 3; time += 1) {
        expect(rates.beginCall({ principal: principal })).toBeUndefined();
        rates.takeRequest(principal);
        await rates.openSession({ principal }, storedOf(() => Promise.resolve(100)));
        rates.openStream({ principal: principal });
      }
    });
  }

  test("have the rates that the configuration sets for clients, but none for operators", () => {
    const perMinute = { callsPerMinute: 1 };
    const { rates } = open({ anonymous: perMinute, [ownerPrincipal.id]: perMinute });
    rates.beginCall({ principal: anonymousPrincipal })?.();
    expect(refusalOf(() => rates.beginCall({ principal: anonymousPrincipal }))).toBeDefined();
    expect(rates.beginCall({ principal: ownerPrincipal })).toBeUndefined();
    expect(rates.beginCall({ principal: ownerPrincipal })).toBeUndefined();
  });
});

describe("clients that do not authenticate, on an address that others reach", () => {
  const at = (consumer: string) => ({ principal: anonymousPrincipal, consumer });
  const [one, other] = [at("address 127.0.0.2"), at("address 127.0.0.3")];

  test("have shares by their addresses", async () => {
    const { rates } = open({}, {
      principalCallsMax: 1,
      principalSessionsMax: 1,
      principalStreamsMax: 1,
    });
    const end = rates.beginCall(one);
    rates.openStream(one);
    await rates.openSession(one, storedOf(() => Promise.resolve(0)));
    expect(refusalOf(() => rates.beginCall(one))).toBeDefined();
    expect(refusalOf(() => rates.openStream(one))).toBeDefined();
    await expect(rates.openSession(one, storedOf(() => Promise.resolve(0))))
      .rejects.toThrow("Too many sessions");
    rates.beginCall(other);
    rates.openStream(other);
    await rates.openSession(other, storedOf(() => Promise.resolve(0)));
    end?.();
    expect(refusalOf(() => rates.beginCall(one))).toBeUndefined();
  });

  test("have the rates that the configuration names together, besides their shares", () => {
    const { rates } = open({ anonymous: { callsAtOnce: 2 } }, { principalCallsMax: 1 });
    const end = rates.beginCall(one);
    expect(refusalOf(() => rates.beginCall(one))).toBeDefined();
    rates.beginCall(other);
    const third = at("address 127.0.0.4");
    expect(refusalOf(() => rates.beginCall(third))).toBeDefined();
    end?.();
    expect(refusalOf(() => rates.beginCall(third))).toBeUndefined();
  });
});

describe("the streams of all", () => {
  test("keep places for clients that have none", () => {
    const { rates } = open({}, { streamsMax: 20, principalStreamsMax: 20 });
    const places = Array.from({ length: 19 }, () => rates.openStream({ principal: ada }));
    expect(() => rates.openStream({ principal: ada })).toThrow("Too many streams");
    const place = rates.openStream({ principal: bob });
    expect(() => rates.openStream({ principal: { id: "key:eve" } })).toThrow("Too many streams");
    place.leave();
    place.leave();
    places[0]?.leave();
    expect(() => rates.openStream({ principal: { id: "key:eve" } })).not.toThrow();
  });
});

describe("a refusal", () => {
  test("is an event each time, and a line in the log once a minute for each limit", () => {
    const { rates, clock, events, records } = open({ "key:ada": { callsPerMinute: 1 } });
    const flood = () => {
      for (let call = 0; call < 20; call += 1) {
        refusalOf(() => rates.beginCall({ principal: ada })?.());
      }
    };
    flood();
    expect(events.length).toBe(19);
    expect(events[0]).toMatchObject({ type: "rate_limited", rate: "calls_per_minute" });
    expect(records).toEqual([{
      severity: "WARN",
      message: "A client exceeds its limit; its requests are refused for now",
      fields: { principal: "key:ada", limit: "requests a minute", retryAfterMs: 60_000 },
    }]);
    refusalOf(() => rates.beginCall({ principal: { id: "key:eve" } }));
    expect(records.length).toBe(1);
    clock.advance(defaultLimits.rateLogMs);
    flood();
    expect(records.length).toBe(2);
  });
});

describe("what is remembered of principals", () => {
  test("is bounded: those that have nothing open and a full bucket are forgotten", () => {
    const given: Record<string, AccessRates> = { "key:ada": { callsPerMinute: 1 } };
    const { rates, clock } = open(given, { ratedPrincipalsMax: 3, principalCallsMax: 1 });
    rates.beginCall({ principal: ada })?.();
    rates.beginCall({ principal: bob });
    for (let other = 0; other < 50; other += 1) {
      rates.beginCall({ principal: { id: `key:${other}` } })?.();
    }
    // Neither a spent bucket nor an open call is forgotten.
    expect(refusalOf(() => rates.beginCall({ principal: ada }))).toBeDefined();
    expect(refusalOf(() => rates.beginCall({ principal: bob }))).toBeDefined();
    clock.advance(60_000);
    for (let other = 0; other < 50; other += 1) {
      rates.beginCall({ principal: { id: `key:${other}` } })?.();
    }
    expect(refusalOf(() => rates.beginCall({ principal: ada })?.())).toBeUndefined();
  });
});
