/** Colours on a terminal: whether they are wanted, and how a text gets them. */

/** How a word is marked on a terminal; elsewhere it stays plain. */
export type Style = "good" | "bad" | "faint" | "strong" | "warn";

const codes: Readonly<Record<Style, number>> = { good: 32, bad: 31, faint: 2, strong: 1, warn: 33 };

/** What begins every mark and every other command to a terminal. */
export const controlStart = "\u001b[";
/** What `colour` adds to a text. */
export const styleMarks = new RegExp(`(${controlStart.replace("[", "\\[")}(?:0|1|2|31|32|33)m)`);

/** A text in the colour of a style. */
export function colour(style: Style, text: string): string {
  return `${controlStart}${codes[style]}m${text}${controlStart}0m`;
}

/**
 * Whether an output gets colours: NO_COLOR forbids them, FORCE_COLOR forces them (0 forbids), and
 * else a terminal gets them that can show them.
 */
export function wantsColours(
  env: Readonly<Record<string, string>>,
  isTerminal: boolean,
): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const forced = env["FORCE_COLOR"] ?? "";
  return forced === "" ? isTerminal && env["TERM"] !== "dumb" : forced !== "0";
}
