/**
 * Calls with equal ids of clients of every kind at three instances behind a balancer: each answer
 * must have the nonce of its own call. Then the same session is called at its owner and at the
 * others, one call at a time, for what passing on costs.
 */
import type { Exchange } from "../../test/support/round_robin.ts";
import { openRpcSession, resumeRpcSession } from "../../test/support/rpc_session.ts";
import type { SpawnedInstances } from "../../test/support/spawned_instances.ts";
import type { InstanceClient } from "./instance_clients.ts";
import { openScene } from "./instance_scene.ts";
import { openEchoes, serverNames } from "./instance_servers.ts";
import { addLatency, type Latencies, latencyAt } from "./latencies.ts";
import { numberOption } from "./row.ts";
import { runSliced, type SliceRunner } from "./slices.ts";

interface NonceTotals {
  own: number;
  foreign: number;
  failed: number;
  /** Requests of sessions that reached their owner, and those that were passed on. */
  atOwner: number;
  forwarded: number;
  /** Of single calls, with nothing else under way. */
  readonly ownerMs: Latencies;
  readonly forwardedMs: Latencies;
  readonly reasons: string[];
}

const callsOfSlice = 5_000;
const reasonsMax = 5;
/** One call in so many goes to a process of the session's own: those cost most to start. */
const ownEvery = 7;
const quietCalls = 200;
const nonceForm = /nonce-\d+-\d+/;
const sharedNames = serverNames.filter((name) => name !== "own");

/** Counts where requests of sessions arrive; the owner is where the session was opened. */
function countPlaces() {
  const owners = new Map<string, number>();
  const found = { atOwner: 0, forwarded: 0 };
  return {
    found,
    heard({ session, isHandshake, target, method }: Exchange) {
      if (session === undefined) return;
      if (isHandshake) owners.set(session, target);
      else if (method === "POST") {
        found[owners.get(session) === target ? "atOwner" : "forwarded"] += 1;
      }
    },
  };
}

async function callOnce(
  client: InstanceClient,
  number: number,
  id: number,
  totals: NonceTotals,
): Promise<void> {
  const nonce = `nonce-${number}-${id}`;
  const server = id % ownEvery === 0 ? "own" : sharedNames[id % sharedNames.length];
  const { kind, text } = await client.call(id, `${server}__echo`, { nonce });
  const [found] = nonceForm.exec(text) ?? [];
  if (kind === "result" && found === nonce) totals.own += 1;
  else if (kind === "result" && found !== undefined) totals.foreign += 1;
  else {
    totals.failed += 1;
    if (totals.reasons.length < reasonsMax) totals.reasons.push(`${kind}: ${text}`);
  }
}

/** Calls of one session, by turns at each instance. */
async function callQuietly({ all }: SpawnedInstances, totals: NonceTotals): Promise<void> {
  const urlAt = (place: number) => `${all[place]?.url}/mcp`;
  const { id: session } = await openRpcSession(urlAt(0));
  const name = "all__echo";
  for (let id = 0; id < quietCalls; id += 1) {
    const place = id % all.length;
    const begun = performance.now();
    await resumeRpcSession(urlAt(place), session).callTool(id, name, { nonce: "quiet" });
    const ms = performance.now() - begun;
    // The first calls open connections and look for the owner.
    if (id >= 2 * all.length) addLatency(place === 0 ? totals.ownerMs : totals.forwardedMs, ms);
  }
  await resumeRpcSession(urlAt(0), session).end();
}

async function open(sessions: number): Promise<SliceRunner<NonceTotals>> {
  const places = countPlaces();
  const scene = await openScene({ openServers: openEchoes, sessions, heard: places.heard });
  const { instances, clients } = scene;
  return {
    async run({ from, count, counts }) {
      const ofEach = Math.ceil(count / sessions);
      const first = 1 + Math.floor(from / sessions);
      Object.assign(places.found, { atOwner: 0, forwarded: 0 });
      await Promise.all(clients.map(async (client, number) => {
        for (let id = first; id < first + ofEach; id += 1) {
          await callOnce(client, number, id, counts);
        }
      }));
      counts.atOwner += places.found.atOwner;
      counts.forwarded += places.found.forwarded;
      await callQuietly(instances, counts);
    },
    async close() {
      await Promise.all(clients.map((client) => client.end()));
      await scene.close();
    },
  };
}

/** Measures it. */
export async function measureNonces(): Promise<never> {
  const calls = numberOption("calls", 1_000);
  const sessions = numberOption("sessions", 50);
  const none: NonceTotals = {
    ...{ own: 0, foreign: 0, failed: 0, atOwner: 0, forwarded: 0 },
    ...{ ownerMs: {}, forwardedMs: {}, reasons: [] },
  };
  return await runSliced<NonceTotals>({
    figure: "instances",
    options: { calls, sessions },
    of: calls,
    slice: callsOfSlice,
    none,
    open: () => open(sessions),
    judge({ own, foreign, failed, atOwner, forwarded, ownerMs, forwardedMs, reasons }) {
      const msOf = (latencies: Latencies) => ({
        p50: latencyAt(latencies, 0.5),
        p99: latencyAt(latencies, 0.99),
      });
      const [owner, passed] = [msOf(ownerMs), msOf(forwardedMs)];
      const share = forwarded / Math.max(atOwner + forwarded, 1);
      return {
        values: {
          calls: own + foreign + failed,
          ...{ foreign, failed, ...(failed > 0 && { reasons }) },
          forwardedOfSessions: Number(share.toFixed(3)),
          ...{ ownerMs: owner, forwardedMs: passed },
          addedMs: Number((passed.p50 - owner.p50).toFixed(2)),
        },
        goals: [
          ["no answer belongs to another call", foreign === 0],
          ["each call is answered", failed === 0],
          ["calls reach every instance", share > 0.5],
        ],
      };
    },
  });
}
