/**
 * Counts each kind of event since the start of the gateway: calls by outcome, refusals by code,
 * drops by what was dropped. Bounded: every key comes from a table in the source.
 */
import type { Events, GatewayEvent } from "./events.ts";

/**
 * Counts by event type and, if the type has rows, by row: `call_ended.ok`, `dropped.call_notice`.
 */
export type Counts = Readonly<Record<string, number>>;

/** Counts the events of a stream; the returned function returns the counts so far. */
export function countEvents(events: Pick<Events, "read">): () => Counts {
  const types = new Map<GatewayEvent["type"], Map<string | undefined, Count>>();
  events.read((event) => {
    let rows = types.get(event.type);
    if (rows === undefined) types.set(event.type, rows = new Map());
    const row = rowOf(event);
    const count = rows.get(row);
    if (count === undefined) rows.set(row, { value: 1 });
    else count.value += 1;
  });
  return () => {
    const counts = [...types].flatMap(([type, rows]) =>
      [...rows].map(([row, { value }]) =>
        [row === undefined ? type : `${type}.${row}`, value] as const
      )
    );
    return Object.fromEntries(counts.sort(([one], [other]) => one < other ? -1 : 1));
  };
}

interface Count {
  value: number;
}

function rowOf(event: GatewayEvent): string | undefined {
  switch (event.type) {
    case "call_ended":
      return event.outcome;
    case "call_refused":
      return event.failure.code;
    case "request_refused":
      return event.code ?? String(event.status);
    case "dropped":
    case "gave_way":
      return event.what;
    case "oauth_step":
    case "page_step":
      return event.step;
    case "rate_limited":
      return event.rate;
    case "client_limited":
      return event.limit;
    case "server_state":
      return event.state;
    case "start_failed":
      return event.next;
    case "tool_approved":
    case "tool_changed":
      return event.change;
    default:
      return undefined;
  }
}
