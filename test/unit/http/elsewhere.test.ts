/** Requests whose owner is another instance, which does not answer each time. */
import { expect, test } from "bun:test";
import {
  createElsewhere,
  type Neighbours,
  type PassableRequest,
} from "../../../src/http/elsewhere.ts";
import type { Forwarded } from "../../../src/instances/forwarder.ts";
import type { LiveInstance } from "../../../src/instances/owner_table.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createTestClock } from "../../support/clock.ts";
import { settle } from "../../support/lease_world.ts";

const owner: LiveInstance = {
  name: "owner",
  url: "http://127.0.0.1:1",
  isDraining: false,
  startedAt: 0,
  owned: 1,
  calls: 0,
  term: 1,
};

const answered = (): Forwarded => ({
  kind: "answered",
  head: { kind: "answer", status: 202, headers: [] },
  body: { head: () => Promise.reject(), next: async () => undefined, cancel: () => {} },
});

/** Passes a request on; `came` says what becomes of each attempt. */
function pass(came: (attempt: number) => Forwarded) {
  const clock = createTestClock();
  let attempts = 0;
  const neighbours = {
    ownership: {
      name: "here",
      holds: () => "none",
      find: async () => owner,
      lives: async () => true,
      forget: () => {},
      isLeaving: () => false,
    },
    forwarder: { forward: async () => came(attempts += 1) },
  } as unknown as Neighbours;
  const elsewhere = createElsewhere({
    neighbours: () => neighbours,
    sessions: { find: async () => undefined },
    sessionKey: () => undefined,
    sha256: (text) => text,
    clock,
    limits: defaultLimits,
  });
  const request = new Request("http://localhost/mcp", {
    method: "POST",
    headers: { "mcp-session-id": "s" },
  });
  const context = {
    request,
    fetchContext: {},
    path: "/mcp",
    principal: { id: "ann" },
    consumer: "ann",
    surface: "all",
    readText: async () => JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call" }),
  } as unknown as PassableRequest;
  const response = Promise.resolve(elsewhere.ask(context)).then(
    (one) => one?.status,
    (fault) => fault.code,
  );
  return {
    response,
    attempts: () => attempts,
    async wait(ms: number) {
      for (let left = ms; left > 0; left -= 250) {
        clock.advance(250);
        await settle();
      }
    },
  };
}

test("a living owner that could not be reached is asked again soon", async () => {
  const passed = pass((attempt) => attempt === 1 ? { kind: "failed", sent: false } : answered());
  await passed.wait(3_000);
  expect(passed.attempts()).toBe(2);
  expect(await passed.response).toBe(202);
});

test("a living owner that can never be reached ends a request in bounded time", async () => {
  const passed = pass(() => ({ kind: "failed", sent: false }));
  await passed.wait(defaultLimits.takeoverWaitMs + 3_000);
  expect(await passed.response).toBe("overloaded");
  expect(passed.attempts()).toBeLessThan(6);
});

test("a call that the owner may have begun is asked once", async () => {
  const passed = pass(() => ({ kind: "failed", sent: true }));
  expect(await passed.response).toBe(200);
  expect(passed.attempts()).toBe(1);
});

test("a full owner is not waited for", async () => {
  const passed = pass(() => ({ kind: "full" }));
  expect(await passed.response).toBe("overloaded");
  expect(passed.attempts()).toBe(1);
});
