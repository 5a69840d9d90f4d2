/**
 * `mcp-wrapper stdio` and the gateway behind it: it starts one or joins the one that runs, shares
 * it, outlives it, and leaves nothing behind. The server writes down each call that it carries out.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits } from "../../src/limits.ts";
import { envelope, type Line, type LineClient, lineClient } from "../support/line_client.ts";
import { isAlive, sendSignal } from "../support/processes.ts";
import { type RunningCli, startCli } from "../support/run_cli.ts";
import { bareEnvironment, gatewayRuntime, programCommand } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

let folder = "";
let programs: RunningCli[] = [];
const anyPorts = { MCP_PORT: "0", MCP_ADMIN_PORT: "0" };

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "stdio-")));
  programs = [];
  const work = programCommand("test/support/counting_child.ts", [join(folder, "calls")]);
  writeFileSync(join(folder, "mcp.json"), JSON.stringify({ mcpServers: { work } }));
});
afterEach(async () => {
  for (const { signal } of programs) signal("SIGKILL");
  const pid = gatewayPid();
  sendSignal(pid, "SIGKILL");
  if (pid !== undefined) await until("the gateway to be gone", () => !isAlive(pid));
  rmSync(folder, { recursive: true, force: true });
});

/** The process of the gateway on the folder, whether it still runs or not. */
function gatewayPid(): number | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "data", "gateway.json"), "utf8")).pid;
  } catch {
    return undefined;
  }
}

