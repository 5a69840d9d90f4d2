/**
 * A client that makes its own process crash, next to clients that do not.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { hostileCommand } from "../fault/hostile_command.ts";
import { openRpcSession, type RpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

let gateway: SpawnedGateway | undefined;
afterEach(() => gateway?.dispose());

const crash = (session: RpcSession, id: string) =>
  session.request(id, "tools/call", { name: "crash", arguments: { how: "exit" } });

/** Crashes until a start is refused; the refusals that came meanwhile. */
async function crashUntilRefused(session: RpcSession, turn: string) {
  let count = 0;
  const refused = await until("a start is refused", async () => {
    const { error } = await crash(session, `${turn} ${count++}`);
    return error?.data?.["reason"] === "upstream_unavailable" ? error : undefined;
  });
  return { refused, count };
}

async function health(url: string) {
  const response = await fetch(`${url}/health`);
  const body = await response.json() as {
    status: string;
    degraded?: string[];
    servers: { state: string }[];
  };
  return { code: response.status, ...body };
}

describe("a client whose calls crash its own process", () => {
  test("is the only one that must wait for the next start, with a message and a time", async () => {
    gateway = await spawnGateway({ servers: { hostile: hostileCommand() } });
    const url = `${gateway.url}/mcp`;
    const beside = await openRpcSession(url);
    expect(await beside.callTool(1, "echo", { text: "before" })).toContain("before");
    const crasher = await openRpcSession(url);
    const waits: number[] = [];
    for (let turn = 1; turn <= 3; turn++) {
      const { refused } = await crashUntilRefused(crasher, `turn ${turn}`);
      expect(refused.message).toMatch(
        /^Cannot start server "hostile" for this client: exited with code 1 soon after it was ready, \d+ times in a row; it may be tried again in \d+ ms$/,
      );
      expect(refused.data).toMatchObject({ server: "hostile", outcome: "not_sent" });
      const waitMs = Number(refused.data?.["retryAfterMs"]);
      waits.push(waitMs);
      // It says so while the client has to wait, which a busy machine may miss once.
      const seen = await until("/health names the server", async () => {
        await crash(crasher, crypto.randomUUID());
        const now = await health(gateway?.url ?? "");
        return now.degraded === undefined ? undefined : now;
      });
      expect(seen).toMatchObject({
        code: 200,
        status: "healthy",
        degraded: ["hostile"],
        servers: [{ state: "running" }],
      });
      // Others have a process, or get one, while the crasher waits.
      expect(await beside.callTool(`b${turn}`, "echo", { text: "beside" })).toContain("beside");
      const fresh = await openRpcSession(url);
      expect(await fresh.callTool(`f${turn}`, "echo", { text: "fresh" })).toContain("fresh");
      await fresh.end();
      await until("the crasher may start again", async () => {
        const { error } = await crasher.request(`w${turn}`, "tools/call", {
          name: "echo",
          arguments: { text: "again" },
        });
        return error === undefined;
      });
    }
    expect(waits.every((waitMs) => waitMs > 0)).toBe(true);
    await crasher.end();
    expect(await health(gateway.url)).not.toHaveProperty("degraded");
  });

  test("waits like all others if all share the process", async () => {
    gateway = await spawnGateway({
      servers: { hostile: { ...hostileCommand(), isolation: "shared" } },
    });
    const url = `${gateway.url}/mcp`;
    const crasher = await openRpcSession(url);
    const other = await openRpcSession(url);
    const error = await until("the other client has to wait", async () => {
      await crash(crasher, crypto.randomUUID());
      const params = { name: "echo", arguments: { text: "other" } };
      const answer = await other.request(crypto.randomUUID(), "tools/call", params);
      return answer.error;
    });
    expect(error.message).toContain('Cannot start server "hostile": exited with code 1 soon');
    expect(Number(error.data?.["retryAfterMs"])).toBeGreaterThan(0);
  });
});
