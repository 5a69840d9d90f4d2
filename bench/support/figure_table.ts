/**
 * The tables of docs/reliability.md, from stored rows: one of the gateway on each runtime, and one
 * that sets other projects' programs next to it.
 */
import { faultCases, openCases } from "../../test/support/cases.ts";
import { runtimes, titles } from "../../test/support/runtimes.ts";
import type { FigureRow } from "./row.ts";

type Values = FigureRow["values"];

/** What a figure is about, what is wanted, and how its values read. */
interface FigureText {
  readonly figure: string;
  readonly title: string;
  readonly goal: string;
  readonly command: string;
  readonly tell: (values: Values, options: FigureRow["options"]) => string;
}

const missing = "–";
/** Thousands are separated, so that a million is seen to be one. */
const count = (value: unknown): string => Number(value).toLocaleString("en-US");
const share = (value: unknown, digits = 1): string =>
  `${Number((Number(value) * 100).toFixed(digits))} %`;
const spanOf = (seconds: unknown): string =>
  Number(seconds) < 60 ? `${count(seconds)} s` : `${count(Number(seconds) / 60)} minutes`;
const at = (values: Values, name: string): Values => values[name] as Values;

const figureTexts: readonly FigureText[] = [
  {
    figure: "inputs",
    title: "generated bad inputs: crashes, hangs, unplanned 5xx; calls beside them",
    goal: "200,000: 0, 0, 0; 100 %",
    command: "bun bench inputs --inputs=200000",
    tell(values) {
      const { answered, failed } = at(values, "canary");
      const success = share(Number(answered) / (Number(answered) + Number(failed)), 2);
      const faults = ["crashes", "hangs", "unplanned"].map((name) => count(values[name]));
      return `${count(values["inputs"])}: ${faults.join(", ")}; ${success}`;
    },
  },
  {
    figure: "nonces",
    title: "calls with equal ids on 50 sessions: answers of other calls",
    goal: "0 of 1,000,000",
    command: "bun bench nonces --calls=1000000",
    tell: ({ calls, foreign, failed }) =>
      `${count(foreign)} of ${count(calls)}` +
      (failed === 0 ? "" : `, ${count(failed)} without an answer`),
  },
  {
    figure: "outcomes",
    title: "calls with side effects under random faults: carried out twice; not said",
    goal: "0, 0 of 10,000",
    command: "bun bench outcomes --calls=10000",
    tell: ({ repeated, unsaid, calls }) =>
      `${count(repeated)}, ${count(unsaid)} of ${count(calls)}`,
  },
  {
    figure: "kills",
    title: "`kill -9` under load: sessions lost, revived; open calls without an end; ready, p99",
    goal: "500 times with 1,000 sessions: 0, 0, 0; 1 s",
    command: "bun bench kills --cycles=500 --sessions=1000",
    tell({ kills, sessionsEach, lost, revived, endless, resumed, readyMs }) {
      const { p99 } = readyMs as Values;
      return `${count(kills)} times with ${count(sessionsEach)} sessions: ${count(lost)}, ` +
        `${count(revived)}, ${count(endless)} of ${count(resumed)}; ` +
        `${(Number(p99) / 1_000).toFixed(1)} s`;
    },
  },
  {
    figure: "crashes",
    title:
      "a shared program killed during calls: without an end; sessions that go on; new ones; p99",
    goal: "0; all; all",
    command: "bun bench crashes --crashes=100",
    tell: ({ crashes, hung, same, fresh, recoveryMs }) =>
      `${count(crashes)} times: ${count(hung)}; ${count(same)}; ${count(fresh)}` +
      (recoveryMs === null ? "" : `; ${(Number(recoveryMs) / 1_000).toFixed(1)} s`),
  },
  {
    figure: "stops",
    title: "SIGTERM at 200 calls a second: calls lost; processes left; longest stop",
    goal: "0; 0; 11 s",
    command: "bun bench stops --times=100",
    tell: ({ times, calls, lost, orphans, exitMs }) =>
      `${count(times)} times: ${count(lost)} of ${count(calls)}; ${count(orphans)}; ` +
      `${(Number((exitMs as Values)["max"]) / 1_000).toFixed(1)} s`,
  },
  {
    figure: "streams",
    title: "idle event streams held for 10 minutes: lost; memory above idle",
    goal: "10,000: 0; ≤ 120 MB",
    command: "bun bench streams --streams=10000 --minutes=10",
    tell: ({ streams, lost, grownMegabytes, heldMegabytes }, { seconds }) =>
      `${count(streams)} for ${spanOf(seconds)}: ${count(lost)}; ` +
      `${count(Math.max(Number(grownMegabytes), Number(heldMegabytes)))} MB`,
  },
  {
    figure: "stalled_readers",
    title: "readers that stand still: memory; p99 of another client beside them",
    goal: "100 × 16 MB: ≤ 155 MB; 2 ×",
    command: "bun bench stalled --readers=100 --megabytes=16 --seconds=60",
    tell: ({ grownMegabytes, healthyAloneMs, healthyBesideMs }, { readers, megabytes }) =>
      `${count(readers)} × ${count(megabytes)} MB: ${count(grownMegabytes)} MB; ` +
      `${(Number(healthyBesideMs) / Number(healthyAloneMs)).toFixed(1)} ×`,
  },
  {
    figure: "greedy",
    title:
      "a client that takes all requests, sessions, streams, processes, leases: success of another one, its worst p99",
    goal: "100 %; 2 ×",
    command: "bun bench greedy",
    tell: ({ success, worstRatio }) => `${share(success, 2)}; ${Number(worstRatio).toFixed(1)} ×`,
  },
  {
    figure: "returns",
    title: "after disconnects and crashes: processes, descriptors, heap; slope over 5 repetitions",
    goal: "1,000 and 1,000: 0, ± 5, ± 10 %; not above 0",
    command: "bun bench returns --times=1000",
    tell: ({ processes, descriptors, usedShare, slopeBytes, crashes }, { times }) =>
      (crashes === 0 ? `${count(times)} disconnects: ` : `${count(times)} and ${count(times)}: `) +
      `${count(processes)}, ${count(descriptors)}, ${share(usedShare)}; ` +
      `${count(Math.round(Number(slopeBytes) / 1_000))} kB`,
  },
  {
    figure: "soak",
    title: "a mixed load with a random fault every 5 s: unaffected calls; memory in 10 minutes",
    goal: "60 minutes: ≥ 99.99 %; < 1 MB",
    command: "bun bench soak --minutes=60",
    tell(values, { seconds }) {
      const { success, calls } = at(values, "unaffected");
      const { megabytesIn10Minutes, isJudged } = at(values, "memory");
      const slope = isJudged === true ? `${Number(megabytesIn10Minutes).toFixed(2)} MB` : missing;
      return `${spanOf(seconds)}: ${share(success, 3)} of ${count(calls)}; ${slope}`;
    },
  },
];

