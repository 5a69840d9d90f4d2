/**
 * The command line as a person or a script runs it: the program of the runtime under test, as a
 * process of its own in a given folder. `runCli` waits for its end; `startCli` is for commands that
 * run until they are stopped or that a test talks to meanwhile; `runHere` needs no process.
 */
import { spawn, spawnSync } from "node:child_process";
import { runProgram } from "../../src/cli/program.ts";
import { createNodeSystem } from "../../src/runtime/node_system.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { sendSignal } from "./processes.ts";
import { bareEnvironment, gatewayRuntime, programCommand } from "./spawn_gateway.ts";
import { startMsMax, until, within } from "./wait.ts";

/** How to run a command. */
export interface CliOptions {
  /** The current folder: a gateway made by `spawnGateway` has its files in `gateway.directory`. */
  readonly cwd: string;
  /** Variables next to PATH, HOME and the like; nothing else of the test's environment is there. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its stdin, which is then closed. Absent: its stdin is empty. */
  readonly input?: string;
  /** Whether its inputs and outputs are a terminal, which shows what is typed. */
  readonly onTerminal?: boolean;
  readonly withinMs?: number;
}

/** How a command ended; `code` is null if a signal ended it. */
export interface CliOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningCli {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Writes to its stdin, which stays open until `closeInput`. */
  write(text: string): void;
  closeInput(): void;
  signal(name: "SIGINT" | "SIGTERM" | "SIGKILL"): void;
  /** Resolves when it has ended and its outputs are read. */
  readonly ended: Promise<CliOutcome>;
}

/** Whether this machine has the program `script`, which gives a command a terminal. */
export const hasTerminals: boolean =
  spawnSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" }).status === 0;

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Starts a command, and leaves its stdin open. */
export function startCli(
  args: readonly string[],
  { cwd, env, onTerminal = false }: CliOptions,
): RunningCli {
  const own = programCommand(`src/main/${gatewayRuntime}.ts`, args);
  const line = [own.command, ...own.args].map(quoted).join(" ");
  const { command, args: all } = onTerminal
    ? { command: "script", args: ["-qefc", line, "/dev/null"] }
    : own;
  const child = spawn(command, all, { cwd, env: { ...bareEnvironment(), ...env }, stdio: "pipe" });
  const text = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => text.stdout += chunk);
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => text.stderr += chunk);
  // It may end before it has read all.
  child.stdin.on("error", () => {});
  return {
    pid: child.pid ?? -1,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    write: (input) => void child.stdin.write(input),
    closeInput: () => void child.stdin.end(),
    signal: (name) => sendSignal(child.pid, name),
    ended: new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, ...text }));
    }),
  };
}

/** Runs a command to its end, which must come in time. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliOutcome> {
  const running = startCli(args, options);
  running.write(options.input ?? "");
  running.closeInput();
  try {
    return await within(`${args[0]} to end`, running.ended, options.withinMs ?? startMsMax);
  } catch (thrown) {
    running.signal("SIGKILL");
    throw new Error(`${thrown}\n${running.stdout()}\n${running.stderr()}`);
  }
}

/** The value that a command printed with `--json`. */
export async function runCliJson<Value>(
  args: readonly string[],
  options: CliOptions,
): Promise<Value> {
  const { code, stdout, stderr } = await runCli([...args, "--json"], options);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}:\n${stderr}\n${stdout}`);
  return JSON.parse(stdout);
}

/** Waits until a running command has printed a text that the pattern finds. */
export async function untilPrinted(running: RunningCli, pattern: RegExp): Promise<RegExpExecArray> {
  return await until(`${pattern} in the output`, () => {
    return pattern.exec(`${running.stdout()}\n${running.stderr()}`) ?? undefined;
  });
}

/**
 * The same command line in the process of the test, for what a process of its own would show just
 * so: much faster, and without a terminal.
 */
export async function runHere(
  args: readonly string[],
  { cwd, env = {}, input = "" }: CliOptions,
): Promise<CliOutcome> {
  const text = { stdout: "", stderr: "" };
  const runtime = await createTestRuntime();
  const ended = Promise.withResolvers<number>();
  await runProgram({
    runtime: { ...runtime, env: { ...bareEnvironment(), ...env }, onSignal: () => () => {} },
    system: {
      ...createNodeSystem(),
      isTerminal: () => false,
      columns: () => undefined,
      stdin: () => new Response(input).body ?? new ReadableStream(),
      write: (stream, part) => {
        text[stream] += part;
        return Promise.resolve();
      },
    },
    args,
    self: ["mcp-wrapper"],
    cwd,
    remoteListener: "fast",
    onFault: () => {},
    exit: (code) => ended.resolve(code),
    readPage: () => Promise.resolve(undefined),
  });
  return { code: await ended.promise, ...text };
}

/** The value that a command of `runHere` printed with `--json`. */
export async function runHereJson<Value>(
  args: readonly string[],
  options: CliOptions,
): Promise<Value> {
  const { code, stdout, stderr } = await runHere([...args, "--json"], options);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}:\n${stderr}\n${stdout}`);
  return JSON.parse(stdout);
}
