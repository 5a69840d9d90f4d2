/**
 * What the parts of the gateway have at the moment, as gauges: they are asked when the metrics are
 * read, and keep no counts for it.
 */
import { msPerSecond } from "../limits.ts";
import type { RestartReason } from "./server_events.ts";
import { labelText, type MetricFamily, type Sample } from "./metric_text.ts";

/** The states in which a server can be. */
export const serverStates = [
  "idle",
  "queued",
  "starting",
  "running",
  "needs_login",
  "failing",
  "crash_loop",
  "failed",
] as const;

/** One server at the moment. */
export interface ServerReading {
  readonly name: string;
  readonly state: (typeof serverStates)[number];
  /** Processes or connections alive, and those that start. */
  readonly connections: number;
  readonly starting: number;
  /** Calls that are open at it, and those of them that wait for a connection or for their turn. */
  readonly openCalls: number;
  readonly waiting: number;
  /** Since the gateway started, by what came before. */
  readonly restarts: Readonly<Record<RestartReason, number>>;
}

/** All of one moment. */
export interface Readings {
  /** Since the start. */
  readonly uptimeMs: number;
  readonly memory: { readonly residentBytes: number; readonly heapBytes: number };
  /** Requests of clients since the start. */
  readonly requests: number;
  /** Calls that have not ended, and those that wait for their clients to return. */
  readonly calls: number;
  readonly parked: number;
  /** Sessions that are stored (undefined: the store does not say), and those in memory. */
  readonly storedSessions: number | undefined;
  readonly sessions: number;
  /** By their kind. */
  readonly streams: Readonly<Record<string, number>>;
  /** Server processes, starts that wait for a place, and spare processes. */
  readonly processes: number;
  readonly startsWaiting: number;
  readonly spares: number;
  readonly servers: readonly ServerReading[];
  /** By file: the lines that wait for it, and those that were lost. */
  readonly files: Readonly<Record<string, { readonly waiting: number; readonly lost: number }>>;
}

/** One gauge or counter. */
interface ReadingRow {
  readonly name: string;
  /** Absent: `gauge`. */
  readonly type?: MetricFamily["type"];
  readonly help: string;
  readonly read: (readings: Readings) => readonly Sample[];
}

const one = (value: number | undefined): readonly Sample[] =>
  value === undefined ? [] : [{ value }];
const byName = (label: string, values: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(values).map(([name, value]) => ({ labels: labelText({ [label]: name }), value }));
const perServer =
  (valueOf: (server: ServerReading) => number): ReadingRow["read"] => ({ servers }) =>
    servers.map((server) => ({
      labels: labelText({ server: server.name }),
      value: valueOf(server),
    }));
const perFile = (member: "waiting" | "lost"): ReadingRow["read"] => ({ files }) =>
  Object.entries(files).map(([file, counts]) => ({
    labels: labelText({ file }),
    value: counts[member],
  }));

/** The rows. */
const rows: readonly ReadingRow[] = [
  {
    name: "uptime_seconds",
    help: "Time since the gateway started.",
    read: ({ uptimeMs }) => one(uptimeMs / msPerSecond),
  },
  {
    name: "memory_resident_bytes",
    help: "Resident memory of the gateway's process.",
    read: ({ memory }) => one(memory.residentBytes),
  },
  {
    name: "memory_heap_bytes",
    help: "Memory of the objects of the gateway's process, before the next collection.",
    read: ({ memory }) => one(memory.heapBytes),
  },
  {
    name: "http_requests_total",
    type: "counter",
    help: "Requests to the port for clients.",
    read: ({ requests }) => one(requests),
  },
  {
    name: "calls_running",
    help: "Calls that have not ended.",
    read: ({ calls }) => one(calls),
  },
  {
    name: "calls_parked",
    help: "Calls that wait for a client without a session to return with answers.",
    read: ({ parked }) => one(parked),
  },
  {
    name: "sessions",
    help: "Sessions that are stored and have not expired.",
    read: ({ storedSessions }) => one(storedSessions),
  },
  {
    name: "sessions_in_memory",
    help: "Sessions that are in memory; those that are idle leave it when there are many.",
    read: ({ sessions }) => one(sessions),
  },
  {
    name: "streams",
    help: "Open event streams of clients: of single calls, standalone ones, and listen requests.",
    read: ({ streams }) => byName("kind", streams),
  },
  {
    name: "processes",
    help: "Server processes and remote sessions that have a place within the limit.",
    read: ({ processes }) => one(processes),
  },
  {
    name: "process_starts_waiting",
    help: "Starts of servers that wait for a place.",
    read: ({ startsWaiting }) => one(startsWaiting),
  },
  {
    name: "spare_processes",
    help: "Processes that were started for the next session.",
    read: ({ spares }) => one(spares),
  },
  {
    name: "server_state",
    help: "1 for the state in which a server is, 0 for the others.",
    read: ({ servers }) =>
      servers.flatMap(({ name: server, state: current }) =>
        serverStates.map((state) => ({
          labels: labelText({ server, state }),
          value: state === current ? 1 : 0,
        }))
      ),
  },
  {
    name: "server_connections",
    help: "Processes or connections of a server that run.",
    read: perServer(({ connections }) => connections),
  },
  {
    name: "server_connections_starting",
    help: "Processes or connections of a server that start.",
    read: perServer(({ starting }) => starting),
  },
  {
    name: "server_calls_open",
    help: "Calls that are open at a server.",
    read: perServer(({ openCalls }) => openCalls),
  },
  {
    name: "server_calls_waiting",
    help: "Calls that wait for a connection of a server, or for their turn within its rate.",
    read: perServer(({ waiting }) => waiting),
  },
  {
    name: "server_restarts_total",
    type: "counter",
    help:
      "How often a server was started again, by why: it exited, hung, failed to start, or by command.",
    read: ({ servers }) =>
      servers.flatMap(({ name: server, restarts }) =>
        Object.entries(restarts).map(([reason, value]) => ({
          labels: labelText({ server, reason }),
          value,
        }))
      ),
  },
  {
    name: "log_lines_waiting",
    help: "Lines that wait for a log file.",
    read: perFile("waiting"),
  },
  {
    name: "log_lines_lost_total",
    type: "counter",
    help: "Lines that a log file lacks, because the disk did not take them in time.",
    read: perFile("lost"),
  },
];

/** These readings as families. */
export function toFamilies(readings: Readings): readonly MetricFamily[] {
  return rows.map(({ read, type = "gauge", ...row }: ReadingRow): MetricFamily => ({
    ...row,
    type,
    samples: read(readings),
  }));
}
