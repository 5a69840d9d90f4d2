/** Owners take turns in a queue; within one owner, the order stays. */
import { describe, expect, test } from "bun:test";
import { createFairQueue, type OwnerPath } from "../../src/fair_queue.ts";
import { createRandom } from "../support/clock.ts";

function queueOf(...items: readonly string[]) {
  const queue = createFairQueue<string>();
  for (const item of items) queue.add(ownerOf(item), item);
  return queue;
}

/** "a.x1" is an item of "x", which belongs to "a"; "a1" is one of "a". */
function ownerOf(item: string): OwnerPath {
  return item.replace(/\d+$/, "").split(".");
}

function rest(queue: ReturnType<typeof queueOf>): string[] {
  const taken: string[] = [];
  for (let item = queue.next(); item !== undefined; item = queue.next()) taken.push(item);
  return taken;
}

const many = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${name}${index + 1}`);

describe("a fair queue", () => {
  test("serves one item of a modest owner second, whatever a greedy one has waiting", () => {
    const order = rest(queueOf(...many("a", 10), "b1"));
    expect(order.indexOf("b1")).toBe(1);
    expect(order.filter((item) => item.startsWith("a"))).toEqual(many("a", 10));
  });

  test("serves owners in turns, also after one was served before another came", () => {
    const queue = queueOf(...many("a", 4));
    expect(queue.next()).toBe("a1");
    for (const item of ["b1", "b2", "c1"]) queue.add(ownerOf(item), item);
    expect(rest(queue)).toEqual(["a2", "b1", "c1", "a3", "b2", "a4"]);
  });

  test("puts an owner that comes back behind those that wait", () => {
    const queue = queueOf("a1", "b1", "b2");
    expect(queue.next()).toBe("a1");
    queue.add(["a"], "a2");
    expect(rest(queue)).toEqual(["b1", "a2", "b2"]);
  });

  test("lets the parts of an owner take turns within the owner's turns", () => {
    const order = rest(queueOf("a.x1", "a.x2", "a.x3", "a.y1", "b.z1", "b.z2"));
    expect(order).toEqual(["a.x1", "b.z1", "a.y1", "b.z2", "a.x2", "a.x3"]);
  });

  test("shows the next item without taking it", () => {
    const queue = queueOf("a1", "b1");
    expect([queue.first(), queue.first(), queue.size()]).toEqual(["a1", "a1", 2]);
    queue.next();
    expect(queue.first()).toBe("b1");
    queue.next();
    expect([queue.first(), queue.next(), queue.size()]).toEqual([undefined, undefined, 0]);
  });

  test("gives up items of any owner, and keeps the turns of the others", () => {
    const queue = queueOf("a1", "a2", "a.x1", "b1");
    expect(queue.removeWhere((item) => item === "a.x1" || item === "a1")).toEqual(["a1", "a.x1"]);
    expect(queue.size()).toBe(2);
    expect(rest(queue)).toEqual(["a2", "b1"]);
  });

  test("makes room at the end of the longest owner, but not for an owner that has as many", () => {
    const queue = queueOf("a1", "a2", "a3", "b1");
    expect(queue.takeFromLongest(["c"])).toBe("a3");
    expect(queue.takeFromLongest(["b"])).toBeUndefined();
    expect(queue.takeFromLongest(["c"])).toBe("a2");
    expect(queue.takeFromLongest(["c"])).toBeUndefined();
    expect(rest(queue)).toEqual(["a1", "b1"]);
  });

  test("makes room among the parts of the owner that has most itself", () => {
    const queue = queueOf("a.x1", "a.x2", "a.x3", "b.z1");
    expect(queue.takeFromLongest(["a", "y"])).toBe("a.x3");
    expect(queue.takeFromLongest(["a", "x"])).toBeUndefined();
    expect(queue.size()).toBe(3);
  });

  test("knows at most how many items go before one more, in any order of events", () => {
    const random = createRandom(7);
    const pick = (count: number) => Math.floor(random() * count);
    for (let round = 0; round < 300; round += 1) {
      const queue = createFairQueue<string>();
      for (let item = 0; item < pick(12); item += 1) {
        queue.add([`p${pick(3)}`, `s${pick(2)}`], `${item}`);
        if (pick(4) === 0) queue.next();
      }
      const owner = [`p${pick(3)}`, `s${pick(2)}`];
      const ahead = queue.ahead(owner);
      queue.add(owner, "last");
      expect(rest(queue as ReturnType<typeof queueOf>).indexOf("last")).toBeLessThanOrEqual(ahead);
    }
  });
});
