/**
 * The real gateway as a child process, under the runtime that runs the test: its own temporary
 * folder (configuration, data, working directory), a port the system chose, and the log as text.
 * `MCP_TEST_RUNTIME` picks another runtime (runtimes.ts).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { sendSignal } from "./processes.ts";
import {
  executable,
  gatewayRuntime,
  programCommand,
  projectDirectory,
  thisRuntime,
} from "./runtimes.ts";
import { startMsMax, until, within } from "./wait.ts";

export { executable, gatewayRuntime, programCommand, projectDirectory, thisRuntime };

/** What to start a gateway with. */
export interface GatewayOptions {
  /** The `mcpServers` object; without it no configuration is written. */
  readonly servers?: Readonly<Record<string, unknown>>;
  /** The `auth` object next to the servers. */
  readonly auth?: Readonly<Record<string, unknown>>;
  /** Writes what the configuration names into the gateway's folder. */
  readonly prepare?: (directory: string) => void;
  /** Environment variables next to the folder's and the port's. */
  readonly env?: Readonly<Record<string, string>>;
  /** A `.env` file for the working directory. */
  readonly dotenv?: string;
  /** The folder of the gateway's source, if not this project's. */
  readonly root?: string;
  /** The program in that folder, if not the gateway's own. */
  readonly program?: string;
  /** A program with its arguments that replaces itself by the gateway, such as `taskset -c 0`. */
  readonly launcher?: readonly string[];
}

/** A gateway that was started. */
export interface SpawnedGateway {
  /** `http://127.0.0.1:<port>`, without a path. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Its working directory: `mcp.json` and `data` are in it. */
  readonly directory: string;
  /** All it wrote to stdout and stderr, starts after the first included. */
  log(): string;
  /** Asks it to stop and resolves with its exit code (null: it had to be killed). */
  stop(): Promise<number | null>;
  /** `kill -9`. */
  kill9(): Promise<void>;
  /** Starts it again on the same folder and port, after `stop` or `kill9`. */
  restart(): Promise<void>;
  /** Ends it however it is, and removes its folder. */
  dispose(): Promise<void>;
}

const passedOn = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "TMPDIR", "LANG"];

/** What a program of this project needs of the environment of the tests, and nothing else of it. */
export function bareEnvironment(): Record<string, string> {
  const environment: Record<string, string> = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  for (const name of passedOn) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

function environmentFor(directory: string, port: number, options: GatewayOptions) {
  return {
    MCP_HOST: "127.0.0.1",
    MCP_PORT: String(port),
    MCP_DATA_DIR: join(directory, "data"),
    MCP_CONFIG: join(directory, "mcp.json"),
    ...bareEnvironment(),
    ...options.env,
  };
}

/** One run of the program: the process, what it said, and its end. */
interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  text: string;
}

function startRun(directory: string, port: number, options: GatewayOptions): Run {
  const program = options.program ?? `src/main/${gatewayRuntime}.ts`;
  const { command, args } = programCommand(program, [], gatewayRuntime, options.root);
  const [first = command, ...others] = [...(options.launcher ?? []), command, ...args];
  const child = spawn(first, others, {
    cwd: directory,
    env: environmentFor(directory, port, options),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const run: Run = {
    child,
    ended: new Promise((resolve) => {
      child.once("exit", (code) => resolve(code));
      child.once("error", () => resolve(null));
    }),
    text: "",
  };
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => run.text += chunk);
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => run.text += chunk);
  return run;
}

/** The port that the start line names; the gateway must say it, since the system chose it. */
function portInLog(text: string): number | undefined {
  const found = /Serving MCP at https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\]):(\d+)/.exec(text);
  return found === null ? undefined : Number(found[1]);
}

async function untilReady(run: Run): Promise<number> {
  let ended = false;
  run.ended.then(() => ended = true);
  return await until("the gateway to be ready", async () => {
    if (ended) throw new Error(`The gateway ended at its start:\n${run.text}`);
    const port = portInLog(run.text);
    if (port === undefined) return undefined;
    const response = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
    await response?.body?.cancel();
    return response?.status === 200 ? port : undefined;
  }, startMsMax).catch((thrown) => {
    sendSignal(run.child.pid, "SIGKILL");
    throw new Error(`${thrown instanceof Error ? thrown.message : thrown}\n${run.text}`);
  });
}

/** Starts a gateway and resolves when it answers `/ready`. */
export async function spawnGateway(options: GatewayOptions = {}): Promise<SpawnedGateway> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-test-")));
  if (options.servers !== undefined) {
    const text = JSON.stringify({ mcpServers: options.servers, auth: options.auth }, null, 2);
    writeFileSync(join(directory, "mcp.json"), text);
  }
  options.prepare?.(directory);
  if (options.dotenv !== undefined) writeFileSync(join(directory, ".env"), options.dotenv);

  let earlier = "";
  let run = startRun(directory, 0, options);
  const port = await untilReady(run).catch((thrown) => {
    rmSync(directory, { recursive: true, force: true });
    throw thrown;
  });

  const end = async (signal: "SIGTERM" | "SIGKILL", deadlineMs: number) => {
    sendSignal(run.child.pid, signal);
    return await within(`the gateway to end after ${signal}`, run.ended, deadlineMs);
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get pid() {
      return run.child.pid ?? -1;
    },
    directory,
    log: () => earlier + run.text,
    stop: () => end("SIGTERM", startMsMax),
    async kill9() {
      await end("SIGKILL", startMsMax);
    },
    async restart() {
      // The system may have given the port to a server of another test, which will end.
      await until("the port to be free again", async () => {
        earlier += run.text;
        run = startRun(directory, port, options);
        try {
          return await untilReady(run);
        } catch (thrown) {
          if (!run.text.includes("the address is in use")) throw thrown;
          return undefined;
        }
      });
    },
    async dispose() {
      const stopped = await end("SIGTERM", startMsMax).then(() => true, () => false);
      if (!stopped) await end("SIGKILL", startMsMax);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
