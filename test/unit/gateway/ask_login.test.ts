/**
 * Calls to a server that wants a log-in first: a client that can show pages is asked to open the
 * log-in page, and its call is made once the log-in is done; any other client gets the link.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { resultExchange } from "../../../src/gateway/exchange.ts";
import type { Logins } from "../../../src/grants/logins.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Caller, Exchange, JsonObject, Reply } from "../../../src/model.ts";
import { createTestClock } from "../../support/clock.ts";
import { createCoreGateway, sessionCaller, statelessCaller } from "../../support/core_gateway.ts";
import { createFakeUpstream } from "../../support/fake_upstream.ts";
import { createTestLog } from "../../support/log.ts";
import { until } from "../../support/wait.ts";

const pages = { elicitation: { url: {} } };
const link = "https://gate.example/oauth/connect/files?link=7";

/** A gateway in front of a server that wants a log-in until `granted` was called. */
async function setUp(url: string | null = link) {
  const clock = createTestClock();
  const log = createTestLog();
  const files = createFakeUpstream("files", { tools: [{ name: "read", inputSchema: {} }] });
  const waiting = new Set<() => void>();
  const asked: string[] = [];
  let isGranted = false;
  files.reply = (call) => {
    if (isGranted) return resultExchange({ said: call.params["name"] });
    const data = { server: "files", outcome: "not_sent" };
    files.script(() => Promise.reject(new GatewayError("login_required", needed, { data })));
    const exchange = files.reply(call);
    files.reply = reply;
    return exchange;
  };
  const { reply } = files;
  const logins: Logins = {
    async urlOf(server, { id }) {
      asked.push(`${server} ${id}`);
      return url ?? undefined;
    },
    hasGrant: async () => false,
    await() {
      const { promise: done, resolve } = Promise.withResolvers<void>();
      waiting.add(resolve);
      return { done, stop: () => void waiting.delete(resolve) };
    },
  };
  const gateway = await createCoreGateway([files], { logins, clock, log });
  const call = (caller: Caller, resume?: { answers: Record<string, JsonObject>; state: string }) =>
    gateway.call("/mcp", {
      method: "tools/call",
      params: { name: "files__read" },
      wantsProgress: false,
      caller,
      resume,
    });
  const logIn = (): void => {
    isGranted = true;
    for (const resolve of [...waiting]) resolve();
  };
  const loseGrant = () => void (isGranted = false);
  return { clock, log, files, call, logIn, loseGrant, waiting, asked };
}

const needed = 'Server "files" needs a log-in';

/** All replies of an exchange so far. */
function follow(exchange: Exchange): Reply[] {
  const replies: Reply[] = [];
  exchange.read((reply) => void replies.push(reply));
  return replies;
}

const nth = (replies: readonly Reply[], index: number) =>
  until(`reply ${index}`, () => replies[index]);

const withPages = (): Caller => ({ ...sessionCaller(), capabilities: pages });

async function askedCall(given: Awaited<ReturnType<typeof setUp>>) {
  const exchange = given.call(withPages());
  const replies = follow(exchange);
  const ask = await nth(replies, 0);
  if (ask.kind !== "ask") throw new Error(`Not asked: ${ask.kind}`);
  return { exchange, replies, ask };
}

