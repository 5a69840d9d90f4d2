/**
 * Calls with side effects to servers that count them, while networks, servers and programs fail at
 * random: none is carried out twice, and one that was carried out fails only with the outcome
 * `unknown`. The servers are remote ones of each transport, a program and a web API, in turn.
 *
 *   bun bench outcomes                 deno run -A bench/run.ts outcomes
 *   … --calls=10000 --store            the figure, in slices; the default is 1,000
 *   … --seed=1 --json=FILE --restart
 */
import { countedSubjects, runCounted } from "../test/support/counted_calls.ts";
import { numberOption } from "./support/row.ts";
import { runSliced } from "./support/slices.ts";

const calls = numberOption("calls", 1_000);
const callsOfSlice = Math.min(500, Math.ceil(calls / countedSubjects.length));
const problemsMax = 10;

interface OutcomeCounts {
  calls: number;
  executed: number;
  failed: number;
  repeated: number;
  unsaid: number;
  readonly problems: string[];
}

await runSliced<OutcomeCounts>({
  figure: "outcomes",
  options: { calls },
  of: calls,
  slice: callsOfSlice,
  none: { calls: 0, executed: 0, failed: 0, repeated: 0, unsaid: 0, problems: [] },
  open: (seed) =>
    Promise.resolve({
      async run({ from, count, counts }) {
        const turn = Math.floor(from / callsOfSlice);
        const name = countedSubjects[turn % countedSubjects.length] ?? "";
        const { problems, ...found } = await runCounted(name, seed + turn, count);
        for (const [member, value] of Object.entries(found)) {
          counts[member as keyof typeof found] += value;
        }
        counts.problems.push(...problems.slice(0, problemsMax - counts.problems.length));
      },
      close: () => Promise.resolve(),
    }),
  judge: ({ problems, ...values }) => ({
    values: { ...values, ...(problems.length > 0 && { problems }) },
    goals: [
      ["each call is carried out at most once", values.repeated === 0],
      ["a failure says that its call may have been carried out", values.unsaid === 0],
      ["each answer is true", problems.length === 0],
      ["calls are carried out", values.executed > values.calls / 4],
    ],
  }),
});
