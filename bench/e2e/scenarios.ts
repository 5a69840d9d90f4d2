/** The scenarios as rows: who calls, how many at once, and in front of which servers. */
import {
  echoCaller,
  handshakeCaller,
  largeCaller,
  modernCaller,
  type OpenCaller,
  prefixedCaller,
  progressCaller,
} from "./callers.ts";
import { fanOutCaller } from "./fan_out.ts";
import { serverNames, type ServerSet } from "./targets.ts";

/** One row. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What one unit is. */
  readonly unit: "call" | "handshake" | "delivery";
  readonly servers: ServerSet;
  readonly callers: number;
  readonly open: OpenCaller;
}

const calls = { unit: "call", servers: "one" } as const;

/** The rows, in the order in which they are measured: the first one warms up most of the code. */
export const scenarios: readonly Scenario[] = [
  { ...calls, name: "echo_64", title: "64 sessions × 64 calls", callers: 64, open: echoCaller },
  { ...calls, name: "echo_16", title: "16 sessions × 16 calls", callers: 16, open: echoCaller },
  { ...calls, name: "echo_1", title: "1 session × 1 call", callers: 1, open: echoCaller },
  {
    ...calls,
    name: "three_servers",
    title: "three servers, names such as one__echo, 16 sessions × 16 calls",
    servers: "three",
    callers: 16,
    open: prefixedCaller(serverNames("three")),
  },
  {
    ...calls,
    name: "modern",
    title: "revision 2026-07-28 without a session, 16 calls at once",
    callers: 16,
    open: modernCaller,
  },
  {
    ...calls,
    name: "large_text",
    title: "256 KiB of plain text, 4 sessions × 4 calls",
    callers: 4,
    open: largeCaller("text"),
  },
  {
    ...calls,
    name: "large_json",
    title: "256 KiB of JSON in a text, 4 sessions × 4 calls",
    callers: 4,
    open: largeCaller("json"),
  },
  {
    ...calls,
    name: "large_structured",
    title: "256 KiB of structured content, 4 sessions × 4 calls",
    callers: 4,
    open: largeCaller("structured"),
  },
  {
    ...calls,
    name: "progress_10",
    title: "10 progress notices, then the result, 16 sessions × 16 calls",
    callers: 16,
    open: progressCaller(10),
  },
  {
    name: "handshake",
    title: "initialize and notifications/initialized, 4 at once",
    unit: "handshake",
    servers: "one",
    callers: 4,
    open: handshakeCaller,
  },
  {
    name: "fan_out_1000",
    title: "one notice to 1,000 GET streams",
    unit: "delivery",
    servers: "one",
    callers: 1,
    open: fanOutCaller(1_000),
  },
];
