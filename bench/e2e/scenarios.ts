/** The scenarios as rows: who calls, how many at once, and in front of which servers. */
import {
  echoCaller,
  handshakeCaller,
  largeCaller,
  listCaller,
  modernCaller,
  type OpenCaller,
  prefixedCaller,
  progressCaller,
} from "./callers.ts";
import { fanOutCaller } from "./fan_out.ts";
import type { Endpoint } from "./rpc_client.ts";
import { serverNames, type ServerSet } from "./server_sets.ts";
import type { WorkKind } from "./warm_up.ts";

/** One row. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What one unit is. */
  readonly unit: "call" | "list" | "handshake" | "delivery";
  readonly warm: WorkKind;
  readonly servers: ServerSet;
  readonly transport: Endpoint["transport"];
  readonly callers: number;
  readonly open: OpenCaller;
  /** Plain echoes that the gateway also serves in each round: the cost is counted in these. */
  readonly plain?: "echo_64" | "echo_16" | "unobserved_64";
}

const calls = { unit: "call", warm: "call", servers: "one", transport: "http" } as const;
const sixteen = { ...calls, callers: 16, plain: "echo_16" } as const;
const large = { ...calls, warm: "large", callers: 4 } as const;
const broadcasts = { ...calls, unit: "delivery", warm: "delivery", callers: 1 } as const;

/** The rows, in the order in which they are measured: the first one warms up most of the code. */
export const scenarios: readonly Scenario[] = [
  { ...calls, name: "echo_64", title: "64 sessions × 64 calls", callers: 64, open: echoCaller },
  { ...calls, name: "echo_16", title: "16 sessions × 16 calls", callers: 16, open: echoCaller },
  { ...calls, name: "echo_1", title: "1 session × 1 call", callers: 1, open: echoCaller },
  {
    ...calls,
    name: "three_servers_64",
    title: "three servers behind one URL, names such as one__echo, 64 sessions × 64 calls",
    servers: "three",
    callers: 64,
    open: prefixedCaller(serverNames("three")),
    plain: "echo_64",
  },
  {
    ...sixteen,
    name: "merged_list",
    title: "the tools of three servers in one list, 16 sessions × 16 lists",
    unit: "list",
    warm: "list",
    servers: "three",
    open: listCaller(serverNames("three")),
  },
  {
    ...calls,
    name: "modern_64",
    title: "revision 2026-07-28 without a session, 64 calls at once",
    warm: "modern",
    callers: 64,
    open: modernCaller,
    plain: "echo_64",
  },
  {
    ...sixteen,
    name: "modern_16",
    title: "revision 2026-07-28 without a session, 16 calls at once",
    warm: "modern",
    open: modernCaller,
  },
  {
    ...sixteen,
    name: "sse_16",
    title: "clients of HTTP+SSE (2024-11-05), 16 sessions × 16 calls",
    transport: "sse",
    open: echoCaller,
  },
  {
    ...sixteen,
    name: "own_process",
    title: "a process for each session (isolation: session), 16 sessions × 16 calls",
    servers: "own",
    open: echoCaller,
  },
  {
    ...sixteen,
    name: "remote_16",
    title: "a server over Streamable HTTP, 16 sessions × 16 calls",
    servers: "remote",
    open: echoCaller,
  },
  {
    ...sixteen,
    name: "hardened_16",
    title: "the hardened listener, 16 sessions × 16 calls",
    servers: "hardened",
    open: echoCaller,
  },
  {
    ...sixteen,
    name: "key_16",
    title: "clients with an API key, 16 sessions × 16 calls",
    servers: "keyed",
    open: echoCaller,
  },
  {
    ...sixteen,
    name: "token_16",
    title: "clients with an opaque access token, 16 sessions × 16 calls",
    servers: "tokens",
    open: echoCaller,
  },
  {
    ...calls,
    name: "unobserved_64",
    title: "neither metrics nor an audit trail, 64 sessions × 64 calls",
    servers: "unobserved",
    callers: 64,
    open: echoCaller,
    plain: "echo_64",
  },
  {
    ...calls,
    name: "telemetry_64",
    title: "metrics and an audit trail, in echoes without both, 64 sessions × 64 calls",
    servers: "observed",
    callers: 64,
    open: echoCaller,
    plain: "unobserved_64",
  },
  {
    ...large,
    name: "large_text",
    title: "256 KiB of plain text, 4 sessions × 4 calls",
    open: largeCaller("text"),
  },
  {
    ...large,
    name: "large_log",
    title: "256 KiB of log lines in a text, 4 sessions × 4 calls",
    open: largeCaller("log"),
  },
  {
    ...large,
    name: "large_json",
    title: "256 KiB of JSON in a text, 4 sessions × 4 calls",
    open: largeCaller("json"),
  },
  {
    ...large,
    name: "large_structured",
    title: "256 KiB of structured content (3,800 objects), 4 sessions × 4 calls",
    open: largeCaller("structured"),
  },
  {
    ...large,
    name: "large_1mb",
    title: "1 MiB of plain text, 4 sessions × 4 calls",
    open: largeCaller("text_1mb"),
  },
  {
    ...sixteen,
    name: "progress_10",
    title: "10 progress notices, then the result, 16 sessions × 16 calls",
    warm: "progress",
    open: progressCaller(10),
  },
  {
    ...calls,
    name: "handshake",
    title: "initialize and notifications/initialized, 4 at once",
    unit: "handshake",
    warm: "handshake",
    callers: 4,
    open: handshakeCaller,
  },
  {
    ...broadcasts,
    name: "fan_out_1000",
    title: "one notice to 1,000 GET streams",
    open: fanOutCaller(1_000),
  },
  {
    ...broadcasts,
    name: "fan_out_200",
    title: "one notice to 200 GET streams",
    open: fanOutCaller(200),
  },
];
