/**
 * A gateway of many instances and sessions on one engine, simulated: how many commands a second the
 * engine gets, of which kind, how much of its time that takes, and how much memory it needs. What an
 * operation costs is measured beforehand with the real scripts on a real `redis-server`; when each
 * happens follows the rules of the instances (limits, remembered owners) and a seed.
 *
 *   bun bench simulation               deno run -A bench/run.ts simulation
 *   … --instances=100 --sessions=1000000 --seconds=60 --seed=1 --store
 *   … --call-every=60 --lives=3600 --streams=0.1 --rated=0.2 --revoked=1
 *
 * A session calls once in `call-every` seconds and lives for `lives`; of the calls a part has a
 * stored stream, and a part belongs to principals with a rate; rights are revoked so often a second.
 */
import { putWithin } from "../src/bounded.ts";
import { defaultLimits, msPerSecond } from "../src/limits.ts";
import { createRandom } from "../test/support/clock.ts";
import { hasRedis, startRedis } from "../test/support/redis_server.ts";
import { type EngineCosts, measureEngine, type OperationName } from "./support/engine_costs.ts";
import { finish, numberOption } from "./support/row.ts";

const options = {
  instances: numberOption("instances", 100),
  sessions: numberOption("sessions", 1_000_000),
  seconds: numberOption("seconds", 60),
  seed: numberOption("seed", 1),
  sample: numberOption("sample", 10_000),
  "call-every": numberOption("call-every", 60),
  lives: numberOption("lives", 3_600),
  streams: numberOption("streams", 0.1),
  rated: numberOption("rated", 0.2),
  revoked: numberOption("revoked", 1),
};

type Counts = Record<OperationName, number>;

/** How often each operation happens, and how many calls arrive at an instance that is not the owner. */
function simulate(random: () => number): { counts: Counts; calls: number; forwarded: number } {
  const { instances, sessions, seconds } = options;
  const limits = defaultLimits;
  const pick = (max: number): number => Math.floor(random() * max);
  const counts: Counts = {
    renew: instances * seconds * msPerSecond / limits.ownerRenewMs,
    probe: instances * seconds * msPerSecond / limits.engineProbeMs,
    count: instances * seconds * msPerSecond / limits.busCheckMs,
    // Each row is kept three times in the time that it would last.
    keep: sessions * seconds * msPerSecond * 3 / limits.ownerRowMs,
    open: seconds * sessions / options.lives,
    claim: seconds * sessions / options.lives,
    end: seconds * sessions / options.lives,
    look_up: 0,
    touch: 0,
    stream: 0,
    announce: seconds * options.revoked,
    rate: 0,
  };
  const owners = Int32Array.from({ length: sessions }, () => pick(instances));
  /** The owners that each instance remembers. */
  const routes = Array.from({ length: instances }, () => new Map<number, number>());
  const flushes = Math.max(1, Math.round(limits.activityFlushMs / msPerSecond));
  let touched = new Set<number>();
  let [calls, forwarded] = [0, 0];
  const call = (): void => {
    const [session, at] = [pick(sessions), pick(instances)];
    const owner = owners[session] ?? 0;
    calls += 1;
    touched.add(session);
    if (random() < options.streams) counts.stream += 1;
    if (random() < options.rated) counts.rate += 1;
    if (owner === at) return;
    forwarded += 1;
    const known = routes[at];
    if (known === undefined || known.has(session)) return;
    counts.look_up += 1;
    putWithin(known, session, owner, limits.ownerRoutesMax);
  };
  for (let second = 1; second <= seconds; second += 1) {
    for (let left = sessions / options["call-every"]; left > random(); left -= 1) call();
    if (second % flushes !== 0) continue;
    // Each session that was used is written once.
    counts.touch += touched.size;
    touched = new Set();
  }
  counts.touch += touched.size;
  return { counts, calls, forwarded };
}

/** The engine's load, in all and by kind. */
function toLoad(counts: Counts, { operations }: EngineCosts) {
  const kinds = Object.entries(counts).map(([name, count]) => {
    const { commands, micros } = operations[name as OperationName];
    const each = count / options.seconds;
    return {
      name,
      perSecond: Math.round(each * 10) / 10,
      commandsPerSecond: Math.round(each * commands),
      micros: Math.round(micros * 10) / 10,
      busy: Math.round(each * micros) / 1_000_000,
    };
  });
  const sum = (of: (kind: typeof kinds[number]) => number) =>
    kinds.reduce((total, kind) => total + of(kind), 0);
  return {
    kinds,
    commandsPerSecond: sum((kind) => kind.commandsPerSecond),
    /** The part of one core that the engine takes; it has one for its commands. */
    busy: Math.round(sum(({ busy }) => busy) * 1_000) / 1_000,
  };
}

if (!hasRedis) throw new Error("Cannot measure the engine: redis-server is not installed");
const server = await startRedis();
const costs = await measureEngine(server, options.sample).finally(server.close);
const { counts, calls, forwarded } = simulate(createRandom(options.seed));
const load = toLoad(counts, costs);
const mebibyte = 1024 * 1024;
const streamsMax = defaultLimits.engineFramesTotalBytesMax / mebibyte;
finish({
  figure: "simulation",
  options,
  values: {
    callsPerSecond: Math.round(calls / options.seconds),
    forwardedPart: Math.round(forwarded / calls * 1_000) / 1_000,
    ...load,
    sessionBytes: Math.round(costs.sessionBytes),
    streamBytes: Math.round(costs.streamBytes),
    sessionsMebibytes: Math.round(options.sessions * costs.sessionBytes / mebibyte),
    streamsMebibytesMax: streamsMax,
  },
  goals: [
    ["a session takes less than 4 KiB of the engine", costs.sessionBytes < 4_096],
  ],
});
