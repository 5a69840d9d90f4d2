/**
 * One child process in its own group. This file starts it, registers it with the warden, drains its
 * pipes, and ends it with everything in its group. It knows lines, not their meaning. The exit of
 * the process counts, not the end of its pipes, which a grandchild may keep open. MCP lifecycle:
 * stdio shutdown.
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

/** How a child exited by itself. */
export interface ChildEnd {
  /** For operators: "exited with code 1". */
  readonly text: string;
  /** The command cannot be run (shells report this by codes 126 and 127). */
  readonly permanent: boolean;
}

/** A running child. */
export interface ServerProcess {
  readonly pid: number;
  /** Queues a line for its stdin; false if it does not read. */
  send(line: string): boolean;
  /** Resolves when the process has exited and its output was read. */
  readonly ended: Promise<ChildEnd>;
  /** The beginning of an unfinished line on stdout. */
  unfinished(): string;
  /** Everything it printed except messages: on stderr, and on stdout before its first message. */
  readonly printed: StartOutput;
  /**
   * Closes stdin, sends SIGTERM after `quietMs`, then SIGKILL to the group. Resolves when nothing
   * of the group is left.
   */
  stop(quietMs?: number): Promise<void>;
  /** Resolves when the group is gone, whatever ended it. */
  readonly gone: Promise<void>;
}

/** The handler of a child's events. */
export interface ChildHandler extends Pick<LineHandler, "lines" | "tooLong" | "unasked"> {
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
  // This precedes the first line to the child. If the gateway dies before it, the end of stdin ends
  // the child.
  const held = deps.warden.hold(child.pid, config.name).catch((error) =>
    log.error("Cannot register the child with the warden", { pid: child.pid, error: String(error) })
  );
  let hasExited = false;
  // The pipes of an exiting child break a moment earlier; its exit is the better reason.
  const breakLater = (reason: string) =>
    void sleep(clock, limits.exitDrainMs).then(() => hasExited || handler.broken(reason));
  const stdin = createLineWriter(child.stdin, {
    writeBytesMax: limits.writeBytesMax,
    nextTurn: deps.runtime.nextTurn,
    fault(error) {
      log.debug("Cannot write to the child", { error: String(error) });
      breakLater("it does not read input any more");
    },
  });
  const printed = createStartOutput(limits);
  let speaks = false;
  const stdout = readLines(
    child.stdout,
    {
      tooLong: handler.tooLong,
      unasked: () => handler.unasked?.() ?? 0,
      lines(lines) {
        if (!speaks) speaks = takeWords(lines, printed, limits.stderrLineCharsMax);
        return handler.lines(lines);
      },
      fault: (error, inARow) =>
        log.warn("Cannot read from the child", { error: String(error), inARow }),
    },
    limits,
    clock,
    deps.readTurns.place(),
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
    log.warn("Killing the child: it ignores the end of stdin and SIGTERM", { pid: child.pid });
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

/** Keeps lines that are no messages; true if there is a message among the lines. */
function takeWords(lines: readonly string[], printed: StartOutput, charsMax: number): boolean {
  const at = lines.findIndex((line) => /^\ufeff?\[?\{/.test(line));
  for (const line of at < 0 ? lines : lines.slice(0, at)) {
    if (line.trim() !== "") printed.take(beginning(line, charsMax).trimEnd());
  }
  return at >= 0;
}

/** Ends the rest of a group whose child has exited. */
async function endGroup(child: Child, deps: UpstreamDeps): Promise<void> {
  if (!deps.runtime.signalGroup(child.pid, "SIGTERM")) return;
  await sleep(deps.clock, deps.limits.strayMs);
  deps.runtime.signalGroup(child.pid, "SIGKILL");
}

/** A process that left its child's group, so that the gateway's signals do not reach it. */
interface Escaped {
  readonly pid: number;
  readonly identity: string | undefined;
}

/** Must run while the child lives: afterwards the owner of such processes is unknown. */
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
  // 126 and 127: the codes of shells and env for a command that cannot be run or found.
  return { text: `exited with code ${code}`, permanent: code === 126 || code === 127 };
}
