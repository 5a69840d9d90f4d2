/** Who gets a place for a new session when there are too many, and which sessions give way. */
import { describe, expect, test } from "bun:test";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import { by, createHeaderAuthenticator } from "../../support/header_authenticator.ts";
import {
  createHarness,
  errorOf,
  type Harness,
  type HarnessOptions,
  initialize,
  jsonHeaders,
  request,
} from "../../support/http_harness.ts";

const { freshSessionMs, unusedSessionMs, sessionYieldMs, expirySweepMs } = defaultLimits;

/** A client, by what its requests have: a principal, or an address on a gateway for all. */
interface Client {
  readonly headers?: Record<string, string>;
  readonly address?: string;
}

const key = (name: string): Client => ({ headers: by(name) });

/** A gateway whose clients authenticate, with few places for sessions. */
function withKeys(limits: Partial<Limits>): Harness {
  return createHarness({ limits, authenticator: createHeaderAuthenticator() });
}

async function open(harness: Harness, { headers, address }: Client = {}) {
  const response = await harness.send("POST", "/mcp", {
    headers: { ...jsonHeaders, ...headers },
    body: initialize("2025-11-25"),
    ...(address !== undefined && { context: { remoteAddress: address } }),
  });
  return { response, id: response.headers.get("mcp-session-id") ?? "" };
}

async function statusOf(harness: Harness, client: Client): Promise<number> {
  return (await open(harness, client)).response.status;
}

/** Uses a session; 404 if it is gone. */
async function use(harness: Harness, { headers, address }: Client, id: string): Promise<number> {
  const response = await harness.send("POST", "/mcp", {
    headers: { ...jsonHeaders, ...headers, "mcp-session-id": id },
    body: request(1, "ping"),
    ...(address !== undefined && { context: { remoteAddress: address } }),
  });
  return response.status;
}

