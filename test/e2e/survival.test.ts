/**
 * A session survives `kill -9` of the gateway, and no child or grandchild survives the gateway,
 * however it ends.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hostileCommand } from "../fault/hostile_command.ts";
import { openClient } from "../support/mcp_clients.ts";
import { canReadProcesses, descendants, isAlive } from "../support/processes.ts";
import { openRpcSession, resumeRpcSession } from "../support/rpc_session.ts";
import {
  type GatewayOptions,
  type SpawnedGateway,
  spawnGateway,
} from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const gateways: SpawnedGateway[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
}, testMs);

async function start(options: GatewayOptions): Promise<SpawnedGateway> {
  const gateway = await spawnGateway(options);
  gateways.push(gateway);
  return gateway;
}

describe("kill -9 of the gateway", () => {
  test("P8 lets an SDK client continue its session after the restart", async () => {
    const gateway = await start({ servers: { kid: hostileCommand() } });
    const client = await openClient(gateway.url);
    const id = client.sessionId();
    expect(id).toBeDefined();
    expect((await client.callTool("nonce", { nonce: "before" })).text).toBe("before");
    await gateway.kill9();
    await gateway.restart();
    expect((await client.callTool("nonce", { nonce: "after" })).text).toBe("after");
    expect(await client.toolNames()).toContain("echo");
    expect(client.sessionId()).toBe(id);
    await client.close();
  }, testMs);

  test("C3 does not bring back a deleted session", async () => {
    const gateway = await start({ servers: { kid: hostileCommand() } });
    const url = `${gateway.url}/mcp`;
    const [kept, deleted] = await Promise.all([openRpcSession(url), openRpcSession(url)]);
    await deleted.end();
    await gateway.kill9();
    await gateway.restart();
    expect((await resumeRpcSession(url, kept.id).request(1, "ping")).status).toBe(200);
    expect((await resumeRpcSession(url, deleted.id).request(1, "ping")).status).toBe(404);
  }, testMs);

  test("loses no session whose id was sent, whenever it happens", async () => {
    const gateway = await start({ servers: { kid: hostileCommand() } });
    const url = `${gateway.url}/mcp`;
    const given: string[] = [];
    const opening = Promise.all(Array.from({ length: 4 }, async () => {
      for (;;) given.push((await openRpcSession(url)).id);
    })).catch(() => {});
    await until("some sessions", () => given.length >= 40);
    await gateway.kill9();
    await opening;
    await gateway.restart();
    const known = await Promise.all(
      given.map(async (id) => (await resumeRpcSession(url, id).request(1, "ping")).status),
    );
    expect(known.filter((status) => status !== 200)).toEqual([]);
  }, testMs);
});

describe("no process remains", () => {
  /** A gateway with children at work, one of which has a child of its own, and the pids of all. */
  async function busyGateway(...options: string[]) {
    const gateway = await start({
      servers: {
        plain: hostileCommand(...options),
        parent: hostileCommand("--grandchild=grandchild.pid"),
      },
    });
    const session = await openRpcSession(`${gateway.url}/mcp`);
    for (const server of ["plain", "parent"]) {
      await session.callTool(1, `${server}__nonce`, { nonce: server });
    }
    const file = join(gateway.directory, "grandchild.pid");
    await until("the grandchild", () => existsSync(file) && readFileSync(file, "utf8").trim());
    const pids = [...descendants(gateway.pid), Number(readFileSync(file, "utf8"))];
    // The warden, two children and the grandchild.
    expect(new Set(pids).size).toBeGreaterThanOrEqual(4);
    expect(pids.filter((pid) => !isAlive(pid))).toEqual([]);
    return { gateway, session, pids };
  }

  test.skipIf(!canReadProcesses)("of a spare that no session has taken", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "spare-")), "starts");
    const slow = ["--init=slow:1100", "--trap-term", "--ignore-eof", `--start-file=${file}`];
    const gateway = await start({
      servers: { slow: hostileCommand(...slow) },
      env: { MCP_TRY_SERVERS: "off" },
    });
    const session = await openRpcSession(`${gateway.url}/mcp`);
    await session.callTool(1, "nonce", { nonce: "a" });
    const pids = () => readFileSync(file, "utf8").split("\n").filter(Boolean).map(Number);
    await until("the spare", () => pids().length === 2, 30_000);
    expect(pids().map(isAlive)).toEqual([true, true]);
    await gateway.kill9();
    await until("both to be gone", () => !pids().some(isAlive));
    rmSync(dirname(file), { recursive: true });
  }, testMs);

  test.skipIf(!canReadProcesses)("after the gateway is stopped", async () => {
    const { gateway, pids } = await busyGateway();
    expect(await gateway.stop()).toBe(0);
    await until("all to be gone", () => !pids.some(isAlive));
  }, testMs);

  test.skipIf(!canReadProcesses)(
    "after the gateway is killed with SIGKILL in the middle of a call",
    async () => {
      const { gateway, session, pids } = await busyGateway("--trap-term", "--ignore-eof");
      const open = session.request(2, "tools/call", { name: "plain__hang" }).catch(() => {});
      await gateway.kill9();
      await open;
      await until("all to be gone", () => !pids.some(isAlive));
    },
    testMs,
  );
});
