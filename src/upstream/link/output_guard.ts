/**
 * Output of a child that answers no open request: garbage, late answers, and notices. The guard
 * counts it, logs it rarely and paces it: beyond a number of lines in a window, reading waits for
 * the next window, so that the pipe holds the child back and other servers are not affected. A
 * child that fills several windows in a row with garbage is stopped.
 */
import { sleep } from "../../clock.ts";
import { beginning } from "../../excerpt.ts";
import { Shortened } from "../../log.ts";
import type { UpstreamDeps } from "../deps.ts";

/** Guards the output of one child. */
export interface OutputGuard {
  /** A line that could not be used; `sample` is shown in the log. */
  garbage(what: string, sample: string): void;
  /** A well-formed notice without a receiver, which is not a fault. */
  dropped(what: string, sample: string): void;
  /** A well-formed notice. */
  notice(): void;
  /** A message for a call that was given up: the server could not know. */
  late(): void;
  /** A promise to wait for when the window is full; `now` is the time (monotonic). */
  hold(now: number): Promise<void> | undefined;
  /** How many lines were notices or garbage. */
  unasked(): number;
  /** The first line that could not be used. */
  first(): string | undefined;
}

/** Makes a guard; it calls `giveUp` at most once. */
export function createOutputGuard(
  server: string,
  options: Pick<UpstreamDeps, "limits" | "clock" | "log" | "emit">,
  giveUp: (reason: string) => void,
): OutputGuard {
  const { limits, clock, log, emit } = options;
  const quietUntil = new Map<string, { until: number; unlogged: number }>();
  let windowEnd = clock.monotonic() + limits.outputWindowMs;
  let linesInWindow = 0;
  let garbageInWindow = 0;
  let windowsSpent = 0;
  let unasked = 0;
  let first: string | undefined;

  const turnWindow = (now: number): void => {
    if (now < windowEnd) return;
    windowsSpent = garbageInWindow >= limits.outputLinesMax ? windowsSpent + 1 : 0;
    if (windowsSpent === limits.outputWindowsMax) giveUp("it floods its output with garbage");
    windowEnd = now + limits.outputWindowMs;
    linesInWindow = 0;
    garbageInWindow = 0;
  };

  const report = (what: string, sample: string): void => {
    const now = clock.monotonic();
    const record = quietUntil.get(what) ?? { until: 0, unlogged: 0 };
    quietUntil.set(what, record);
    if (now < record.until) {
      record.unlogged++;
      return;
    }
    log.warn(`Ignored a line: ${what}`, {
      line: new Shortened(sample, (text) => beginning(text, limits.stderrLineCharsMax)),
      ...(record.unlogged > 0 ? { alsoIgnored: record.unlogged } : {}),
    });
    record.until = now + limits.outputLogMs;
    record.unlogged = 0;
  };

  return {
    garbage(what, sample) {
      emit({ type: "dropped", what: "server_output", server });
      first ??= beginning(sample, limits.stderrLineCharsMax);
      linesInWindow++;
      unasked++;
      garbageInWindow++;
      report(what, sample);
    },
    dropped(what, sample) {
      emit({ type: "dropped", what: "server_notice", server });
      report(what, sample);
    },
    notice() {
      linesInWindow++;
      unasked++;
    },
    late() {
      emit({ type: "dropped", what: "late_message", server });
    },
    hold(now) {
      turnWindow(now);
      if (linesInWindow < limits.outputLinesMax) return undefined;
      return sleep(clock, Math.max(0, windowEnd - clock.monotonic()))
        .then(() => turnWindow(clock.monotonic()));
    },
    unasked: () => unasked,
    first: () => first,
  };
}
