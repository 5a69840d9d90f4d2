/** The load under which `bench kills` kills a gateway, and what its clients know afterwards. */
import { readEvents, type ReadStream } from "../../test/support/event_reader.ts";
import { resumeRpcSession } from "../../test/support/rpc_session.ts";
import { until } from "../../test/support/wait.ts";
import { openSubjectSession, type Subject } from "./subject.ts";

/** A call whose stream was open when the gateway was killed. */
export interface OpenCall {
  readonly session: string;
  readonly id: number;
  readonly stream: ReadStream;
}

/** What clients know of all cycles at one gateway so far. */
export interface KillRun {
  random: () => number;
  readonly sessionsMax: number;
  readonly callsAtOnce: number;
  /** Sessions whose ids were received. */
  readonly alive: Set<string>;
  /** The latest sessions whose ends were acknowledged. */
  readonly ended: Set<string>;
  /** Sessions whose ends were asked for, without an answer. */
  readonly unsure: Set<string>;
  /** Sessions that make calls in this cycle, which therefore do not end. */
  readonly calling: Set<string>;
  /** Calls of this cycle that got no answer. */
  readonly open: OpenCall[];
}

/** The kill comes within this time of the load. */
const killMsMax = 400;
/** The longer a session has been away, the more restarts have shown that it stays away. */
const endedMax = 500;
/** Sessions that are opened at once before the first kill. */
const opensAtOnce = 8;
/** One in so many new sessions leads to the end of an old one. */
const endEvery = 4;

export const revision = "2025-11-25";

/** Opens and ends sessions and makes calls, until the kill; what it cuts off is not acknowledged. */
export async function playUntilKilled(subject: Subject, run: KillRun): Promise<void> {
  const { url } = subject;
  const state = { isKilled: false };
  run.calling.clear();
  const clients = [
    ...Array.from({ length: 2 }, () => openSessions(url, run, state)),
    ...Array.from({ length: run.callsAtOnce }, (_, at) => makeCalls(url, run, state, at + 1)),
  ];
  const played = Promise.allSettled(clients);
  // On a busy machine the first call may take longer to open than the load lasts.
  await until("a call is open", () => run.open.length > 0);
  await new Promise((resolve) => setTimeout(resolve, run.random() * killMsMax));
  state.isKilled = true;
  await subject.kill9();
  await played;
}

/** Opens as many sessions as there may be, so that the first kill meets as many as the last. */
export async function openAll(url: string, run: KillRun): Promise<void> {
  await Promise.all(Array.from({ length: opensAtOnce }, async () => {
    while (run.alive.size < run.sessionsMax) run.alive.add((await openSubjectSession(url)).id);
  }));
}

async function openSessions(
  url: string,
  run: KillRun,
  state: { readonly isKilled: boolean },
): Promise<void> {
  while (!state.isKilled) {
    if (run.alive.size < run.sessionsMax) run.alive.add((await openSubjectSession(url)).id);
    if (run.alive.size >= run.sessionsMax || run.random() < 1 / endEvery) await endOne(url, run);
  }
}

async function endOne(url: string, run: KillRun): Promise<void> {
  const oldest = [...run.alive].find((id) => !run.calling.has(id));
  if (oldest === undefined) return;
  run.alive.delete(oldest);
  run.unsure.add(oldest);
  const response = await fetch(url, { method: "DELETE", headers: { "mcp-session-id": oldest } });
  await response.body?.cancel();
  // A session whose end is only on its way may be there or not.
  if (response.status === 204 || response.status === 200) {
    run.unsure.delete(oldest);
    run.ended.add(oldest);
    for (const id of run.ended) {
      if (run.ended.size <= endedMax) break;
      run.ended.delete(id);
    }
  }
}

async function makeCalls(
  url: string,
  run: KillRun,
  state: { readonly isKilled: boolean },
  caller: number,
): Promise<void> {
  const session = resumeRpcSession(url, (await openSubjectSession(url)).id, revision);
  run.alive.add(session.id);
  run.calling.add(session.id);
  for (let turn = 0; !state.isKilled; turn += 1) {
    const id = caller + turn * run.callsAtOnce;
    const stream = await openStream(url, session.id, id, 1 + Math.floor(run.random() * 60));
    const call = { session: session.id, id, stream };
    run.open.push(call);
    await stream.ended;
    if (stream.events.some(({ message }) => message.id === id)) {
      run.open.splice(run.open.indexOf(call), 1);
    }
  }
}

async function openStream(url: string, session: string, id: number, steps: number) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-session-id": session,
      "mcp-protocol-version": revision,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: {
        name: "progress",
        arguments: { steps, ms: 3 },
        _meta: { progressToken: id },
      },
    }),
  });
  return readEvents(response);
}
