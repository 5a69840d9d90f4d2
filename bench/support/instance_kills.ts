/**
 * `kill -9` of a random one of three instances every few seconds, while clients make calls with side
 * effects through a balancer: no session that was acknowledged is lost, no call is carried out
 * twice, each call ends in time with its result or honestly, and the clients of the other instances
 * notice nothing.
 */
import { descendants, isAlive } from "../../test/support/processes.ts";
import { createSeededRandom } from "../../test/support/random.ts";
import type { SpawnedInstances } from "../../test/support/spawned_instances.ts";
import { until } from "../../test/support/wait.ts";
import type { CallEnd, InstanceClient } from "./instance_clients.ts";
import { type InstanceScene, openScene } from "./instance_scene.ts";
import { type CountingServers, openCounting } from "./instance_servers.ts";
import { addLatency, type Latencies, latencyAt } from "./latencies.ts";
import { numberOption } from "./row.ts";
import { runSliced, type SliceRunner } from "./slices.ts";

/** One call, and how it ended. */
export interface SentCall extends CallEnd {
  readonly name: string;
  readonly client: number;
  readonly hasSession: boolean;
  readonly begunAt: number;
  readonly endedAt: number;
}

/** One kill: the instance may answer until `endedAt`. */
export interface Kill {
  readonly place: number;
  readonly begunAt: number;
  readonly endedAt: number;
}

interface KillTotals {
  kills: number;
  calls: number;
  results: number;
  /** Honest ends of calls that a kill struck. */
  unknown: number;
  broken: number;
  refused: number;
  lost: number;
  repeated: number;
  /** Calls without a true end: an answer that never was, or a refusal of what was carried out. */
  untrue: number;
  late: number;
  /** Calls that failed though neither their instance nor the owner of their session was killed. */
  unaffectedFailed: number;
  orphans: number;
  readonly latencies: Latencies;
  readonly problems: string[];
}

const msPerSecond = 1_000;
/** By then each call must have ended. */
const endMsMax = 12_000;
/** A balancer may send a request on a connection that was cut just before. */
const cutMs = 500;
const callMsMax = 300;
const pauseMs = 100;
const problemsMax = 10;
const sliceSeconds = 30;
/** Few sessions have programs of their own: each takeover starts those again. */
const ownEvery = 5;
const serversOf = (client: InstanceClient, number: number): readonly string[] =>
  client.hasSession && number % ownEvery === 0
    ? ["own", "far", "web"]
    : ["all", "all", "far", "web"];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls until the end of a slice. */
async function play(
  client: InstanceClient,
  number: number,
  { random, isOver, sent }: {
    readonly random: () => number;
    readonly isOver: () => boolean;
    readonly sent: SentCall[];
  },
): Promise<void> {
  const servers = serversOf(client, number);
  for (let id = sent.length + 1; !isOver(); id += 1) {
    const server = servers[Math.floor(random() * servers.length)] ?? "";
    const name = `${number}-${id}-${Math.floor(random() * 2 ** 31)}`;
    const args = {
      call: name,
      fault: "none",
      ...(server === "own" || server === "all" ? { ms: Math.floor(random() * callMsMax) } : {}),
    };
    const begunAt = performance.now();
    const end = await client.call(id, `${server}__work`, args);
    const { hasSession } = client;
    const endedAt = performance.now();
    sent.push({ ...end, name, client: number, hasSession, begunAt, endedAt });
    await pause(pauseMs * random());
  }
}

/** Where the calls of sessions are carried out, as far as it is known; undefined after a kill there. */
export type Owners = Map<number, { readonly place: number; readonly since: number }>;

/** Whether a kill struck a call: at the instance that got it, or that may own its session. */
function isStruck(call: SentCall, kills: readonly Kill[], owners: Owners): boolean {
  const owner = owners.get(call.client);
  const isMoved = owner === undefined ||
    kills.some(({ place, begunAt }) =>
      place === owner.place && begunAt > owner.since && begunAt <= call.begunAt
    );
  return kills.some(({ place, begunAt, endedAt }) => {
    if (call.begunAt > endedAt + cutMs || call.endedAt < begunAt) return false;
    if (call.place === undefined || call.place === place) return true;
    return call.hasSession && (isMoved || owner?.place === place);
  });
}

/** From the beginning of a call, or from the first kill during it, to its end. */
function waitedMs({ begunAt, endedAt }: SentCall, kills: readonly Kill[]): number {
  const first = kills.find((kill) => kill.endedAt >= begunAt && kill.begunAt <= endedAt);
  return endedAt - Math.max(begunAt, first?.begunAt ?? begunAt);
}

/** Judges all calls of a slice. */
export function judgeCalls(
  sent: readonly SentCall[],
  kills: readonly Kill[],
  executions: ReadonlyMap<string, readonly number[]>,
  owners: Owners,
  totals: KillTotals,
): void {
  const blame = (call: SentCall, what: string): void => {
    if (totals.problems.length >= problemsMax) return;
    const { name, kind, text, begunAt, endedAt } = call;
    const ms = Math.round(endedAt - begunAt);
    totals.problems.push(`${what}: ${name} ${kind} after ${ms} ms at ${call.place}: ${text}`);
  };
  for (const call of [...sent].sort((one, other) => one.begunAt - other.begunAt)) {
    const places = executions.get(call.name) ?? [];
    const [place = -1] = places;
    totals.calls += 1;
    if (call.kind === "result") totals.results += 1;
    if (call.kind === "unknown") totals.unknown += 1;
    if (call.kind === "broken") totals.broken += 1;
    if (call.kind === "refused") totals.refused += 1;
    const ms = waitedMs(call, kills);
    addLatency(totals.latencies, ms);
    const wrong = {
      lost: call.kind === "lost",
      repeated: places.length > 1,
      untrue: call.kind === "error" || (call.kind === "result" && places.length === 0) ||
        (call.kind === "refused" && places.length > 0),
      late: ms > endMsMax || call.kind === "endless",
      unaffectedFailed: call.kind !== "result" && !isStruck(call, kills, owners),
    };
    if (call.hasSession && place >= 0) owners.set(call.client, { place, since: call.begunAt });
    for (const [what, isWrong] of Object.entries(wrong)) {
      if (!isWrong) continue;
      totals[what as keyof typeof wrong] += 1;
      blame(call, what);
    }
  }
}

