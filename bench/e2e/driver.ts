/**
 * One run on one runtime: starts every target that the wanted rows need, measures row after row,
 * and prints each as soon as it is measured.
 */
import { gatewayRuntime } from "../../test/support/spawn_gateway.ts";
import { describeMachine } from "../support/machine.ts";
import { describeRevision, openCheckout } from "./checkout.ts";
import { type Closing, createClosing } from "./closing.ts";
import { type Cores, pinCores } from "./cores.ts";
import { cpuClock } from "./cpu_time.ts";
import { type Column, measureScenario, type Rates, type RunningTarget } from "./measure.ts";
import type { Options } from "./options.ts";
import { openPeerSides } from "./peers.ts";
import { reportRow } from "./report.ts";
import { type RowResult, type RunResult, spreadOf, toReached, toRow } from "./results.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import type { ServerSet } from "./server_sets.ts";
import { readRounds, type SingleFigure, singleFigures } from "./single_figures.ts";
import { createBareSide, createGatewaySide, type Side } from "./targets.ts";

/** The sides of a run by their part in the ratios. */
export interface Sides {
  readonly bare: Side;
  readonly gateway: Side;
  /** The gateway of another commit. */
  readonly other: Side | undefined;
  readonly peers: readonly Side[];
}

const allOf = ({ bare, gateway, other, peers }: Sides): Side[] => [
  bare,
  gateway,
  ...(other === undefined ? [] : [other]),
  ...peers,
];

/** Prepares the sides; nothing is started yet. */
export async function openSides(
  { against, peers }: Pick<Options, "against" | "peers">,
  { launcher }: Cores,
  closing: Closing,
): Promise<Sides> {
  const bare = createBareSide(launcher);
  const gateway = createGatewaySide("gateway", launcher);
  const peerSides = openPeerSides(peers, launcher);
  if (against === undefined) return { bare, gateway, other: undefined, peers: peerSides };
  const { directory, commit } = await closing.open(
    () => Promise.resolve(openCheckout(against)),
    (checkout) => checkout.close(),
  );
  const other = createGatewaySide(`commit ${commit}`, launcher, directory);
  return { bare, gateway, other, peers: peerSides };
}

/** Starts targets, each once for a set of servers. */
export type StartTarget = (side: Side, servers: ServerSet) => Promise<RunningTarget>;

/** A starter whose targets end with `closing`. */
export function createStarter(closing: Closing): StartTarget {
  const started = new Map<string, Promise<RunningTarget>>();
  const startNew = async (side: Side, servers: ServerSet): Promise<RunningTarget> => {
    const target = await closing.open(() => side.start(servers), ({ close }) => close());
    return { side, target, served: new Map() };
  };
  return (side, servers) => {
    const key = `${side.name} ${servers}`;
    const running = started.get(key) ?? startNew(side, servers);
    started.set(key, running);
    return running;
  };
}

/** Leaves out a peer that does not start; if another side does not start, the run fails. */
async function startColumn(
  side: Side,
  scenario: Scenario,
  { peers }: Sides,
  start: StartTarget,
): Promise<Column[]> {
  try {
    return [{ name: side.name, scenario, at: await start(side, scenario.servers) }];
  } catch (thrown) {
    if (!peers.includes(side)) throw thrown;
    console.log(`Without ${side.name}: ${thrown instanceof Error ? thrown.message : thrown}`);
    return [];
  }
}

const canServe = ({ rows }: Side, { name }: Scenario) => rows === undefined || rows.includes(name);

/** Measures one scenario on every side that can serve it, and closes its callers. */
export async function measureRow(
  scenario: Scenario,
  sides: Sides,
  start: StartTarget,
  rates: Rates,
  closing: Closing,
): Promise<RowResult> {
  const columns: Column[] = [];
  for (const side of allOf(sides).filter((one) => canServe(one, scenario))) {
    columns.push(...await startColumn(side, scenario, sides, start));
  }
  const plain = scenarios.find(({ name }) => name === scenario.plain);
  if (plain !== undefined) {
    const at = await start(sides.gateway, plain.servers);
    columns.push({ name: plain.name, scenario: plain, at });
  }
  const ofRow = await closing.open(
    () => Promise.resolve(createClosing()),
    (opened) => opened.close(),
  );
  try {
    const measured = await measureScenario(columns, rates, ofRow);
    const named = (name: string | undefined) => measured.find((one) => one.name === name);
    const roles = {
      bare: named(sides.bare.name),
      gateway: named(sides.gateway.name),
      plain: named(plain?.name),
      other: named(sides.other?.name),
    };
    return toRow(scenario, measured, roles, gatewayRuntime);
  } finally {
    await ofRow.close();
  }
}

async function measureSingle(
  figure: SingleFigure,
  { bare, gateway, other }: Sides,
  closing: Closing,
): Promise<RowResult> {
  const sides = [bare, gateway, ...(other === undefined ? [] : [other])];
  const readings = await readRounds(figure, sides, closing);
  const singles = sides.map(({ name }, at) => ({
    name,
    values: [...readings[at] ?? []].map(([measure, values]) =>
      toReached(figure.name, measure, spreadOf(values), gatewayRuntime)
    ),
  }));
  const reached = singles.find(({ name }) => name === gateway.name)?.values ?? [];
  const { name, title } = figure;
  const rest = singles.filter((one) => one.name !== gateway.name);
  return { name, title, columns: [], reached, beside: rest };
}

function describeHow({ rounds, seconds, warmPart }: Options, { note }: Cores): string {
  const part = warmPart === 1 ? "" : ` (${warmPart} of the usual count)`;
  return `${rounds} alternating rounds of ${seconds} s for each target, warmed up by count${part}; ` +
    `CPU time of the target's own process ${cpuClock}; ${note}`;
}

/** Measures everything that the options ask for. */
export async function measureRun(options: Options, closing: Closing): Promise<RunResult> {
  const isWanted = ({ name }: { readonly name: string }) =>
    options.only === undefined || options.only.includes(name);
  const cores = pinCores();
  const { runtime, machine, load } = describeMachine();
  const how = describeHow(options, cores);
  const { peers } = options;
  const run = { runtime: gatewayRuntime, versions: runtime, machine, load, how, peers };
  const revision = describeRevision();
  console.log(`the gateway and the bare proxy on ${gatewayRuntime}, ${revision}\n${how}`);
  console.log("medians; ratios within a round: median (lowest–highest)\n");
  const sides = await openSides(options, cores, closing);
  const start = createStarter(closing);
  const rows: RowResult[] = [];
  const keep = (row: RowResult) => {
    rows.push(row);
    console.log(reportRow(row));
  };
  for (const row of scenarios.filter(isWanted)) {
    keep(await measureRow(row, sides, start, options, closing));
  }
  for (const row of singleFigures.filter(isWanted)) keep(await measureSingle(row, sides, closing));
  return { ...run, revision, date: new Date().toISOString().slice(0, 10), rows };
}
