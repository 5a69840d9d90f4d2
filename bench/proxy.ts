/**
 * End to end: the gateway beside a bare proxy that only rewrites ids, each in front of the same echo
 * server over stdio. 64 sessions call at once; both are measured in turns, and what counts is the
 * CPU time of each process per call and its ratio. Also: memory with 1,000 sessions, and the time
 * from the start of the program to the first answer of a tool. Linux (/proc), loopback, bounded.
 *
 *   bun bench/proxy.ts            deno run -A bench/proxy.ts
 *   … --calls=20000 --rounds=5    how much is measured
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { residentBytes } from "../test/support/processes.ts";
import {
  gatewayRuntime,
  programCommand,
  type SpawnedGateway,
  spawnGateway,
} from "../test/support/spawn_gateway.ts";

const sessionCount = 64;
const revision = "2025-11-25";

const option = (name: string, fallback: number): number => {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`));
  return given === undefined ? fallback : Number(given.split("=")[1]);
};

/** CPU time of a process so far, in milliseconds (the kernel counts in hundredths of a second). */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

interface Measured {
  readonly url: string;
  readonly pid: number;
}

const headers = {
  "content-type": "application/json",
  "accept": "application/json, text/event-stream",
};

async function post(url: string, body: unknown, session?: string): Promise<Response> {
  const response = await fetch(url, {
    method: "POST",
    headers: session === undefined ? headers : { ...headers, "mcp-session-id": session },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response;
}

async function openSession(url: string): Promise<string> {
  const params = {
    protocolVersion: revision,
    capabilities: {},
    clientInfo: { name: "bench", version: "1" },
  };
  const response = await post(url, { jsonrpc: "2.0", id: 0, method: "initialize", params });
  await response.text();
  return response.headers.get("mcp-session-id") ?? "none";
}

async function echo(url: string, session: string, id: number): Promise<void> {
  const params = { name: "echo", arguments: { text: `call ${id}` } };
  const response = await post(url, { jsonrpc: "2.0", id, method: "tools/call", params }, session);
  const text = await response.text();
  if (!text.includes(`call ${id}`)) throw new Error(`Wrong answer to call ${id}: ${text}`);
}

/** Runs `calls` echoes over all sessions, one at a time in each; CPU microseconds and rate. */
async function measure(
  { url, pid }: Measured,
  sessions: readonly string[],
  calls: number,
): Promise<{ cpuUs: number; perSecond: number }> {
  const cpu = cpuMs(pid);
  const begun = performance.now();
  const each = Math.ceil(calls / sessions.length);
  await Promise.all(sessions.map(async (session) => {
    for (let id = 1; id <= each; id += 1) await echo(url, session, id);
  }));
  const total = each * sessions.length;
  const seconds = (performance.now() - begun) / 1_000;
  return { cpuUs: (cpuMs(pid) - cpu) * 1_000 / total, perSecond: total / seconds };
}

async function startBare(): Promise<Measured & { stop(): void }> {
  const echoServer = programCommand("bench/support/echo_server.ts");
  const bare = programCommand("bench/support/bare_proxy.ts", [
    echoServer.command,
    ...echoServer.args,
  ]);
  const child = spawn(bare.command, bare.args, { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<string>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const found = /PORT (\d+)/.exec(text);
      if (found !== null) resolve(found[1] ?? "");
    });
  });
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    pid: child.pid ?? -1,
    stop: () => void child.kill("SIGKILL"),
  };
}

const startGateway = (isolation: string): Promise<SpawnedGateway> =>
  spawnGateway({
    servers: { echo: { ...programCommand("bench/support/echo_server.ts"), isolation } },
  });

const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

async function compareCalls(): Promise<void> {
  const calls = option("calls", 20_000);
  const rounds = option("rounds", 5);
  const bare = await startBare();
  const gateway = await startGateway("shared");
  const ours: Measured = { url: `${gateway.url}/mcp`, pid: gateway.pid };
  try {
    const open = (url: string) =>
      Promise.all(Array.from({ length: sessionCount }, () => openSession(url)));
    const bareSessions = await open(bare.url);
    const ourSessions = await open(ours.url);
    await measure(bare, bareSessions, calls / 4);
    await measure(ours, ourSessions, calls / 4);
    const results: { bare: number; ours: number; bareRate: number; ourRate: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const one = await measure(bare, bareSessions, calls);
      const other = await measure(ours, ourSessions, calls);
      results.push({
        bare: one.cpuUs,
        ours: other.cpuUs,
        bareRate: one.perSecond,
        ourRate: other.perSecond,
      });
    }
    const ratios = results.map((one) => one.ours / one.bare);
    console.log(
      `echo, ${sessionCount} sessions, ${calls} calls a round, ${rounds} rounds in turns`,
    );
    console.log(
      `  bare proxy  ${median(results.map((r) => r.bare)).toFixed(0)} us CPU per call,` +
        ` ${median(results.map((r) => r.bareRate)).toFixed(0)} calls/s`,
    );
    console.log(
      `  gateway     ${median(results.map((r) => r.ours)).toFixed(0)} us CPU per call,` +
        ` ${median(results.map((r) => r.ourRate)).toFixed(0)} calls/s`,
    );
    console.log(
      `  ratio       ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–` +
        `${Math.max(...ratios).toFixed(2)})`,
    );
  } finally {
    bare.stop();
    await gateway.dispose();
  }
}

async function measureMemory(): Promise<void> {
  const gateway = await startGateway("shared");
  const url = `${gateway.url}/mcp`;
  const aborts: AbortController[] = [];
  try {
    await openSession(url);
    const before = residentBytes(gateway.pid);
    const sessions: string[] = [];
    for (let count = 0; count < 1_000; count += 1) sessions.push(await openSession(url));
    const idle = residentBytes(gateway.pid);
    for (const session of sessions) {
      const abort = new AbortController();
      aborts.push(abort);
      await fetch(url, {
        headers: { accept: "text/event-stream", "mcp-session-id": session },
        signal: abort.signal,
      });
    }
    const streaming = residentBytes(gateway.pid);
    const mb = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MB`;
    console.log(
      `memory      ${mb(before)} at the start, ${mb(idle)} with 1,000 sessions,` +
        ` ${mb(streaming)} with an open stream for each`,
    );
  } finally {
    for (const abort of aborts) abort.abort();
    await gateway.dispose();
  }
}

async function measureStart(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const begun = performance.now();
    const gateway = await startGateway("session");
    try {
      const url = `${gateway.url}/mcp`;
      await echo(url, await openSession(url), 1);
      times.push(performance.now() - begun);
    } finally {
      await gateway.dispose();
    }
  }
  console.log(
    `start       ${median(times).toFixed(0)} ms from the start of the program to a tool's answer`,
  );
}

console.log(`${gatewayRuntime}, ${process.platform} ${process.arch}`);
await compareCalls();
await measureMemory();
await measureStart();
process.exit(0);
