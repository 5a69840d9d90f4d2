/**
 * What is left after clients that leave in the middle of their calls and programs that crash: the
 * gateway's processes, its file descriptors, and its heap after a forced collection. Each repetition
 * is compared with what a warm-up of a fifth of it left. Linux (/proc).
 *
 *   bun bench returns                  deno run -A bench/run.ts returns
 *   … --times=1000 --store             the figure: disconnects, and crashes, of each repetition
 *   … --repetitions=5 --settle=5       seconds of rest before each look
 *   … --json=FILE --restart
 *   … --peer=NAME                      at a program of another project
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import {
  collectedHeap,
  collectingProgram,
  type Holding,
  holdingOf,
} from "./support/gateway_heap.ts";
import { numberOption } from "./support/row.ts";
import { runSliced, type SliceRunner } from "./support/slices.ts";
import { commonSlopeOf } from "./support/slope.ts";
import { leaveCall } from "./support/soak_faults.ts";
import { openSubject, openSubjectSession } from "./support/subject.ts";

const times = numberOption("times", 20);
const repetitions = numberOption("repetitions", 5);
const settle = numberOption("settle", 5);
const atOnce = 5;
/** The gateway loads and compiles what it needs, and fills its caches. */
const warmUpTimes = Math.max(10, Math.ceil(times / 5));
const bytesPerMegabyte = 1_000_000;
const descriptorsMax = 5;
const heapShareMax = 0.1;
/** Less than this for each disconnect or crash is noise: nothing that leaks is as small. */
const noiseBytes = 50;

/** What the gateway holds after a repetition; after the warm-up of its start it is number 0. */
interface Look extends Holding {
  readonly start: number;
  readonly repetition: number;
  /** The heap after a forced collection; of another program, which has none, its whole memory. */
  readonly usedBytes: number;
}

interface ReturnCounts {
  disconnects: number;
  crashes: number;
  /** Calls whose program crashed and that did not end with the error for it. */
  refused: number;
  readonly looks: Look[];
}

/** At a gateway of its own, whose looks are compared with the first one. */
async function open(): Promise<SliceRunner<ReturnCounts>> {
  const servers = { left: { ...hostileCommand(), isolation: "shared" }, struck: hostileCommand() };
  const subject = await openSubject(servers, { program: collectingProgram });
  const { url } = subject;

  /** A session whose own program crashes during its call. */
  const crash = async (counts: ReturnCounts) => {
    const session = await openSubjectSession(url);
    const args = { name: subject.tool("struck", "crash"), arguments: { how: "SIGKILL" } };
    const { error } = await session.request(1, "tools/call", args);
    if (error?.data?.["reason"] === "upstream_exited") counts.crashes += 1;
    else counts.refused += 1;
    await session.end();
  };
  /** A session whose client leaves its stream and its call. */
  const disconnect = async (counts: ReturnCounts) => {
    const session = await openSubjectSession(url);
    await leaveCall(subject.port, session, subject.tool("left", "slow"), 100);
    counts.disconnects += 1;
    await session.end();
  };
  const repeat = async (counts: ReturnCounts, count: number) => {
    // The one program of a peer is not crashed here, since all that follows would need it.
    for (const happen of subject.isPeer ? [disconnect] : [disconnect, crash]) {
      for (let done = 0; done < count; done += atOnce) {
        const now = Math.min(atOnce, count - done);
        await Promise.all(Array.from({ length: now }, () => happen(counts)));
      }
    }
  };
  const look = async (start: number, repetition: number): Promise<Look> => {
    await new Promise((resolve) => setTimeout(resolve, settle * 1_000));
    const holding = holdingOf(subject.pid);
    const usedBytes = subject.isPeer ? holding.residentBytes : await collectedHeap(subject);
    return { start, repetition, usedBytes, ...holding };
  };

  let isWarm = false;
  return {
    async run({ from, start, counts }) {
      if (!isWarm) {
        await repeat(structuredClone(counts), warmUpTimes);
        counts.looks.push(await look(start, 0));
        isWarm = true;
      }
      await repeat(counts, times);
      counts.looks.push(await look(start, from + 1));
    },
    close: () => subject.dispose(),
  };
}

/** The looks of each start of the command; the first of each is that after the warm-up. */
const startsOf = (looks: readonly Look[]) =>
  [...Map.groupBy(looks, ({ start }) => start).values()] as [Look, ...Look[]][];

/** The furthest from the look after the warm-up, of all later ones. */
function furthest(looks: readonly Look[], difference: (before: Look, now: Look) => number): number {
  const all = startsOf(looks).flatMap(([before, ...later]) =>
    later.map((now) => difference(before, now))
  );
  return all.reduce((most, one) => Math.abs(one) > Math.abs(most) ? one : most, 0);
}

function judge({ looks, ...happened }: ReturnCounts) {
  const processes = furthest(looks, (before, now) => now.processes - before.processes);
  const descriptors = furthest(looks, (before, now) => now.descriptors - before.descriptors);
  const usedShare = furthest(looks, (before, now) => now.usedBytes / before.usedBytes - 1);
  const slopeBytes = commonSlopeOf(
    startsOf(looks).map(([, ...later]) =>
      later.map(({ repetition, usedBytes }) => ({ ms: repetition, value: usedBytes }))
    ),
  );
  const megabytes = (bytes: number) => Number((bytes / bytesPerMegabyte).toFixed(2));
  return {
    values: {
      ...happened,
      ...{ processes, descriptors, usedShare, slopeBytes: Math.round(slopeBytes) },
      usedMegabytes: looks.map(({ usedBytes }) => megabytes(usedBytes)),
      residentMegabytes: looks.map(({ residentBytes }) => megabytes(residentBytes)),
    },
    goals: [
      ["each program crashed in its own call", happened.refused === 0],
      ["no process is left", processes === 0],
      ["descriptors are back", Math.abs(descriptors) <= descriptorsMax],
      ["the heap is back", Math.abs(usedShare) <= heapShareMax],
      ["the heap does not rise", slopeBytes <= noiseBytes * 2 * times],
    ] as const,
  };
}

await runSliced<ReturnCounts>({
  figure: "returns",
  options: { times, repetitions, settle },
  of: repetitions,
  slice: 1,
  none: { disconnects: 0, crashes: 0, refused: 0, looks: [] },
  open,
  judge,
});
