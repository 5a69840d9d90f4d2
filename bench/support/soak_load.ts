/**
 * The clients of `bench soak`: sessions that come and go, and stateless clients, at servers that no
 * fault strikes and at servers that are struck. Each call brings a nonce, which its answer must have.
 */
import {
  createStatelessCaller,
  type StatelessCaller,
} from "../../test/support/stateless_caller.ts";
import { openRpcSession, type RpcAnswer } from "../../test/support/rpc_session.ts";
import { addLatency, type Latencies } from "./latencies.ts";

/** What came of the calls to one group of servers. */
export interface SoakCounts {
  answered: number;
  /** Calls that ended with an error. */
  failed: number;
  /** Answers without the nonce of their call. */
  wrong: number;
  /** Calls that did not end in time. */
  unsettled: number;
  /** Of the answered calls. */
  readonly latencies: Latencies;
  /** The texts of the first failures. */
  readonly reasons: string[];
}

/** Starts counting. */
export const noCounts = (): SoakCounts => ({
  ...{ answered: 0, failed: 0, wrong: 0, unsettled: 0 },
  ...{ latencies: {}, reasons: [] },
});

/** What the clients of a run share. */
export interface SoakRun {
  /** Of the gateway, without a path. */
  readonly url: string;
  readonly random: () => number;
  /** False: the clients end after their call. */
  readonly isOver: () => boolean;
  /** Each client waits for so long between calls. */
  readonly pauseMs: number;
}

/** The longest call of a struck server ends long before. */
const settleMsMax = 30_000;
/** A session makes this many calls, then it ends and another one opens. */
const callsOfSession = 50;
const reasonsMax = 5;

type Answer = Pick<RpcAnswer, "result" | "error" | "status">;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The value, or undefined once a call should have ended. */
async function settled<T>(promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), settleMsMax);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function failWith(counts: SoakCounts, reason: string): void {
  counts.failed += 1;
  if (counts.reasons.length < reasonsMax) counts.reasons.push(reason);
}

/** Makes a call and counts what comes of it. */
async function countCall(counts: SoakCounts, call: () => Promise<Answer>, nonce: string) {
  const begun = performance.now();
  try {
    const answer = await settled(call());
    if (answer === undefined) return void (counts.unsettled += 1);
    const text = JSON.stringify(answer.result?.["content"] ?? "");
    if (answer.result === undefined || answer.result["isError"] === true) {
      return failWith(counts, JSON.stringify(answer));
    }
    if (!text.includes(nonce)) return void (counts.wrong += 1);
    addLatency(counts.latencies, performance.now() - begun);
    counts.answered += 1;
  } catch (fault) {
    failWith(counts, String(fault));
  }
}

/** A client with one session after the other. */
export async function playSessions(
  run: SoakRun,
  servers: readonly string[],
  counts: SoakCounts,
): Promise<void> {
  while (!run.isOver()) {
    const session = await openRpcSession(`${run.url}/mcp`).catch((fault) => {
      failWith(counts, String(fault));
    });
    if (session === undefined) {
      await pause(run.pauseMs);
      continue;
    }
    for (let turn = 1; turn <= callsOfSession && !run.isOver(); turn += 1) {
      const nonce = crypto.randomUUID();
      const call = { name: `${servers[turn % servers.length]}__echo`, arguments: { nonce } };
      await countCall(counts, () => session.request(turn, "tools/call", call), nonce);
      await pause(run.pauseMs * 2 * run.random());
    }
    // A kept connection may be closed for idleness in the moment in which it is used again.
    await session.end().catch(() => {});
  }
}

/** A client without a session. */
export async function playStateless(
  run: SoakRun,
  servers: readonly string[],
  counts: SoakCounts,
): Promise<void> {
  const caller: StatelessCaller = createStatelessCaller(
    (path, init) => fetch(`${run.url}${path}`, init),
    "/mcp",
    {},
  );
  for (let turn = 0; !run.isOver(); turn += 1) {
    const nonce = crypto.randomUUID();
    const name = `${servers[turn % servers.length]}__echo`;
    await countCall(counts, () => caller.call(name, { nonce }) as Promise<Answer>, nonce);
    await pause(run.pauseMs * 2 * run.random());
  }
}
