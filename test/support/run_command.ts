/**
 * Runs a command and all that it starts. It may take as long as it likes while it says something:
 * silence alone ends it.
 */
import { spawn } from "node:child_process";
import process from "node:process";

/** What a command did. */
export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
  /** It said nothing for so long that it was killed. */
  readonly hung: boolean;
}

/** How to run it. */
export interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The longest silence. */
  readonly silentMsMax: number;
}

/** What is still open of a command's output when it has ended is read for this long. */
const drainMs = 2_000;
const running = new Set<number>();

/** Kills a command with everything in its group: a test that dies leaves its gateways there. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it runs any more.
  }
}

/** Kills every command that runs; for a person who presses Ctrl-C. */
export function killAll(): void {
  for (const pid of running) killGroup(pid);
}

/** Runs a command to its end. */
export function runCommand(
  [program = "", ...args]: readonly string[],
  { cwd, env, silentMsMax }: CommandOptions,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: env as NodeJS.ProcessEnv,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) running.add(pid);
    const output: string[] = [];
    let hung = false;
    let timer: ReturnType<typeof setTimeout>;
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        hung = true;
        if (pid !== undefined) killGroup(pid);
      }, silentMsMax);
    };
    const end = (code: number | null) => {
      clearTimeout(timer);
      if (pid !== undefined) running.delete(pid);
      resolve({ ok: code === 0 && !hung, output: output.join(""), hung });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        output.push(chunk);
        listen();
      });
    }
    listen();
    child.once("error", (error) => {
      output.push(String(error));
      end(null);
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      if (pid !== undefined) killGroup(pid);
      // What left the group may hold the pipes open.
      timer = setTimeout(() => end(code), drainMs);
      child.once("close", () => end(code));
    });
  });
}
