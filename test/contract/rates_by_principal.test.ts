/**
 * Rates of principals through the gateway's public edge: what a client gets that exceeds one, in
 * both eras and over both transports, and that others do not notice it.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { AccessRates } from "../../src/gateway/access_rates.ts";
import type { Limits } from "../../src/limits.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";
import { echoKind } from "../support/echo_kind.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { by, createHeaderAuthenticator } from "../support/header_authenticator.ts";
import { initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { lastOf } from "../support/own_tables.ts";
import { type Served, serveFetch } from "../support/serve_fetch.ts";
import { ask } from "../support/stateless_client.ts";

let clock: TestClock;
let gateway: GatewayHandle;
let lines: string[];
/** Rates by principal. */
let rates: Record<string, AccessRates>;

async function start(limits: Partial<Limits> = {}): Promise<void> {
  const kinds = [...defaultTables.kinds, echoKind];
  const { config } = await readConfig({
    kinds,
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: "/srv",
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: { one: { echo: true } } })),
  });
  gateway = await createGateway({
    // The test's own listener has any port.
    config: { ...config, allowedHosts: ["127.0.0.1"], auth: { kinds: ["header"], settings: {} } },
    runtime: await createTestRuntime(),
    authenticators: { header: createHeaderAuthenticator },
    kinds,
    ratesOf: ({ id }) => rates[id] ?? {},
    clock,
    limits,
    console: (line) => void lines.push(line),
  });
}

beforeEach(() => {
  clock = createTestClock();
  lines = [];
  rates = {};
});
afterEach(async () => {
  await gateway.close();
});

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

type Send = (method: string, path: string, sent?: Sent) => Promise<Response>;

