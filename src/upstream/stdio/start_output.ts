/**
 * The output of a program before its exit, within bounds: the lines that look like an error, the
 * first lines, and the last few. Programs print their usage after the reason, and stacks after the
 * message, so the end alone says little. Not here: what callers may see of it (server_text.ts).
 */
import { beginning } from "../../excerpt.ts";
import type { Limits } from "../../limits.ts";

/** The kept output of one program. */
export interface StartOutput {
  take(line: string): void;
  /** Whether the start is still running: then lines are kept. */
  isOpen(): boolean;
  /** The start succeeded: the kept lines are dropped, and no more are kept. */
  stop(): void;
  /** The kept lines, in order. */
  lines(): readonly string[];
  /** The lines that look like an error, the likeliest reason first. */
  errors(): readonly string[];
}

/** The limits of what is kept. */
export type StartOutputLimits = Pick<
  Limits,
  | "startOutputLinesMax"
  | "startOutputCharsMax"
  | "startOutputTailLinesMax"
  | "startOutputTailCharsMax"
>;

/** Keeps nothing yet. */
export function createStartOutput(limits: StartOutputLimits): StartOutput {
  const errors = createHeap(limits.startOutputLinesMax, limits.startOutputCharsMax);
  const first = createHeap(limits.startOutputLinesMax, limits.startOutputCharsMax / 2);
  const last: Kept[] = [];
  let count = 0;
  let isOver = false;
  return {
    isOpen: () => !isOver,
    stop() {
      isOver = true;
      for (const kept of [errors.kept, first.kept, last]) kept.length = 0;
    },
    take(line) {
      if (isOver) return;
      const at = count++;
      if (looksLikeError(line) ? errors.put(at, line) : first.put(at, line)) return;
      last.push({ at, line: beginning(line, limits.startOutputTailCharsMax) });
      if (last.length > limits.startOutputTailLinesMax) last.shift();
    },
    lines: () =>
      [...errors.kept, ...first.kept, ...last]
        .sort((one, other) => one.at - other.at)
        .map(({ line }) => line),
    errors: () => errors.kept.map(({ line }) => line).sort((one, other) => rank(one) - rank(other)),
  };
}

interface Kept {
  readonly at: number;
  readonly line: string;
}

/** The first lines that come, within a bound of lines and one of characters. */
function createHeap(linesMax: number, charsMax: number) {
  const kept: Kept[] = [];
  let room = charsMax;
  return {
    kept,
    put(at: number, line: string): boolean {
      const part = kept.length < linesMax ? beginning(line, room) : "";
      if (part === "") return false;
      room -= part.length;
      kept.push({ at, line: part });
      return true;
    },
  };
}

/**
 * A level that marks a line as no error, after a time or in brackets; npm's come after its name.
 */
const harmlessLevel =
  /^[\d\s:.,+TZ/[\]()-]*(?:npm\s+)?(?:warn(?:ing)?|info|debug|notice|verbose|trace)\b/i;
const harmlessMember = /"level":\s*"(?:warn\w*|info|debug|trace)"/i;
/** A line of a program's usage. */
const usage = /^\s*(?:-{1,2}\w|usage\b)/i;
const errorWord =
  /\b(?:err(?:or)?|fatal|panic(?:ked)?|critical|exception|fail(?:ed|ure|s)?|cannot|can['’]t|could(?: not|n['’]t)|unable|missing|required?|requires|no such|denied|invalid|unauthori[sz]ed|forbidden|unknown|unsupported|refused|must)\b|\bnot (?:found|set|defined|provided|configured|installed|available|allowed|permitted)\b|\w(?:Error|Exception)\b/i;

function looksLikeError(line: string): boolean {
  return errorWord.test(line) && !harmlessLevel.test(line) && !harmlessMember.test(line) &&
    !usage.test(line);
}

/** "Error: …", "ModuleNotFoundError: …", "panic: …" at the very beginning of a line. */
const announced = /^(?:uncaught\s+)?(?:[\w.]*(?:error|exception)|fatal|panic)\b[^:]*:/i;

/** Lines of npm with the code of a failure, before the lines that say what failed. */
const codeAlone = /^npm (?:error|ERR!) (?:code|errno|syscall|path|dest)\b/;

/** The part of a line that gives the reason; indented lines belong to a stack or to source code. */
function rank(line: string): number {
  if (announced.test(line)) return 0;
  return /^\s/.test(line) || codeAlone.test(line) ? 2 : 1;
}

/** Whether a line is part of a program's usage, which says nothing about its exit. */
export function isUsage(line: string): boolean {
  return usage.test(line);
}
