/**
 * Debian's `redis-server` as a program of its own in a temporary folder, which a test can stop,
 * pause, fill and start again. Where it is not installed, its tests are skipped.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Clock } from "../../src/clock.ts";
import { type EngineConfig, parseStore } from "../../src/config/engine_url.ts";
import type { Limits } from "../../src/limits.ts";
import type { Log } from "../../src/log.ts";
import { connectRedis, type RedisConnection } from "../../src/redis/redis_connection.ts";
import { freePort } from "./free_port.ts";
import { until } from "./wait.ts";

/** Whether the program is installed. */
export const hasRedis = spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status === 0;

/** What a skipped suite says. */
export const whyNoRedis = hasRedis ? "" : " (skipped: redis-server is not installed)";

/** A server that runs, or can be started again at the same port. */
export interface RedisServer {
  readonly port: number;
  /** Its URL for MCP_STORE. */
  readonly url: string;
  /** Ends it at once, as a crash would. */
  stop(): Promise<void>;
  /** Starts it again with what its snapshot has: nothing. */
  start(): Promise<void>;
  /** Its connections stay open, and nothing answers. */
  pause(): void;
  resume(): void;
  /** Sends one command as plain text and returns the raw answer. */
  tell(command: string): Promise<string>;
  close(): Promise<void>;
}

/** Starts a server with further arguments of its command line. */
export async function startRedis(...more: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-redis-"));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(
      "redis-server",
      ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder, ...more],
      { stdio: "ignore", env: { PATH: process.env["PATH"] ?? "" } },
    );
    await until(
      "the engine answers",
      async () => /^(?:\+PONG|-NOAUTH)/.test(await tellRedis(port, "PING").catch(() => "")),
    );
  };
  const stop = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined) return;
    const ended = new Promise((resolve) => ending.once("exit", resolve));
    signal(ending, "SIGKILL");
    await ended;
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    pause: () => signal(child, "SIGSTOP"),
    resume: () => signal(child, "SIGCONT"),
    tell: (command) => tellRedis(port, command),
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Deno's `kill` of a child sends its first signal alone. */
function signal(child: ChildProcess | undefined, name: NodeJS.Signals): void {
  if (child?.pid !== undefined) process.kill(child.pid, name);
}

/** Starts a Sentinel that watches a server under the name `main`. */
export async function startSentinel(
  master: number,
): Promise<Pick<RedisServer, "port" | "close">> {
  const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-sentinel-"));
  const port = await freePort();
  const path = join(folder, "sentinel.conf");
  writeFileSync(
    path,
    `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor main 127.0.0.1 ${master} 1\n`,
  );
  const env = { PATH: process.env["PATH"] ?? "" };
  const child = spawn("redis-server", [path, "--sentinel"], { stdio: "ignore", env });
  await until(
    "the Sentinel answers",
    async () => (await tellRedis(port, "PING").catch(() => "")).startsWith("+PONG"),
  );
  return {
    port,
    async close() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends a command to a port, in the form for people, and returns what comes back first. */
function tellRedis(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", reject);
    socket.once("connect", () => socket.write(`${command}\r\n`));
    socket.once("data", (data) => {
      resolve(String(data));
      socket.destroy();
    });
  });
}

/** Connects to a server; tests with other prefixes have other keys. */
export async function openTestEngine(
  { server, prefix, clock, limits, log }: {
    readonly server: RedisServer | undefined;
    readonly prefix: string;
    readonly clock: Clock;
    readonly limits: Limits;
    readonly log: Log;
  },
): Promise<RedisConnection> {
  const engine = engineOf(server, prefix);
  return await connectRedis({ engine, clock, limits, log });
}

/** The engine of a configuration; a prefix may be any text, such as a path. */
export function engineOf(server: RedisServer | undefined, prefix: string): EngineConfig {
  const name = prefix.replaceAll(/[^\w.-]/g, "-").slice(-64);
  const engine = parseStore(`${server?.url}?prefix=${name}`)?.engine;
  if (engine === undefined) throw new Error(`Cannot connect to ${server?.url} with "${name}"`);
  return engine;
}
