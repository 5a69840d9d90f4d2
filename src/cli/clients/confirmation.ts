/** Asks before something changes: on a terminal by a question, elsewhere only `--yes` allows it. */
import type { CommandContext } from "../command.ts";
import { CommandError } from "../command_error.ts";

/**
 * Whether the person agrees; only "y" and "yes" do. Off a terminal without `--yes` it throws
 * `needsPerson` with what the question was about.
 */
export async function confirm(
  { terminal, yes }: CommandContext,
  question: string,
): Promise<boolean> {
  if (yes) return true;
  if (!terminal.canAsk) {
    throw new CommandError("needsPerson", `${question} Cannot ask here: add --yes to agree`);
  }
  return /^y(?:es)?$/i.test(await terminal.ask(`${question} [y/N]`));
}
