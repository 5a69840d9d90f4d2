/**
 * Tasks of clients that declare the Tasks extension outlast what happens between two requests: a
 * `kill -9` of the gateway, and the time after which an idle program is stopped.
 */
import { afterEach, expect, test } from "bun:test";
import { runCli } from "../support/run_cli.ts";
import { completed, startScriptedTasks } from "../support/scripted_tasks.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { createStatelessCaller } from "../support/stateless_caller.ts";

const testMs = 120_000;
const knowing = { extensions: { "io.modelcontextprotocol/tasks": {} } };
let gateway: SpawnedGateway | undefined;
let close: (() => Promise<void>) | undefined;

afterEach(async () => {
  await gateway?.dispose();
  await close?.();
  [gateway, close] = [undefined, undefined];
}, testMs);

/** A client that knows tasks, with this key. */
function clientOf({ url }: SpawnedGateway, path: string, key?: string) {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return createStatelessCaller((to, init) => fetch(`${url}${to}`, init), path, knowing, headers);
}

test("after kill -9 a task is still its principal's, and no other's", async () => {
  const server = await startScriptedTasks();
  close = server.close;
  const env = { MCP_AUTH: "key" };
  gateway = await spawnGateway({ servers: { one: { url: server.url } }, env });
  const { directory } = gateway;
  const keys: string[] = [];
  for (const name of ["ann", "bob"]) {
    const made = await runCli(["keys", "add", name, "--json"], { cwd: directory, env });
    keys.push(JSON.parse(made.stdout).key);
  }
  const started = await clientOf(gateway, "/mcp", keys[0]).call("one__long", {});
  const taskId = started.result?.["taskId"];
  expect(started.result?.resultType).toBe("task");
  await gateway.kill9();
  await gateway.restart();
  server.state = completed("done");
  for (const path of ["/mcp", "/servers/one/mcp"]) {
    const polled = await clientOf(gateway, path, keys[0]).ask("tasks/get", { taskId });
    expect(polled.result).toMatchObject({ taskId, status: "completed" });
    const foreign = await clientOf(gateway, path, keys[1]).ask("tasks/get", { taskId });
    expect(foreign.error?.code).toBe(-32602);
  }
}, testMs);

test("a program is not stopped as idle while a task of its runs", async () => {
  const program = programCommand("test/conformance/fixture_tasks.ts");
  const servers = { one: { ...program, idleTimeoutMs: 1_000 } };
  gateway = await spawnGateway({ servers });
  const client = clientOf(gateway, "/servers/one/mcp");
  const started = await client.call("slow_compute", { seconds: 4, label: "it" });
  const taskId = started.result?.["taskId"];
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const { result } = await client.ask("tasks/get", { taskId });
  expect(result).toMatchObject({ status: "completed" });
  expect(JSON.stringify(result)).toContain("Computed it for 4 s");
}, testMs);
