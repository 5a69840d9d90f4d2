/** Which requests are repeated, and after which pause. */
import { describe, expect, test } from "bun:test";
import type { RequestFault } from "../../../src/runtime/runtime.ts";
import {
  isPassingStatus,
  mayRepeat,
  readRetryAfter,
  toBackoffMs,
} from "../../../src/outgoing/retry.ts";
import { createTestClock } from "../../support/clock.ts";

const limits = { httpRetryMsMin: 1000, httpRetryMsMax: 30_000 };
const clock = createTestClock();

describe("F9 a request is made again", () => {
  const kinds: readonly RequestFault["kind"][] = [
    "forbidden",
    "unknown_host",
    "connect",
    "timeout",
    "tls",
    "broken",
    "aborted",
  ];
  const of = (sent: boolean, repeatable: boolean) =>
    kinds.filter((kind) => mayRepeat(Object.assign(new Error(), { kind, sent }), repeatable));

  test("if it was never sent, whatever it does", () => {
    expect(of(false, false)).toEqual(["connect", "timeout", "broken"]);
  });

  test("if it may have arrived, only if it is safe to repeat", () => {
    expect(of(true, true)).toEqual(["connect", "timeout", "broken"]);
    expect(of(true, false)).toEqual([]);
  });

  test("only after answers that mean later", () => {
    const statuses = [
      200,
      202,
      301,
      400,
      401,
      403,
      404,
      408,
      409,
      425,
      429,
      500,
      501,
      502,
      503,
      504,
    ];
    expect(statuses.filter(isPassingStatus)).toEqual([429, 502, 503, 504]);
  });
});

describe("F6 Retry-After", () => {
  const read = (value: string) => readRetryAfter(new Headers({ "retry-after": value }), clock);
  const date = (ms: number) => new Date(clock.wall() + ms).toUTCString();

  test("is seconds or a date", () => {
    expect([read("0"), read("7"), read(" 120 ")]).toEqual([0, 7000, 120_000]);
    expect(read(date(60_000))).toBe(60_000);
    expect(read(date(-60_000))).toBe(0);
  });

  test("says nothing when it is neither", () => {
    for (const value of ["", "-5", "1.5", "soon", "1e3", "0x10", "5 6", "May"]) {
      expect([value, read(value)]).toEqual([value, undefined]);
    }
    expect(readRetryAfter(new Headers(), clock)).toBe(undefined);
  });
});

describe("the pause before a retry", () => {
  const pauses = (random: number, asked?: number) =>
    [0, 1, 2, 9].map((retry) =>
      toBackoffMs(retry, asked, limits, { ...clock, random: () => random })
    );

  test("is a random part of a span that doubles to its bound", () => {
    expect(pauses(0.5)).toEqual([500, 1000, 2000, 15_000]);
    expect(pauses(0)).toEqual([0, 0, 0, 0]);
  });

  test("is never shorter than the server asks, and there is none when that is too long", () => {
    expect(pauses(0.5, 1500)).toEqual([1500, 1500, 2000, 15_000]);
    expect(pauses(0, 30_000)).toEqual([30_000, 30_000, 30_000, 30_000]);
    expect(pauses(0.5, 30_001)).toEqual([undefined, undefined, undefined, undefined]);
    expect(pauses(0.5, 10 ** 12)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
