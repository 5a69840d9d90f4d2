/**
 * The same work at one instance and at three. On a machine with few processors they share them, and
 * the ratio of calls says little; the processor time of the gateways for each call does not depend
 * on it. The model for instances with processors of their own: three times the cost of a call at one
 * instance, divided by its cost among three, which has what passing on costs.
 */
import { availableParallelism } from "node:os";
import { type CpuReading, cpuUsBetween, readCpu } from "../e2e/cpu_time.ts";
import type { InstanceClient } from "./instance_clients.ts";
import { type InstanceScene, openScene } from "./instance_scene.ts";
import { type InstanceServers, openEchoes } from "./instance_servers.ts";
import { finish, numberOption, seedOption } from "./row.ts";

const msPerSecond = 1_000;
const instances = 3;
const ratioMin = 2.4;
/** Of the time, to fill caches and let the runtime compile. */
const warmUpPart = 0.25;
const servers = ["all", "far", "web"] as const;

/** What one side came to. */
interface Work {
  readonly callsPerSecond: number;
  /** Processor time of all gateways for each call. */
  readonly usPerCall: number;
  readonly failed: number;
}

async function callUntil(
  clients: readonly InstanceClient[],
  ids: number[],
  end: number,
): Promise<{ readonly calls: number; readonly failed: number }> {
  const counts = { calls: 0, failed: 0 };
  await Promise.all(clients.map(async (client, number) => {
    while (performance.now() < end) {
      const id = ids[number] = (ids[number] ?? 0) + 1;
      const name = `${servers[id % servers.length]}__echo`;
      const { kind } = await client.call(id, name, { nonce: "work" });
      counts[kind === "result" ? "calls" : "failed"] += 1;
    }
  }));
  return counts;
}

async function work(
  { instances: { all }, clients }: InstanceScene<InstanceServers>,
  seconds: number,
): Promise<Work> {
  const ids: number[] = [];
  await callUntil(clients, ids, performance.now() + seconds * warmUpPart * msPerSecond);
  const read = (): CpuReading[] => all.map(({ pid }) => readCpu(pid));
  const before = read();
  const begun = performance.now();
  const { calls, failed } = await callUntil(clients, ids, begun + seconds * msPerSecond);
  const ms = performance.now() - begun;
  const used = read().reduce(
    (sum, after, place) => sum + cpuUsBetween(before[place] ?? after, after),
    0,
  );
  return {
    callsPerSecond: Math.round(calls / (ms / msPerSecond)),
    usPerCall: Math.round(used / Math.max(calls, 1)),
    failed,
  };
}

async function measure(count: number, sessions: number, seconds: number): Promise<Work> {
  // Streams of HTTP+SSE cost the balancer more than the instances.
  const scene = await openScene({ openServers: openEchoes, count, sessions, kinds: 4 });
  try {
    return await work(scene, seconds);
  } finally {
    await scene.close();
  }
}

/** Measures it. */
export async function measureThroughput(): Promise<never> {
  const seconds = numberOption("seconds", 5);
  const sessions = numberOption("sessions", 20);
  const seed = seedOption();
  const one = await measure(1, sessions, seconds);
  const several = await measure(instances, sessions, seconds);
  const cores = availableParallelism();
  const measured = several.callsPerSecond / Math.max(one.callsPerSecond, 1);
  const model = instances * one.usPerCall / Math.max(several.usPerCall, 1);
  // The clients and the balancer need processors, too.
  const hasCores = cores > instances;
  return finish({
    figure: "instances_throughput",
    options: { seconds, sessions, seed },
    values: {
      ...{ cores, one, several },
      measuredRatio: Number(measured.toFixed(2)),
      modelRatio: Number(model.toFixed(2)),
    },
    goals: [
      ["each call is answered", one.failed + several.failed === 0],
      [
        `three do ${ratioMin} times the work of one` + (hasCores ? "" : " (by the model)"),
        (hasCores ? measured : model) >= ratioMin,
      ],
    ],
  });
}