const send: Send = (method, path, { headers, body } = {}) =>
  gateway.fetch(
    new Request(`http://localhost:8999${path}`, {
      method,
      headers: { host: "localhost:8999", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );

const call = { name: "say", arguments: { text: "hello" } };

/** A tool's call without a session. */
const callStateless = (user: string, over: Send = send) =>
  ask({ send: over }, "tools/call", call, { headers: by(user) });

/** A new session, or its refusal. */
const open = (user: string, over: Send = send) =>
  over("POST", "/mcp", {
    headers: { ...jsonHeaders, ...by(user) },
    body: initialize("2025-11-25"),
  });

async function sessionOf(user: string): Promise<string> {
  const response = await open(user);
  await response.text();
  return response.headers.get("mcp-session-id") ?? "";
}

const callInSession = (user: string, session: string) =>
  send("POST", "/mcp", {
    headers: { ...jsonHeaders, ...by(user), "mcp-session-id": session },
    body: request(1, "tools/call", call),
  });

const stream = (user: string, session: string, over: Send = send) =>
  over("GET", "/mcp", {
    headers: { accept: "text/event-stream", ...by(user), "mcp-session-id": session },
  });

const line = (user: string) =>
  send("GET", "/sse", { headers: { accept: "text/event-stream", ...by(user) } });

const listen = (user: string) =>
  ask({ send }, "subscriptions/listen", { notifications: { toolsListChanged: true } }, {
    headers: by(user),
  });

/** "ok", or the status and the reason and time of the error. */
async function outcomeOf(response: Response): Promise<unknown> {
  if (response.headers.get("content-type") === "text/event-stream") {
    return response.status === 200 ? "ok" : response.status;
  }
  const { error } = await lastOf(response) as { error?: { data?: Record<string, unknown> } };
  if (error === undefined) return "ok";
  return [response.status, error.data, response.headers.get("retry-after")];
}

const refused = (status: number, retryAfterMs: number, retryAfter: string | null) => [
  status,
  { reason: "rate_limited", retryAfterMs, outcome: "not_sent" },
  retryAfter,
];

describe("a principal that calls too often", () => {
  test("gets an error in band with the time to wait, over sessions and stateless calls together", async () => {
    rates = { ada: { callsPerMinute: 4 } };
    await start();
    const session = await sessionOf("ada");
    const outcomes = [];
    for (let round = 0; round < 3; round += 1) {
      outcomes.push(await outcomeOf(await callStateless("ada")));
      outcomes.push(await outcomeOf(await callInSession("ada", session)));
    }
    const late = refused(200, 15_000, null);
    expect(outcomes).toEqual(["ok", "ok", "ok", late, late, late]);
    expect(await outcomeOf(await callStateless("bob"))).toBe("ok");
    clock.advance(15_000);
    expect(await outcomeOf(await callInSession("ada", session))).toBe("ok");
    expect(await outcomeOf(await callStateless("ada"))).toEqual(late);
  });

  test("gets 429 with Retry-After for new sessions and streams of every kind", async () => {
    rates = { ada: { callsPerMinute: 2 } };
    await start();
    const session = await sessionOf("ada");
    expect(await outcomeOf(await callInSession("ada", session))).toBe("ok");
    clock.advance(10_000);
    const late = refused(429, 20_000, "20");
    for (const attempt of [open, line, listen, (user: string) => stream(user, session)]) {
      expect(await outcomeOf(await attempt("ada"))).toEqual(late);
    }
    expect(await outcomeOf(await open("bob"))).toBe("ok");
    clock.advance(20_000);
    expect(await outcomeOf(await open("ada"))).toBe("ok");
  });
});

describe("a principal that keeps too much open", () => {
  test("gets 429 for a further session until one ends, whatever the transport", async () => {
    await start({ principalSessionsMax: 2 });
    const session = await sessionOf("ada");
    const older = await line("ada");
    // Sessions that were never used expire after five minutes, with the sweep that comes then.
    const late = refused(429, 330_000, "330");
    expect(await outcomeOf(await open("ada"))).toEqual(late);
    expect(await outcomeOf(await line("ada"))).toEqual(late);
    expect(await outcomeOf(await open("bob"))).toBe("ok");
    await send("DELETE", "/mcp", { headers: { ...by("ada"), "mcp-session-id": session } });
    expect(await outcomeOf(await open("ada"))).toBe("ok");
    expect(await outcomeOf(await open("ada"))).toEqual(late);
    await older.body?.cancel();
    expect(await outcomeOf(await open("ada"))).toBe("ok");
  });

  test("gets 429 for a further stream of any kind until one ends", async () => {
    await start({ principalStreamsMax: 2, listensPerPrincipalMax: 2 });
    const session = await sessionOf("ada");
    const first = await stream("ada", session);
    const second = await listen("ada");
    expect([first.status, second.status]).toEqual([200, 200]);
    const late = refused(429, 15_000, "15");
    for (const attempt of [line, listen, (user: string) => stream(user, session)]) {
      expect(await outcomeOf(await attempt("ada"))).toEqual(late);
    }
    expect((await listen("bob")).status).toBe(200);
    await first.body?.cancel();
    expect((await line("ada")).status).toBe(200);
    expect(await outcomeOf(await stream("ada", session))).toEqual(late);
  });
});

describe("clients that do not authenticate", () => {
  test("have no limits of a single principal", async () => {
    await start({ principalSessionsMax: 1, principalStreamsMax: 1, listensPerPrincipalMax: 1 });
    // The header names the id that such clients have.
    const session = await sessionOf("anonymous");
    for (let round = 0; round < 3; round += 1) {
      expect(await outcomeOf(await open("anonymous"))).toBe("ok");
      expect((await stream("anonymous", session)).status).toBe(200);
      expect(await outcomeOf(await callStateless("anonymous"))).toBe("ok");
    }
  });
});

describe("a flood", () => {
  const calls = 200;
  const opened = 40;
  let served: Served;

  const overSocket: Send = async (method, path, { headers, body } = {}) =>
    await fetch(`http://127.0.0.1:${served.port}${path}`, {
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  test(
    "B15 of one principal is refused beyond its rates, and another's calls all succeed",
    async () => {
      rates = { greedy: { callsPerMinute: 60 } };
      await start({ principalSessionsMax: 10 });
      served = await serveFetch((incoming) => gateway.fetch(incoming));
      try {
        // Sessions first: each costs one request of the minute.
        const sessions = await Promise.all(
          Array.from(
            { length: opened },
            async () => await outcomeOf(await open("greedy", overSocket)),
          ),
        );
        expect(
          sessions.filter((outcome) => outcome === "ok").length,
        ).toBe(10);
        expect(sessions.filter((outcome) => Array.isArray(outcome) && outcome[0] === 429).length)
          .toBe(opened - 10);
        const canary: unknown[] = [];
        const flood = Array.from({ length: calls }, async (_, index) => {
          const outcome = await outcomeOf(await callStateless("greedy", overSocket));
          if (index % 20 === 0) {
            canary.push(await outcomeOf(await callStateless("modest", overSocket)));
          }
          return outcome;
        });
        const outcomes = await Promise.all(flood);
        expect(canary).toEqual(Array.from({ length: calls / 20 }, () => "ok"));
        // No time has passed: what is left of the minute, and not one more.
        expect(outcomes.filter((outcome) => outcome === "ok").length).toBe(60 - opened);
        const late = refused(200, 1_000, null);
        for (const outcome of outcomes) if (outcome !== "ok") expect(outcome).toEqual(late);
      } finally {
        await served.close();
      }
      expect(gateway.counts()).toMatchObject({
        "rate_limited.sessions": opened - 10,
        "rate_limited.calls_per_minute": calls - (60 - opened),
        "request_refused.rate_limited": opened - 10,
        "call_ended.ok": 60 - opened + calls / 20,
      });
      // Named once for each limit, not for each request.
      const named = lines.filter((text) => text.includes("exceeds its limit"));
      expect(named.length).toBe(2);
      expect(lines.filter((text) => text.includes("Call failed"))).toEqual([]);
    },
    60_000,
  );
});