/** Lets the sweep that the clock began end. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("a full table of sessions", () => {
  test("C9: gives the places of sessions that were never used to others, the greediest's first", async () => {
    const harness = withKeys({ sessionsMax: 11 });
    const own = await open(harness, key("modest"));
    for (let count = 0; count < 9; count += 1) {
      expect(await statusOf(harness, key("greedy"))).toBe(200);
    }
    // The place that is kept for a client without one.
    expect(await statusOf(harness, key("late"))).toBe(200);
    const refused = (await open(harness, key("new"))).response;
    expect(refused.headers.get("retry-after")).toBe(String(freshSessionMs / 1_000));
    expect(await errorOf(refused)).toMatchObject({
      status: 503,
      data: { reason: "session_limit", retryAfterMs: freshSessionMs },
    });
    // As long as the refusal says.
    harness.clock.advance(freshSessionMs + 1);
    expect(await statusOf(harness, key("new"))).toBe(200);
    expect(await harness.store.count()).toBe(11);
    // The only session of a client stays, though it is the oldest and was not used either.
    expect(await use(harness, key("modest"), own.id)).toBe(200);
  });

  test("B15: lets idle sessions of a greedier client give way, never those in use or the last ones", async () => {
    const harness = withKeys({ sessionsMax: 7 });
    const modest = await open(harness, key("modest"));
    await use(harness, key("modest"), modest.id);
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) ids.push((await open(harness, key("greedy"))).id);
    for (const id of ids) await use(harness, key("greedy"), id);
    const late = await open(harness, key("late"));
    await use(harness, key("late"), late.id);
    expect(await statusOf(harness, key("new"))).toBe(503);
    harness.clock.advance(sessionYieldMs);
    await use(harness, key("greedy"), ids[0] ?? "");
    harness.clock.advance(2);
    expect(await statusOf(harness, key("new"))).toBe(200);
    const left = await Promise.all(ids.map((id) => use(harness, key("greedy"), id)));
    expect(left.filter((status) => status === 404).length).toBe(1);
    expect(left[0]).toBe(200);
    expect(await use(harness, key("modest"), modest.id)).toBe(200);
    // Now all are in use.
    harness.clock.advance(freshSessionMs + 1);
    expect(await statusOf(harness, key("greedy"))).toBe(503);
  });

  test("B15: keeps places for clients that have none", async () => {
    const harness = withKeys({ sessionsMax: 40 });
    for (let count = 0; count < 38; count += 1) {
      const { id } = await open(harness, key("greedy"));
      expect(await use(harness, key("greedy"), id)).toBe(200);
    }
    expect(await statusOf(harness, key("greedy"))).toBe(503);
    expect(await statusOf(harness, key("new"))).toBe(200);
    expect(await statusOf(harness, key("other"))).toBe(200);
  });

  test("ends what belongs to a session that gave way", async () => {
    const harness = withKeys({ sessionsMax: 3 });
    for (const name of ["greedy", "greedy", "late"]) await open(harness, key(name));
    harness.clock.advance(freshSessionMs + 1);
    expect(await statusOf(harness, key("new"))).toBe(200);
    expect(harness.gateway.ended.length).toBe(1);
    expect(harness.gateway.watches.size).toBe(3);
  });
});

describe("a share of sessions", () => {
  const limits = { principalSessionsMax: 3 };

  test("C9: is refused with 429 and the time after which one has expired", async () => {
    const harness = withKeys(limits);
    for (let count = 0; count < 3; count += 1) {
      expect(await statusOf(harness, key("greedy"))).toBe(200);
    }
    harness.clock.advance(10_000);
    const refused = (await open(harness, key("greedy"))).response;
    const retryAfterMs = unusedSessionMs + expirySweepMs - 10_000;
    expect(refused.headers.get("retry-after")).toBe(String(retryAfterMs / 1_000));
    expect(await errorOf(refused)).toMatchObject({
      status: 429,
      data: { reason: "rate_limited", retryAfterMs },
    });
    expect(await statusOf(harness, key("other"))).toBe(200);
    harness.clock.advance(retryAfterMs);
    await settle();
    expect(await statusOf(harness, key("greedy"))).toBe(200);
  });

  test("is one for each address that does not authenticate, where others reach the gateway", async () => {
    const options: HarnessOptions = { limits, config: { host: "0.0.0.0" } };
    const harness = createHarness(options);
    const at = (address: string): Client => ({ address });
    const outcomes = [];
    for (let count = 0; count < 5; count += 1) {
      outcomes.push(await statusOf(harness, at("127.0.0.2")));
    }
    expect(outcomes).toEqual([200, 200, 200, 429, 429]);
    for (const address of ["127.0.0.3", "127.0.0.4"]) {
      expect(await statusOf(harness, at(address))).toBe(200);
    }
  });
});

describe("sessions on loopback without credentials", () => {
  test("B15: a client that opens all of them keeps no other out, and takes no used one", async () => {
    const harness = createHarness({ limits: { sessionsMax: 5 } });
    const used = await open(harness);
    expect(await use(harness, {}, used.id)).toBe(200);
    for (let count = 0; count < 4; count += 1) expect(await statusOf(harness, {})).toBe(200);
    expect(await statusOf(harness, {})).toBe(503);
    harness.clock.advance(freshSessionMs + 1);
    for (let count = 0; count < 4; count += 1) expect(await statusOf(harness, {})).toBe(200);
    expect(await harness.store.count()).toBe(5);
    expect(await use(harness, {}, used.id)).toBe(200);
  });

  test("C9: expire in minutes if they were never used, also after a restart", async () => {
    const first = createHarness();
    const [used, unused] = [await open(first), await open(first)];
    expect(await use(first, {}, used.id)).toBe(200);
    first.clock.advance(10);
    const second = createHarness({ store: first.store, clock: first.clock });
    second.clock.advance(unusedSessionMs + expirySweepMs);
    await settle();
    expect(await second.store.count()).toBe(1);
    expect(await use(second, {}, used.id)).toBe(200);
    expect(await use(second, {}, unused.id)).toBe(404);
  });
});
