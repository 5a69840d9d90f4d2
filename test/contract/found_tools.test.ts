/**
 * Calls of tools that a search found: through `call_tool`, or by their own names. Both are the same
 * call to everything but the client: rights, consent, rates, events, questions, progress, tasks.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject, Reply } from "../../src/model.ts";
import type { CallEvent, CallStartedEvent } from "../../src/telemetry/call_events.ts";
import type { ExchangeSource } from "../../src/upstream/exchange_source.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  startWithAccess,
} from "../support/access_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";
import { framesOf } from "../support/http_harness.ts";
import { ask } from "../support/stateless_client.ts";
import { completed, type ScriptedTasks, startScriptedTasks } from "../support/scripted_tasks.ts";
import { until } from "../support/wait.ts";

const path = "/search/mcp";
const people = {
  ann: { id: "user:ann", groups: ["all"] },
  reader: { id: "user:rita", groups: ["readers"] },
  asked: { id: "user:asa", groups: ["asked"] },
  slow: { id: "user:sid", groups: ["slow"] },
};
const access = [
  { group: "all", what: "allow" },
  { group: "readers", servers: "disk", tools: "peek", what: "allow" },
  { group: "asked", hints: "destructive", what: "ask" },
  { group: "asked", what: "allow" },
  { group: "slow", what: "allow", callsPerMinute: 4 },
];

const inputSchema = { type: "object" };
const tools = [
  { name: "erase", inputSchema },
  { name: "peek", inputSchema, annotations: { readOnlyHint: true } },
  {
    name: "marked",
    inputSchema: {
      type: "object",
      properties: { region: { type: "string", "x-mcp-header": "Region" } },
    },
  },
];

let disk: FakeUpstream;
let own: AccessGateway;
let started: CallStartedEvent[];
let ended: CallEvent[];

beforeEach(async () => {
  disk = createFakeUpstream("disk", { tools: [...tools] });
  own = await startWithAccess({ servers: { disk }, access, people });
  started = [];
  ended = [];
  own.gateway.observe((event) => {
    if (event.type === "call_started") started.push(event);
    if (event.type === "call_ended") ended.push(event);
  });
});

afterEach(() => own.close());

type Request = (params: JsonObject) => Promise<AccessAnswer>;

/** Each calls tools. */
const clients: Readonly<Record<string, (person?: string) => Promise<Request>>> = {
  "a client with a session": async (person = "ann") => {
    const { request } = await own.connect(person, { path });
    return (params) => request("tools/call", params);
  },
  "a stateless client": (person = "ann") =>
    Promise.resolve((params) => own.ask(person, "tools/call", params, { path })),
};

/** The params of a call through `call_tool`. */
const wrapped = (name: string, args?: JsonObject): JsonObject => ({
  name: "call_tool",
  arguments: { name, ...(args && { arguments: args }) },
});
const textOf = ({ result }: AccessAnswer): string =>
  (result?.["content"] as { text: string }[] | undefined)?.[0]?.text ?? "";

