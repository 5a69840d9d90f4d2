/** The connection to the engine: what it takes as its URL, and how it bears an engine that is away. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../src/clock.ts";
import { type EngineConfig, parseStore } from "../../src/config/engine_url.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import { connectRedis } from "../../src/redis/redis_connection.ts";
import { RedisFault } from "../../src/redis/redis_fault.ts";
import { createTestLog } from "../support/log.ts";
import {
  hasRedis,
  type RedisServer,
  startRedis,
  startSentinel,
  whyNoRedis,
} from "../support/redis_server.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { until } from "../support/wait.ts";

function engineOf(url: string): EngineConfig {
  const engine = parseStore(url)?.engine;
  if (engine === undefined) throw new Error(`${url} is no URL of an engine`);
  return engine;
}

async function open(url: string, changes: Partial<Limits> = {}, clock: Clock = systemClock) {
  const log = createTestLog();
  const limits = { ...defaultLimits, ...changes };
  const connection = await connectRedis({ engine: engineOf(url), clock, limits, log });
  return { ...connection, log };
}

/** On a busy machine, the engine and this process may both be late. */
const calm: Partial<Limits> = { engineCommandMs: 60_000, engineSilenceMs: 60_000 };

const addTwo = {
  lua: "return redis.call('INCRBY', KEYS[1], ARGV[1]) + redis.call('INCRBY', KEYS[2], ARGV[1])",
};

/** Uses all that the stores and the bus need of an engine, and closes it. */
async function useAll(connection: Awaited<ReturnType<typeof open>>): Promise<void> {
  const { key } = connection;
  await connection.set(key("a"), "value");
  expect(await connection.get(key("a"))).toBe("value");
  const keys = [key("one"), key("two")];
  expect(await connection.run(addTwo, keys, [2])).toBe(4);
  // By its digest now.
  expect(await connection.run(addTwo, keys, [2])).toBe(8);
  await connection.remove(keys);
  const heard: string[] = [];
  connection.subscribe(key("news"), (text) => heard.push(text));
  await until("a message came", () => {
    connection.publish(key("news"), "x");
    return heard.length > 0;
  });
  await connection.close();
}

