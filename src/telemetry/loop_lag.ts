/**
 * How late the event loop is: a timer that should run at a time runs later by as much as the work
 * before it took. While it is late, every client waits.
 */
import type { Clock } from "../clock.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import { createHistogram, observe, samplesOf } from "./histogram.ts";
import type { MetricFamily } from "./metric_text.ts";

/** The lag so far. */
export interface LoopLag {
  family(): MetricFamily;
  close(): void;
}

const lagBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Begins to measure. */
export function measureLoopLag(
  clock: Clock,
  { loopLagSampleMs }: Pick<Limits, "loopLagSampleMs">,
): LoopLag {
  const histogram = createHistogram(lagBounds);
  let cancel = (): void => {};
  const measure = (): void => {
    const due = clock.monotonic() + loopLagSampleMs;
    cancel = clock.after(loopLagSampleMs, () => {
      observe(histogram, Math.max(0, clock.monotonic() - due) / msPerSecond);
      measure();
    });
  };
  measure();
  return {
    family: () => ({
      name: "event_loop_lag_seconds",
      type: "histogram",
      help: "How late timers of the event loop are, sampled a few times a second.",
      samples: samplesOf(histogram, ""),
    }),
    close: () => cancel(),
  };
}
