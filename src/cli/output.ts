/** How commands print their results: one JSON value with `--json`, else lines for a person. */
import type { CommandContext } from "./command.ts";

/** Prints a result that was looked up: the value, or the lines. */
export function printResult(
  { json, terminal }: CommandContext,
  value: unknown,
  lines: () => readonly string[],
): void {
  if (json) return terminal.print(JSON.stringify(value, null, 2));
  for (const line of lines()) terminal.print(line);
}

/** Prints what was done. */
export function printDone(
  context: CommandContext,
  value: Readonly<Record<string, unknown>>,
  lines: readonly string[],
): void {
  printResult(context, value, () => lines);
}