const toLine = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const toTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [toLine(head), toLine(head.map(() => "---")), ...rows.map(toLine)].join("\n");

function toCell(row: FigureRow | undefined, { tell }: FigureText): string {
  if (row === undefined) return missing;
  const { progress: { done, of } = { done: 1, of: 1 }, missed } = row;
  return tell(row.values, row.options) + (done < of ? " so far" : "") +
    (missed.length > 0 ? ", **missed**" : "");
}

/** The stored rows that are about this figure and this subject. */
const find = (rows: readonly FigureRow[], figure: string, subject: string) =>
  rows.find((row) => row.figure === figure && row.subject === subject);

const subjectsOf = (rows: readonly FigureRow[]) => [...new Set(rows.map(({ subject }) => subject))];
const gatewaySubjects: readonly string[] = runtimes;

/** Each figure with its goal, its command, and what each runtime reached. */
export function figureTable(rows: readonly FigureRow[]): string {
  const shown = runtimes.filter((name) => subjectsOf(rows).includes(name));
  const cases = [
    "cases A1 to H13 with a test",
    `${faultCases.length} of ${faultCases.length}`,
    "`bun test/support/case_report.ts`",
    ...shown.map(() =>
      `${faultCases.length - openCases.length} of ${faultCases.length}` +
      (openCases.length > 0 ? ` (without ${openCases.join(", ")})` : "")
    ),
  ];
  const lines = figureTexts.map((text) => [
    ...[text.title, text.goal, `\`${text.command}\``],
    ...shown.map((subject) => toCell(find(rows, text.figure, subject), text)),
  ]);
  const head = ["Figure", "Goal", "Command", ...shown.map((name) => titles[name])];
  return toTable(head, [cases, ...lines]);
}

/** The range of what several rows have. */
const listOf = (rows: readonly FigureRow[], pick: (row: FigureRow) => unknown): string =>
  [...new Set(rows.map((row) => String(pick(row))))].join(", ");

/** With what, where and when the rows were measured: a line for each subject. */
export function sourceLines(rows: readonly FigureRow[]): string {
  return subjectsOf(rows).filter((subject) => gatewaySubjects.includes(subject)).map((subject) => {
    const own = rows.filter((row) => row.subject === subject);
    const days = own.map((row) => row.at.slice(0, 10)).toSorted();
    const seeds = listOf(
      own.filter(({ options }) => options["seed"] !== undefined),
      (row) => row.options["seed"],
    );
    return `- ${listOf(own, ({ runtime }) => runtime)} on ${listOf(own, (row) => row.machine)}; ` +
      `seed ${seeds}; commit ${listOf(own, (row) => row.revision)}; ${days[0]} to ${days.at(-1)}`;
  }).join("\n");
}

/** A program of another project in the table. */
export interface ComparedPeer {
  readonly name: string;
  readonly label: string;
  /** Why it has no row of a figure, where the reason is known. */
  readonly without: Readonly<Record<string, string>>;
}

/** The figures that other programs could be asked for, next to the gateway's own. */
export function peerTable(rows: readonly FigureRow[], peers: readonly ComparedPeer[]): string {
  const [own] = runtimes.filter((name) => subjectsOf(rows).includes(name));
  const shown = peers.filter(({ name }) => subjectsOf(rows).includes(name));
  if (own === undefined || shown.length === 0) return "No other program was measured.";
  const lines = figureTexts.flatMap((text) => {
    const cells = shown.map(({ name, without }) =>
      without[text.figure] ?? toCell(find(rows, text.figure, name), text)
    );
    if (cells.every((cell) => cell === missing)) return [];
    return [[text.title, toCell(find(rows, text.figure, own), text), ...cells]];
  });
  return toTable(
    ["Figure", `this gateway on ${titles[own]}`, ...shown.map((one) => one.label)],
    lines,
  );
}
