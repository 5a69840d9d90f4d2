/**
 * Programs that hang: the gateway notices it between calls and lets another process take the next
 * call, while a program that may be busy, or that does not know `ping`, is left alone.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { defaultLimits } from "../../src/limits.ts";
import { openSessionClient, type PlayedClient } from "../support/played_clients.ts";
import { type PlayedGateway, startPlayed, turn } from "../support/played_gateway.ts";
import type { PlayedProgram } from "../support/played_programs.ts";
import {
  createStatelessCaller,
  everything,
  type StatelessAnswer,
} from "../support/stateless_caller.ts";

const { healthCheckMs, pingMs, callMs, parkMs } = defaultLimits;
const path = "/servers/one/mcp";

let gateway: PlayedGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(entry: Record<string, unknown> = {}) {
  gateway = await startPlayed({ one: entry });
  const client = await openSessionClient(gateway, path, "2025-11-25");
  return { gateway, client };
}

let lastId = 0;
const callOf = (client: PlayedClient) =>
  client.call({ id: `call-${++lastId}`, tool: "work", args: {}, token: undefined });

const pingsOf = ({ received }: PlayedProgram) => received.filter(({ method }) => method === "ping");

/** The call that a program got last. */
async function lastCallAt(gateway: PlayedGateway, at: number, count = 1) {
  const calls = () =>
    gateway.programs[at]?.received.filter(({ method }) => method === "tools/call") ?? [];
  await gateway.until("the call to arrive", () => calls().length >= count);
  return calls()[count - 1]!;
}

/** A call that the program answers. */
async function callAndAnswer({ gateway, client }: Awaited<ReturnType<typeof start>>, at: number) {
  const before = gateway.programs[at]?.received.filter(({ method }) => method === "tools/call");
  const call = callOf(client);
  const { id } = await lastCallAt(gateway, at, (before?.length ?? 0) + 1);
  gateway.programs[at]?.say({ jsonrpc: "2.0", id, result: { content: [] } });
  await gateway.until("the answer", () => call.heard.isOver);
  expect(call.heard.messages.at(-1)?.result).toBeDefined();
}

/** Lets time pass in steps between which programs answer. */
async function pass({ advance }: PlayedGateway, ms: number, stepMs = 1_000): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    advance(stepMs);
    for (let turns = 0; turns < 5; turns++) await turn();
  }
}

/** A program that has answered a ping before. */
async function startKnown(entry: Record<string, unknown> = {}) {
  const made = await start(entry);
  await callAndAnswer(made, 0);
  await pass(made.gateway, healthCheckMs + 1_000);
  return { ...made, program: made.gateway.programs[0]! };
}

