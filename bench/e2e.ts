/**
 * End to end: the gateway next to a bare proxy that only rewrites ids, each in front of the same
 * servers over stdio, and another commit of this repository next to both. All run at once; short
 * loads alternate between them. What counts is the CPU time of each process per request, and the
 * ratio within each round. Linux (/proc), loopback, bounded in time and count.
 *
 *   bun bench e2e                          deno task bench e2e
 *   … --only=echo_64,large_text            some scenarios (e2e/scenarios.ts, e2e/single_figures.ts)
 *   … --rounds=9 --seconds=0.6             how many loads, and how long each
 *   … --against=HEAD~30 --fail-above=1.10  next to another commit; fails when this tree is worse
 */
import { canReadProcesses } from "../test/support/processes.ts";
import { gatewayRuntime } from "../test/support/spawn_gateway.ts";
import { describeRevision, openCheckout } from "./e2e/checkout.ts";
import { closeOnSignal, type Closing, createClosing } from "./e2e/closing.ts";
import { type Cores, pinCores } from "./e2e/cores.ts";
import { cpuClock } from "./e2e/cpu_time.ts";
import { measureScenario, type NamedTarget, type TargetRounds } from "./e2e/measure.ts";
import { type Options, readOptions } from "./e2e/options.ts";
import { ratioOf, reportScenario, reportWorse, type Spread } from "./e2e/report.ts";
import { type Scenario, scenarios } from "./e2e/scenarios.ts";
import { singleFigures } from "./e2e/single_figures.ts";
import { createBareSide, createGatewaySide, type ServerSet, type Side } from "./e2e/targets.ts";

const isWanted = ({ only }: Options) => ({ name }: { readonly name: string }) =>
  only === undefined || only.includes(name);

async function openSides({ against }: Options, cores: Cores, closing: Closing): Promise<Side[]> {
  const { launcher } = cores;
  const sides = [createBareSide(launcher), createGatewaySide("gateway", launcher)];
  if (against === undefined) return sides;
  const { directory, commit } = await closing.open(
    () => Promise.resolve(openCheckout(against)),
    (checkout) => checkout.close(),
  );
  console.log(`next to it: ${against}, commit ${commit}`);
  return [...sides, createGatewaySide(against, launcher, directory)];
}

function printHeader(options: Options, cores: Cores): void {
  const { rounds, seconds, warmSeconds, warmUnits } = options;
  console.log([
    `the gateway and the bare proxy on ${gatewayRuntime}, ${describeRevision()}; ${cores.note}`,
    `${rounds} rounds of ${seconds} s for each, warmed up for ${warmSeconds} s and ${warmUnits} ` +
    "units; medians, and ratios within a round: median (lowest–highest)",
    `columns: CPU time of the target's own process, its servers' left out (${cpuClock}), ` +
    "latency, resident memory, units measured",
  ].join("\n"));
}

/** Starts every target that a scenario needs. */
async function startTargets(
  rows: readonly Scenario[],
  sides: readonly Side[],
  closing: Closing,
): Promise<Map<ServerSet, NamedTarget[]>> {
  const targets = new Map<ServerSet, NamedTarget[]>();
  for (const servers of new Set(rows.map((row) => row.servers))) {
    const started: NamedTarget[] = [];
    for (const { name, start } of sides) {
      const target = await closing.open(() => start(servers), ({ close }) => close());
      started.push({ name, target, served: 0 });
    }
    targets.set(servers, started);
  }
  return targets;
}

async function measureLoads(
  options: Options,
  sides: readonly Side[],
  closing: Closing,
): Promise<Map<string, Spread>> {
  const rows = scenarios.filter(isWanted(options));
  const targets = await startTargets(rows, sides, closing);
  const ratios = new Map<string, Spread>();
  for (const row of rows) {
    const ofScenario = await closing.open(
      () => Promise.resolve(createClosing()),
      (opened) => opened.close(),
    );
    let measured: TargetRounds[];
    try {
      measured = await measureScenario(row, targets.get(row.servers) ?? [], options, ofScenario);
    } finally {
      await ofScenario.close();
    }
    console.log(reportScenario(row, measured));
    const [, ours, other] = measured;
    if (ours !== undefined && other !== undefined) ratios.set(row.name, ratioOf(ours, other));
  }
  return ratios;
}

async function measureSingles(
  options: Options,
  sides: readonly Side[],
  closing: Closing,
): Promise<void> {
  const width = Math.max(...sides.map(({ name }) => name.length));
  for (const { name, title, measure } of singleFigures.filter(isWanted(options))) {
    const lines = await measure(sides, closing);
    const named = lines.map((line, at) => `  ${sides[at]?.name.padEnd(width)}  ${line}`);
    console.log([`${name}: ${title}`, ...named, ""].join("\n"));
  }
}

async function runAll(options: Options, closing: Closing): Promise<number> {
  const cores = pinCores();
  printHeader(options, cores);
  const sides = await openSides(options, cores, closing);
  console.log("");
  const ratios = await measureLoads(options, sides, closing);
  await measureSingles(options, sides, closing);
  const worse = options.failAbove === undefined
    ? undefined
    : reportWorse(ratios, options.failAbove);
  if (worse !== undefined) console.log(worse);
  return worse === undefined ? 0 : 1;
}

/** Runs the driver with its arguments; resolves with the exit code. */
export async function runE2e(args: readonly string[]): Promise<number> {
  if (!canReadProcesses) {
    console.error("Cannot measure CPU time here: this system has no /proc");
    return 2;
  }
  let options: Options;
  try {
    options = readOptions(args, [...scenarios, ...singleFigures].map(({ name }) => name));
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    return 2;
  }
  const closing = createClosing();
  closeOnSignal(closing);
  try {
    return await runAll(options, closing);
  } catch (thrown) {
    // After a signal the loads fail because their targets are ended.
    if (!closing.isEnding) console.error(thrown);
    return 1;
  } finally {
    await closing.close();
  }
}