/** Kills instances until the end; resolves when each runs again. */
async function killAll(
  instances: SpawnedInstances,
  { everyMs, random, isOver }: {
    readonly everyMs: number;
    readonly random: () => number;
    readonly isOver: () => boolean;
  },
): Promise<{ readonly kills: readonly Kill[]; readonly programs: readonly number[] }> {
  const kills: Kill[] = [];
  const programs = new Set<number>();
  const running = new Map<number, Promise<void>>();
  for (let next = performance.now() + everyMs / 2; !isOver(); next += everyMs) {
    await pause(Math.max(0, next - performance.now()));
    const places = instances.all.keys().filter((place) => !running.has(place)).toArray();
    const place = places[Math.floor(random() * places.length)];
    // Without any instance nothing could be said of them.
    if (place === undefined || places.length < 2 || isOver()) continue;
    for (const pid of descendants(instances.all[place]?.pid ?? -1)) programs.add(pid);
    const begunAt = performance.now();
    await instances.all[place]?.kill9();
    kills.push({ place, begunAt, endedAt: performance.now() });
    const started = instances.startOne(place).finally(() => running.delete(place));
    running.set(place, started);
  }
  await Promise.all(running.values());
  return { kills, programs: [...programs] };
}

async function runSlice(
  { instances, servers, clients }: InstanceScene<CountingServers>,
  { seconds, everyMs, random, owners }: {
    readonly seconds: number;
    readonly everyMs: number;
    readonly random: () => number;
    readonly owners: Owners;
  },
  totals: KillTotals,
): Promise<void> {
  const end = performance.now() + seconds * msPerSecond;
  const isOver = (): boolean => performance.now() >= end;
  const sent: SentCall[] = [];
  const played = clients.map((client, number) => {
    const own = createSeededRandom(Math.floor(random() * 2 ** 31));
    return play(client, number, { random: own, isOver, sent });
  });
  const { kills, programs } = await killAll(instances, { everyMs, random, isOver });
  await Promise.all(played);
  totals.kills += kills.length;
  const executions = servers.executions(instances.all.map((one) => one.directory));
  judgeCalls(sent, kills, executions, owners, totals);
  // Each session that was acknowledged must still be there.
  const ids = sent.length + 1;
  const last = await Promise.all(
    clients.map((client) => client.call(ids, "web__work", { call: "last", fault: "409" })),
  );
  totals.lost += last.filter(({ kind }) => kind === "lost").length;
  await until("the programs of killed instances to end", () => !programs.some(isAlive), 5_000)
    .catch(() => {});
  totals.orphans += programs.filter(isAlive).length;
}

async function open(sessions: number, everyMs: number): Promise<SliceRunner<KillTotals>> {
  // A stream of HTTP+SSE ends with its instance, and its session with it.
  const scene = await openScene({ openServers: openCounting, sessions, kinds: 4 });
  const owners: Owners = new Map(
    scene.clients.flatMap(({ place }, number) =>
      place === undefined ? [] : [[number, { place, since: performance.now() }]]
    ),
  );
  return {
    run: ({ count, random, counts }) =>
      runSlice(scene, { seconds: count, everyMs, random, owners }, counts),
    close: scene.close,
  };
}

/** Measures it. */
export async function measureKills(): Promise<never> {
  const seconds = numberOption("seconds", 12);
  const sessions = numberOption("sessions", 50);
  const every = numberOption("kill-every", 5);
  return await runSliced<KillTotals>({
    figure: "instances_kills",
    options: { seconds, sessions, every },
    of: seconds,
    slice: sliceSeconds,
    none: {
      ...{ kills: 0, calls: 0, results: 0, unknown: 0, broken: 0, refused: 0 },
      ...{ lost: 0, repeated: 0, untrue: 0, late: 0, unaffectedFailed: 0, orphans: 0 },
      ...{ latencies: {}, problems: [] },
    },
    open: () => open(sessions, every * msPerSecond),
    judge({ latencies, problems, ...values }) {
      return {
        values: {
          ...values,
          ...(problems.length > 0 && { problems }),
          endedMs: { p50: latencyAt(latencies, 0.5), max: latencyAt(latencies, 1) },
        },
        goals: [
          ["no acknowledged session is lost", values.lost === 0],
          ["no call is carried out twice", values.repeated === 0],
          ["each end is true", values.untrue === 0],
          [`each call ends within ${endMsMax} ms`, values.late === 0],
          ["the clients of other instances notice nothing", values.unaffectedFailed === 0],
          ["no process is left", values.orphans === 0],
          ["instances were killed", values.kills > 0],
        ],
      };
    },
  });
}
