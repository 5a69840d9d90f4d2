/** Says on a terminal what a command is doing, if that takes longer than a moment. */
import { defaultLimits, msPerSecond } from "../limits.ts";
import type { CommandContext } from "./command.ts";
import type { Progress } from "./terminal.ts";
import { toDuration } from "./times.ts";

/**
 * Does the work. After a second the text stands on the terminal with the time so far, until the work
 * ends; `say` changes the text.
 */
export async function withProgress<Value>(
  { terminal }: Pick<CommandContext, "terminal">,
  text: string,
  work: (say: (text: string) => void) => Promise<Value>,
): Promise<Value> {
  const begunAt = performance.now();
  let now = text;
  let line: Progress | undefined;
  const show = () => {
    const whole = `${now} (${toDuration(performance.now() - begunAt)})`;
    if (line === undefined) line = terminal.progress(whole);
    else line.update(whole);
  };
  let every: ReturnType<typeof setInterval> | undefined;
  const first = setTimeout(() => {
    show();
    every = setInterval(show, msPerSecond);
  }, defaultLimits.progressDelayMs);
  try {
    return await work((next) => {
      now = next;
      if (line !== undefined) show();
    });
  } finally {
    clearTimeout(first);
    clearInterval(every);
    line?.stop();
  }
}