function calls(): string[] {
  try {
    return readFileSync(join(folder, "calls"), "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

function client(args: readonly string[] = [], env: Record<string, string> = {}): LineClient {
  const made = lineClient(folder, args, { ...anyPorts, ...env });
  programs.push(made.running);
  return made;
}

async function startGateway(): Promise<RunningCli> {
  const gateway = startCli(["start"], { cwd: folder, env: anyPorts });
  programs.push(gateway);
  await until("the gateway to be found", () => gatewayPid() === gateway.pid);
  return gateway;
}

const work = (call: string, fault = "none") => ({ name: "work", arguments: { call, fault } });
const textOf = ({ result }: Line) => (result?.["content"] as { text: string }[])?.[0]?.text;

test("two that begin at once share one gateway, which ends after the last has left", async () => {
  const [one, two] = [client(), client()];
  await Promise.all([one.open(), two.open()]);
  const pid = gatewayPid() ?? 0;
  expect(textOf(await one.ask("tools/call", work("first")))).toBe("done");
  expect(textOf(await two.ask("tools/call", work("second")))).toBe("done");
  expect(await one.leave()).toBe(0);
  expect(textOf(await two.ask("tools/call", work("third")))).toBe("done");
  expect(await two.leave()).toBe(0);
  await until("the gateway to end", () => !isAlive(pid));
  expect(gatewayPid()).toBeUndefined();
  expect(calls()).toEqual(["first", "second", "third"]);
  expect(one.running.stderr() + two.running.stderr()).toBe("");
});

test("a killed gateway fails the open call, which is not repeated; the next one works", async () => {
  const one = client();
  await one.open();
  const open = one.begin("tools/call", work("lost", "silence after it"));
  const bare = one.begin("tools/call", {
    ...work("bare", "silence after it"),
    _meta: envelope,
  });
  await until("both calls to be carried out", () => calls().length === 2);
  const pid = gatewayPid();
  sendSignal(pid, "SIGKILL");
  for (const id of [open, bare]) {
    const { error } = await one.answer(id);
    expect(error?.data).toEqual({ reason: "outcome_unknown", outcome: "unknown" });
  }
  expect(textOf(await one.ask("tools/call", work("next")))).toBe("done");
  expect(textOf(await one.ask("tools/call", { ...work("bare next"), _meta: envelope })))
    .toBe("done");
  expect(calls().sort()).toEqual(["bare", "bare next", "lost", "next"]);
  expect(gatewayPid()).not.toBe(pid);
  await one.leave();
});

test("a call whose answer has begun is lost with its gateway, too", async () => {
  const one = client();
  await one.open();
  const open = one.begin("tools/call", {
    ...work("begun", "silence after it"),
    _meta: { progressToken: "t" },
  });
  await one.line("its progress", ({ method }) => method === "notifications/progress");
  sendSignal(gatewayPid(), "SIGKILL");
  const { error } = await one.answer(open);
  expect(error?.data).toEqual({ reason: "outcome_unknown", outcome: "unknown" });
  expect(textOf(await one.ask("tools/call", work("next")))).toBe("done");
  expect(calls()).toEqual(["begun", "next"]);
  await one.leave();
});

test("a gateway that a person stops is replaced; one that a person starts again is joined", async () => {
  const first = await startGateway();
  const one = client();
  await one.open();
  const listening = one.begin("subscriptions/listen", {
    notifications: { toolsListChanged: true },
    _meta: envelope,
  });
  const isAbout = ({ params }: Line) =>
    (params?.["_meta"] as Line["params"])?.["io.modelcontextprotocol/subscriptionId"] === listening;
  await one.line("the acknowledgement", isAbout);
  first.signal("SIGTERM");
  await first.ended;
  const second = await startGateway();
  // The stream is opened again, and the client learns that it may have missed something.
  const missed = await one.line(
    "a notice of changed tools",
    (line) => isAbout(line) && line.method === "notifications/tools/list_changed",
  );
  expect(missed.id).toBeUndefined();
  expect(one.lines().filter(isAbout).map(({ method }) => method)).toEqual([
    "notifications/subscriptions/acknowledged",
    "notifications/tools/list_changed",
  ]);
  second.signal("SIGTERM");
  await second.ended;
  expect(textOf(await one.ask("tools/call", work("own")))).toBe("done");
  expect(gatewayPid()).not.toBe(second.pid);
  expect(one.lines().some(({ id }) => id === listening)).toBe(false);
  await one.leave();
});

test("a session that the gateway forgot is opened again without the client", async () => {
  const first = await startGateway();
  const one = client();
  await one.open();
  expect(textOf(await one.ask("tools/call", work("before")))).toBe("done");
  first.signal("SIGTERM");
  await first.ended;
  for (const end of ["", "-wal", "-shm"]) {
    rmSync(join(folder, "data", `mcp-wrapper.db${end}`), { force: true });
  }
  await startGateway();
  expect(textOf(await one.ask("tools/call", work("after")))).toBe("done");
  expect(one.lines().filter(({ id }) => id === 1)).toHaveLength(1);
  expect(calls()).toEqual(["before", "after"]);
  expect(await one.leave()).toBe(0);
});

test("a call that runs at the end of stdin gets its answer first", async () => {
  const one = client(["work"]);
  const opened = one.begin("initialize", {
    protocolVersion: "2025-03-26",
    capabilities: {},
    clientInfo: { name: "pipe", version: "1" },
  });
  one.notify("notifications/initialized");
  // A batch, which this revision has.
  one.send([
    { jsonrpc: "2.0", id: "a", method: "tools/call", params: work("piped") },
    { jsonrpc: "2.0", id: "b", method: "ping" },
  ]);
  expect(await one.leave()).toBe(0);
  const [first, ...rest] = one.lines();
  expect(first?.id).toBe(opened);
  expect(rest.flat().map(({ id }) => id).sort()).toEqual(["a", "b"]);
  expect(calls()).toEqual(["piped"]);
});

test("what is no message gets an error, and the next line is read", async () => {
  const one = client();
  await one.open();
  one.send("{\n\n[]\n");
  one.send({ jsonrpc: "2.0", id: 7, method: 8 });
  one.send({ jsonrpc: "2.0", id: 99, result: 3 });
  expect((await one.ask("ping")).result).toEqual({});
  const faults = one.lines().filter(({ error }) => error !== undefined);
  expect(faults.map(({ id, error }) => [id, error?.code])).toEqual([
    [null, -32700],
    [null, -32600],
    [7, -32600],
    [null, -32600],
  ]);
  await one.leave();
});

test("arguments that headers repeat are repeated, whether the tools were listed or not", async () => {
  const one = client(["work"]);
  const { arguments: args, ...rest } = work("marked");
  const called = await one.ask("tools/call", {
    ...rest,
    arguments: { ...args, place: "Zürich" },
    _meta: envelope,
  });
  expect(textOf(called)).toBe("done");
  expect(calls()).toEqual(["marked"]);
  await one.leave();
});

test("the client learns why a gateway cannot start, in the gateway's own words", async () => {
  writeFileSync(join(folder, "mcp.json"), '{"mcpServers": ');
  const one = client();
  const { error } = await one.open();
  expect(error?.message).toMatch(/^Cannot start a gateway: .*mcp\.json/s);
  await until("the same on stderr", () => one.running.stderr().includes(error?.message ?? "-"));
  // Once it can, the next request works.
  writeFileSync(join(folder, "mcp.json"), "{}");
  await until("a gateway", async () => (await one.open()).result);
  expect(await one.leave()).toBe(0);
});

test("it ends on a signal, of which a script runner may send two", async () => {
  const one = client();
  await one.open();
  one.begin("tools/call", work("open", "silence after it"));
  await until("the call to be carried out", () => calls().length === 1);
  one.running.signal("SIGINT");
  one.running.signal("SIGINT");
  expect((await within("it to end", one.running.ended)).code).toBe(0);
});

test("a client that reads nothing cannot keep it from ending", async () => {
  const { command, args } = programCommand(`src/main/${gatewayRuntime}.ts`, ["stdio"]);
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...bareEnvironment(), ...anyPorts },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  // More errors than a pipe holds.
  child.stdin.write("{\n".repeat(5_000));
  await new Promise((resolve) => child.stdout.once("readable", resolve));
  sendSignal(child.pid, "SIGTERM");
  expect(await within("it to end", ended)).toBe(0);
  child.stdout.destroy();
});

test("it takes no more than its bound at once, and a line that is too long fails alone", async () => {
  const one = client();
  await one.open();
  const { bridgeRequestsMax, lineBytesMax } = defaultLimits;
  const open = Array.from(
    { length: bridgeRequestsMax },
    (_, at) => one.begin("tools/call", work(`open ${at}`, "silence after it")),
  );
  const { error } = await one.ask("ping");
  expect(error?.data).toMatchObject({ reason: "overloaded", outcome: "not_sent" });
  for (const requestId of open) one.notify("notifications/cancelled", { requestId });
  await until("a free place", async () => (await one.ask("ping")).result);
  const long = await one.ask("tools/call", work("x".repeat(lineBytesMax)));
  expect(long.error?.message).toMatch(/^Cannot take a line of \d+ bytes/);
  expect((await one.ask("ping")).result).toEqual({});
  expect(one.lines().filter(({ id }) => open.includes(Number(id)))).toEqual([]);
  await one.leave();
});

test("it ends when the program that started it is gone, even if its stdin stays open", async () => {
  const { command, args } = programCommand(`src/main/${gatewayRuntime}.ts`, ["stdio"]);
  const script = '"$@" <&3 & echo $!; wait';
  const shell = spawn("sh", ["-c", script, "sh", command, ...args], {
    cwd: folder,
    env: { ...bareEnvironment(), ...anyPorts },
    stdio: ["ignore", "pipe", "ignore", "pipe"],
  });
  let said = "";
  shell.stdout?.setEncoding("utf8").on("data", (chunk: string) => said += chunk);
  const pid = await until("its process id", () => Number(/^\d+/.exec(said)?.[0]));
  const input = shell.stdio[3] as NodeJS.WritableStream;
  input.write(`{"jsonrpc":"2.0","id":1,"method":"ping"}\n`);
  await until("an answer", () => said.includes('"id":1'));
  shell.kill("SIGKILL");
  await until("it to end", () => !isAlive(pid));
  input.end();
});
