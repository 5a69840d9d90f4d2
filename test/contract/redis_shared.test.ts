/**
 * What is the whole gateway's, and not one instance's, when instances share an engine: who may
 * connect, which servers there are, and who refreshes a token. Each is known everywhere at once by a
 * message, and soon after if the message was lost.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import { createSealer } from "../../src/seal.ts";
import { createRedisGrants, type RedisGrants } from "../../src/store/redis_grants.ts";
import { runClock } from "../support/clock.ts";
import {
  loseMessages,
  type SharedGateway,
  type SharedGatewayOptions,
  sharedSecret,
  startOnEngine,
} from "../support/shared_gateways.ts";
import { startGrantGateway, tokenOf } from "../support/grant_gateway.ts";
import { createTestLog } from "../support/log.ts";
import { ownEngine } from "../../src/redis/engine_lease.ts";
import {
  engineOf,
  hasRedis,
  openTestEngine,
  type RedisServer,
  startRedis,
  whyNoRedis,
} from "../support/redis_server.ts";
import { until } from "../support/wait.ts";

/** A lost message is noticed soon. */
const watchful: Partial<Limits> = { busCheckMs: 100 };

(hasRedis ? describe : describe.skip)(`instances on one engine${whyNoRedis}`, () => {
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
    prefix = `shared-${count}`;
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
  const withKeys = { env: { MCP_AUTH: "key" } } as const;

  test("H12: a key that is revoked at one instance is refused at all", async () => {
    const [one, two] = [await start("one", withKeys), await start("two", withKeys)];
    const { key } = await one.gateway.access.keys.add({ name: "ann" });
    for (const instance of [one, two]) {
      expect((await instance.call("tools__say", key)).status).toBe(200);
    }
    await one.gateway.access.keys.revoke("ann");
    expect((await one.call("tools__say", key)).status).toBe(401);
    await until(
      "the other refuses it",
      async () => (await two.call("tools__say", key)).status === 401,
    );
  });

  test("H12: a revoked key is refused though the message about it was lost", async () => {
    const options = { ...withKeys, limits: watchful };
    const [one, two] = [await start("one", options), await start("two", options)];
    const { key } = await one.gateway.access.keys.add({ name: "ann" });
    expect((await two.call("tools__say", key)).status).toBe(200);
    const hearAgain = await loseMessages(redis);
    await one.gateway.access.keys.revoke("ann");
    await until(
      "the other refuses it",
      async () => (await two.call("tools__say", key)).status === 401,
    );
    expect(two.lines.join("\n")).toContain("Missed a message of another instance");
    await hearAgain();
  });

  test("a lost message ends no call: its client is let in again with the next request", async () => {
    const options = { ...withKeys, limits: watchful };
    const [one, two] = [await start("one", options), await start("two", options)];
    const { key } = await one.gateway.access.keys.add({ name: "ann" });
    let finish = (): void => {};
    two.server.script(() =>
      new Promise((resolve) => {
        finish = () => resolve({ content: [{ type: "text", text: "done" }] });
      })
    );
    const running = two.call("tools__say", key);
    await until("the call", () => two.server.opened.length === 1);
    const hearAgain = await loseMessages(redis);
    await one.gateway.registry.put("more", { echo: true });
    await until(
      "it has noticed",
      () => two.lines.join("\n").includes("Missed a message of another instance"),
    );
    await until(
      "it has looked",
      () => two.gateway.registry.list().some(({ name }) => name === "more"),
    );
    finish();
    expect(await running).toMatchObject({ status: 200, text: expect.stringContaining("done") });
    await hearAgain();
  });

  for (const isLost of [false, true]) {
    test(`a server that is added at one instance is there at all${isLost ? ", though the message about it was lost" : ""}`, async () => {
      const options = isLost ? { limits: watchful } : {};
      const [one, two] = [await start("one", options), await start("two", options)];
      const hearAgain = isLost ? await loseMessages(redis) : async () => {};
      await one.gateway.registry.put("more", { echo: true });
      expect((await one.call("more__say")).text).toContain('"one"');
      await until(
        "the other has it",
        async () => (await two.call("more__say")).text.includes('"two"'),
      );
      await one.gateway.profiles.put("small", { servers: ["more"] });
      await until(
        "the other has the profile",
        () => two.gateway.profileReports().some(({ name }) => name === "small"),
      );
      // A change at the other follows what the first one did.
      await two.gateway.registry.remove("more");
      await until(
        "the first has it no more",
        async () => !(await one.call("more__say")).text.includes('"one"'),
      );
      await hearAgain();
    });
  }

  test("start beside no command that has the engine for itself, such as a copy of the store", async () => {
    const times = { engineLeaseRenewMs: 50, engineLeaseLookMs: 200 };
    const own = {
      clock: systemClock,
      limits: { ...defaultLimits, ...times },
      log: createTestLog(),
    };
    const engine = await openTestEngine({ server: redis, prefix, ...own });
    const name = engineOf(redis, prefix).prefix;
    const command = await ownEngine({ connection: engine, prefix: name, holder: "a copy", ...own });
    const limits = { engineLeaseLookMs: 200 };
    await expect(start("early", { limits })).rejects.toThrow("a copy works on it");
    await command.close();
    expect((await (await start("one")).call("tools__say")).text).toContain('"one"');
  });

  test("changes of the registry at two instances at once keep both", async () => {
    const [one, two] = [await start("one"), await start("two")];
    await Promise.all([
      one.gateway.registry.put("first", { echo: true }),
      two.gateway.registry.put("second", { echo: true }),
    ]);
    const names = ({ gateway }: SharedGateway) =>
      gateway.registry.list().map(({ name }) => name).sort().join();
    await until(
      "both know both",
      () => names(one) === "first,second" && names(two) === "first,second",
    );
  });

  describe("a grant at a protected server", () => {
    async function openGrants(changes: Partial<Limits> = {}): Promise<RedisGrants> {
      const limits = { ...defaultLimits, engineCommandMs: 60_000, ...changes };
      const [log, clock] = [createTestLog(), systemClock];
      const engine = await openTestEngine({ server: redis, prefix, clock, limits, log });
      const sealer = await createSealer(sharedSecret);
      const store = createRedisGrants({ engine, sealer, clock, limits, log });
      closing.push(() => engine.close(), () => store.close());
      return store;
    }
    /** Two gateways at one server, where ada has logged in at the first. */
    async function startTwo(changes: Partial<Limits> = {}) {
      const one = await startGrantGateway({ store: await openGrants(changes) });
      const two = await startGrantGateway({ store: await openGrants(changes), far: one.far });
      for (const { clock } of [one, two]) closing.push(runClock(clock, () => true));
      closing.push(() => two.grants.close(), () => one.close());
      await one.call("user:ada");
      await one.logIn("user:ada");
      expect(await two.call("user:ada")).toBe(200);
      const refreshes = () =>
        one.far.at("/token").filter(({ form }) => form.get("grant_type") === "refresh_token");
      return { one, two, refreshes };
    }
    const hourMs = 3_600_000;

    test("H13: is refreshed by one instance while the other waits and takes the new token", async () => {
      const { one, two, refreshes } = await startTwo();
      for (const { clock } of [one, two]) clock.advance(hourMs + 1);
      const asked = [one, two].flatMap((gateway) =>
        Array.from({ length: 50 }, () => gateway.get("user:ada"))
      );
      const tokens = new Set((await Promise.all(asked)).map(tokenOf));
      expect(refreshes()).toHaveLength(1);
      expect(tokens.size).toBe(1);
      expect(tokens.has(undefined)).toBe(false);
    });

    test("H13: goes on where its latest token was refreshed elsewhere and has ended since", async () => {
      const { one, two, refreshes } = await startTwo();
      one.clock.advance(hourMs + 1);
      expect((await one.get("user:ada")).state).toBe("ready");
      one.clock.advance(hourMs + 1);
      two.clock.advance(2 * hourMs + 2);
      expect((await two.get("user:ada")).state).toBe("ready");
      expect(refreshes()).toHaveLength(2);
    });

    test("H13: is refreshed though the instance that began to has died", async () => {
      const { two, refreshes } = await startTwo({ engineLockLookMs: 10 });
      const engine = await openTestEngine({
        server: redis,
        prefix,
        clock: systemClock,
        limits: defaultLimits,
        log: createTestLog(),
      });
      const issued = (await two.store.list("far"))[0]?.key;
      const id = JSON.stringify([
        issued?.server,
        issued?.principal,
        issued?.issuer,
        issued?.resource,
      ]);
      await engine.send(["SET", engine.key("lock", "grants", id), "a dead one", "PX", "300"]);
      two.clock.advance(hourMs + 1);
      const credential = two.get("user:ada");
      expect(refreshes()).toHaveLength(0);
      expect((await credential).state).toBe("ready");
      expect(refreshes()).toHaveLength(1);
      await engine.close();
    });

    test("H13: is not refreshed while the engine is away, and goes on while it is valid", async () => {
      const own = await startRedis();
      const kept = redis;
      redis = own;
      const { one, refreshes } = await startTwo({ engineCommandMs: 500 });
      await own.stop();
      expect((await one.get("user:ada")).state).toBe("ready");
      one.clock.advance(hourMs + 1);
      expect(await one.get("user:ada")).toMatchObject({ state: "failed" });
      expect(refreshes()).toHaveLength(0);
      await own.start();
      redis = kept;
      closing.push(() => own.close());
    });
  });
});
