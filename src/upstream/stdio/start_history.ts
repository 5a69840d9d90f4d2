/**
 * Some programs die of a question that they do not know. This file decides whether such a program
 * is started again, without that question. No system says whether the program had read the
 * question. Three rules decide:
 * - A program that printed an error without a word about messages exited by itself: that start
 *   failed.
 * - Any other program (silent, or with words about the question) is started again without the
 *   question.
 * - In both cases the handshake comes first until a start succeeds. A failing program is then
 *   started once each time, and a program that died of the question, with words about something
 *   else, works. From then on its words are not trusted: it is started again.
 */
import { type Dialect, mentionsMessages } from "../link/dialect.ts";
import { isUsage, type StartOutput } from "./start_output.ts";

/** What the starts of one program have shown. */
export interface StartHistory {
  /** The dialects in the order of the next attempt. */
  order(dialects: readonly Dialect[]): readonly Dialect[];
  /** A process has answered in this dialect. */
  ready(dialect: Dialect): void;
  /** A process exited after such a question; returns whether to start another one without it. */
  endedAsked(saysWhy: boolean): boolean;
  /** A process exited without such a question, as that of a trial may. */
  failed(): void;
}

/** Nothing is known yet. */
export function createStartHistory(): StartHistory {
  // "failing": one exited without the question, and none was ready since. "doubtful": one exited
  // after the question, and none was ready since. "shy": one without the question was ready after
  // that.
  let state: "none" | "failing" | "doubtful" | "shy" = "none";
  return {
    order: (dialects) => state === "doubtful" || state === "failing" ? askLast(dialects) : dialects,
    ready(dialect) {
      const wasAsked = state === "doubtful" || state === "shy";
      state = wasAsked && !dialect.mayGoUnanswered ? "shy" : "none";
    },
    endedAsked(saysWhy) {
      const isReason = saysWhy && state !== "shy";
      state = "doubtful";
      return !isReason;
    },
    failed() {
      if (state === "none") state = "failing";
    },
  };
}

/** The handshake first, and the deadly question last. */
function askLast(dialects: readonly Dialect[]): readonly Dialect[] {
  return [
    ...dialects.filter((dialect) => !dialect.mayGoUnanswered),
    ...dialects.filter((dialect) => dialect.mayGoUnanswered),
  ];
}

/** Whether the output of a program is an error about something else than the question. */
export function saysWhyItEnded(printed: StartOutput): boolean {
  if (printed.errors().length === 0) return false;
  return !printed.lines().some((line) => !isUsage(line) && mentionsMessages(line));
}
