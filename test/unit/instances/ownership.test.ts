/** Who owns what among instances that share one table: never two at once, and never with an old number. */
import { describe, expect, test } from "bun:test";
import { untilMoved } from "../../../src/instances/ownership.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createRandom } from "../../support/clock.ts";
import { createLeaseWorld, type PlayedInstance, settle } from "../../support/lease_world.ts";

const { ownerTermMs, ownerSilentMs } = defaultLimits;

describe("a key that several instances want", () => {
  test("belongs to the first, and the others find it there", async () => {
    const world = createLeaseWorld();
    const [one, two] = [await world.join("one"), await world.join("two")];
    expect(await one.ownership.claim("s")).toBe(true);
    expect(await two.ownership.claim("s")).toBe(false);
    expect(await two.ownership.find("s")).toMatchObject({
      name: "one",
      url: "http://127.0.0.1/one",
    });
    expect(one.ownership.holds("s")).toBe("held");
    expect(two.ownership.holds("s")).toBe("none");
    expect(await one.ownership.find("s")).toBe(undefined);
  });

  test("stays with its owner as long as that renews, without a command of its own", async () => {
    const world = createLeaseWorld();
    const one = await world.join("one");
    const two = await world.join("two");
    await one.ownership.claim("s");
    const before = one.commands;
    await world.pass(60_000);
    expect(one.ownership.holds("s")).toBe("held");
    // Twenty renewals of the instance, however much it owns.
    expect(one.commands - before).toBe(60_000 / defaultLimits.ownerRenewMs);
    expect(await two.ownership.claim("s")).toBe(false);
  });

  test("has no owner when that left, at once", async () => {
    const world = createLeaseWorld();
    const [one, two] = [await world.join("one"), await world.join("two")];
    await one.ownership.claim("s");
    await one.ownership.close();
    expect(await two.ownership.claim("s")).toBe(true);
  });

  test("is given up with a number that the next owner exceeds", async () => {
    const world = createLeaseWorld();
    const [one, two] = [await world.join("one"), await world.join("two")];
    await one.ownership.claim("s");
    const first = one.ownership.numberOf("s") ?? 0;
    await one.ownership.release("s");
    expect(one.ownership.holds("s")).toBe("none");
    expect(await two.ownership.claim("s")).toBe(true);
    expect(two.ownership.numberOf("s")).toBeGreaterThan(first);
    expect(one.lost).toEqual([]);
    // What the earlier owner still has to say comes too late.
    await world.table.release("s", first);
    expect(await one.ownership.claim("s")).toBe(false);
  });
});

describe("an owner that cannot renew", () => {
  test("takes nothing new after 8 s, and is replaced after 10 s", async () => {
    const world = createLeaseWorld();
    const [one, two] = [await world.join("one"), await world.join("two")];
    await one.ownership.claim("s");
    one.isCut = true;
    await world.pass(ownerSilentMs);
    expect(one.ownership.holds("s")).toBe("held");
    await world.pass(250);
    expect(one.ownership.holds("s")).toBe("silent");
    expect(await two.ownership.claim("s")).toBe(false);
    await world.pass(ownerTermMs - ownerSilentMs);
    expect(await two.ownership.claim("s")).toBe(true);
    expect(one.lost).toEqual([]);
    one.isCut = false;
    await world.pass(defaultLimits.ownerRenewMs);
    expect(one.lost).toEqual(["s"]);
    expect(one.ownership.holds("s")).toBe("none");
    expect(two.ownership.holds("s")).toBe("held");
  });

  test("takes nothing in a term that has ended while it was paused", async () => {
    const world = createLeaseWorld();
    const [one, two] = [await world.join("one"), await world.join("two")];
    one.isPaused = true;
    await world.pass(ownerTermMs + 1_000);
    // The first thing that runs is a request, before the renewal that is due.
    expect(await one.ownership.claim("s")).toBe(true);
    expect(one.ownership.holds("s")).toBe("held");
    expect(await two.ownership.claim("s")).toBe(false);
  });

  test("goes on with what no other instance has owned since", async () => {
    const world = createLeaseWorld();
    const one = await world.join("one");
    await one.ownership.claim("s");
    const first = one.ownership.numberOf("s") ?? 0;
    one.isCut = true;
    await world.pass(60_000);
    one.isCut = false;
    await world.pass(defaultLimits.ownerRenewMs);
    expect(one.ownership.holds("s")).toBe("held");
    expect(one.ownership.numberOf("s")).toBeGreaterThan(first);
    expect(one.lost).toEqual([]);
  });

  test("notices its loss also if its successor is gone again", async () => {
    const world = createLeaseWorld();
    const [one, two] = [await world.join("one"), await world.join("two")];
    await one.ownership.claim("s");
    one.isCut = true;
    await world.pass(ownerTermMs + 250);
    await two.ownership.claim("s");
    await two.ownership.close();
    one.isCut = false;
    await world.pass(defaultLimits.ownerRenewMs);
    expect(one.lost).toEqual(["s"]);
  });

  test("refuses with the reason, and says when to come back", async () => {
    const world = createLeaseWorld();
    const one = await world.join("one");
    one.isCut = true;
    await expect(one.ownership.find("s")).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(one.ownership.claim("s")).rejects.toMatchObject({ status: 503 });
  });
});

