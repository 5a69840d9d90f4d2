/** What must hold after a kill and a restart, asked as a client asks. */
import { readEvents } from "../../test/support/event_reader.ts";
import { resumeRpcSession } from "../../test/support/rpc_session.ts";
import { type KillRun, type OpenCall, revision } from "./killed_load.ts";

/** How often something was wrong. */
export interface KillFaults {
  /** Acknowledged sessions that are gone. */
  readonly lost: number;
  /** Sessions that are there although their end was acknowledged. */
  readonly revived: number;
  /** Open calls whose resumed stream has no honest end. */
  readonly endless: number;
}

/** A resumed stream ends long before; the time only bounds a broken run. */
const endMsMax = 10_000;

/** Clients that come back at once. */
const atOnce = 8;

/** The sessions that are still there, of these. */
async function thereOf(url: string, ids: Iterable<string>): Promise<string[]> {
  const found: string[] = [];
  const left = [...ids];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const { status } = await resumeRpcSession(url, id).request(1, "ping");
      if (status === 200) found.push(id);
    }
  }));
  return found;
}

/** Looks at every session and every open call of a run. A lost session is counted once. */
export async function checkAfterKill(url: string, run: KillRun): Promise<KillFaults> {
  const alive = new Set(await thereOf(url, run.alive));
  const lost = [...run.alive].filter((id) => !alive.has(id));
  for (const id of lost) run.alive.delete(id);
  const revived = (await thereOf(url, run.ended)).length;
  const ends = await Promise.all(run.open.map((call) => hasEnd(url, call)));
  return { lost: lost.length, revived, endless: ends.filter((isHonest) => !isHonest).length };
}

/** Whether a client got anything of a call's stream before the kill. */
export const hasBegun = ({ stream: { lastId, events } }: OpenCall): boolean =>
  lastId !== undefined || events.length > 0;

/** Whether a call has its answer or the outcome `unknown`; without an event id no client can ask. */
async function hasEnd(url: string, call: OpenCall): Promise<boolean> {
  const { session, id, stream: { lastId } } = call;
  if (lastId === undefined) return !hasBegun(call);
  const timeout = AbortSignal.timeout(endMsMax);
  const response = await fetch(url, {
    headers: {
      accept: "text/event-stream",
      "last-event-id": lastId,
      "mcp-session-id": session,
      "mcp-protocol-version": revision,
    },
    signal: timeout,
  });
  const stream = readEvents(response);
  await stream.ended;
  const end = stream.events.find(({ message }) => message.id === id)?.message;
  return end?.result !== undefined || end?.error?.data?.["outcome"] === "unknown";
}
