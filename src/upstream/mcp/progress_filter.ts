/** Progress of one call over all of its rounds. */
import type { Notice } from "../../model.ts";

/** The notice that a filter looks at. */
export const progressMethod = "notifications/progress";

/** Decides which notices of a call are passed on. */
export interface ProgressFilter {
  nextRound(): void;
  passes(notice: Notice): boolean;
}

/** Progress increases from round to round, even if the server restarts its count. */
export function createProgressFilter(): ProgressFilter {
  let rounds = 0;
  let last = -Infinity;
  return {
    nextRound: () => void (rounds += 1),
    passes({ method, params }) {
      if (method !== progressMethod) return true;
      const value = Number(params["progress"]);
      if (rounds > 0 && value <= last) return false;
      last = Math.max(last, value);
      return true;
    },
  };
}
