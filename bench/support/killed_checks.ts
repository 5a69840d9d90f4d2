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

/** Looks at every session and every open call of a run. */
export async function checkAfterKill(url: string, run: KillRun): Promise<KillFaults> {
  const there = async (ids: Iterable<string>): Promise<number> => {
    let found = 0;
    for (const id of ids) {
      const { status } = await resumeRpcSession(url, id).request(1, "ping");
      if (status === 200) found += 1;
    }
    return found;
  };
  const lost = run.alive.size - await there(run.alive);
  const revived = await there(run.ended);
  const ends = await Promise.all(run.open.map((call) => hasEnd(url, call)));
  return { lost, revived, endless: ends.filter((isHonest) => !isHonest).length };
}

/** Whether a call has its answer or the outcome `unknown`. A call without an event id never began. */
async function hasEnd(url: string, { session, id, stream: { lastId } }: OpenCall) {
  if (lastId === undefined) return true;
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
