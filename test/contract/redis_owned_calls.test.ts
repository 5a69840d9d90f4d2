/**
 * What a call of an owned session asks of the engine: nothing, if its answer is one text. A double
 * between the gateway and a real engine counts each command, and holds the answers back while calls
 * run, so that a call which awaits one does not end.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { JsonObject } from "../../src/model.ts";
import type { RedisConnection } from "../../src/redis/redis_connection.ts";
import { commandsOn } from "../../src/redis/redis_commands.ts";
import { openRedisStore } from "../../src/store/redis_store.ts";
import { defineKind } from "../../src/upstream/upstream_kinds.ts";
import { createTestClock } from "../support/clock.ts";
import { echoKind } from "../support/echo_kind.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createFakeUpstream } from "../support/fake_upstream.ts";
import { initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { lastOf } from "../support/own_tables.ts";
import {
  engineOf,
  hasRedis,
  type RedisServer,
  startRedis,
  whyNoRedis,
} from "../support/redis_server.ts";
import { until, within } from "../support/wait.ts";

const calls = 100;

/** The commands that were sent; while they are held, none is answered. */
interface CommandGate {
  readonly sent: string[];
  hold(): void;
  release(): void;
}

/** Puts the gate before a connection. */
function gated(engine: RedisConnection, prefix: string) {
  const sent: string[] = [];
  let held: PromiseWithResolvers<void> | undefined;
  const gate: CommandGate = {
    sent,
    hold: () => void (held = Promise.withResolvers()),
    release() {
      held?.resolve();
      held = undefined;
    },
  };
  const commands = commandsOn({ prefix }, async (args) => {
    sent.push(args.slice(0, 3).join(" "));
    await held?.promise;
    return await engine.send(args);
  });
  return { gate, engine: { ...engine, ...commands } };
}

(hasRedis ? describe : describe.skip)(`an owned session${whyNoRedis}`, () => {
  let server: RedisServer;
  let gateway: GatewayHandle;
  let gate: CommandGate;
  let directory: string;
  const tools = createFakeUpstream("tools", {
    tools: [{ name: "say", inputSchema: { type: "object" } }],
  });
  /** It stands still: what is sent meanwhile, calls send. */
  const clock = createTestClock();
  const session: Record<string, string> = {};
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    gateway.fetch(
      new Request("http://localhost:8999/mcp", {
        method: "POST",
        headers: { ...jsonHeaders, host: "localhost:8999", ...session, ...headers },
        body: JSON.stringify(body),
      }),
    );
  const say = (id: number) =>
    request(id, "tools/call", {
      name: "say",
      arguments: { text: `said ${id}` },
      _meta: { progressToken: id },
    });

  beforeAll(async () => {
    server = await startRedis();
    directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-owned-"));
    const kinds = [...defaultTables.kinds, defineKind({ ...echoKind, create: () => tools })];
    const { config } = await readConfig({
      kinds,
      env: {
        PATH: process.env["PATH"] ?? "",
        MCP_DATA_DIR: directory,
        MCP_CONFIG: "mcp.json",
        MCP_STORE: server.url,
        MCP_SECRET: "a secret that all instances of one gateway have",
      },
      cwd: directory,
      readText: () => Promise.resolve(JSON.stringify({ mcpServers: { tools: { echo: true } } })),
    });
    gateway = await createGateway({
      config,
      kinds,
      runtime: await createTestRuntime(),
      clock,
      storeKinds: {
        ...defaultTables.storeKinds,
        async redis(options) {
          if (options.engine === undefined) throw new Error("No engine is configured");
          const found = gated(options.engine, engineOf(server, "mcp-wrapper").prefix);
          gate = found.gate;
          return await openRedisStore({ ...options, engine: found.engine });
        },
      },
    });
    await gateway.internal?.open("http://127.0.0.1:1");
    const opened = await post(initialize("2025-11-25"));
    await opened.text();
    session["mcp-session-id"] = opened.headers.get("mcp-session-id") ?? "";
    expect(await lastOf(await post(say(0)))).toMatchObject({ id: 0, result: {} });
  });
  afterAll(async () => {
    gate?.release();
    const ticking = setInterval(() => clock.advance(100), 10);
    await gateway?.close();
    clearInterval(ticking);
    await server?.close();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  test(`waits for no command of the engine in ${calls} calls, and sends none`, async () => {
    gate.sent.length = 0;
    gate.hold();
    for (let id = 1; id <= calls; id += 1) {
      const answer = await lastOf(await within("the answer", post(say(id))));
      expect([answer["id"], JSON.stringify(answer["result"]).includes(`said ${id}`)])
        .toEqual([id, true]);
    }
    expect(gate.sent).toEqual([]);
    gate.release();
  });

  test("waits once for the engine before a stream that its client may resume", async () => {
    const result = Promise.withResolvers<JsonObject>();
    tools.script((source) => {
      source.notice({ kind: "notice", method: "notifications/progress", params: { progress: 1 } });
      return result.promise;
    });
    gate.sent.length = 0;
    gate.hold();
    let isAnswered = false;
    const answer = post(say(1)).then((response) => {
      isAnswered = true;
      return response;
    });
    await until("the row of the stream", () => gate.sent.length > 0);
    expect(isAnswered).toBe(false);
    gate.release();
    const response = await within("the answer", answer);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(gate.sent.length).toBe(1);
    result.resolve({ content: [] });
    await response.body?.cancel();
  });
});
