/** What the live stream leaves out when more happens than a page can show, and what it never does. */
import { expect, test } from "bun:test";
import { createLiveFeed } from "../../../src/http/admin/live_feed.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createEvents } from "../../../src/telemetry/events.ts";
import { keepRecentCalls } from "../../../src/telemetry/recent_calls.ts";
import { createTestClock } from "../../support/clock.ts";
import { framesOf } from "../../support/http_harness.ts";
import { createTestLog } from "../../support/log.ts";

function openFeed() {
  const clock = createTestClock();
  const limits = { ...defaultLimits, liveRowsMax: 3 };
  const events = createEvents((thrown) => {
    throw thrown;
  });
  const calls = keepRecentCalls({
    events,
    clock,
    limits,
    log: { hide: (text) => text, toPlain: (value) => value },
  });
  let lists = 0;
  const feed = createLiveFeed({
    sources: {
      calls,
      events,
      log: { lines: () => [], read: () => () => {} },
      lists: { servers: () => ({ servers: lists += 1 }), sessions: () => ({ sessions: [] }) },
    },
    clock,
    limits,
    log: createTestLog(),
  });
  const facts = (call: number) => ({
    call,
    surface: "/mcp",
    method: "tools/call",
    principal: "anonymous",
    clientInfo: {},
  });
  return {
    clock,
    feed,
    begin: (call: number) => events.emit({ type: "call_started", ...facts(call) }),
    end: (call: number) =>
      events.emit({ type: "call_ended", ...facts(call), ms: 1, outcome: "ok" }),
    change: () => events.emit({ type: "server_state", server: "a", state: "running" }),
    lists: () => lists,
    open: () => framesOf(feed.open({ fetchContext: {}, login: undefined })),
  };
}

interface CallFrame {
  readonly type: string;
  readonly call: { readonly call: number; readonly outcome?: string };
}

test("a call that a page shows as running always ends there, however many others run", async () => {
  const { clock, feed, begin, end, open } = openFeed();
  begin(1);
  const frames = open();
  begin(2);
  clock.advance(defaultLimits.liveGatherMs);
  end(1);
  for (let call = 3; call < 20; call += 1) {
    begin(call);
    end(call);
  }
  end(2);
  clock.advance(defaultLimits.liveGatherMs);
  feed.close();
  const seen = (await frames.rest()).flatMap(({ data }) => data === undefined ? [] : [data])
    .map((data) => JSON.parse(data) as CallFrame)
    .filter(({ type }) => type === "call")
    .map(({ call: { call, outcome = "runs" } }) => `${call} ${outcome}`);
  expect(seen).toEqual(["2 runs", "1 ok", "2 ok", "17 ok", "18 ok", "19 ok"]);
});

test("nothing is gathered or listed while no page is open", async () => {
  const { clock, begin, end, change, lists, open } = openFeed();
  change();
  clock.advance(defaultLimits.liveListsMs);
  expect(lists()).toBe(0);
  const frames = open();
  change();
  clock.advance(defaultLimits.liveGatherMs);
  expect(lists()).toBe(1);
  change();
  change();
  clock.advance(defaultLimits.liveGatherMs);
  expect(lists()).toBe(1);
  clock.advance(defaultLimits.liveListsMs);
  expect(lists()).toBe(2);
  await frames.cancel();
  change();
  begin(1);
  end(1);
  clock.advance(defaultLimits.liveListsMs);
  expect(lists()).toBe(2);
});
