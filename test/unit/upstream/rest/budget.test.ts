/**
 * Which call is next if there are more than the budget allows, and whether the budget holds in any
 * order of events.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/errors.ts";
import { defaultLimits } from "../../../../src/limits.ts";
import { createRateLimit } from "../../../../src/upstream/rest/rate_limit.ts";
import { createRandom, createTestClock } from "../../../support/clock.ts";

/** A budget, and what became of those who asked: their time, or when to come back. */
function open(
  {
    requests = 1,
    perMs = 1_000,
    waitMsMax = 10_000,
    waitingMax = Number(defaultLimits.restWaitingMax),
  } = {},
) {
  const clock = createTestClock();
  const budget = createRateLimit({
    budget: { requests, perMs },
    waitMsMax,
    limits: { ...defaultLimits, restWaitingMax: waitingMax },
    clock,
  });
  const sent: { readonly name: string; readonly at: number }[] = [];
  const refused: { readonly name: string; readonly retryAfterMs: unknown }[] = [];
  return {
    clock,
    budget,
    sent,
    refused,
    ask(name: string, scope: string, signal = new AbortController().signal) {
      return budget.admit(signal, scope).then(
        () => void sent.push({ name, at: clock.monotonic() }),
        (thrown) => {
          const data = thrown instanceof GatewayError ? thrown.data : undefined;
          refused.push({ name, retryAfterMs: data?.["retryAfterMs"] });
        },
      );
    },
    /** Time passes, with a turn for each waiting call at each step. */
    async pass(ms: number, step: number) {
      await moment();
      for (let gone = 0; gone < ms; gone += step) {
        clock.advance(step);
        await moment();
      }
    },
  };
}

async function moment(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}

describe("calls that wait for the budget", () => {
  test("take turns by scope: many calls of one cost another one turn", async () => {
    const { ask, pass, sent } = open();
    const calls = ["a1", "a2", "a3", "a4"].map((name) => ask(name, "a"));
    calls.push(ask("b1", "b"), ask("b2", "b"), ask("c1", "c"));
    await pass(6_000, 500);
    await Promise.all(calls);
    expect(sent.map(({ name }) => name)).toEqual(["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
    expect(sent.map(({ at }) => at)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
  });

  test("take turns by principal first: many sessions of one cost another one turn", async () => {
    const { budget, pass } = open();
    const { signal } = new AbortController();
    const order: string[] = [];
    const ask = async (principal: string, scope: string) => {
      await budget.admit(signal, scope, principal);
      order.push(`${principal}.${scope}`);
    };
    const calls = ["1", "2", "3", "4"].map((scope) => ask("ada", scope));
    calls.push(ask("bob", "5"), ask("ada", "1"));
    await pass(5_000, 500);
    await Promise.all(calls);
    expect(order).toEqual(["ada.1", "ada.2", "bob.5", "ada.3", "ada.4", "ada.1"]);
  });

  test("are let in where another scope's queue is too long for its own calls", async () => {
    const { ask, pass, sent, refused } = open({ waitMsMax: 3_000 });
    const many = Array.from({ length: 6 }, (_, n) => ask(`a${n}`, "a"));
    const one = ask("b", "b");
    await pass(2_000, 500);
    await one;
    expect(sent.at(-1)).toEqual({ name: "b", at: 2_000 });
    // There is room for three that wait; when to come back is said at once.
    expect(refused.slice(0, 2)).toEqual([
      { name: "a4", retryAfterMs: 4_000 },
      { name: "a5", retryAfterMs: 4_000 },
    ]);
    await pass(2_000, 500);
    await Promise.all(many);
  });

  test("make room in a full queue when most of it is theirs", async () => {
    const { ask, pass, sent, refused } = open({ waitingMax: 3 });
    const calls = ["a1", "a2", "a3", "a4"].map((name) => ask(name, "a"));
    calls.push(ask("b1", "b"), ask("b2", "b"));
    await pass(4_000, 500);
    await Promise.all(calls);
    expect(sent.map(({ name }) => name)).toEqual(["a1", "a2", "b1", "a3"]);
    expect(refused.map(({ name }) => name).sort()).toEqual(["a4", "b2"]);
  });

  test("fail at once if the service asks for more time than they have", async () => {
    const { ask, pass, budget, refused, sent } = open({ waitMsMax: 5_000 });
    const calls = [ask("a1", "a"), ask("a2", "a")];
    await pass(500, 500);
    budget.heard(429, new Headers({ "retry-after": "5" }));
    await Promise.all(calls);
    expect(refused).toEqual([{ name: "a2", retryAfterMs: 5_000 }]);
    const patient = ask("a3", "a");
    await pass(5_000, 500);
    await patient;
    expect(sent.at(-1)).toEqual({ name: "a3", at: 5_500 });
  });
});

test(
  "F6 whatever the order of calls, cancellations and waits, the budget holds and no call waits forever",
  async () => {
    let count = 0;
    for (let seed = 1; seed <= 25; seed += 1) {
      const random = createRandom(seed);
      const requests = 1 + Math.floor(random() * 4);
      const { clock, budget, sent, ask, pass } = open({ requests, perMs: 100, waitMsMax: 3_000 });
      const leaving: AbortController[] = [];
      const calls: Promise<void>[] = [];
      let closedUntil = 0;
      for (let step = 0; step < 120; step += 1) {
        const what = random();
        if (what < 0.5) {
          const stop = new AbortController();
          leaving.push(stop);
          calls.push(ask("it", `scope ${Math.floor(random() * 3)}`, stop.signal));
          await moment();
        } else if (what < 0.65) {
          leaving.splice(Math.floor(random() * leaving.length), 1)[0]?.abort();
        } else if (what < 0.66) {
          budget.heard(503, new Headers({ "retry-after": "1" }));
          closedUntil = clock.monotonic() + 1_000;
        } else await pass(Math.ceil(random() * 60), 1);
        const late = sent.filter(({ at }) => at > closedUntil - 1_000 && at < closedUntil);
        expect(late).toEqual([]);
      }
      for (const stop of leaving) await pass(1, 1).then(() => stop.abort());
      await Promise.all(calls);
      const times = sent.map(({ at }) => at);
      const tooSoon = times.filter((at, n) =>
        n >= requests && at - (times[n - requests] ?? 0) < 100
      );
      expect(tooSoon).toEqual([]);
      count += times.length;
    }
    expect(count > 500).toBe(true);
  },
  60_000,
);
