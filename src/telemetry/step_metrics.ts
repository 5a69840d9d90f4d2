/**
 * Counters of what happens seldom: refusals, drops, starts that failed, and the steps of log-ins. Each
 * label comes from a table in the source, or is the name of a configured server.
 */
import { limitedRates, oauthSteps } from "./access_events.ts";
import { givesWay } from "./client_events.ts";
import { drops, type Events, type EventType, type GatewayEvent } from "./events.ts";
import { labelText, type MetricFamily } from "./metric_text.ts";

/** One counter. */
interface CounterRow<Type extends EventType = EventType> {
  readonly type: Type;
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** The values of its only label, if they are known: they are 0 from the start. */
  readonly known?: readonly string[];
  /** The values of its labels; undefined: the event does not count. */
  readonly valuesOf: (
    event: Extract<GatewayEvent, { readonly type: Type }>,
  ) => readonly string[] | undefined;
}

/** Keeps what the events of a row are, for the compiler. */
const row = <Type extends EventType>(given: CounterRow<Type>): CounterRow =>
  given as unknown as CounterRow;

/** The rows. */
const rows: readonly CounterRow[] = [
  row({
    type: "request_refused",
    name: "http_requests_refused_total",
    help: "Requests that were answered with an error status of HTTP, by the code of the error.",
    labels: ["code"],
    valuesOf: ({ code, status }) => [code ?? `http_${status}`],
  }),
  row({
    type: "call_refused",
    name: "calls_refused_total",
    help:
      "Requests of clients that were refused before they became calls, by the code of the error.",
    labels: ["code"],
    valuesOf: ({ failure: { code } }) => [code],
  }),
  row({
    type: "client_connected",
    name: "clients_connected_total",
    help: "Clients that opened a session or sent their first request, by revision of the protocol.",
    labels: ["revision"],
    valuesOf: ({ revision = "" }) => [revision],
  }),
  row({
    type: "session_ended",
    name: "sessions_ended_total",
    help: "Sessions that ended.",
    labels: [],
    known: [""],
    valuesOf: () => [""],
  }),
  row({
    type: "start_failed",
    name: "server_start_failures_total",
    help: "Starts of servers that failed, by what follows: another start soon, rarely, or never.",
    labels: ["server", "next"],
    valuesOf: ({ server, next }) => [server, next],
  }),
  row({
    type: "connection_closed",
    name: "server_deaths_total",
    help: "Connections to servers that ended though the gateway did not close them.",
    labels: ["server"],
    valuesOf: ({ server, died }) => died === undefined ? undefined : [server],
  }),
  row({
    type: "dropped",
    name: "dropped_total",
    help: "Messages that were dropped because they matched nothing or a bound was reached.",
    labels: ["what"],
    known: Object.keys(drops),
    valuesOf: ({ what }) => [what],
  }),
  row({
    type: "rate_limited",
    name: "rate_limited_total",
    help: "Requests that were refused because their principal exceeded a limit, by limit.",
    labels: ["limit"],
    known: Object.keys(limitedRates),
    valuesOf: ({ rate }) => [rate],
  }),
  row({
    type: "gave_way",
    name: "gave_way_total",
    help: "What clients had open and not in use, and what gave way to other clients.",
    labels: ["what"],
    known: Object.keys(givesWay),
    valuesOf: ({ what }) => [what],
  }),
  row({
    type: "oauth_step",
    name: "oauth_steps_total",
    help: "Steps of clients toward access tokens of the gateway.",
    labels: ["step"],
    known: Object.keys(oauthSteps),
    valuesOf: ({ step }) => [step],
  }),
  row({
    type: "grant_step",
    name: "grant_steps_total",
    help: "Steps of log-ins at protected servers and of their grants.",
    labels: ["server", "step"],
    valuesOf: ({ server, step }) => [server, step],
  }),
];

/** The counters of one gateway. */
export interface StepMetrics {
  /** From now on these servers are those of the configuration; what was counted of others is gone. */
  keep(names: readonly string[]): void;
  families(): readonly MetricFamily[];
  close(): void;
}

/** One row's counts: by its values in one text. */
interface Counted {
  readonly row: CounterRow;
  readonly values: Map<string, { readonly labels: readonly string[]; count: number }>;
}

/** Follows the events of a stream. */
export function countSteps(events: Pick<Events, "read">): StepMetrics {
  let known: ReadonlySet<string> = new Set();
  const counted = rows.map((row): Counted => ({
    row,
    values: new Map((row.known ?? []).map((value) => [value, { labels: [value], count: 0 }])),
  }));
  const stops = counted.map((one) =>
    events.read((event) => count(one, event, known), [one.row.type])
  );
  return {
    keep(names) {
      known = new Set(names);
      for (const { row, values } of counted) {
        if (row.labels[0] !== serverLabel) continue;
        for (const [key, { labels: [server = ""] }] of values) {
          if (!known.has(server)) values.delete(key);
        }
      }
    },
    families: () => counted.map(toFamily),
    close() {
      for (const stop of stops) stop();
    },
  };
}

const serverLabel = "server";

function count({ row, values }: Counted, event: GatewayEvent, known: ReadonlySet<string>): void {
  const labels = row.valuesOf(event);
  if (labels === undefined) return;
  // What ends after its server has left the configuration would come back.
  if (row.labels[0] === serverLabel && !known.has(labels[0] ?? "")) return;
  const key = labels.length === 1 ? labels[0] ?? "" : labels.join("\n");
  const value = values.get(key);
  if (value === undefined) values.set(key, { labels, count: 1 });
  else value.count += 1;
}

function toFamily({ row: { name, help, labels: names }, values }: Counted): MetricFamily {
  const samples = [...values.values()].map(({ labels, count: value }) => ({
    labels: labelText(Object.fromEntries(names.map((label, at) => [label, labels[at] ?? ""]))),
    value,
  }));
  return { name, type: "counter", help, samples };
}
