/**
 * How commands speak to the person or the script that runs them: results on stdout, everything else
 * on stderr, colours and progress only on a terminal, and questions only where both a person's input
 * and their view are terminals. A terminal gets no control characters of the texts, which may be
 * those of a hostile server; a file or a program gets every text as it is.
 */
import type { OutputName, System } from "../runtime/system.ts";
import { colour, controlStart, type Style, styleMarks, wantsColours } from "./colours.ts";
import { CommandError } from "./command_error.ts";
import { createTerminalInput } from "./terminal_input.ts";
import { toVisible, toVisibleExcept } from "./visible_text.ts";

/** The two outputs and the questions of one run. */
export interface Terminal {
  /** Prints a line of the result on stdout. */
  print(line: string): void;
  /** Prints a line that is no part of the result on stderr. */
  note(line: string): void;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  /** The columns of a line on stdout; Infinity if it is no terminal. */
  readonly width: number;
  /** Marks a text for stdout. */
  style(style: Style, text: string): string;
  /** Shows what is going on until the returned function is called; nothing off a terminal. */
  progress(text: string): Progress;
  /** Whether a person can be asked. */
  readonly canAsk: boolean;
  /**
   * Asks for a line. Rejects with `needsPerson` off a terminal and at the end of input, and with
   * `interrupted` when the person interrupts the command.
   */
  ask(question: string): Promise<string>;
  /** The same for a secret: what is typed is not shown, and is not trimmed. */
  askSecret(question: string): Promise<string>;
  /** Resolves when everything printed has left the program, or cannot. */
  flush(): Promise<void>;
  /** Why a part of the result could not be written; a reader that ended early is no reason. */
  fault(): unknown;
}

/** A line on the terminal that changes. */
export interface Progress {
  update(text: string): void;
  /** Removes the line. */
  stop(): void;
}

/** Back to the first column, and the rest of the line away. */
const clearLine = `\r${controlStart}K`;

/**
 * Makes the terminal of one run; `env` decides about colours (NO_COLOR, FORCE_COLOR), and `signal`
 * ends questions.
 */
export function createTerminal(
  system: System,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal = new AbortController().signal,
): Terminal {
  let written = Promise.resolve();
  let fault: unknown;
  const write = (stream: OutputName, text: string) => {
    written = written.then(() => system.write(stream, text)).catch((thrown) => {
      // A reader that ended early, such as head, is no fault.
      if (stream === "stdout" && !isBrokenPipe(thrown)) fault ??= thrown;
    });
  };
  const isTerminal = system.isTerminal("stdout");
  const hasColours = wantsColours(env, isTerminal);
  const toResult = hasColours
    ? (text: string) => toVisibleExcept(text, styleMarks)
    : isTerminal
    ? toVisible
    : (text: string) => text;
  const toNote = system.isTerminal("stderr") ? toVisible : (text: string) => text;
  const canAsk = system.isTerminal("stdin") && system.isTerminal("stderr");
  const input = createTerminalInput(system.stdin, system.setRawInput);
  const request = async (question: string, read: () => Promise<string | undefined>) => {
    if (!canAsk) {
      throw new CommandError("needsPerson", `Cannot ask "${question}": this is no terminal`);
    }
    write("stderr", `${toNote(question)} `);
    const typed = await unlessAborted(read(), signal);
    if (typed !== undefined) return typed;
    throw new CommandError("needsPerson", "Cannot ask: the input has ended");
  };
  return {
    print: (line) => write("stdout", `${toResult(line)}\n`),
    note: (line) => write("stderr", `${toNote(line)}\n`),
    isTerminal,
    width: system.columns() ?? Infinity,
    style: (style, text) => hasColours ? colour(style, text) : text,
    progress(text) {
      if (!system.isTerminal("stderr")) return { update() {}, stop() {} };
      const show = (now: string) => write("stderr", `${clearLine}${toNote(now)}`);
      show(text);
      return { update: show, stop: () => write("stderr", clearLine) };
    },
    canAsk,
    ask: async (question) => (await request(question, input.line)).trim(),
    async askSecret(question) {
      try {
        return await request(question, input.secret);
      } finally {
        // The key that ended it is not shown either.
        if (canAsk) write("stderr", "\n");
        system.setRawInput(false);
      }
    },
    flush: () => written,
    fault: () => fault,
  };
}

/** The same result; rejects when the signal aborts first. */
function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new CommandError("interrupted", "Interrupted"));
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

/** Whether the reader of an output ended first. */
function isBrokenPipe(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "EPIPE";
}
