/**
 * Figures that no load gives: memory with many sessions and streams, and the time from the start of
 * the program to a tool's first answer. Each target is started for it and ended afterwards.
 */
import { residentBytes } from "../../test/support/processes.ts";
import { echoCaller } from "./callers.ts";
import type { Closing } from "./closing.ts";
import { endSessions, openSessions, openStreams } from "./fan_out.ts";
import { formatMegabytes, spreadOf } from "./report.ts";
import type { Side } from "./targets.ts";

/** One row. */
export interface SingleFigure {
  readonly name: string;
  readonly title: string;
  /** One line for each side, in their order, without its name. */
  readonly measure: (sides: readonly Side[], closing: Closing) => Promise<string[]>;
}

const sessionCount = 1_000;
const starts = 5;

async function measureMemory(sides: readonly Side[], closing: Closing): Promise<string[]> {
  const lines: string[] = [];
  for (const side of sides) {
    const target = await closing.open(() => side.start("one"), ({ close }) => close());
    const [first] = await openSessions(target.url, 1);
    const before = residentBytes(target.pid);
    const sessions = await openSessions(target.url, sessionCount);
    const idle = residentBytes(target.pid);
    const streams = await openStreams(sessions, () => {});
    const streaming = residentBytes(target.pid);
    streams.close();
    await endSessions(first === undefined ? sessions : [...sessions, first]);
    await target.close();
    lines.push([before, idle, streaming].map(formatMegabytes).join(", "));
  }
  return lines;
}

async function measureStart(sides: readonly Side[], closing: Closing): Promise<string[]> {
  const times = sides.map((): number[] => []);
  for (let round = 0; round < starts; round += 1) {
    for (const [at, side] of sides.entries()) {
      const begun = performance.now();
      const target = await closing.open(() => side.start("own"), ({ close }) => close());
      const caller = await echoCaller(target.url, 0);
      await caller.work(() => {});
      times[at]?.push(performance.now() - begun);
      await caller.close();
      await target.close();
    }
  }
  return times.map((ms) => {
    const { median, lowest, highest } = spreadOf(ms);
    return `${median.toFixed(0)} ms (${lowest.toFixed(0)}–${highest.toFixed(0)})`;
  });
}

/** The rows. */
export const singleFigures: readonly SingleFigure[] = [
  {
    name: "memory_1000",
    title: "resident memory: at the start, with 1,000 sessions, with an open stream for each",
    measure: measureMemory,
  },
  {
    name: "start",
    title: `from the start of the program to a tool's answer, ${starts} starts in turns`,
    measure: measureStart,
  },
];
