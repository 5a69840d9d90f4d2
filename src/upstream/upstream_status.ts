/** The state of one upstream, and since when it has been in it. */
import type { Clock } from "../clock.ts";
import type { Supervisor } from "./mcp/restart_policy.ts";
import type { UpstreamState, UpstreamStatus } from "./upstream.ts";

/** Follows a state. */
export interface StatusNote {
  /** Looks at the state: it may have changed. */
  note(): void;
  now(): Pick<UpstreamStatus, "state" | "since">;
}

/** Begins to follow what `read` says; a new upstream is idle. */
export function createStatus(clock: Clock, read: () => UpstreamState): StatusNote {
  let state: UpstreamState = "idle";
  let since = clock.wall();
  const note = (): void => {
    const next = read();
    if (next === state) return;
    state = next;
    since = clock.wall();
  };
  return {
    note,
    now() {
      note();
      return { state, since };
    },
  };
}

/** The state of a server from its lanes and its last starts. */
export function toState(
  { starting, running }: { readonly starting: number; readonly running: number },
  supervisor: Pick<Supervisor, "state" | "problem">,
): UpstreamState {
  const verdict = supervisor.state();
  if (verdict !== "well") return verdict;
  if (running > 0) return "running";
  if (supervisor.problem() !== undefined) return "failing";
  return starting > 0 ? "starting" : "idle";
}
