/** What is kept of each server's past, from the events of a gateway. */
import { expect, test } from "bun:test";
import { createEvents, type GatewayEvent } from "../../../src/telemetry/events.ts";
import { recordServers } from "../../../src/telemetry/server_history.ts";
import { createTestClock } from "../../support/clock.ts";

function record() {
  const events = createEvents((thrown) => {
    throw thrown;
  });
  const clock = createTestClock();
  const limits = { callTimesMax: 3, latencyMinutesMax: 4 };
  const history = recordServers(events, { clock, limits });
  const call = (ms: number, outcome = "ok", server: string | null = "a") =>
    events.emit({
      type: "call_ended",
      call: 1,
      clientInfo: {},
      surface: "/mcp",
      method: "tools/call",
      server: server ?? undefined,
      principal: "anonymous",
      ms,
      outcome,
      failure: outcome === "ok" ? undefined : { client: "c", code: outcome, reason: "r" },
    });
  const tell = (...told: GatewayEvent[]) => told.forEach(events.emit);
  return { history, clock, call, tell };
}

const starting = { type: "server_starting", server: "a" } as const;
const died = { type: "connection_closed", server: "a", died: "it exited" } as const;
const failed = {
  type: "start_failed",
  server: "a",
  reason: "no such program",
  next: "retry",
  failures: 1,
  isChange: false,
  isRepeated: false,
} as const;

test("the median is that of the latest calls which the server answered", () => {
  const { history, call } = record();
  expect(history.of("a").medianMs).toBe(undefined);
  for (const ms of [1_000, 1_000, 1_000, 30, 10, 20]) call(ms);
  expect(history.of("a").medianMs).toBe(20);
  call(60_000, "upstream_timeout");
  expect(history.of("a").medianMs).toBe(20);
  call(500, "tool_error");
  call(500, "tool_error");
  expect(history.of("a")).toMatchObject({ medianMs: 500, calls: 9, failures: 3 });
});

test("each minute has its own median, and a minute without an answer has none", () => {
  const { history, clock, call } = record();
  const minute = 60_000;
  expect(history.of("a").latencies).toEqual([]);
  for (const ms of [10, 30, 20]) call(ms);
  expect(history.of("a").latencies).toEqual([null, null, null, 20]);
  clock.advance(minute);
  expect(history.of("a").latencies).toEqual([null, null, 20, null]);
  call(60_000, "upstream_timeout");
  clock.advance(minute);
  call(7);
  expect(history.of("a").latencies).toEqual([null, 20, null, 7]);
  clock.advance(2 * minute);
  call(5);
  expect(history.of("a").latencies).toEqual([null, 7, null, 5]);
  clock.advance(4 * minute);
  expect(history.of("a").latencies).toEqual([]);
});

test("calls count for their own server, and those without one for none", () => {
  const { history, call } = record();
  call(1);
  call(2, "ok", "b");
  call(3, "path_unknown", null);
  expect(["a", "b", "c"].map((name) => history.of(name).calls)).toEqual([1, 1, 0]);
  history.keep(["b"]);
  expect(["a", "b"].map((name) => history.of(name).calls)).toEqual([0, 1]);
});

test("a start counts as a restart if an unexpected end or a failed start came before it", () => {
  const { history, tell } = record();
  const restarts = () => history.of("a").restarts;
  tell(starting, { ...died, died: undefined }, starting);
  expect([restarts(), history.of("a").lastError]).toEqual([0, undefined]);
  tell(died);
  expect([restarts(), history.of("a").lastError]).toEqual([0, "it exited"]);
  tell(starting, failed, starting, starting);
  expect([restarts(), history.of("a").lastError]).toEqual([2, "no such program"]);
  tell({ type: "server_restarted", server: "a" }, starting);
  expect(restarts()).toBe(3);
  tell({ ...died, cause: "hung" }, starting);
  expect(restarts()).toBe(4);
  expect(history.of("a").restartReasons)
    .toEqual({ exited: 1, hung: 1, start_failed: 1, command: 1 });
});