for (const [who, open] of Object.entries(clients)) {
  describe(who, () => {
    test("calls a found tool, and gets its result as it is", async () => {
      const value = {
        content: [{ type: "text", text: "done" }],
        structuredContent: { bytes: 5 },
        _meta: { "example.com/a": 1 },
      };
      disk.script(() => Promise.resolve(value));
      const call = await open();
      const { result } = await call(wrapped("disk__peek", { path: "/a", deep: { er: [1] } }));
      expect(result).toMatchObject(value);
      const [opened] = disk.opened;
      expect(opened?.method).toBe("tools/call");
      expect(opened?.params).toEqual({
        name: "peek",
        arguments: { path: "/a", deep: { er: [1] } },
      });
    });

    test("calls a tool without arguments, and any tool by its own name", async () => {
      const call = await open();
      await call(wrapped("disk__peek"));
      await call({ name: "disk__peek", arguments: { at: 1 } });
      expect(disk.opened.map(({ params }) => params)).toEqual([
        { name: "peek" },
        { name: "peek", arguments: { at: 1 } },
      ]);
    });

    test("is audited under the name of the inner tool", async () => {
      const call = await open();
      await call(wrapped("disk__peek", { path: "/a" }));
      const facts = {
        surface: "/search",
        method: "tools/call",
        item: "disk__peek",
        arguments: { path: "/a" },
        principal: "user:ann",
      };
      expect(started.at(-1)).toMatchObject(facts);
      expect(ended.at(-1)).toMatchObject({ ...facts, server: "disk", own: "peek", outcome: "ok" });
      await call({ name: "search_tools", arguments: { query: "peek" } });
      expect(ended.at(-1)).toMatchObject({ item: "search_tools", outcome: "ok" });
      expect(ended.at(-1)?.server).toBe(undefined);
      await call(wrapped("disk__none"));
      expect(ended.at(-1)).toMatchObject({ item: "disk__none", outcome: "invalid_params" });
    });

    test("cannot call what it may not know, and gets the answer for an unknown name", async () => {
      const call = await open("reader");
      const hidden = await call(wrapped("disk__erase"));
      const unknown = await call(wrapped("disk__erasq"));
      expect(hidden.result?.["isError"]).toBe(true);
      expect(textOf(hidden)).toBe(
        'There is no tool "disk__erase". Find tools with search_tools.',
      );
      expect(textOf(unknown).replace("erasq", "erase")).toBe(textOf(hidden));
      expect((await call({ name: "disk__erase" })).error?.code).toBe(-32602);
      expect(disk.opened).toEqual([]);
      await call(wrapped("disk__peek"));
      expect(disk.opened.length).toBe(1);
    });

    test("learns the nearest name in place of an unknown one", async () => {
      const call = await open();
      for (const name of ["disk__peak", "peek"]) {
        const unknown = await call(wrapped(name));
        expect(unknown.result?.["isError"]).toBe(true);
        expect(textOf(unknown)).toContain('Did you mean "disk__peek"?');
      }
      expect(disk.opened).toEqual([]);
    });

    test("learns what is wrong with a call that makes no sense", async () => {
      const call = await open();
      const wrong: readonly (readonly [args: unknown, why: string])[] = [
        [{}, '"name" must be'],
        [{ name: 5 }, '"name" must be'],
        [{ name: "disk__peek", path: "/a" }, '"path" is none of its members'],
        [{ name: "disk__peek", arguments: '{"path":"/a"}' }, '"arguments" must be an object'],
        [{ name: "disk__peek", arguments: [1] }, '"arguments" must be an object'],
        [{ name: "call_tool", arguments: { name: "disk__peek" } }, 'call "call_tool" directly'],
        [{ name: "search_tools", arguments: {} }, 'call "search_tools" directly'],
      ];
      for (const [args, why] of wrong) {
        const answer = await call({ name: "call_tool", arguments: args });
        expect([args, answer.result?.["isError"]]).toEqual([args, true]);
        expect(textOf(answer)).toContain(why);
      }
      expect(disk.opened).toEqual([]);
    });

    test("gets a server's own failure as it is", async () => {
      disk.script(() => Promise.resolve({ content: [], isError: true }));
      const call = await open();
      expect((await call(wrapped("disk__peek"))).result?.["isError"]).toBe(true);
      expect(ended.at(-1)).toMatchObject({ server: "disk", outcome: "tool_error" });
    });

    test("has its calls counted, those of the three tools, too", async () => {
      const call = await open("slow");
      expect((await call({ name: "search_tools" })).error).toBe(undefined);
      const answers: AccessAnswer[] = [];
      for (let at = 0; at < 4; at += 1) answers.push(await call(wrapped("disk__peek")));
      // A handshake counts, too.
      expect(disk.opened.length).toBe(who === "a stateless client" ? 3 : 2);
      expect(answers.at(-1)?.error?.message).toContain("Too many requests");
      expect(ended.at(-1)).toMatchObject({ item: "disk__peek", outcome: "rate_limited" });
    });

    test("cannot run one of the three as a task", async () => {
      const call = await open();
      const { result, error } = await call({ name: "search_tools", task: {} });
      // A stateless client has no such member.
      expect(error?.code ?? result?.["resultType"]).toBe(
        who === "a stateless client" ? "complete" : -32601,
      );
    });
  });
}

const elicitation = { elicitation: {} };
const yes = { action: "accept", content: {} };
const question = (source: ExchangeSource) =>
  source.ask("elicitation/create", {
    message: "Sure?",
    requestedSchema: { type: "object", properties: {} },
  });