describe("a program that hangs", () => {
  test("E2: is replaced when it leaves two pings unanswered, and the next call gets another process", async () => {
    const made = await startKnown();
    const { gateway, program, client } = made;
    program.left.add("ping");
    await pass(gateway, healthCheckMs + pingMs);
    expect(pingsOf(program).length).toBeGreaterThan(0);
    expect(program.isAlive()).toBe(true);
    await pass(gateway, 2 * pingMs);
    expect(program.isAlive()).toBe(false);
    const notices = client.stream?.messages.filter(({ method }) =>
      method === "notifications/message"
    );
    expect(JSON.stringify(notices)).toContain("did not answer health checks");
    await callAndAnswer(made, 1);
    const { restarts, restartReasons, lastError } = gateway.handle.servers()[0]!;
    expect({ restarts, lastError }).toEqual({
      restarts: 1,
      lastError: "it did not answer health checks",
    });
    expect(restartReasons).toMatchObject({ hung: 1, exited: 0 });
    const metrics = await gateway.handle.metrics();
    expect(metrics).toContain('mcp_wrapper_server_restarts_total{server="one",reason="hung"} 1');
  });

  test("E2: is replaced though calls come all the time, once each of them had its time", async () => {
    const { gateway, program, client } = await startKnown({ isolation: "shared" });
    program.left.add("ping");
    const calls = [];
    for (let second = 0; gateway.programs.length === 1 && second < 400; second += 20) {
      calls.push(callOf(client));
      await pass(gateway, 20_000);
      if (second < 2 * callMs / 1_000) expect(program.isAlive()).toBe(true);
    }
    expect(program.isAlive()).toBe(false);
    const codes = calls.map(({ heard }) => heard.messages.at(-1)?.error?.data);
    expect(codes[0]).toMatchObject({ reason: "upstream_timeout", outcome: "unknown" });
    expect(JSON.stringify(codes)).toContain("upstream_exited");
  });

  test("one that works on a call is not pinged, however long the call may take", async () => {
    const made = await startKnown({ callTimeoutMs: 500_000 });
    const { gateway, program, client } = made;
    program.left.add("ping");
    const call = callOf(client);
    const { id } = await lastCallAt(gateway, 0, 2);
    await pass(gateway, 400_000, 5_000);
    expect(pingsOf(program)).toEqual([]);
    program.say({ jsonrpc: "2.0", id, result: { content: [] } });
    await gateway.until("the answer", () => call.heard.isOver);
    expect(call.heard.messages.at(-1)?.result).toBeDefined();
  });

  test("one may still be busy with a call that its client gave up", async () => {
    const { gateway, program, client } = await startKnown();
    program.left.add("ping");
    const call = callOf(client);
    await lastCallAt(gateway, 0, 2);
    client.cancel(call);
    await pass(gateway, 2 * callMs);
    expect(pingsOf(program)).toEqual([]);
    await pass(gateway, healthCheckMs + 3 * pingMs);
    expect(program.isAlive()).toBe(false);
  });

  test("a call that comes during a ping explains the silence", async () => {
    const { gateway, program, client } = await startKnown();
    program.left.add("ping");
    for (let waited = 0; pingsOf(program).length === 0 && waited < 60; waited++) {
      await pass(gateway, 1_000);
    }
    const call = callOf(client);
    const { id } = await lastCallAt(gateway, 0, 2);
    await pass(gateway, callMs - 5_000);
    expect(program.isAlive()).toBe(true);
    program.say({ jsonrpc: "2.0", id, result: { content: [] } });
    await gateway.until("the answer", () => call.heard.isOver);
    expect(call.heard.messages.at(-1)?.result).toBeDefined();
  });

  test("one that waits for the answer of a person is not pinged", async () => {
    const { gateway, program } = await startKnown({ isolation: "principal" });
    program.left.add("ping");
    const caller = createStatelessCaller(gateway.send, path, everything);
    let answer: StatelessAnswer | undefined;
    void caller.call("work", {}).then((got) => void (answer = got));
    await lastCallAt(gateway, 0, 2);
    const question = { message: "Which?", requestedSchema: { type: "object", properties: {} } };
    program.say({ jsonrpc: "2.0", id: "q", method: "elicitation/create", params: question });
    await gateway.until("the question", () => answer !== undefined);
    expect(answer?.result?.resultType).toBe("input_required");
    await pass(gateway, parkMs - 60_000, 5_000);
    expect(pingsOf(program)).toEqual([]);
    expect(program.isAlive()).toBe(true);
  });
});

describe("a program that does not know ping", () => {
  test("is left alone when it says so with an error", async () => {
    const made = await start();
    await callAndAnswer(made, 0);
    const { gateway } = made;
    const program = gateway.programs[0]!;
    program.left.add("ping");
    let answered = 0;
    for (let second = 0; second < 200; second++) {
      await pass(gateway, 1_000);
      for (const { id } of pingsOf(program).slice(answered)) {
        answered += 1;
        program.say({ jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } });
      }
    }
    expect(answered).toBeGreaterThan(3);
    expect(program.isAlive()).toBe(true);
    await callAndAnswer(made, 0);
  });

  test("is left alone when it ignores it, and is soon asked no more", async () => {
    const made = await start();
    await callAndAnswer(made, 0);
    const { gateway } = made;
    const program = gateway.programs[0]!;
    program.left.add("ping");
    await pass(gateway, 600_000, 5_000);
    expect(pingsOf(program)).toHaveLength(2);
    expect(program.isAlive()).toBe(true);
    await callAndAnswer(made, 0);
  });

  test("is not asked again where a process has died of it", async () => {
    const made = await start();
    await callAndAnswer(made, 0);
    const { gateway } = made;
    gateway.programs[0]!.left.add("ping");
    for (let waited = 0; pingsOf(gateway.programs[0]!).length === 0 && waited < 60; waited++) {
      await pass(gateway, 1_000);
    }
    gateway.programs[0]!.die();
    await pass(gateway, 1_000);
    await callAndAnswer(made, 1);
    const second = gateway.programs[1]!;
    second.left.add("ping");
    await pass(gateway, 300_000, 5_000);
    expect(pingsOf(second)).toEqual([]);
    expect(second.isAlive()).toBe(true);
  });

  test("health checks keep no idle program: it is stopped when nothing has needed it for long", async () => {
    const made = await startKnown({ idleTimeoutMs: 300_000 });
    const { gateway, program } = made;
    await pass(gateway, 240_000, 5_000);
    expect(program.isAlive()).toBe(true);
    await pass(gateway, 60_000, 5_000);
    expect(program.isAlive()).toBe(false);
  });
});
