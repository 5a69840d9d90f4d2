/**
 * One child process in a group of its own: started, held by the warden, its pipes drained, and
 * ended with everything in its group. It knows lines, not what they mean. The process's own end
 * counts, not that of its pipes, which a grandchild may keep open. MCP lifecycle: stdio shutdown.
 */
import { sleep, withDeadline } from "../../clock.ts";
import type { StdioServerConfig } from "../../config/config.ts";
import { beginning } from "../../excerpt.ts";
import type { Child, ExitStatus } from "../../runtime/runtime.ts";
import type { UpstreamDeps } from "../deps.ts";
import { findEscapedProcesses, readIdentity } from "./process_table.ts";
import { type LineHandler, readLines } from "./line_reader.ts";
import { createStartOutput, type StartOutput } from "./start_output.ts";
import { drainStderr } from "./stderr.ts";
import { createLineWriter } from "./line_writer.ts";

/** How a child ended by itself. */
export interface ChildEnd {
  /** For people: "exited with code 1". */
  readonly text: string;
  /** The command cannot be run (as a shell says by codes 126 and 127). */
  readonly permanent: boolean;
}

/** A running child. */
export interface ServerProcess {
  readonly pid: number;
  /** Queues a line for its stdin; false when it does not read. */
  send(line: string): boolean;
  /** Resolves when the process has ended and what it wrote was read. */
  readonly ended: Promise<ChildEnd>;
  /** How it began a line on stdout that it has not ended. */
  unfinished(): string;
  /** What it printed beyond messages: on stderr, and on stdout before its first message. */
  readonly printed: StartOutput;
  /**
   * Closes stdin, after `quietMs` SIGTERM, then SIGKILL to the group. Resolves when nothing of it is
   * left.
   */
  stop(quietMs?: number): Promise<void>;
  /** Resolves when the group is gone, however it ended. */
  readonly gone: Promise<void>;
}

/** Who hears a child. */
export interface ChildHandler extends Pick<LineHandler, "lines" | "tooLong"> {
  /** Its pipes cannot be used any more: it should be stopped. */
  broken(reason: string): void;
}

/** Starts a child. Throws a SpawnFault. */
export function openChild(
  config: StdioServerConfig,
  deps: UpstreamDeps,
  handler: ChildHandler,
): ServerProcess {
  const { limits, clock, log } = deps;
  const child = deps.runtime.spawn({
    command: config.command,
    args: config.args,
    env: config.environment,
    cwd: config.cwd,
  });
  // Held before the first line is written: a gateway that dies in between leaves a child whose stdin ends.
  const held = deps.warden.hold(child.pid, config.name).catch((error) =>
    log.error("Cannot hand the child to the warden", { pid: child.pid, error: String(error) })
  );
  let hasExited = false;
  // A child that ends breaks its pipes a moment earlier; then its end is the better reason.
  const breakLater = (reason: string) =>
    void sleep(clock, limits.exitDrainMs).then(() => hasExited || handler.broken(reason));
  const stdin = createLineWriter(child.stdin, limits.writeBytesMax, (error) => {
    log.debug("Cannot write to the child", { error: String(error) });
    breakLater("it does not take input any more");
  });
  const printed = createStartOutput(limits);
  let speaks = false;
  const stdout = readLines(
    child.stdout,
    {
      tooLong: handler.tooLong,
      lines(lines) {
        if (!speaks) speaks = takeWords(lines, printed, limits.stderrLineCharsMax);
        return handler.lines(lines);
      },
      fault: (error, inARow) =>
        log.warn("Cannot read from the child", { error: String(error), inARow }),
    },
    limits,
    clock,
  );
  const stderr = drainStderr(child.stderr, printed, deps);
  void stdout.ended.then((end) => {
    if (end === "failed") handler.broken("its output cannot be read");
    if (end === "eof") breakLater("it closed its output");
  });

  const ended = child.exited.then(async (status): Promise<ChildEnd> => {
    hasExited = true;
    const over = Promise.all([stdout.ended, stderr.ended]);
    await withDeadline(clock, limits.exitDrainMs, over, () => {});
    stdout.stop();
    stderr.stop();
    stdin.close();
    return describeEnd(status);
  });
  const gone = ended.then(async () => {
    await endGroup(child, deps);
    await held;
    deps.warden.release(child.pid);
  });

  let stopping: Promise<void> | undefined;
  const stop = async (quietMs: number): Promise<void> => {
    const escaped = hasExited ? [] : await traceEscaped(child.pid, deps);
    await end(quietMs);
    await reportEscaped(escaped, deps);
  };
  const end = async (quietMs: number): Promise<void> => {
    stdin.close();
    if (await settles(ended, quietMs, deps)) return gone;
    deps.runtime.signalGroup(child.pid, "SIGTERM");
    if (await settles(ended, limits.stopMs, deps)) return gone;
    log.warn("Killing the child: it ignores the end of its input and SIGTERM", { pid: child.pid });
    deps.runtime.signalGroup(child.pid, "SIGKILL");
    if (!await settles(gone, limits.stopMs, deps)) {
      log.error("Cannot end the child: it survives SIGKILL", { pid: child.pid });
    }
  };
  return {
    pid: child.pid,
    send: (line) => stdin.write(line),
    ended,
    unfinished: stdout.unfinished,
    printed,
    stop: (quietMs = limits.stopMs) => stopping ??= stop(quietMs),
    gone,
  };
}

/** Keeps what is no message; true when a message is among the lines. */
function takeWords(lines: readonly string[], printed: StartOutput, charsMax: number): boolean {
  const at = lines.findIndex((line) => /^\ufeff?\[?\{/.test(line));
  for (const line of at < 0 ? lines : lines.slice(0, at)) {
    if (line.trim() !== "") printed.take(beginning(line, charsMax).trimEnd());
  }
  return at >= 0;
}

/** Ends whoever is left in the group of a child that has ended. */
async function endGroup(child: Child, deps: UpstreamDeps): Promise<void> {
  if (!deps.runtime.signalGroup(child.pid, "SIGTERM")) return;
  await sleep(deps.clock, deps.limits.strayMs);
  deps.runtime.signalGroup(child.pid, "SIGKILL");
}

/** A process that left its child's group, by which no signal of ours reaches it. */
interface Escaped {
  readonly pid: number;
  readonly identity: string | undefined;
}

/** To be asked while the child lives: afterwards nobody can tell whose they were. */
async function traceEscaped(groupId: number, deps: UpstreamDeps): Promise<Escaped[]> {
  const pids = await findEscapedProcesses(deps, groupId);
  return Promise.all(
    pids.map(async (pid) => ({ pid, identity: await readIdentity(deps, pid) })),
  );
}

async function reportEscaped(escaped: readonly Escaped[], deps: UpstreamDeps): Promise<void> {
  for (const { pid, identity } of escaped) {
    if (identity === undefined || await readIdentity(deps, pid) !== identity) continue;
    deps.log.warn("A process that the server started has left its group and still runs", { pid });
  }
}

function settles(
  promise: Promise<unknown>,
  ms: number,
  { clock }: UpstreamDeps,
): Promise<boolean> {
  return withDeadline(clock, ms, promise.then(() => true), () => false);
}

function describeEnd({ code, signal }: ExitStatus): ChildEnd {
  if (signal !== null) return { text: `was ended by ${signal}`, permanent: false };
  // 126 and 127: what shells and env say of a command that cannot be run or found.
  return { text: `exited with code ${code}`, permanent: code === 126 || code === 127 };
}
