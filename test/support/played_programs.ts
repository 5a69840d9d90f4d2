/**
 * Local programs that a test plays itself: a runtime whose `spawn` starts no process but gives the
 * test the other ends of its pipes. A played program answers the handshake and lists one tool; all
 * else waits for the test. So nothing happens in a run that the test did not decide.
 */
import type { Child, ExitStatus, Runtime } from "../../src/runtime/runtime.ts";
import { createTestRuntime } from "./fake_runtime.ts";

type Json = Readonly<Record<string, unknown>>;

/** A message that a program got after its handshake. */
export interface PlayedMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params: Json;
  readonly result?: Json;
}

/** One running program. */
export interface PlayedProgram {
  /** The first argument of its command. */
  readonly name: string;
  /** What it got and was not answered by itself, in order. */
  readonly received: readonly PlayedMessage[];
  /** Methods that it leaves to the test, though it could answer them. */
  readonly left: Set<string>;
  isAlive(): boolean;
  /** Writes messages, each on a line, in one piece. */
  say(...messages: Json[]): void;
  /** Writes bytes as they are. */
  write(bytes: Uint8Array): void;
  /** Exits by itself. */
  die(): void;
}

/** The platform with played programs in the place of all processes. */
export interface PlayedRuntime extends Runtime {
  /** Every start so far, in order. */
  readonly programs: readonly PlayedProgram[];
}

/** The command of a played program in `mcp.json`. */
export const playedCommand = "played";

/** No process has such an id. */
const firstPid = 2 ** 30;
const encoder = new TextEncoder();

const tool = {
  name: "work",
  inputSchema: { type: "object" },
};

/** What a program answers by itself. */
const answers: Readonly<Record<string, (params: Json) => Json>> = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: { listChanged: true }, logging: {} },
    serverInfo: { name: "played", version: "1" },
  }),
  "tools/list": () => ({ tools: [tool] }),
  "logging/setLevel": () => ({}),
  ping: () => ({}),
};

/** The pipes of a process that does nothing until it ends. */
function openChild(pid: number, heard: (line: string) => void) {
  const exit = Promise.withResolvers<ExitStatus>();
  const outputs: ReadableStreamDefaultController<Uint8Array>[] = [];
  let isAlive = true;
  const end = (status: ExitStatus): void => {
    if (!isAlive) return;
    isAlive = false;
    for (const output of outputs) {
      try {
        output.close();
      } catch {
        // Its reader has left.
      }
    }
    exit.resolve(status);
  };
  const openOutput = () =>
    new ReadableStream<Uint8Array>({ start: (controller) => void outputs.push(controller) });
  let rest = "";
  const child: Child = {
    pid,
    stdin: {
      write(text) {
        if (!isAlive) {
          return Promise.reject(Object.assign(new Error("The pipe is broken"), { code: "EPIPE" }));
        }
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") heard(line);
        return undefined;
      },
      close: () => end({ code: 0, signal: null }),
    },
    stdout: openOutput(),
    stderr: openOutput(),
    exited: exit.promise,
  };
  const write = (bytes: Uint8Array): void => {
    if (isAlive) outputs[0]?.enqueue(bytes);
  };
  return { child, end, write, isAlive: () => isAlive };
}

function play(name: string, pid: number) {
  const received: PlayedMessage[] = [];
  const left = new Set<string>();
  const heard = (line: string): void => {
    const message = JSON.parse(line) as PlayedMessage;
    const { id, method, params = {} } = message;
    const answer = method === undefined || left.has(method) ? undefined : answers[method];
    if (method === "notifications/initialized") return;
    if (id === undefined || (method !== "server/discover" && answer === undefined)) {
      received.push({ ...message, params });
    } else if (answer === undefined) {
      program.say({ jsonrpc: "2.0", id, error: { code: -32601, message: "Unknown" } });
    } else program.say({ jsonrpc: "2.0", id, result: answer(params) });
  };
  const { child, end, write, isAlive } = openChild(pid, heard);
  const program: PlayedProgram = {
    name,
    received,
    left,
    isAlive,
    say: (...messages) =>
      write(encoder.encode(messages.map((message) => `${JSON.stringify(message)}\n`).join(""))),
    write,
    die: () => end({ code: 1, signal: null }),
  };
  return { program, child, end };
}

/** Makes the platform; programs other than played ones are silent, and `ps` knows no process. */
export async function createPlayedRuntime(): Promise<PlayedRuntime> {
  const programs: PlayedProgram[] = [];
  const ends = new Map<number, ReturnType<typeof openChild>>();
  return {
    ...await createTestRuntime(),
    programs,
    spawn({ command, args }) {
      const pid = firstPid + ends.size;
      if (command === playedCommand) {
        const { program, child, end } = play(args[0] ?? "", pid);
        programs.push(program);
        ends.set(pid, { child, end, write: program.write, isAlive: program.isAlive });
        return child;
      }
      const silent = openChild(pid, () => {});
      ends.set(pid, silent);
      if (command === "ps") silent.end({ code: 0, signal: null });
      return silent.child;
    },
    signalGroup(groupId, signal) {
      const found = ends.get(groupId);
      if (found === undefined || !found.isAlive()) return false;
      found.end({ code: null, signal });
      return true;
    },
  };
}
