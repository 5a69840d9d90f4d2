/** Progress of one call over all of its rounds. */
import type { Notice } from "../../model.ts";

/** The notice that a filter looks at. */
export const progressMethod = "notifications/progress";

/** Progress increases from round to round, even if the server restarts its count. */
export class ProgressFilter {
  private rounds: number;
  private last = -Infinity;

  /** `rounds` is how many rounds came before the first notice. */
  constructor(rounds: number) {
    this.rounds = rounds;
  }

  nextRound(): void {
    this.rounds += 1;
  }

  /** Whether a notice is passed on. */
  passes({ method, params }: Notice): boolean {
    if (method !== progressMethod) return true;
    const value = Number(params["progress"]);
    if (this.rounds > 0 && value <= this.last) return false;
    this.last = Math.max(this.last, value);
    return true;
  }
}
