/**
 * Figures that no load gives: memory with many sessions and streams, and the time from the start of
 * the program to a tool's first answer. Each target is started for it and ended afterwards.
 */
import { residentBytes } from "../../test/support/processes.ts";
import { echoCaller } from "./callers.ts";
import type { Closing } from "./closing.ts";
import { endSessions, openSessions, openStreams } from "./fan_out.ts";
import type { Measure } from "./figures.ts";
import type { Side, Target } from "./targets.ts";

/** What is read at one target, once. */
type Reading = ReadonlyMap<Measure, number>;

/** One row. */
export interface SingleFigure {
  readonly name: string;
  readonly title: string;
  readonly rounds: number;
  readonly read: (side: Side, closing: Closing) => Promise<Reading>;
}

const sessionCount = 1_000;
/** The wait before memory is read, so that memory which the runtime frees soon is not counted. */
const settleMs = 1_000;
const bytesPerMegabyte = 1024 * 1024;

async function megabytesOf({ pid }: Target): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  return residentBytes(pid) / bytesPerMegabyte;
}

async function readMemory(side: Side, closing: Closing): Promise<Reading> {
  const target = await closing.open(() => side.start("one"), ({ close }) => close());
  const idle = await megabytesOf(target);
  const sessions = await openSessions(target.endpoint("http"), sessionCount);
  const withSessions = await megabytesOf(target);
  const streams = await openStreams(sessions, () => {});
  const withStreams = await megabytesOf(target);
  streams.close();
  await endSessions(sessions);
  await target.close();
  return new Map([
    ["idle", idle],
    ["sessions", withSessions - idle],
    ["streams", withStreams - idle],
  ]);
}

async function readStart(side: Side, closing: Closing): Promise<Reading> {
  const begun = performance.now();
  const target = await closing.open(() => side.start("own"), ({ close }) => close());
  const caller = await echoCaller(target.endpoint("http"), 0);
  await caller.work(() => {});
  const ms = performance.now() - begun;
  await caller.close();
  await target.close();
  return new Map([["start", ms]]);
}

/** The rows. */
export const singleFigures: readonly SingleFigure[] = [
  {
    name: "memory_1000",
    title: "resident memory: idle, with 1,000 sessions, with an open stream for each",
    rounds: 3,
    read: readMemory,
  },
  {
    name: "start",
    title: "from the start of the program to a tool's answer",
    rounds: 5,
    read: readStart,
  },
];

/** All readings of one row: for each side in their order, by measure; the sides take turns. */
export async function readRounds(
  { rounds, read }: SingleFigure,
  sides: readonly Side[],
  closing: Closing,
): Promise<Map<Measure, number[]>[]> {
  const readings = sides.map(() => new Map<Measure, number[]>());
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, side] of sides.entries()) {
      for (const [measure, value] of await read(side, closing)) {
        const values = readings[at]?.get(measure) ?? [];
        readings[at]?.set(measure, [...values, value]);
      }
    }
  }
  return readings;
}
