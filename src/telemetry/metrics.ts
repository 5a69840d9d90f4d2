/**
 * The metrics of one gateway: counters that follow the stream of events, and gauges that are read
 * when the text is asked for. Not here: who may ask (http/admin), and where the readings come from
 * (app/open_metrics.ts).
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { type CallMetricsOptions, createCallMetrics } from "./call_metrics.ts";
import type { Events } from "./events.ts";
import { measureLoopLag } from "./loop_lag.ts";
import { labelText, type MetricFamily, toMetricText } from "./metric_text.ts";
import { type Readings, toFamilies } from "./readings.ts";
import { countSteps } from "./step_metrics.ts";

/** What metrics are made from. */
export interface MetricsOptions extends Omit<CallMetricsOptions, "limits"> {
  readonly events: Pick<Events, "read">;
  readonly clock: Clock;
  readonly limits: CallMetricsOptions["limits"] & Pick<Limits, "loopLagSampleMs">;
  /** What the build is, as labels. */
  readonly build: Readonly<Record<string, string>>;
  /** Never rejects. */
  readonly read: () => Promise<Readings>;
}

/** The metrics of one gateway. */
export interface Metrics {
  /** All of them now, in the exposition format of Prometheus. */
  text(): Promise<string>;
  /** From now on these servers are those of the configuration; what was counted of others is gone. */
  keep(names: readonly string[]): void;
  close(): void;
}

/** Begins to count. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { events, clock, limits, build, read } = options;
  const calls = createCallMetrics(options);
  const steps = countSteps(events);
  const lag = measureLoopLag(clock, limits);
  const stop = events.read(calls.count, ["call_ended"]);
  const info: MetricFamily = {
    name: "build_info",
    type: "gauge",
    help: "What runs: always 1.",
    samples: [{ labels: labelText(build), value: 1 }],
  };
  return {
    text: async () =>
      toMetricText([
        info,
        ...toFamilies(await read()),
        lag.family(),
        ...calls.families(),
        ...steps.families(),
      ]),
    keep(names) {
      calls.keep(names);
      steps.keep(names);
    },
    close() {
      stop();
      steps.close();
      lag.close();
    },
  };
}
