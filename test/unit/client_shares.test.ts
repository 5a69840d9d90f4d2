/** The rules by which clients share what is bounded. */
import { describe, expect, test } from "bun:test";
import {
  createTurnover,
  inTurns,
  lastOfGreediest,
  mayGiveWay,
  placesFor,
  sortYielding,
} from "../../src/client_shares.ts";

const nameOf = (item: string): string => item.charAt(0);

describe("places", () => {
  test("are kept for clients that have none, one at least", () => {
    expect([placesFor(0, 256), placesFor(1, 256), placesFor(200, 256)]).toEqual([256, 244, 244]);
    expect([placesFor(0, 4), placesFor(1, 4)]).toEqual([4, 3]);
    expect(placesFor(1, 1)).toBe(1);
  });
});

describe("what gives way", () => {
  const of = (consumer: string | undefined, count: number) => ({ consumer, count });

  test("is never a client's only one for another's second or hundredth", () => {
    expect(mayGiveWay(of("b", 1), of("a", 0))).toBe(true);
    for (const count of [1, 2, 99]) expect(mayGiveWay(of("b", 1), of("a", count))).toBe(false);
  });

  test("is no client's that has not even half as many", () => {
    expect(mayGiveWay(of("b", 5), of("a", 10))).toBe(false);
    expect(mayGiveWay(of("b", 6), of("a", 10))).toBe(true);
  });

  test("may always be one's own, or one that serves several", () => {
    expect(mayGiveWay(of("a", 1), of("a", 1))).toBe(true);
    expect(mayGiveWay(of(undefined, 1), of("a", 99))).toBe(true);
    expect(mayGiveWay(of("b", 1), of(undefined, 0))).toBe(true);
  });

  test("is the greediest client's first, then what is idle, then the oldest", () => {
    const things = [
      { thing: "modest", holder: of("b", 1), isIdle: true, since: 1 },
      { thing: "waiting", holder: of("a", 3), isIdle: false, since: 2 },
      { thing: "newer", holder: of("a", 3), isIdle: true, since: 4 },
      { thing: "older", holder: of("a", 3), isIdle: true, since: 3 },
    ];
    expect(sortYielding(things).map(({ thing }) => thing))
      .toEqual(["older", "newer", "waiting", "modest"]);
  });

  test("is the last that waits of the client with most, if that has more than the newcomer", () => {
    const waiting = ["a1", "b1", "a2", "a3"];
    expect(lastOfGreediest(waiting, nameOf, "b")).toBe("a3");
    expect(lastOfGreediest(waiting, nameOf, "a")).toBeUndefined();
    expect(lastOfGreediest(["a1", "b1"], nameOf, "c")).toBeUndefined();
  });
});

describe("those that wait", () => {
  test("take turns by client; those of one keep their order", () => {
    const none = new Map<string, number>();
    expect(inTurns(["a1", "a2", "a3", "b1", "b2", "c1"], nameOf, none))
      .toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
    expect(inTurns(["a1", "a2"], nameOf, none)).toEqual(["a1", "a2"]);
  });

  test("come first if they hold less", () => {
    const held = new Map([["a", 2], ["b", 1]]);
    expect(inTurns(["a1", "a2", "b1", "b2", "c1"], nameOf, held))
      .toEqual(["c1", "b1", "a1", "b2", "a2"]);
  });

  test("learn how long places took to become free, and that none does any more", () => {
    const turnover = createTurnover(0, { leastMs: 10, mostMs: 5_000 });
    expect(turnover.waitMs(100, 0)).toBe(5_000);
    for (let at = 100; at <= 2_000; at += 100) turnover.freed(at);
    expect(turnover.waitMs(2_000, 0)).toBe(100);
    expect(turnover.waitMs(2_000, 4)).toBe(500);
    expect(turnover.waitMs(2_800, 0)).toBe(200);
    expect(turnover.waitMs(100_000, 0)).toBe(5_000);
  });
});
