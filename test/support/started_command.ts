/**
 * A gateway that a command of a person starts (`npx mcp-wrapper`, `deno task start`, a program that
 * embeds it), in a home folder of its own, so that nothing of this machine's account is used.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { descendants, sendSignal } from "./processes.ts";
import { until, within } from "./wait.ts";

/** A folder with a home, a temporary folder and empty caches in it. */
export interface EmptyHome {
  readonly folder: string;
  /** The environment of a person whose home it is. */
  readonly env: Readonly<Record<string, string>>;
  dispose(): void;
}

/** How this machine reaches the network: proxies, and certificates of its own. */
const networkVariables = /_proxy$|(?:^|_)(?:CERT|CERTS|CERT_FILE|CERT_DIR|TLS_CA_STORE)$/i;

/** Makes the folder. */
export function makeEmptyHome(): EmptyHome {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-home-")));
  const inHome = (name: string) => {
    mkdirSync(join(folder, name), { recursive: true });
    return join(folder, name);
  };
  return {
    folder,
    env: {
      ...Object.fromEntries(
        Object.entries(process.env).flatMap(([name, value]) =>
          networkVariables.test(name) && value !== undefined ? [[name, value]] : []
        ),
      ),
      PATH: process.env["PATH"] ?? "",
      HOME: inHome("home"),
      TMPDIR: inHome("tmp"),
      npm_config_cache: inHome("npm-cache"),
      BUN_INSTALL_CACHE_DIR: inHome("bun-cache"),
      DENO_DIR: inHome("deno-cache"),
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      NO_UPDATE_NOTIFIER: "1",
      MCP_PORT: "0",
      MCP_ADMIN_PORT: "0",
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A command that runs. */
export interface StartedCommand {
  /** The gateway's MCP endpoint, once it is printed. */
  url(): Promise<string>;
  readonly child: ChildProcess;
  /** All that it wrote. */
  text(): string;
  /** Ends with its exit code, null after a signal. */
  readonly ended: Promise<number | null>;
  /** The process itself and all below it. */
  processes(): number[];
  /** Ends everything that is left of it. */
  dispose(): void;
}

/** What starts may download on a slow line. */
const downloadMsMax = 60_000;

/** Starts a command in a folder. */
export function startCommand(
  [command = "", ...args]: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): StartedCommand {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  let hasEnded = false;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
    child.once("error", (fault) => {
      text += String(fault);
      resolve(null);
    });
  }).finally(() => hasEnded = true);
  const processes = () => child.pid === undefined ? [] : [child.pid, ...descendants(child.pid)];
  const url = () =>
    until("the gateway's address", () => {
      const found = /Serving MCP at (http:\S+)/.exec(text)?.[1];
      if (found === undefined && hasEnded) throw new Error(`It ended:\n${text}`);
      return found?.replace("localhost", "127.0.0.1");
    }, downloadMsMax).catch((fault) => {
      throw new Error(`${fault}\n${text}`);
    });
  return {
    url,
    child,
    text: () => text,
    ended: within("the command to end", ended, 3 * downloadMsMax),
    processes,
    dispose() {
      for (const pid of processes()) sendSignal(pid, "SIGKILL");
    },
  };
}
