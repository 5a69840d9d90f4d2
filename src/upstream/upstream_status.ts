/** The state of one upstream, and since when it has been in it. */
import type { Clock } from "../clock.ts";
import type { Emit } from "../telemetry/events.ts";
import type { UpstreamState, UpstreamStatus } from "./upstream.ts";

/** Follows a state. */
export interface StatusNote {
  /** Looks at the state: it may have changed. */
  note(): void;
  now(): Pick<UpstreamStatus, "state" | "since">;
}

/** Begins to follow what `read` says, and emits each change; a new upstream is idle. */
export function createStatus(
  server: string,
  { clock, emit }: { readonly clock: Clock; readonly emit: Emit },
  read: () => Pick<UpstreamStatus, "state" | "problem">,
): StatusNote {
  let state: UpstreamState = "idle";
  let since = clock.wall();
  const note = (): void => {
    const { state: next, problem } = read();
    if (next === state) return;
    state = next;
    since = clock.wall();
    emit({ type: "server_state", server, state, problem });
  };
  return {
    note,
    now() {
      note();
      return { state, since };
    },
  };
}

/** The state of a server from its connections and its last starts. */
export function toState(
  { starting, running }: { readonly starting: number; readonly running: number },
  policy: {
    /** `well` while nothing keeps the server from being started. */
    state(): UpstreamState | "well";
    problem(): string | undefined;
  },
): UpstreamState {
  const state = policy.state();
  if (state !== "well") return state;
  if (running > 0) return "running";
  if (policy.problem() !== undefined) return "failing";
  return starting > 0 ? "starting" : "idle";
}
