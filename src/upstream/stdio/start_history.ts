/**
 * Whether a program that ended after a question of which some die is started again, and not asked.
 * No system tells whether it had read the question. Three rules decide:
 * - One that printed an error in which no word is about messages ended by itself: that start failed.
 * - Any other (silent, or with words about what it was asked) is started again and not asked.
 * - Whichever it was, until a start succeeds the handshake comes first: a failing program is started
 *   once each time, and one that died of the question with words about something else works then.
 *   From then on its words are not believed: it is started again.
 */
import { type Dialect, mentionsMessages } from "../link/dialect.ts";
import { isUsage, type StartOutput } from "./start_output.ts";

/** What the starts of one program say of it. */
export interface StartHistory {
  /** The dialects in the order in which they are to be tried now. */
  order(dialects: readonly Dialect[]): readonly Dialect[];
  /** A process has answered in this dialect. */
  ready(dialect: Dialect): void;
  /** A process ended after such a question; whether another is to be started and not asked. */
  endedAsked(saysWhy: boolean): boolean;
  /** A process ended without such a question, as that of a trial may. */
  failed(): void;
}

/** Nothing is known yet. */
export function createStartHistory(): StartHistory {
  // "failing": one ended without the question, and none was ready since. "doubtful": one ended after
  // the question, and none was ready since. "shy": one that was not asked was ready after that.
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

/** The handshake first; what some die of, last. */
function askLast(dialects: readonly Dialect[]): readonly Dialect[] {
  return [
    ...dialects.filter((dialect) => !dialect.mayGoUnanswered),
    ...dialects.filter((dialect) => dialect.mayGoUnanswered),
  ];
}

/** Whether what a program printed is an error, and about something else than what it was asked. */
export function saysWhyItEnded(printed: StartOutput): boolean {
  if (printed.errors().length === 0) return false;
  return !printed.lines().some((line) => !isUsage(line) && mentionsMessages(line));
}
