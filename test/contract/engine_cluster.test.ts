/** A cluster as the engine: stores, owners and channels work, whichever node the keys are on. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { parseStore } from "../../src/config/engine_url.ts";
import { defaultLimits } from "../../src/limits.ts";
import { connectRedis } from "../../src/redis/redis_connection.ts";
import { ask, quickProbes, startEngineGateway } from "../support/engine_gateways.ts";
import { createTestLog } from "../support/log.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { hasRedis, type RedisServer, startRedis, whyNoRedis } from "../support/redis_server.ts";
import { until } from "../support/wait.ts";

const testMs = 240_000;

(hasRedis ? describe : describe.skip)(`a cluster as the engine${whyNoRedis}`, () => {
  let nodes: readonly RedisServer[] = [];
  let url: string;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    nodes = await startCluster(3);
    url = `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }, testMs);
  afterAll(async () => {
    for (const node of nodes) await node.close();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function connect(to: string) {
    const engine = parseStore(to)?.engine;
    if (engine === undefined) throw new Error(`${to} is no URL of an engine`);
    const limits = { ...defaultLimits, ...quickProbes };
    const connection = await connectRedis({
      engine,
      clock: systemClock,
      limits,
      log: createTestLog(),
    });
    closing.push(connection.close);
    return connection;
  }

  async function start(name: string, prefix: string) {
    const port = () => nodes[0]?.port ?? 0;
    const one = await startEngineGateway({ name, url: `${url}?prefix=${prefix}`, port });
    closing.push(one.stop);
    return one;
  }

  /** The node that has the keys of a prefix. */
  async function holderOf(prefix: string): Promise<RedisServer> {
    for (const node of nodes) {
      const answer = await node.tell(`EXISTS {${prefix}}:probe`);
      if (!answer.startsWith("-MOVED")) return node;
    }
    throw new Error(`No node has the keys of ${prefix}`);
  }

  // Their slots are on the first, the second and the third node.
  for (const prefix of ["b", "c", "a"]) {
    test(`serves sessions at every instance with the keys of prefix "${prefix}"`, async () => {
      const [one, two] = [await start("one", prefix), await start("two", prefix)];
      const session = await one.connect();
      const there = two.client(session);
      const call = { name: "say", arguments: {} };
      expect(await ask(session, 1, "tools/call", call)).toMatchObject({ status: 200 });
      expect(await ask(there, 2, "tools/call", call)).toMatchObject({ status: 200 });
      await one.stop();
      expect(await ask(there, 3, "tools/call", call)).toMatchObject({ status: 200 });
      expect((await there.remove()).status).toBe(204);
      expect(await ask(there, 4, "ping")).toMatchObject({ status: 404 });
    }, testMs);
  }

  test("carries messages by sharded channels, and again after the node was away", async () => {
    const prefix = "news";
    const [one, other] = [
      await connect(`${url}?prefix=${prefix}`),
      await connect(`${url}?prefix=${prefix}`),
    ];
    const channel = one.key("bus");
    const heard: string[] = [];
    other.subscribe(channel, (text) => void heard.push(text));
    const send = (text: string) =>
      until(`"${text}" came`, () => {
        one.publish(channel, text);
        return heard.includes(text);
      });
    await send("first");
    const holder = await holderOf(prefix);
    expect(await holder.tell("PUBSUB SHARDCHANNELS")).toContain(channel);
    let returns = 0;
    other.onReturn(() => returns += 1);
    await holder.stop();
    await until("it is known", () => other.problem() !== undefined);
    await holder.start();
    await until("it works", () => other.problem() === undefined && one.problem() === undefined);
    await send("again");
    expect(returns).toBeGreaterThan(0);
  }, testMs);

  test(
    "is refused at the start where the URL means one server, and one server as a cluster",
    async () => {
      const [node] = nodes;
      for (const prefix of ["a", "b", "c"]) {
        const fault = await connect(`${node?.url}?prefix=${prefix}`).catch(String);
        expect(fault).toContain("it is a node of a cluster; write redis+cluster://");
      }
      const alone = await startRedis();
      closing.push(alone.close);
      const fault = await connect(alone.url.replace("redis:", "redis+cluster:")).catch(String);
      expect(fault).toContain("cluster support disabled");
      const replica = await startRedis("--replicaof", "127.0.0.1", String(alone.port));
      closing.push(replica.close);
      expect(await connect(replica.url).catch(String)).toContain("it is a replica");
    },
    testMs,
  );
});
