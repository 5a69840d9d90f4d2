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
  const counts = new Map<string, number>();
  events.read((event) => {
    const key = keyOf(event);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  return () => Object.fromEntries([...counts].sort(([one], [other]) => one < other ? -1 : 1));
}

function keyOf(event: GatewayEvent): string {
  switch (event.type) {
    case "call_ended":
      return `${event.type}.${event.outcome}`;
    case "call_refused":
      return `${event.type}.${event.failure.code}`;
    case "request_refused":
      return `${event.type}.${event.code ?? event.status}`;
    case "dropped":
      return `${event.type}.${event.what}`;
    case "server_state":
      return `${event.type}.${event.state}`;
    case "start_failed":
      return `${event.type}.${event.next}`;
    default:
      return event.type;
  }
}
