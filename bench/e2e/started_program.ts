/** A program that the benchmark started: its process, the port that it prints, and its end. */
import { spawn } from "node:child_process";
import process from "node:process";
import { sendSignal } from "../../test/support/processes.ts";
import { startMsMax, within } from "../../test/support/wait.ts";

/** A running program. */
export interface StartedProgram {
  readonly pid: number;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** What it has written to stdout, and to stderr if that is read. */
  output(): string;
  /** Kills it; its servers end when their stdin does. */
  close(): Promise<void>;
}

/** How to start one. */
export interface ProgramStart {
  /** For messages. */
  readonly title: string;
  /** The whole command line. */
  readonly command: readonly string[];
  /** Its stdin stays open until it is closed. */
  readonly hasStdin?: boolean;
  /** Its stderr is read with its stdout, not printed. */
  readonly isQuiet?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const outputCharsMax = 100_000;

/** Closes once: after that, another process may have the same id. */
export function once(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => closed ??= close();
}

/** Starts a program. */
export function startProgram(start: ProgramStart): StartedProgram {
  const { title, command: [first = "", ...args], hasStdin, isQuiet, env } = start;
  const child = spawn(first, args, {
    stdio: [hasStdin ? "pipe" : "ignore", "pipe", isQuiet ? "pipe" : "inherit"],
    ...(env && { env: { ...process.env, ...env } }),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      if (output.length < outputCharsMax) output += chunk;
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  return {
    pid: child.pid ?? -1,
    ended,
    output: () => output,
    close: once(async () => {
      sendSignal(child.pid, "SIGKILL");
      await within(`${title} to end`, ended);
    }),
  };
}

/** Waits for what a program says when it is ready; ends it if that does not come. */
export async function untilIt<T>(
  title: string,
  program: StartedProgram,
  find: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const pollMs = 20;
  let isOver = false;
  const found = (async () => {
    for (;;) {
      const value = await find();
      if (value !== undefined) return value;
      if (isOver) throw new Error(`${title} is not ready:\n${program.output()}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  })();
  program.ended.then(() => isOver = true);
  try {
    return await within(`${title} to be ready`, found, startMsMax);
  } catch (thrown) {
    isOver = true;
    await program.close();
    throw thrown;
  }
}

/** Starts a program that prints `PORT <number>`. */
export async function startListener(
  start: ProgramStart,
): Promise<{ program: StartedProgram; port: string }> {
  const program = startProgram(start);
  const port = await untilIt(
    start.title,
    program,
    () => /PORT (\d+)\n/.exec(program.output())?.[1],
  );
  return { program, port };
}
