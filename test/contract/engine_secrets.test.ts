/**
 * What an operator of the engine could see or lose: no secret passes to it in clear, nothing that is
 * stored stays without an end, and no command makes the engine's other clients wait.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { sha256 } from "../../src/runtime/digest.ts";
import { ask, type EngineGateway, startEngineGateway } from "../support/engine_gateways.ts";
import { framesOf } from "../support/http_harness.ts";
import { hasRedis, type RedisServer, startRedis, whyNoRedis } from "../support/redis_server.ts";
import { until } from "../support/wait.ts";

const testMs = 240_000;
const canary = "canary-in-a-result";

(hasRedis ? describe : describe.skip)(`what the engine sees${whyNoRedis}`, () => {
  let server: RedisServer;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    server = await startRedis();
  }, testMs);
  afterAll(() => server.close());
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(name: string, prefix: string): Promise<EngineGateway> {
    const url = `redis://127.0.0.1:PORT?prefix=${prefix}`;
    const one = await startEngineGateway({ name, url, port: () => server.port });
    closing.push(one.stop);
    return one;
  }

  /** All that the engine gets from now on, scripts' commands included. */
  async function watch(): Promise<{ text(): string }> {
    let text = "";
    const socket: Socket = connect({ host: "127.0.0.1", port: server.port });
    socket.setEncoding("latin1").on("data", (more: string) => text += more);
    socket.on("error", () => {});
    socket.write("MONITOR\r\n");
    closing.push(async () => void socket.destroy());
    await until("it watches", () => text.startsWith("+OK"));
    return { text: () => text };
  }

  /** A session with a subscription and a call whose result is stored for resumption. */
  async function use(one: EngineGateway): Promise<string> {
    const session = await one.connect();
    await ask(session, 1, "resources/subscribe", { uri: "test://r" });
    const call = { name: "say", arguments: { canary } };
    expect(await ask(session, 2, "tools/call", call)).toMatchObject({ status: 200 });
    const stream = framesOf(await session.get());
    await stream.next();
    await stream.cancel();
    expect((await session.remove()).status).toBe(204);
    return session.id;
  }

  test(
    "H1: neither ids of sessions, nor the gateway's secret, nor results pass in clear",
    async () => {
      const seen = await watch();
      const [one, two] = [await start("one", "clear"), await start("two", "clear")];
      const session = await one.connect();
      const call = { name: "say", arguments: { canary } };
      expect(await ask(two.client(session), 1, "tools/call", call)).toMatchObject({ status: 200 });
      const ids = [session.id, await use(one), await use(two)];
      const text = seen.text();
      // What was seen is what these sessions did.
      for (const id of ids) expect(text).toContain(sha256(id));
      for (const secret of [...ids, canary, "a secret that all instances"]) {
        expect([secret, text.includes(secret)]).toEqual([secret, false]);
      }
    },
    testMs,
  );

  test("C8: sessions leave nothing behind that has no end", async () => {
    const one = await start("one", "growth");
    const names = async (): Promise<string[]> => {
      const found = await server.tell(
        "EVAL " + JSON.stringify(
          "local kept = {} for _, key in ipairs(redis.call('KEYS', '{growth}*')) do " +
            "if redis.call('PTTL', key) == -1 then table.insert(kept, key) end end " +
            "table.sort(kept) return table.concat(kept, ' ')",
        ) + " 0",
      );
      return (found.split("\r\n")[1] ?? "").split(" ");
    };
    // Whether the engine has been probed yet is chance.
    const count = async (): Promise<number> => {
      const found = await server.tell(
        `EVAL ${
          JSON.stringify(
            "return #redis.call('KEYS', '{growth}*') - redis.call('EXISTS', '{growth}:probe')",
          )
        } 0`,
      );
      return Number(found.slice(1));
    };
    await use(one);
    const [before, keys] = [await names(), await count()];
    for (let turn = 0; turn < 10; turn += 1) await use(one);
    expect(await names()).toEqual(before);
    expect(await count()).toBe(keys);
  }, testMs);

  test("no command looks at all keys, and each script does a bounded amount", async () => {
    const one = await start("one", "blocking");
    const seen = await watch();
    for (let turn = 0; turn < 3; turn += 1) await use(one);
    // Of each script: how many commands it ran, in a row.
    let [most, row] = [0, 0];
    for (const line of seen.text().split("\n")) {
      row = / lua\] /.test(line) ? row + 1 : 0;
      most = Math.max(most, row);
    }
    expect(seen.text()).not.toMatch(/"(?:KEYS|keys|FLUSHALL|FLUSHDB)"/);
    expect(most).toBeGreaterThan(3);
    expect(most).toBeLessThan(60);
  }, testMs);
});
