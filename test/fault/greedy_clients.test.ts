/**
 * Clients that take all processes of a gateway, with and without sessions. Programs and sockets are
 * real; clients have addresses of their own.
 */
import { afterEach, expect, test } from "bun:test";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { type OpenGateway, startOpenGateway } from "../support/open_gateway.ts";
import { ask } from "../support/stateless_client.ts";
import { until } from "../support/wait.ts";
import { hostileCommand } from "./hostile_command.ts";

const testMs = 120_000;
const [greedy, modest, other] = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
let gateway: OpenGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
}, testMs);

/** What a call was answered with, in whichever form. */
async function answerOf(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  const [, data] = /^data: (.*"id".*)$/m.exec(text) ?? [];
  return JSON.parse(data ?? text);
}

/** Whose process answered. */
const pidIn = ({ result }: Record<string, unknown>): number =>
  JSON.parse((result as { content: { text: string }[] }).content[0]?.text ?? "")["pid"];

/** Opens a session; the returned function calls a tool in it. */
async function openSession({ from }: OpenGateway, address: string) {
  const send = from(address);
  const opened = await send("POST", "/mcp", {
    headers: jsonHeaders,
    body: initialize("2025-11-25"),
  });
  expect(opened.status).toBe(200);
  const headers = {
    ...jsonHeaders,
    "mcp-session-id": opened.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  const initialized = { jsonrpc: "2.0", method: "notifications/initialized" };
  await send("POST", "/mcp", { headers, body: initialized });
  let id = 1;
  return async (name: string, args: Record<string, unknown> = {}) => {
    const params = { name, arguments: args };
    const body = { jsonrpc: "2.0", id: id += 1, method: "tools/call", params };
    return await answerOf(await send("POST", "/mcp", { headers, body }));
  };
}

test(
  "B15: one client with all its processes busy takes no process of others, and waits for its own",
  async () => {
    const servers = { one: { ...hostileCommand(), spare: false, startTimeoutMs: 10_000 } };
    const started = gateway = await startOpenGateway(servers, { processesMax: 4 });
    const call = await openSession(started, modest);
    const before = await call("state");
    const sessions = [];
    for (let count = 0; count < 5; count += 1) sessions.push(await openSession(started, greedy));
    const refused: Record<string, unknown>[] = [];
    for (const each of sessions) {
      void each("hang").then(({ error }) => void refused.push(error as never), () => {});
    }
    await until("the refusals", () => refused.length >= 3);
    for (const error of refused) {
      const data = error["data"] as Record<string, unknown>;
      expect(data["reason"]).toBe("overloaded");
      expect(Number(data["retryAfterMs"])).toBeGreaterThan(0);
    }
    // The modest client has the process that it had; a new one finds the place kept for it.
    expect(pidIn(await call("state"))).toBe(pidIn(before));
    expect((await (await openSession(started, other))("state"))["result"]).toBeDefined();
  },
  testMs,
);

test(
  "B15: questions that one client leaves open close a server to no other client",
  async () => {
    const servers = { one: { ...hostileCommand(), spare: false } };
    const started = gateway = await startOpenGateway(servers, { leasesMax: 2 });
    const meta = { clientCapabilities: { elicitation: { form: {} } } };
    const callFrom = async (address: string, name: string, args: object) =>
      await answerOf(
        await ask(
          { send: started.from(address) },
          "tools/call",
          { name, arguments: { ...args } },
          { meta },
        ),
      );
    const question = {
      method: "elicitation/create",
      params: { message: "Who?", requestedSchema: { type: "object", properties: {} } },
    };
    const paused = [];
    for (let count = 0; count < 4; count += 1) paused.push(await callFrom(greedy, "ask", question));
    for (const { result } of paused) expect(result).toMatchObject({ resultType: "input_required" });
    const answers = await Promise.all([modest, other].map((one) => callFrom(one, "echo", {})));
    for (const { result } of answers) expect(result).toMatchObject({ resultType: "complete" });
    expect(Number(started.counts()["gave_way.parked_call"])).toBeGreaterThan(0);
  },
  testMs,
);

test(
  "B15: a client that has its share of processes is refused as such, and the operator sees it",
  async () => {
    const servers = {
      one: { ...hostileCommand(), spare: false, startTimeoutMs: 5_000, callTimeoutMs: 5_000 },
    };
    const limits = { processesMax: 8, principalProcessesMax: 2, leasesMax: 1 };
    const started = gateway = await startOpenGateway(servers, limits);
    const sessions = [];
    for (let count = 0; count < 3; count += 1) sessions.push(await openSession(started, greedy));
    const answers = sessions.map((call) => call("hang").catch(() => ({})));
    const refused = await Promise.race(answers) as Record<string, Record<string, unknown>>;
    expect(refused["error"]?.["data"]).toMatchObject({
      reason: "rate_limited",
      outcome: "not_sent",
    });
    expect(started.counts()).toMatchObject({ "rate_limited.processes": 1 });
    expect((await (await openSession(started, other))("state"))["result"]).toBeDefined();
  },
  testMs,
);

test(
  "B15: on loopback, where each session is a client, one that finds all busy waits its turn",
  async () => {
    const servers = { one: { ...hostileCommand(), spare: false } };
    const started = gateway = await startOpenGateway(servers, { processesMax: 3 }, "127.0.0.1");
    const open = () => openSession(started, "127.0.0.1");
    const busy = await Promise.all([open(), open(), open()]);
    const pids = await Promise.all(busy.map(async (call) => pidIn(await call("state"))));
    const done: string[] = [];
    const calls = busy.map(async (call) => {
      await call("slow", { ms: 1_500 });
      done.push("slow");
    });
    const waiting = Array.from({ length: 2 }, async () => {
      const answer = await (await open())("state");
      done.push("waited");
      return pidIn(answer);
    });
    const late = await Promise.all(waiting);
    expect(done.slice(0, 1)).toEqual(["slow"]);
    expect(new Set([...pids, ...late]).size).toBe(5);
    await Promise.all(calls);
    expect(started.counts()["gave_way.process"]).toBe(2);
  },
  testMs,
);