describe("a question during a call of a found tool", () => {
  beforeEach(() => {
    disk.script(async (source) => {
      const answer = await question(source);
      return { content: [{ type: "text", text: JSON.stringify(answer) }] };
    });
  });

  test("reaches a session, and its answer the server", async () => {
    const session = await own.connect("ann", { path, capabilities: elicitation });
    const params = wrapped("disk__peek");
    const frames = framesOf(
      await session.post({ jsonrpc: "2.0", id: 7, method: "tools/call", params }),
    );
    const asked = await frames.message();
    expect(asked).toMatchObject({ method: "elicitation/create", params: { message: "Sure?" } });
    await session.post({ jsonrpc: "2.0", id: asked["id"], result: yes });
    expect(await frames.message()).toMatchObject({
      id: 7,
      result: { content: [{ text: JSON.stringify({ kind: "answer", value: yes }) }] },
    });
    expect(disk.opened.length).toBe(1);
  });

  const meta = { clientCapabilities: { elicitation: {}, sampling: {} } };
  const call = (params: JsonObject) => own.ask("ann", "tools/call", params, { path, meta });
  const back = ({ result }: AccessAnswer) => ({
    requestState: result?.["requestState"],
    inputResponses: Object.fromEntries(
      Object.keys(result?.["inputRequests"] as JsonObject).map((key) => [key, yes]),
    ),
  });

  test("ends the call of a stateless client, which goes on when it returns", async () => {
    const first = await call(wrapped("disk__peek", { a: 1 }));
    expect(first.result?.["resultType"]).toBe("input_required");
    expect(ended.at(-1)).toMatchObject({ item: "disk__peek", outcome: "paused" });
    const second = await call({ ...wrapped("disk__peek", { a: 1 }), ...back(first) });
    expect(textOf(second)).toBe(JSON.stringify({ kind: "answer", value: yes }));
    expect(disk.opened.length).toBe(1);
  });

  test("is bound to the inner call: another one cannot go on with it", async () => {
    const first = await call(wrapped("disk__peek", { a: 1 }));
    const other = await call({ ...wrapped("disk__peek", { a: 2 }), ...back(first) });
    expect(other.error?.message).toContain("does not belong to this call");
    // The same call by the tool's own name is the same call.
    const direct = { name: "disk__peek", arguments: { a: 1 } };
    expect(textOf(await call({ ...direct, ...back(first) }))).toContain("answer");
    expect(disk.opened.length).toBe(1);
  });

  test("may be one for the model of the client", async () => {
    disk.script(async (source) => {
      const answer = await source.ask("sampling/createMessage", { messages: [], maxTokens: 5 });
      return { content: [{ type: "text", text: JSON.stringify(answer) }] };
    });
    const first = await call(wrapped("disk__peek"));
    const [asked] = Object.values(first.result?.["inputRequests"] as Record<string, JsonObject>);
    expect(asked?.["method"]).toBe("sampling/createMessage");
    expect(textOf(await call({ ...wrapped("disk__peek"), ...back(first) }))).toContain("answer");
  });
});

describe("a found tool that a person has to allow", () => {
  const args = { path: "/etc" };

  test("is shown to a session by its own name, and called after a yes", async () => {
    const session = await own.connect("asked", { path, capabilities: elicitation });
    const params = wrapped("disk__erase", args);
    const frames = framesOf(
      await session.post({ jsonrpc: "2.0", id: 7, method: "tools/call", params }),
    );
    const asked = await frames.message();
    expect((asked["params"] as JsonObject)["message"]).toBe(
      'Allow this call?\nServer: disk\nTool: erase\nArguments:\n- path: "/etc"',
    );
    expect(disk.opened).toEqual([]);
    await session.post({ jsonrpc: "2.0", id: asked["id"], result: { action: "decline" } });
    expect((await frames.message())["error"]).toMatchObject({
      data: { reason: "consent_refused", outcome: "not_sent" },
    });
    expect(disk.opened).toEqual([]);
    expect((await session.request("tools/call", wrapped("disk__peek"))).error).toBe(undefined);
  });

  test("waits for a stateless client to come back with the yes", async () => {
    const meta = { clientCapabilities: elicitation };
    const call = (more: JsonObject = {}) =>
      own.ask("asked", "tools/call", { ...wrapped("disk__erase", args), ...more }, { path, meta });
    const first = await call();
    expect(first.result?.["resultType"]).toBe("input_required");
    expect(disk.opened).toEqual([]);
    const second = await call({
      requestState: first.result?.["requestState"],
      inputResponses: Object.fromEntries(
        Object.keys(first.result?.["inputRequests"] as JsonObject).map((key) => [key, yes]),
      ),
    });
    expect(second.error).toBe(undefined);
    expect(disk.opened.map(({ params }) => params)).toEqual([{ name: "erase", arguments: args }]);
  });
});

