/**
 * What a person types: lines, and secrets, which the terminal must not show. While a secret is
 * typed the terminal is raw: it shows nothing and sends each key, so this file does the editing that
 * the terminal does otherwise.
 */
import { CommandError } from "./command_error.ts";

/** The input of one run. Both resolve with undefined at its end. */
export interface TerminalInput {
  line(): Promise<string | undefined>;
  /** A line that is not shown; rejects with `interrupted` on Ctrl-C. */
  secret(): Promise<string | undefined>;
}

/** What raw keys do. */
const interrupt = "\u0003";
const endOfInput = "\u0004";
const backspaces = new Set(["\b", "\u007f"]);
const clearKeys = new Set(["\u0015", "\u0017"]);

/** Arrows and other keys that send several characters. */
const keySequence = new RegExp("\u001b(?:\\[[\\d;]*[A-Za-z~]|O[A-Za-z])", "g");

/** Makes the input of a stream; `setRaw` switches the terminal. */
export function createTerminalInput(
  stdin: () => ReadableStream<Uint8Array>,
  setRaw: (isRaw: boolean) => void,
): TerminalInput {
  const decoder = new TextDecoder();
  let chunks: AsyncIterator<Uint8Array> | undefined;
  let text = "";
  let isEnded = false;
  /** Reads on until the text has a match; undefined: the input ended before. */
  const until = async (find: (text: string) => number): Promise<number | undefined> => {
    for (;;) {
      const index = find(text);
      if (index >= 0) return index;
      if (isEnded) return undefined;
      const { done = false, value } = await (chunks ??= chunksOf(stdin())).next();
      isEnded = done;
      text += done ? decoder.decode() : decoder.decode(value, { stream: true });
    }
  };
  const take = (end: number | undefined): string | undefined => {
    if (end === undefined && text === "") return undefined;
    const line = end === undefined ? text : text.slice(0, end);
    text = end === undefined ? "" : text.slice(end + 1);
    return line;
  };
  return {
    line: async () => take(await until((typed) => typed.indexOf("\n"))),
    async secret() {
      setRaw(true);
      try {
        const end = await until(endOfSecret);
        const key = end === undefined ? "" : text[end];
        const typed = take(end);
        if (key === interrupt) throw new CommandError("interrupted", "Interrupted");
        return typed === undefined || key === endOfInput ? undefined : toTyped(typed);
      } finally {
        setRaw(false);
      }
    },
  };
}

async function* chunksOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  for await (const chunk of stream) yield chunk;
  return undefined;
}

/** Where a secret ends: Enter, Ctrl-C, or Ctrl-D as the first key. */
function endOfSecret(typed: string): number {
  if (typed.startsWith(endOfInput)) return 0;
  return typed.split("").findIndex((key) => key === "\r" || key === "\n" || key === interrupt);
}

/** The text that keys leave. */
function toTyped(keys: string): string {
  const typed: string[] = [];
  for (const key of keys.replace(keySequence, "")) {
    if (backspaces.has(key)) typed.pop();
    else if (clearKeys.has(key)) typed.length = 0;
    else if (!/\p{Cc}/u.test(key)) typed.push(key);
  }
  return typed.join("");
}
