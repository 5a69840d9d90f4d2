/**
 * `kill -9` of the gateway under load, again and again: sessions open and end, calls report their
 * progress on streams, and the kill comes at a random moment. After each restart every session that
 * was acknowledged must be there, every one whose end was acknowledged must stay away, and every
 * call that was open must come to its answer, or to the outcome `unknown`, when its client resumes
 * its stream (cases G4 and C3).
 *
 *   bun bench kills                                    deno run -A bench/run.ts kills
 *   … --cycles=500 --sessions=1000 --store             the figure, in slices; the default is 10 and 100
 *   … --calls=8 --seed=1 --json=FILE --restart
 *   … --peer=NAME                                      at a program of another project
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { percentile } from "./e2e/results.ts";
import { checkAfterKill, hasBegun } from "./support/killed_checks.ts";
import { type KillRun, openAll, playUntilKilled } from "./support/killed_load.ts";
import { numberOption } from "./support/row.ts";
import { runSliced, type SliceRunner } from "./support/slices.ts";
import { openSubject } from "./support/subject.ts";

const cycles = numberOption("cycles", 10);
const sessions = numberOption("sessions", 100);
const calls = numberOption("calls", 8);
const cyclesOfSlice = 5;

interface KillCounts {
  /** Sessions that were there before a kill, over all cycles. */
  acknowledged: number;
  lost: number;
  revived: number;
  /** Calls that were open at a kill and began before it. */
  resumed: number;
  endless: number;
  readonly readyMs: number[];
}

async function open(): Promise<SliceRunner<KillCounts>> {
  const subject = await openSubject({ kid: { ...hostileCommand(), isolation: "shared" } });
  const run: KillRun = {
    random: Math.random,
    sessionsMax: sessions,
    callsAtOnce: calls,
    alive: new Set(),
    ended: new Set(),
    unsure: new Set(),
    calling: new Set(),
    open: [],
  };
  await openAll(subject.url, run);
  /** One kill, one restart, and what was wrong after it. */
  const runCycle = async (counts: KillCounts) => {
    await playUntilKilled(subject, run);
    const begun = performance.now();
    await subject.restart();
    counts.readyMs.push(Math.round(performance.now() - begun));
    counts.acknowledged += run.alive.size;
    counts.resumed += run.open.filter(hasBegun).length;
    const { lost, revived, endless } = await checkAfterKill(subject.url, run);
    counts.lost += lost;
    counts.revived += revived;
    counts.endless += endless;
    run.open.length = 0;
  };
  return {
    async run({ count, random, counts }) {
      run.random = random;
      for (let cycle = 0; cycle < count; cycle += 1) await runCycle(counts);
    },
    close: () => subject.dispose(),
  };
}

await runSliced<KillCounts>({
  figure: "kills",
  options: { cycles, sessions, calls },
  of: cycles,
  slice: cyclesOfSlice,
  none: { acknowledged: 0, lost: 0, revived: 0, resumed: 0, endless: 0, readyMs: [] },
  open,
  judge: ({ readyMs, acknowledged, lost, revived, resumed, endless }) => ({
    values: {
      kills: readyMs.length,
      sessionsEach: Math.round(acknowledged / Math.max(readyMs.length, 1)),
      ...{ lost, revived, resumed, endless },
      readyMs: { p50: percentile(readyMs, 0.5), p99: percentile(readyMs, 0.99) },
    },
    goals: [
      ["no acknowledged session is lost", lost === 0],
      ["no ended session comes back", revived === 0],
      ["each open call has an honest end", endless === 0],
    ],
  }),
});
