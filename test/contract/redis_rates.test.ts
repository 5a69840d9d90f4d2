/**
 * Rates of clients and budgets of web APIs when instances share an engine: they are those of the
 * whole gateway. A call never waits for the engine to know its client's rate; a budget is kept to
 * the request. Without the engine, each instance keeps both by itself.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import type { RateReport } from "../../src/rate_table.ts";
import { defaultLimits } from "../../src/limits.ts";
import type { RedisConnection } from "../../src/redis/redis_connection.ts";
import { createRedisBudgets, createRedisRates } from "../../src/store/redis_rates.ts";
import { serveApi } from "../support/api_server.ts";
import {
  type SharedGateway,
  type SharedGatewayOptions,
  startOnEngine,
} from "../support/shared_gateways.ts";
import { createTestLog } from "../support/log.ts";
import {
  hasRedis,
  openTestEngine,
  type RedisServer,
  startRedis,
  whyNoRedis,
} from "../support/redis_server.ts";
import { until } from "../support/wait.ts";

/** No budget of a test fills again while it runs. */
const dayMs = 86_400_000;

(hasRedis ? describe : describe.skip)(`rates at instances of one engine${whyNoRedis}`, () => {
  let redis: RedisServer;
  let prefix: string;
  let count = 0;
  const started: SharedGateway[] = [];
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());
  beforeEach(() => {
    count += 1;
    prefix = `rates-${count}`;
  });
  afterEach(async () => {
    for (const gateway of started.splice(0)) await gateway.stop();
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(name: string, more: Partial<SharedGatewayOptions> = {}) {
    const gateway = await startOnEngine({ redis, prefix, name, ...more });
    started.push(gateway);
    return gateway;
  }
  async function connect(): Promise<RedisConnection> {
    const [clock, log] = [systemClock, createTestLog()];
    const limits = { ...defaultLimits, engineCommandMs: 60_000 };
    const engine = await openTestEngine({ server: redis, prefix, clock, limits, log });
    closing.push(() => engine.close());
    return engine;
  }
  /** Instances with a key for ann, who may call so often. */
  async function startRated(rate: Readonly<Record<string, number>>, names = ["one", "two"]) {
    const options = { env: { MCP_AUTH: "key" }, keys: { access: [rate, { what: "allow" }] } };
    const all: SharedGateway[] = [];
    for (const name of names) all.push(await start(name, options));
    const { key = "" } = await all[0]?.gateway.access.keys.add({ name: "ann" }) ?? {};
    return { all, say: (one: SharedGateway | undefined) => one?.call("tools__say", key) };
  }
  const isRefused = (text: string | undefined) => text?.includes("Too many") === true;

  test("B15: a client that uses its rate up at one instance has none left at another", async () => {
    const { all: [one, two], say } = await startRated({ callsPerMinute: 20 });
    for (let turn = 0; turn < 20; turn += 1) expect(isRefused((await say(one))?.text)).toBe(false);
    expect(isRefused((await say(one))?.text)).toBe(true);
    // The first call there is let in while the engine is asked.
    await say(two);
    const refusal = await until("the other refuses", async () => {
      const answer = await say(two);
      return isRefused(answer?.text) ? answer : undefined;
    });
    expect(refusal.text).toContain("at most 20 a minute");
  });

  test("B15: calls of one client at three instances in turn are let in about as often as at one", async () => {
    const perMinute = 100;
    const { all, say } = await startRated({ callsPerMinute: perMinute }, ["one", "two", "three"]);
    const since = performance.now();
    let taken = 0;
    for (let turn = 0; turn < 3 * perMinute; turn += 1) {
      if (!isRefused((await say(all[turn % 3]))?.text)) taken += 1;
      // A client on the network leaves the engine the time to answer, too.
      await redis.tell("PING");
    }
    const filled = Math.ceil((performance.now() - since) * perMinute / 60_000);
    expect(taken).toBeGreaterThanOrEqual(perMinute);
    // Each instance may be a fiftieth of the rate, and a call, ahead of what it told.
    expect(taken).toBeLessThanOrEqual(perMinute + filled + 3 * 3);
  });

  test("B15: calls that run at one instance count at another", async () => {
    const { all: [one, two], say } = await startRated({ callsAtOnce: 2 });
    let finish = (): void => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    const result = { content: [{ type: "text", text: "held" }] };
    one?.server.script(async () => {
      await held;
      return result;
    });
    const running = [say(one), say(one)];
    await until("the other refuses", async () => isRefused((await say(two))?.text));
    finish();
    await Promise.all(running);
    await until("it takes calls again", async () => !isRefused((await say(two))?.text));
  });

  test("a rate goes on at each instance by itself while the engine is away", async () => {
    const own = await startRedis();
    closing.push(() => own.close());
    const options = { redis: own, keys: { access: [{ callsPerMinute: 3 }, { what: "allow" }] } };
    const one = await start("one", options);
    await own.stop();
    const answers: boolean[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      answers.push(isRefused((await one.call("tools__say")).text));
    }
    expect(answers).toEqual([false, false, false, true, true]);
    await own.start();
  });

  test("a report that comes twice counts once, and a debt is paid before calls are let in", async () => {
    const rates = createRedisRates(await connect(), defaultLimits);
    const report = (more: Partial<RateReport>) =>
      rates.report("ann", { reporter: "a", from: 0, to: 0, perMinute: 6, open: 0, ...more });
    const left = async (more: Partial<RateReport>) => Math.floor((await report(more)).tokens);
    expect(await left({ to: 2 })).toBe(4);
    expect(await left({ to: 2 })).toBe(4);
    // It was answered once, and the next report was cut.
    expect(await left({ from: 2, to: 3 })).toBe(3);
    expect(await left({ from: 2, to: 3 })).toBe(3);
    expect(await left({ reporter: "b", to: 5 })).toBe(-2);
    expect((await report({ reporter: "c", open: 2 })).openElsewhere).toBe(0);
    expect((await report({ from: 3, to: 3, open: 1 })).openElsewhere).toBe(2);
    expect((await report({ reporter: "c" })).openElsewhere).toBe(1);
  });

  describe("the budget of a web API", () => {
    const recipe = (baseUrl: string, requests: number, perMs: number) => ({
      title: "An API",
      description: "Answers.",
      baseUrl,
      budget: { requests, perMs },
      endpoints: [{ name: "get", description: "Gets it.", path: "/it" }],
    });
    async function startApi(
      requests: number,
      perMs: number,
      more: Partial<SharedGatewayOptions> = {},
    ) {
      let isBusy = false;
      const api = await serveApi({
        "/it": ({ json }) => isBusy ? json({}, 429, { "retry-after": "3600" }) : json({ is: 1 }),
      });
      closing.push(() => api.close());
      const options = {
        servers: { api: { recipe: "./api.json" } },
        files: { "/srv/api.json": recipe(api.origin, requests, perMs) },
        ...more,
      };
      const all = [await start("one", options), await start("two", options)];
      const get = (at: number) => all[at % 2]?.call("api__get");
      return { api, get, all, ask: () => (isBusy = true) };
    }

    test("F6: is that of all instances together, to the request", async () => {
      const { api, get } = await startApi(7, dayMs);
      const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => get(at)));
      const taken = answers.filter((answer) => answer?.text.includes('{\\"is\\":1}'));
      expect([taken.length, api.seen.length]).toEqual([7, 7]);
      const refused = answers.find((answer) => !taken.includes(answer));
      expect(refused?.text).toContain("retry");
    });

    test("F6: lets those that wait go on when its time has passed, at whichever instance", async () => {
      const { api, get } = await startApi(2, 300);
      const answers = await Promise.all(Array.from({ length: 8 }, (_, at) => get(at)));
      expect(answers.map((answer) => answer?.text.includes('{\\"is\\":1}'))).toEqual(
        Array.from({ length: 8 }, () => true),
      );
      expect(api.seen).toHaveLength(8);
    });

    test("F6: a pause that the API asks for at one instance is kept at the others", async () => {
      const { api, get, ask } = await startApi(100, dayMs);
      ask();
      await get(0);
      const before = api.seen.length;
      await until(
        "the other knows",
        async () => (await get(1))?.text.includes("retry") === true || undefined,
      );
      const known = api.seen.length;
      await get(1);
      expect([known - before <= 1, api.seen.length - known]).toEqual([true, 0]);
    });

    test("F6: is kept by each instance alone while the engine is away", async () => {
      const own = await startRedis();
      closing.push(() => own.close());
      const { get, api } = await startApi(2, dayMs, { redis: own });
      await own.stop();
      for (let at = 0; at < 8; at += 1) await get(at);
      expect(api.seen).toHaveLength(4);
      await own.start();
    });
  });

  test("a budget gives out no more than it has to all that ask", async () => {
    const budget = createRedisBudgets(await connect()).of("api", { requests: 5, perMs: dayMs });
    const all = await Promise.all([3, 3, 3].map((wanted) => budget.take(wanted)));
    expect(all.map(({ granted }) => granted).sort()).toEqual([0, 2, 3]);
    expect(all.every(({ granted, waitMs }) => granted === 3 || waitMs > dayMs / 2)).toBe(true);
  });
});
