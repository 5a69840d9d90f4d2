/** What commands print, on a terminal and elsewhere, and what becomes of outputs that fail. */
import { describe, expect, test } from "bun:test";
import { CommandError } from "../../../src/cli/command_error.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { createTerminal } from "../../../src/cli/terminal.ts";
import { toVisible } from "../../../src/cli/visible_text.ts";
import { createNodeSystem } from "../../../src/runtime/node_system.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";

/** What a server could say to hide, colour or turn around what stands on a terminal. */
const hostile = "a\u001b]0;title\u0007\u001b[2Jb\u009b31mc\r\u202ed\n\te";
const visible = "a\\u001b]0;title\\u0007\\u001b[2Jb\\u009b31mc\\r\\u202ed\n\te";

/** A terminal or none; `fault` is the code with which stdout fails. */
function open(
  { isTerminal = true, env = {}, fault, signal }: {
    readonly isTerminal?: boolean;
    readonly env?: Record<string, string>;
    readonly fault?: string;
    readonly signal?: AbortSignal;
  } = {},
) {
  const text = { stdout: "", stderr: "" };
  const terminal = createTerminal(
    {
      ...createNodeSystem(),
      isTerminal: () => isTerminal,
      stdin: () => new ReadableStream(),
      write(stream, part) {
        text[stream] += part;
        const failed = Object.assign(new Error("it is full"), { code: fault });
        return fault === undefined ? Promise.resolve() : Promise.reject(failed);
      },
    },
    env,
    signal,
  );
  return { terminal, text };
}

describe("a terminal obeys nothing that a server says", () => {
  test("in results, notes and progress", async () => {
    const { terminal, text } = open({ env: { NO_COLOR: "1" } });
    terminal.print(hostile);
    terminal.note(hostile);
    terminal.progress(hostile);
    await terminal.flush();
    expect(text).toEqual({ stdout: `${visible}\n`, stderr: `${visible}\n\r\u001b[K${visible}` });
    expect(toVisible(hostile)).toBe(visible);
  });

  test("while the command's own colours stay", async () => {
    const { terminal, text } = open();
    terminal.print(`${terminal.style("bad", hostile)} end`);
    await terminal.flush();
    expect(text.stdout).toBe(`\u001b[31m${visible}\u001b[0m end\n`);
  });

  test("and a file or a program gets it as it is", async () => {
    const { terminal, text } = open({ isTerminal: false });
    terminal.print(terminal.style("bad", hostile));
    await terminal.flush();
    expect(text.stdout).toBe(`${hostile}\n`);
  });
});

test("an interruption ends a question", async () => {
  const interrupted = new AbortController();
  const { terminal } = open({ signal: interrupted.signal });
  const answer = terminal.ask("Sure?").then(() => undefined, (thrown) => thrown);
  interrupted.abort();
  const thrown = await answer;
  expect(thrown).toBeInstanceOf(CommandError);
  expect(thrown.reason).toBe("interrupted");
});

test("a result that cannot be written is a fault, except for a reader that ended early", async () => {
  for (const [code, isFault] of [["ENOSPC", true], ["EIO", true], ["EPIPE", false]] as const) {
    const { terminal } = open({ fault: code, isTerminal: false });
    terminal.note("a note");
    await terminal.flush();
    expect([code, terminal.fault() !== undefined]).toEqual([code, false]);
    terminal.print("a result");
    await terminal.flush();
    expect([code, terminal.fault() !== undefined]).toEqual([code, isFault]);
  }
});

test("a script learns by the exit code that the disk took no result", async () => {
  for (const [fault, code] of [["ENOSPC", 1], ["EPIPE", 0]] as const) {
    let said = "";
    const ended = Promise.withResolvers<number>();
    await runProgram({
      runtime: await createTestRuntime(),
      system: {
        ...createNodeSystem(),
        isTerminal: () => false,
        async write(stream, part) {
          if (stream === "stdout") throw Object.assign(new Error("it is full"), { code: fault });
          said += part;
        },
      },
      args: ["--version"],
      self: ["mcp-wrapper"],
      cwd: "/",
      remoteListener: "fast",
      onFault: () => {},
      exit: ended.resolve,
      readPage: () => Promise.resolve(undefined),
    });
    expect([fault, await ended.promise]).toEqual([fault, code]);
    expect(said).toBe(code === 0 ? "" : "Cannot write the result: it is full\n");
  }
});