test("a request waits for the end of the term of an owner that died, and no longer", async () => {
  const world = createLeaseWorld();
  const [one, two] = [await world.join("one"), await world.join("two")];
  await one.ownership.claim("s");
  one.isCut = true;
  const owner = await two.ownership.find("s");
  if (owner === undefined) throw new Error("The key has no owner");
  let moved: unknown = "waits";
  const deps = { clock: world.clock, limits: defaultLimits };
  const end = world.clock.monotonic() + defaultLimits.takeoverWaitMs;
  untilMoved(two.ownership, "s", owner, end, deps).then((now) => (moved = now));
  await world.pass(ownerTermMs - 1_000);
  expect(moved).toBe("waits");
  await world.pass(2_000);
  expect(moved).toBe(undefined);
});

test("many requests that wait for one dead owner look at it together", async () => {
  const world = createLeaseWorld();
  const [one, two] = [await world.join("one"), await world.join("two")];
  const keys = Array.from({ length: 50 }, (_, at) => `s${at}`);
  for (const key of keys) await one.ownership.claim(key);
  const owner = await two.ownership.find("s0");
  if (owner === undefined) throw new Error("It has no owner");
  one.isPaused = one.isCut = true;
  const options = { clock: world.clock, limits: defaultLimits };
  const end = world.clock.monotonic() + defaultLimits.takeoverWaitMs;
  const waits = keys.map((key) => untilMoved(two.ownership, key, owner, end, options));
  await settle();
  const before = two.commands;
  await world.pass(3_000);
  // One command of its own for a renewal, and one for each look at the owner.
  expect(two.commands - before).toBeLessThan(10);
  await world.pass(ownerTermMs);
  expect(await Promise.all(waits)).toEqual(keys.map(() => undefined));
});

describe("many instances that are paused, cut off and stopped at random", () => {
  for (const seed of [1, 2, 3]) {
    test(`never own a key at once, and numbers only grow (seed ${seed})`, async () => {
      const random = createRandom(seed);
      const world = createLeaseWorld();
      const pick = <Item>(items: readonly Item[]): Item =>
        items[Math.floor(random() * items.length)] as Item;
      const keys = ["a", "b", "c"];
      const numbers = new Map<string, number>();
      const given = new Map<string, string>();
      let instances: PlayedInstance[] = [];
      let count = 0;
      for (let at = 0; at < 6; at += 1) instances.push(await world.join(`i${count++}`));
      for (let step = 0; step < 250; step += 1) {
        const one = pick(instances);
        const action = random();
        if (action < 0.5 && !one.isPaused) {
          await one.ownership.claim(pick(keys)).catch(() => {});
        } else if (action < 0.6) one.isCut = !one.isCut;
        else if (action < 0.7) one.isPaused = !one.isPaused;
        else if (action < 0.75 && !one.isPaused) await one.ownership.release(pick(keys));
        else if (action < 0.78) {
          // Killed: it says nothing to the table.
          one.isPaused = one.isCut = true;
          instances = instances.filter((other) => other !== one);
          instances.push(await world.join(`i${count++}`));
        }
        await world.pass(Math.floor(random() * 3_000));
        for (const key of keys) {
          const owners = instances.filter(({ ownership }) => ownership.holds(key) === "held");
          expect(owners.length).toBeLessThanOrEqual(1);
          for (const { name, ownership } of instances) {
            const number = ownership.numberOf(key);
            if (number === undefined) continue;
            // A number is one instance's alone.
            const place = `${key} ${number}`;
            expect(given.get(place) ?? name).toBe(name);
            given.set(place, name);
          }
          const row = await world.table.find(key);
          expect(row?.number ?? 0).toBeGreaterThanOrEqual(numbers.get(key) ?? 0);
          numbers.set(key, row?.number ?? 0);
        }
      }
      await settle();
      expect(given.size).toBeGreaterThan(10);
    });
  }
});
