/**
 * A rolling restart under load: each of three instances is drained by an operator, at another
 * instance, and started again, while clients of every kind call at a rate. No call may fail.
 */
import { findGateway, openAdminCalls } from "../../test/support/admin_calls.ts";
import { isAlive } from "../../test/support/processes.ts";
import type { SpawnedInstances } from "../../test/support/spawned_instances.ts";
import { until } from "../../test/support/wait.ts";
import type { InstanceClient } from "./instance_clients.ts";
import { openScene } from "./instance_scene.ts";
import { openCounting } from "./instance_servers.ts";
import { addLatency, type Latencies, latencyAt } from "./latencies.ts";
import { numberOption } from "./row.ts";
import { runSliced, type SliceRunner } from "./slices.ts";

interface RollingTotals {
  restarts: number;
  calls: number;
  failed: number;
  repeated: number;
  /** Calls that were due while each client had enough of them open. */
  skipped: number;
  readonly latencies: Latencies;
  readonly drainMs: number[];
  readonly problems: string[];
}

const msPerSecond = 1_000;
const problemsMax = 10;
const openMax = 400;
/** Load before the first drain, and between two. */
const calmMs = 1_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls at a rate until `stop`, which resolves when all have ended. */
function callAtRate(
  clients: readonly InstanceClient[],
  rate: number,
  turn: { next: number },
  totals: RollingTotals,
) {
  const running = new Set<Promise<void>>();
  const names: string[] = [];
  const callOne = async (): Promise<void> => {
    const id = turn.next++;
    const client = clients[id % clients.length];
    if (client === undefined) return;
    const server = ["own", "far", "web", "all"][Math.floor(id / clients.length) % 4] ?? "";
    const call = `rolling-${id}`;
    names.push(call);
    const begun = performance.now();
    const { kind, text } = await client.call(id, `${server}__work`, { call, fault: "none" });
    addLatency(totals.latencies, performance.now() - begun);
    totals.calls += 1;
    if (kind === "result") return;
    totals.failed += 1;
    if (totals.problems.length < problemsMax) totals.problems.push(`${call} ${kind}: ${text}`);
  };
  const begin = (): void => {
    if (running.size >= openMax) return void (totals.skipped += 1);
    const done: Promise<void> = callOne().finally(() => running.delete(done));
    running.add(done);
  };
  const timer = setInterval(begin, msPerSecond / rate);
  return {
    names,
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

/** Drains an instance at another one, and starts it again; resolves with the time until its end. */
async function restartDrained(instances: SpawnedInstances, place: number): Promise<number> {
  const [leaving, other] = [
    instances.all[place],
    instances.all[(place + 1) % instances.all.length],
  ];
  if (leaving === undefined || other === undefined) throw new Error("Two instances are needed");
  const { instance, pid } = await findGateway(leaving.directory);
  const admin = await openAdminCalls(other.directory);
  const begun = performance.now();
  const { status } = await admin.call("POST", "/admin/drain", { as: "owner", body: { instance } });
  if (status >= 300) throw new Error(`Cannot drain ${instance}: HTTP ${status}`);
  await until("the instance to end", () => !isAlive(pid));
  const ms = Math.round(performance.now() - begun);
  await instances.startOne(place);
  return ms;
}

async function open(sessions: number, rate: number): Promise<SliceRunner<RollingTotals>> {
  const scene = await openScene({ openServers: openCounting, sessions, kinds: 4 });
  const { instances, servers, clients } = scene;
  const turn = { next: 1 };
  return {
    async run({ count, counts }) {
      const load = callAtRate(clients, rate, turn, counts);
      await pause(calmMs);
      for (let time = 0; time < count; time += 1) {
        for (const place of instances.all.keys()) {
          counts.drainMs.push(await restartDrained(instances, place));
          counts.restarts += 1;
          await pause(calmMs);
        }
      }
      await load.stop();
      const executions = servers.executions(instances.all.map((one) => one.directory));
      for (const name of load.names) {
        if ((executions.get(name)?.length ?? 0) > 1) counts.repeated += 1;
      }
    },
    close: scene.close,
  };
}

/** Measures it. */
export async function measureRolling(): Promise<never> {
  const times = numberOption("times", 1);
  const sessions = numberOption("sessions", 50);
  const rate = numberOption("rate", 200);
  return await runSliced<RollingTotals>({
    figure: "instances_rolling",
    options: { times, sessions, rate },
    of: times,
    slice: 1,
    none: {
      ...{ restarts: 0, calls: 0, failed: 0, repeated: 0, skipped: 0 },
      ...{ latencies: {}, drainMs: [], problems: [] },
    },
    open: () => open(sessions, rate),
    judge({ latencies, drainMs, problems, ...values }) {
      return {
        values: {
          ...values,
          ...(problems.length > 0 && { problems }),
          drainMs: Math.max(...drainMs),
          callMs: { p50: latencyAt(latencies, 0.5), p99: latencyAt(latencies, 0.99) },
        },
        goals: [
          ["no call fails", values.failed === 0],
          ["no call is carried out twice", values.repeated === 0],
          ["every instance was started again", values.restarts >= 3],
        ],
      };
    },
  });
}
