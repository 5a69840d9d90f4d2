/** How a benchmark of a single figure reads its options, stores its row and says what it missed. */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { describeMachine } from "./machine.ts";

/** `--name=text` of the command line. */
export const textOption = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);

/** The same as a number. */
export const numberOption = (name: string, fallback: number): number =>
  Number(textOption(name) ?? fallback);

/** `--seed=N`, or a new one for each run. */
export const seedOption = (): number => numberOption("seed", Math.floor(Math.random() * 2 ** 31));

/** What must hold, and whether it does. */
export type Goals = readonly (readonly [goal: string, isReached: boolean])[];

/**
 * Prints the row with machine and versions, writes it to the file of `--json`, and ends the process:
 * with 1 if a goal was missed.
 */
export function finish(figure: string, values: object, goals: Goals): never {
  const row = JSON.stringify({ figure, ...describeMachine(), ...values }, null, 2);
  console.log(row);
  const path = textOption("json");
  if (path !== undefined) writeFileSync(path, `${row}\n`);
  const missed = goals.filter(([, isReached]) => !isReached);
  for (const [goal] of missed) console.log(`missed: ${goal}`);
  console.log(`${goals.length - missed.length} passed, ${missed.length} failed`);
  process.exit(missed.length > 0 ? 1 : 0);
}