describe("while a found tool runs", () => {
  const progress = (done: number): Reply & { readonly kind: "notice" } => ({
    kind: "notice",
    method: "notifications/progress",
    params: { progress: done },
  });

  test("its progress reaches the client under the client's token", async () => {
    disk.script((source, { wantsProgress }) => {
      if (wantsProgress) source.notice(progress(1));
      return Promise.resolve({ content: [] });
    });
    const sender = {
      send: (verb: string, to: string, init = {}) => own.send("ann", verb, to, init),
    };
    const stateless = framesOf(
      await ask(sender, "tools/call", wrapped("disk__peek"), { path, progressToken: "t" }),
    );
    const session = await own.connect("ann", { path });
    const legacy = framesOf(
      await session.post({
        jsonrpc: "2.0",
        id: 7,
        method: "tools/call",
        params: { ...wrapped("disk__peek"), _meta: { progressToken: "t" } },
      }),
    );
    for (const frames of [stateless, legacy]) {
      expect(await frames.message()).toMatchObject({
        method: "notifications/progress",
        params: { progress: 1, progressToken: "t" },
      });
      expect((await frames.message())["result"]).toMatchObject({ content: [] });
    }
  });

  test("a cancellation of the client reaches its server", async () => {
    disk.script(() => new Promise(() => {}));
    const session = await own.connect("ann", { path });
    const answer = session.post({
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: wrapped("disk__peek"),
    });
    await until("the call", () => disk.opened.length === 1);
    await session.post({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 7, reason: "no" },
    });
    await until("the cancellation", () => disk.cancelled.length === 1);
    await (await answer).body?.cancel();
    expect(ended.at(-1)).toMatchObject({ item: "disk__peek", outcome: "cancelled" });
  });
});

describe("headers that repeat arguments", () => {
  test("are not asked of a call through call_tool, whose own they cannot be", async () => {
    const through = await own.ask("ann", "tools/call", wrapped("disk__marked", { region: "eu" }), {
      path,
    });
    expect(through.error).toBe(undefined);
    expect(disk.opened[0]?.target?.item?.["name"]).toBe("marked");
    const direct = await own.ask("ann", "tools/call", {
      name: "disk__marked",
      arguments: { region: "eu" },
    }, { path });
    expect(direct.error?.message).toContain("Header mcp-param-Region is missing");
  });

  test("must name the outer tool", async () => {
    const { error } = await own.ask("ann", "tools/call", wrapped("disk__peek"), {
      path,
      headers: { "mcp-name": "disk__peek" },
    });
    expect(error?.message).toContain("mcp-name does not match");
  });
});

describe("a found tool that runs as a task", () => {
  let long: ScriptedTasks;
  let withTasks: AccessGateway;

  beforeEach(async () => {
    long = await startScriptedTasks();
    withTasks = await startWithAccess({ servers: { long: { url: long.url } }, access, people });
  });
  afterEach(async () => {
    await withTasks.close();
    await long.close();
  });

  const request = (method: string, params: JsonObject, capabilities: JsonObject) =>
    withTasks.ask("ann", method, params, { path, meta: { clientCapabilities: capabilities } });

  test("is a task for a client that knows them, and awaited for others", async () => {
    const knowing = { extensions: { "io.modelcontextprotocol/tasks": {} } };
    const { result } = await request("tools/call", wrapped("long__long"), knowing);
    expect(result).toMatchObject({ resultType: "task", status: "working" });
    long.state = completed("at last");
    const got = await request("tasks/get", { taskId: result?.["taskId"] }, knowing);
    expect(got.result).toMatchObject({ status: "completed" });
    const awaited = await request("tools/call", wrapped("long__long"), {});
    expect(awaited.result).toMatchObject({ content: [{ text: "at last" }] });
  });
});
