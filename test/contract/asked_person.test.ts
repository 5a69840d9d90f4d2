/**
 * Calls that a person has to allow first: the question reaches the client as a server's own would,
 * and the server gets the call once, and only after a yes.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  startWithAccess,
} from "../support/access_gateway.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";
import { framesOf } from "../support/http_harness.ts";
import { until } from "../support/wait.ts";
import { defaultLimits } from "../../src/limits.ts";

const people = { ann: { id: "user:ann" }, bob: { id: "user:bob" } };
const access = [{ hints: "destructive", what: "ask" }, { what: "allow" }];
const inputSchema = { type: "object" };
const tools = [
  { name: "erase", inputSchema },
  { name: "peek", inputSchema, annotations: { readOnlyHint: true } },
];
const elicitation = { elicitation: {} };
const erase = { name: "erase", arguments: { path: "/etc/<b>x</b>\n- ok: true", depth: 2 } };
const path = "/servers/disk/mcp";

let disk: FakeUpstream;
let own: AccessGateway;
let clock: TestClock;

beforeEach(async () => {
  clock = createTestClock();
  disk = createFakeUpstream("disk", { tools });
  own = await startWithAccess({ servers: { disk }, access, people, clock });
});

afterEach(() => own.close());

const questionText = `Allow this call?
Server: disk
Tool: erase
Arguments:
- path: "/etc/\\u003cb\\u003ex\\u003c/b\\u003e\\n- ok: true"
- depth: 2`;

describe("a client with a session", () => {
  /** Calls, answers the question as `value` says, and returns what came. */
  const callAndSay = async (value: JsonObject) => {
    const session = await own.connect("ann", { path, capabilities: elicitation });
    const response = await session.post({
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: erase,
    });
    const frames = framesOf(response);
    const question = await frames.message();
    expect(disk.opened).toEqual([]);
    await session.post({ jsonrpc: "2.0", id: question["id"], result: value });
    return { question, answer: await frames.message() };
  };

  test("is asked, and its yes makes the call", async () => {
    const { question, answer } = await callAndSay({ action: "accept", content: {} });
    expect(question).toMatchObject({
      method: "elicitation/create",
      params: { message: questionText, requestedSchema: { type: "object", properties: {} } },
    });
    expect(answer).toMatchObject({ id: 7, result: { method: "tools/call", params: erase } });
    expect(disk.opened.length).toBe(1);
  });

  for (const [action, words] of [["decline", "declined"], ["cancel", "dismissed"]]) {
    test(`who answers "${action}" keeps the server from the call`, async () => {
      const { answer } = await callAndSay({ action });
      expect(answer["error"]).toMatchObject({
        code: -32603,
        message: expect.stringContaining(words ?? ""),
        data: { reason: "consent_refused", outcome: "not_sent" },
      });
      expect(disk.opened).toEqual([]);
    });
  }

  test("that cannot be asked is denied, and learns why", async () => {
    const session = await own.connect("ann", { path });
    const { status, error } = await session.request("tools/call", erase);
    expect(status).toBe(200);
    expect(error?.message).toContain('Cannot call "erase": a person has to allow each call');
    expect(error?.message).toContain("did not declare elicitation");
    expect(disk.opened).toEqual([]);
  });

  test("is not asked about a call with more arguments than the question can show", async () => {
    const session = await own.connect("ann", { path, capabilities: elicitation });
    const most = defaultLimits.consentLinesMax;
    const many = Array.from({ length: most }, (_, at) => [`filler${at}`, at]);
    const given = Object.fromEntries([...many, ["path", "/"]]);
    const { error } = await session.request("tools/call", { name: "erase", arguments: given });
    expect(error?.message).toContain(
      `at most ${most} arguments, of which this call has ${most + 1}`,
    );
    expect(error?.data).toMatchObject({ reason: "consent_refused", outcome: "not_sent" });
    expect(disk.opened).toEqual([]);
  });

  test("reads how long an argument is that the question cuts", async () => {
    const session = await own.connect("ann", { path, capabilities: elicitation });
    const response = await session.post({
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: { name: "erase", arguments: { path: "x".repeat(998) } },
    });
    const question = await framesOf(response).message();
    const { message } = question["params"] as JsonObject;
    expect(message).toMatch(/^- path: "x{150,160}… \(1000 characters in all\)$/m);
  });

  test("reads lists as they are, and no link", async () => {
    const session = await own.connect("ann", { path, capabilities: elicitation });
    const given = { ids: ["a", "b"], path: "![x](https://a.example) [y][z]" };
    const params = { name: "erase", arguments: given };
    const response = await session.post({ jsonrpc: "2.0", id: 8, method: "tools/call", params });
    const { message } = (await framesOf(response).message())["params"] as JsonObject;
    expect(message).toContain('- ids: ["a","b"]\n');
    expect(message).not.toMatch(/\]\s*[([:]|!\[/);
  });

  test("is not asked about a tool that only reads", async () => {
    const session = await own.connect("ann", { path });
    expect((await session.request("tools/call", { name: "peek" })).error).toBe(undefined);
    expect(disk.opened.length).toBe(1);
  });

  test("that does not answer in time gets an error", async () => {
    const session = await own.connect("ann", { path, capabilities: elicitation });
    const response = await session.post({
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: erase,
    });
    const frames = framesOf(response);
    await frames.message();
    clock.advance(defaultLimits.askMs);
    let last = await frames.message();
    while (last["method"] !== undefined) last = await frames.message();
    expect(last["error"]).toMatchObject({ data: { reason: "consent_refused" } });
    expect(disk.opened).toEqual([]);
  });
});

describe("a stateless client", () => {
  const meta = { clientCapabilities: elicitation };
  const call = (params: JsonObject = erase, person = "ann"): Promise<AccessAnswer> =>
    own.ask(person, "tools/call", params, { path, meta });
  const gathered = async (answer: Promise<AccessAnswer>): Promise<AccessAnswer> => {
    let isDone = false;
    void answer.finally(() => isDone = true);
    return await until("the answer", async () => {
      clock.advance(defaultLimits.parkGatherMs);
      await new Promise((resolve) => setTimeout(resolve, 0));
      return isDone ? await answer : undefined;
    });
  };
  const back = ({ result }: AccessAnswer, value: JsonObject, params: JsonObject = erase) => ({
    ...params,
    requestState: result?.["requestState"],
    inputResponses: Object.fromEntries(
      Object.keys(result?.["inputRequests"] as JsonObject).map((key) => [key, value]),
    ),
  });
  const yes = { action: "accept", content: {} };

  test("is asked, and its yes makes the call, once", async () => {
    const first = await gathered(call());
    expect(first.result?.["resultType"]).toBe("input_required");
    const [question] = Object.values(first.result?.["inputRequests"] as Record<string, JsonObject>);
    expect(question?.["params"]).toMatchObject({ message: questionText });
    expect(disk.opened).toEqual([]);
    const second = await gathered(call(back(first, yes)));
    expect(second.result).toMatchObject({ method: "tools/call", params: erase });
    expect(disk.opened.length).toBe(1);
    const third = await gathered(call(back(first, yes)));
    expect(third.error?.data).toMatchObject({ reason: "park_gone" });
    expect(disk.opened.length).toBe(1);
  });

  const others: Readonly<Record<string, readonly [JsonObject, string]>> = {
    "other arguments": [{ name: "erase", arguments: { path: "/" } }, "ann"],
    "another tool": [{ name: "peek", arguments: erase.arguments }, "ann"],
    "another principal": [erase, "bob"],
  };
  for (const [what, [params, person]] of Object.entries(others)) {
    test(`cannot use a yes for ${what}`, async () => {
      const first = await gathered(call());
      const { error } = await gathered(call(back(first, yes, params), person));
      expect(error?.message).toContain("does not belong to this call");
      expect(disk.opened).toEqual([]);
      expect((await gathered(call(back(first, yes)))).error).toBe(undefined);
    });
  }

  test("that says no, or cannot be asked, is denied", async () => {
    const first = await gathered(call());
    const second = await gathered(call(back(first, { action: "decline" })));
    expect(second.status).toBe(200);
    expect(second.error?.message).toContain("the person declined");
    expect(second.error?.data).toMatchObject({ outcome: "not_sent" });
    const silent = await own.ask("ann", "tools/call", erase, { path });
    expect(silent.error?.message).toContain("did not declare elicitation");
    expect(silent.status).toBe(200);
    expect(disk.opened).toEqual([]);
  });

  test("learns that its call may have taken effect once its yes has sent it", async () => {
    disk.script(() => Promise.reject(new Error("broken")));
    const first = await gathered(call());
    const second = await gathered(call(back(first, yes)));
    expect(second.error?.data).toMatchObject({ outcome: "unknown" });
  });

  test("keeps no server in use after its call has ended", async () => {
    const first = await gathered(call());
    await gathered(call(back(first, yes)));
    await own.gateway.reload({ ...own.config, servers: [] });
    expect(disk.closed).toBe(true);
  });

  test("is asked by what the server's definition says, which is read first", async () => {
    Object.assign(disk, { known: () => undefined });
    const peek = { name: "peek", arguments: {} };
    expect((await gathered(call(peek))).result?.["method"]).toBe("tools/call");
    expect((await gathered(call())).result?.["resultType"]).toBe("input_required");
    expect(disk.opened.length).toBe(1);
    await own.setAccess([{ hints: "readOnly", what: "allow" }]);
    expect((await gathered(call(peek))).result?.["method"]).toBe("tools/call");
    const [denied, unknown] = [await gathered(call()), await gathered(call({ name: "nil" }))];
    expect(JSON.stringify(denied.error).replaceAll("erase", "nil"))
      .toBe(JSON.stringify(unknown.error));
    expect(disk.opened.length).toBe(2);
  });

  test("cannot use its yes after the right was taken away", async () => {
    const first = await gathered(call());
    await own.setAccess([{ tools: "peek", what: "allow" }]);
    const second = await gathered(call(back(first, yes)));
    expect(second.error).toBeDefined();
    expect(disk.opened).toEqual([]);
  });
});
