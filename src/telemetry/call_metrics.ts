/**
 * How many calls each server had, of which tools and prompts, how they ended and how long they took.
 * The labels are bounded: servers are those of the configuration, methods those of the protocol, and
 * a tool or prompt has time series of its own only if its server listed it, up to limits; the rest of
 * a server's share the item `other`. Text that a client invents is never a label. A call costs a few
 * look-ups here, and no new text.
 */
import { type Limits, msPerSecond } from "../limits.ts";
import type { ListKind } from "../model.ts";
import type { CallEvent } from "./call_events.ts";
import { createHistogram, type Histogram, observe, samplesOf } from "./histogram.ts";
import { labelText, type MetricFamily, type Sample } from "./metric_text.ts";

/** What calls are counted with. */
export interface CallMetricsOptions {
  readonly limits: Pick<Limits, "metricItemsMax" | "metricItemsTotalMax">;
  /** The methods of calls that the protocol defines. */
  readonly methods: ReadonlySet<string>;
  /** Whether a server listed an item of this name lately. */
  readonly hasListed: (server: string, kind: ListKind, own: string) => boolean;
}

/** The calls of a gateway so far. */
export interface CallMetrics {
  /** Counts a call that has ended. */
  count(event: CallEvent): void;
  /** From now on these servers are those of the configuration; what was counted of others is gone. */
  keep(names: readonly string[]): void;
  families(): readonly MetricFamily[];
}

/** The time series of one item of a server, or of what shares them. */
interface CallSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly outcomes: Map<string, { calls: number }>;
  readonly times: Histogram;
}

/** The calls of one method at one server. */
interface MethodSeries {
  readonly method: string;
  /** Where its items are listed; undefined: its calls have no label for the item. */
  readonly kind: ListKind | undefined;
  /** Calls that name no item, or whose server was not found. */
  readonly plain: CallSeries;
  readonly items: Map<string, CallSeries>;
  other: CallSeries | undefined;
}

/** The calls of one server. */
interface ServerSeries {
  readonly server: string;
  readonly methods: Map<string, MethodSeries>;
  items: number;
}

/** All calls. */
interface CallCounts {
  readonly options: CallMetricsOptions;
  readonly servers: Map<string, ServerSeries>;
  known: ReadonlySet<string>;
}

/** The server of calls that concern none, or that name nothing that any server has. */
const noServer = "";
/** What shares one label. */
const others = "other";

/** From fast local tools to those that a person or a build waits for, in seconds. */
const callBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

/** The methods whose items become labels, and where these are listed. */
const itemKinds: Readonly<Record<string, ListKind>> = {
  "tools/call": "tools",
  "prompts/get": "prompts",
};

/** Makes the counts; no server is known yet. */
export function createCallMetrics(options: CallMetricsOptions): CallMetrics {
  const counts: CallCounts = { options, servers: new Map(), known: new Set([noServer]) };
  return {
    count: (event) => count(counts, event),
    keep(names) {
      counts.known = new Set([noServer, ...names]);
      for (const server of counts.servers.keys()) {
        if (!counts.known.has(server)) counts.servers.delete(server);
      }
    },
    families: () => familiesOf(counts),
  };
}

function count(counts: CallCounts, event: CallEvent): void {
  const name = event.server ?? noServer;
  let server = counts.servers.get(name);
  if (server === undefined) {
    // A call may end after its server has left the configuration.
    if (!counts.known.has(name)) return;
    server = { server: name, methods: new Map(), items: 0 };
    counts.servers.set(name, server);
  }
  const method = server.methods.get(event.method) ?? methodOf(counts, server, event.method);
  const series = seriesOf(counts, server, method, event.own);
  const outcome = event.isDenied === true ? "denied" : event.outcome;
  const ended = series.outcomes.get(outcome);
  if (ended === undefined) series.outcomes.set(outcome, { calls: 1 });
  else ended.calls += 1;
  observe(series.times, event.ms / msPerSecond);
}

function methodOf(
  { options: { methods } }: CallCounts,
  { server, methods: known }: ServerSeries,
  given: string,
): MethodSeries {
  const method = methods.has(given) ? given : others;
  const same = known.get(method);
  if (same !== undefined) return same;
  const made: MethodSeries = {
    method,
    kind: Object.hasOwn(itemKinds, method) ? itemKinds[method] : undefined,
    plain: createSeries(server, method, ""),
    items: new Map(),
    other: undefined,
  };
  known.set(method, made);
  return made;
}

function seriesOf(
  counts: CallCounts,
  server: ServerSeries,
  method: MethodSeries,
  own: string | undefined,
): CallSeries {
  if (own === undefined || method.kind === undefined) return method.plain;
  const known = method.items.get(own);
  if (known !== undefined) return known;
  const { options: { limits, hasListed }, servers } = counts;
  const total = () => [...servers.values()].reduce((sum, { items }) => sum + items, 0);
  const isOwn = isLabel(own) && server.items < limits.metricItemsMax &&
    hasListed(server.server, method.kind, own) && total() < limits.metricItemsTotalMax;
  if (!isOwn) return method.other ??= createSeries(server.server, method.method, others);
  const made = createSeries(server.server, method.method, own);
  method.items.set(own, made);
  server.items += 1;
  return made;
}

/**
 * Whether a name can be a label of its own. The empty one is that of calls without an item, `other` is
 * shared, and names with halves of surrogate pairs would be written alike: two series with the same
 * labels spoil the whole text.
 */
const isLabel = (own: string): boolean => own !== "" && own !== others && own.isWellFormed();

function createSeries(server: string, method: string, item: string): CallSeries {
  return {
    labels: { server, method, item },
    outcomes: new Map(),
    times: createHistogram(callBounds),
  };
}

function familiesOf({ servers }: CallCounts): readonly MetricFamily[] {
  const calls: Sample[] = [];
  const times: Sample[] = [];
  for (const { labels, outcomes, times: own } of allSeries(servers)) {
    if (outcomes.size === 0) continue;
    for (const [outcome, { calls: value }] of outcomes) {
      calls.push({ labels: labelText({ ...labels, outcome }), value });
    }
    times.push(...samplesOf(own, labelText(labels)));
  }
  return [
    {
      name: "calls_total",
      type: "counter",
      help: "Calls that ended, by server, method, tool or prompt, and outcome; a call that no " +
        "server was found for has none.",
      samples: calls,
    },
    {
      name: "call_duration_seconds",
      type: "histogram",
      help: "How long calls took in the gateway, the work of their servers included.",
      samples: times,
    },
  ];
}

function* allSeries(servers: CallCounts["servers"]): Generator<CallSeries> {
  for (const { methods } of servers.values()) {
    for (const { plain, items, other } of methods.values()) {
      yield plain;
      yield* items.values();
      if (other !== undefined) yield other;
    }
  }
}