const add = { lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" };

(hasRedis ? describe : describe.skip)(`a connection to the engine${whyNoRedis}`, () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());

  test("stores values, runs scripts and carries messages", async () => {
    const one = await open(`${server.url}?prefix=one`);
    const other = await open(`${server.url}?prefix=other`);
    await one.set(one.key("a", "b"), "value");
    expect(await one.get(one.key("a", "b"))).toBe("value");
    expect(await other.get(other.key("a", "b"))).toBeUndefined();
    await one.set(one.key("short"), "", 5);
    await until("the key ended", async () => await one.get(one.key("short")) === undefined);
    expect(await one.run(add, [one.key("count")], [2])).toBe(2);
    // An engine that was started again knows no scripts.
    await server.tell("SCRIPT FLUSH");
    expect(await one.run(add, [one.key("count")], [3])).toBe(5);
    const heard: string[] = [];
    const stop = one.subscribe(one.key("news"), (text) => heard.push(text));
    await until("a message came", () => {
      one.publish(one.key("news"), "x");
      return heard.length > 0;
    });
    stop();
    await one.remove([one.key("a", "b"), one.key("count")]);
    expect(await one.get(one.key("a", "b"))).toBeUndefined();
    one.close();
    other.close();
  });

  test("fails a command in time while the engine hangs, and goes on when it answers", async () => {
    const { log, ...connection } = await open(server.url, {
      engineCommandMs: 300,
      engineSilenceMs: 2_000,
      enginePingMs: 500,
      engineProbeAgainMs: 50,
    });
    let returns = 0;
    connection.onReturn(() => returns += 1);
    server.pause();
    const fault = await connection.get(connection.key("a")).catch((thrown) => thrown);
    expect(fault).toBeInstanceOf(RedisFault);
    expect([fault.code, fault.commandOutcome]).toEqual(["store_unavailable", "unknown"]);
    expect(connection.problem()?.cause).toContain("no answer");
    await until(
      "the connection is cut",
      async () =>
        (await connection.get("x").catch((thrown) => thrown)).commandOutcome === "not_sent",
    );
    server.resume();
    await until("the engine works", () => connection.problem() === undefined);
    expect(returns).toBe(1);
    expect(await connection.run(add, [connection.key("after")], [1])).toBe(1);
    const messages = log.records.map(({ message }) => message);
    expect(messages.filter((message) => message.startsWith("Cannot use the engine"))).toHaveLength(
      1,
    );
    expect(messages).toContain("The engine works again");
    connection.close();
  });

  test("hears messages again after the engine was started again", async () => {
    const own = await startRedis();
    const connection = await open(own.url, { engineProbeAgainMs: 50, engineRetryMsMax: 100 });
    const heard: string[] = [];
    connection.subscribe(connection.key("news"), (text) => heard.push(text));
    await own.stop();
    await until("the engine is missed", () => connection.problem() !== undefined);
    await own.start();
    await until("a message came", () => {
      connection.publish(connection.key("news"), "back");
      return heard.length > 0;
    });
    connection.close();
    await own.close();
  });

  test("says that a full engine takes no writes, and reads on", async () => {
    const own = await startRedis();
    const connection = await open(own.url, { engineProbeAgainMs: 50 });
    await connection.set(connection.key("kept"), "value");
    await own.tell("CONFIG SET maxmemory 1");
    const fault = await connection.set(connection.key("b"), "x").catch((thrown) => thrown);
    expect([fault.commandOutcome, fault.reason.slice(0, 3)]).toEqual(["refused", "OOM"]);
    expect(connection.problem()?.cause).toContain("OOM");
    expect(await connection.get(connection.key("kept"))).toBe("value");
    await own.tell("CONFIG SET maxmemory 0");
    await until("the engine works", () => connection.problem() === undefined);
    connection.close();
    await own.close();
  });

  test("uses a cluster: scripts over several keys, and sharded channels", async () => {
    const [own] = await startCluster(1);
    if (own === undefined) throw new Error("The cluster has no node");
    await useAll(await open(own.url.replace("redis:", "redis+cluster:"), calm));
    await own.close();
  });

  test("uses the server that a Sentinel names", async () => {
    const own = await startRedis();
    const sentinel = await startSentinel(own.port);
    await useAll(await open(`redis+sentinel://127.0.0.1:${sentinel.port}?master=main`, calm));
    await sentinel.close();
    await own.close();
  });

  test("H1: a wrong password ends the attempt at once, and is in no text", async () => {
    const own = await startRedis("--requirepass", "right-password");
    const url = own.url.replace("//", "//:wrong-password@");
    const fault = await open(url).catch((thrown) => thrown);
    expect(String(fault)).toContain("WRONGPASS");
    expect(String(fault)).not.toContain("wrong-password");
    const connection = await open(own.url.replace("//", "//:right-password@"));
    expect(connection.place).not.toContain("password");
    connection.close();
    await own.close();
  });

  test("an engine that cannot be reached ends the start with its address and what to do", async () => {
    const own = await startRedis();
    await own.close();
    const fault = await open(own.url, { engineStartMs: 300 }).catch((thrown) => thrown);
    expect(String(fault)).toContain(
      `Cannot reach the engine of MCP_STORE at 127.0.0.1:${own.port} (prefix "mcp-wrapper"): `,
    );
    expect(String(fault)).toContain("start it, or correct MCP_STORE");
  });
});

describe("MCP_STORE", () => {
  test("names one server, Sentinels or a cluster", () => {
    expect(parseStore("sqlite")).toEqual({ kind: "sqlite" });
    expect(engineOf("redis://localhost")).toMatchObject({
      form: "single",
      tls: false,
      nodes: [{ host: "localhost", port: 6379 }],
      database: 0,
      prefix: "mcp-wrapper",
    });
    expect(engineOf("rediss://user:p%40ss@[::1]:7000/2?prefix=team")).toMatchObject({
      tls: true,
      username: "user",
      password: "p@ss",
      nodes: [{ host: "::1", port: 7000 }],
      database: 2,
      prefix: "team",
    });
    expect(engineOf("redis+sentinel://:p@one:26379,two/1?master=m&sentinel_password=s"))
      .toMatchObject({
        form: "sentinel",
        nodes: [{ host: "one", port: 26379 }, { host: "two", port: 6379 }],
        master: "m",
        sentinel: { password: "s" },
        database: 1,
      });
    expect(engineOf("rediss+cluster://a:1,b:2")).toMatchObject({ form: "cluster", tls: true });
  });

  test("refuses what it cannot use as a whole", () => {
    const wrong = [
      "",
      "redis",
      "http://localhost",
      "redis://",
      "redis://a,b",
      "redis://a:0",
      "redis://a:99999",
      "redis://a/x",
      "redis://a?prefx=b",
      "redis://a?prefix={b}",
      "redis://a?master=b",
      "redis+sentinel://a",
      "redis+cluster://a/1",
      "redis://%ZZ@a",
    ];
    expect(wrong.filter((text) => parseStore(text) !== undefined)).toEqual([]);
  });
});
