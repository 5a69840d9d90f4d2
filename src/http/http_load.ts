/** What the HTTP layer has open at the moment, as the operator's metrics show it. */
import type { Sessions } from "./legacy/session_table.ts";
import type { StatelessRequests } from "./modern/requests.ts";

/** Counts of one moment. */
export interface HttpLoad {
  /** Requests of clients since the start. */
  readonly requests: number;
  /** Sessions that are in memory. */
  readonly sessions: number;
  /** Open event streams: of single calls, standalone ones of sessions, and listen requests. */
  readonly streams: Readonly<Record<"call" | "standalone" | "listen", number>>;
}

/** Counts what is open. */
export function loadOf(
  requests: number,
  { byKey }: Sessions,
  { listens }: StatelessRequests,
): HttpLoad {
  let standalone = 0;
  let all = 0;
  for (const { madeStreams } of byKey.values()) {
    if (madeStreams === undefined) continue;
    standalone += madeStreams.standalone.open.length;
    all += madeStreams.connections.size;
  }
  const streams = { call: Math.max(0, all - standalone), standalone, listen: listens.size };
  return { requests, sessions: byKey.size, streams };
}