describe("a client that can show pages", () => {
  test("is asked to open the log-in page, and its call is made after the log-in", async () => {
    const given = await setUp();
    const { exchange, replies, ask } = await askedCall(given);
    expect(ask).toMatchObject({
      method: "elicitation/create",
      params: { mode: "url", url: link, elicitationId: ask.id },
    });
    expect(ask.params["message"]).toContain(needed);
    expect(exchange.answer(ask.id, { kind: "answer", value: { action: "accept" } })).toBe(true);
    expect(replies.length).toBe(1);
    given.logIn();
    expect(await nth(replies, 1)).toEqual({
      kind: "notice",
      method: "notifications/elicitation/complete",
      params: { elicitationId: ask.id },
    });
    expect(await nth(replies, 2)).toMatchObject({ kind: "result", value: { said: "read" } });
    expect(given.files.opened.length).toBe(2);
    expect(given.waiting.size).toBe(0);
  });

  test("that logged in before it answered does not wait", async () => {
    const given = await setUp();
    const { exchange, replies, ask } = await askedCall(given);
    given.logIn();
    exchange.answer(ask.id, { kind: "answer", value: { action: "accept" } });
    expect(await nth(replies, 2)).toMatchObject({ kind: "result" });
  });

  for (const [action, words] of [["decline", "declined"], ["cancel", "dismissed"]] as const) {
    test(`whose person answers "${action}" gets an error, and no call is made`, async () => {
      const given = await setUp();
      const { exchange, replies, ask } = await askedCall(given);
      exchange.answer(ask.id, { kind: "answer", value: { action } });
      const failure = await nth(replies, 1);
      if (failure.kind !== "failure") throw new Error(failure.kind);
      expect(failure.error.code).toBe("login_required");
      expect(failure.error.message).toContain(words);
      expect(failure.error.outcome).toBe("not_sent");
      given.logIn();
      expect([given.files.opened.length, given.waiting.size]).toEqual([1, 0]);
    });
  }

  test("is not waited for longer than for other questions", async () => {
    const given = await setUp();
    const { exchange, replies, ask } = await askedCall(given);
    exchange.answer(ask.id, { kind: "answer", value: { action: "accept" } });
    given.clock.advance(defaultLimits.askMs);
    expect(await nth(replies, 1)).toMatchObject({ kind: "failure" });
    expect(given.waiting.size).toBe(0);
  });

  test("that gives the call up meanwhile is not called for", async () => {
    const given = await setUp();
    const { exchange, ask } = await askedCall(given);
    exchange.answer(ask.id, { kind: "answer", value: { action: "accept" } });
    exchange.cancel("enough");
    given.logIn();
    await Promise.resolve();
    expect([given.files.opened.length, given.waiting.size]).toEqual([1, 0]);
  });

  test("whose log-in never suffices is asked a few times only", async () => {
    const given = await setUp();
    const { exchange, replies } = await askedCall(given);
    const asks = () => replies.filter((reply) => reply.kind === "ask");
    for (let round = 1; round <= defaultLimits.loginQuestionsMax; round += 1) {
      const ask = await until(`question ${round}`, () => asks()[round - 1]);
      exchange.answer(ask.id, { kind: "answer", value: { action: "accept" } });
      given.logIn();
      given.loseGrant();
    }
    await until("the end", () => replies.at(-1)?.kind === "failure" || undefined);
    expect(asks().length).toBe(defaultLimits.loginQuestionsMax);
  });

  test("has an error if only the operator can log in", async () => {
    const given = await setUp(null);
    const replies = follow(given.call(withPages()));
    expect(await nth(replies, 0)).toMatchObject({ kind: "failure" });
  });
});

describe("a stateless client", () => {
  test("is asked by its result, and its return makes the call after the log-in", async () => {
    const given = await setUp();
    const caller = { ...statelessCaller("user:ann"), capabilities: pages };
    const first = follow(given.call(caller));
    await until("the call at its server", () => given.files.opened.length || undefined);
    await until("the question", () => {
      given.clock.advance(defaultLimits.parkGatherMs);
      return first[0];
    });
    const [paused] = first;
    if (paused?.kind !== "inputRequired") throw new Error(`Not asked: ${paused?.kind}`);
    const [question] = paused.questions;
    expect(question?.params).toMatchObject({ mode: "url", url: link });
    const answers = { [question?.key ?? ""]: { action: "accept" } };
    const second = follow(given.call(caller, { answers, state: paused.state ?? "" }));
    given.logIn();
    expect(await nth(second, 0)).toMatchObject({ kind: "result", value: { said: "read" } });
    expect(given.files.opened.length).toBe(2);
  });
});

describe("any other client", () => {
  test("gets an error with the link, which no log line contains", async () => {
    const given = await setUp();
    const failure = await nth(follow(given.call(statelessCaller("user:ann"))), 0);
    if (failure.kind !== "failure") throw new Error(failure.kind);
    expect(failure.error.message).toBe(
      `${needed}: open ${link} (valid once, for ten minutes), log in, and call again`,
    );
    expect(failure.error.data).toMatchObject({ url: link, server: "files", outcome: "not_sent" });
    expect(given.asked).toEqual(["files user:ann"]);
    expect(JSON.stringify(given.log.records)).toContain(needed.replaceAll('"', '\\"'));
    expect(JSON.stringify(given.log.records)).not.toContain("link=7");
  });
});
