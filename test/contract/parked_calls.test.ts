/**
 * A call that waits for its client's answers, while the configuration or the client's rights change:
 * what a client without a session gets when it comes back.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defaultTables } from "../../src/app.ts";
import { readServers } from "../../src/config/mcp_json.ts";
import type { Policy } from "../../src/gateway/access_policy.ts";
import { settledExchange } from "../../src/gateway/exchange.ts";
import type { Answer, JsonObject } from "../../src/model.ts";
import { defineKind } from "../../src/upstream/upstream_kinds.ts";
import type { ExchangeSource } from "../../src/upstream/exchange_source.ts";
import { echoKind } from "../support/echo_kind.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";
import { type OwnGateway, startWithTables } from "../support/own_tables.ts";
import { ask } from "../support/stateless_client.ts";
import { until } from "../support/wait.ts";

const tool = { name: "book", inputSchema: { type: "object" } };
const both = { one: { echo: true }, two: { echo: true } };
/** The same servers; the tool has another name. */
const renamed = { ...both, one: { echo: true, tools: { rename: { book: "reserve" } } } };

let own: OwnGateway;
let one: FakeUpstream;
let policy: Policy = () => "allow";

/** The rows of the echo server, with scripted servers behind them. */
const scripted = (fakes: Readonly<Record<string, FakeUpstream>>) =>
  defineKind({
    kind: echoKind.kind,
    forms: echoKind.forms,
    create: ({ name }) => fakes[name] ?? createFakeUpstream(name, { tools: [tool] }),
  });

beforeEach(async () => {
  one = createFakeUpstream("one", { tools: [tool] });
  one.script(book);
  policy = () => "allow";
  own = await startWithTables(both, {
    kinds: [...defaultTables.kinds, scripted({ one })],
    policy: (...asked) => policy(...asked),
  });
});

afterEach(async () => {
  void own.gateway.drain();
  await own.gateway.close();
});

const progress = (done: number): JsonObject => ({ progress: done, total: 3 });
const notice = (source: ExchangeSource, done: number) =>
  source.notice({ kind: "notice", method: "notifications/progress", params: progress(done) });
const question = (source: ExchangeSource, message: string): Promise<Answer> =>
  source.ask("elicitation/create", {
    message,
    requestedSchema: { type: "object", properties: {} },
  });

/** Asks twice; a notice comes with the first question. */
async function book(source: ExchangeSource): Promise<JsonObject> {
  const first = question(source, "From?");
  notice(source, 1);
  const from = await first;
  notice(source, 2);
  const to = await question(source, "To?");
  return { content: [{ type: "text", text: `${from.kind} ${to.kind}` }] };
}

/** Reads the servers again, as after an edit of `mcp.json`. */
async function reload(mcpServers: Readonly<Record<string, unknown>>): Promise<void> {
  await own.gateway.reload(
    await readServers({
      path: "/srv/mcp.json",
      env: {},
      own: { host: "localhost", port: 8999 },
      kinds: [...defaultTables.kinds, echoKind],
      readText: () => Promise.resolve(JSON.stringify({ mcpServers })),
    }),
  );
}

interface Final {
  readonly result?: {
    readonly resultType: string;
    readonly content?: readonly { readonly text: string }[];
    readonly inputRequests?: Readonly<Record<string, unknown>>;
    readonly requestState: string;
  };
  readonly error?: { readonly message: string; readonly data: JsonObject };
}

/** One request for the tool: the progress that came, and the answer. */
async function call(more: JsonObject = {}) {
  const params = { name: "one__book", arguments: {}, ...more };
  const meta = { clientCapabilities: { elicitation: {} } };
  const response = await ask(own, "tools/call", params, { meta, progressToken: "t" });
  const text = await response.text();
  const messages = text.startsWith("{")
    ? [JSON.parse(text)]
    : [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data = ""]) => JSON.parse(data));
  return {
    progress: messages.filter(({ method }) => method === "notifications/progress")
      .map(({ params }) => params.progress as number),
    final: messages.at(-1) as Final,
  };
}

/** What a client comes back with. */
function answersTo({ final: { result, error } }: Awaited<ReturnType<typeof call>>): JsonObject {
  if (result?.resultType !== "input_required") throw new Error(`Not asked: ${error?.message}`);
  const keys = Object.keys(result.inputRequests ?? {});
  const value = { action: "accept", content: {} };
  return {
    inputResponses: Object.fromEntries(keys.map((key) => [key, value])),
    requestState: result.requestState,
  };
}

describe("a client that comes back with answers", () => {
  test("gets a notice that came with the questions once, however often it is asked", async () => {
    const first = await call();
    const second = await call(answersTo(first));
    const third = await call(answersTo(second));
    expect([first, second, third].flatMap(({ progress }) => progress)).toEqual([1, 2]);
    expect(third.final.result?.content?.[0]?.text).toBe("answer answer");
    expect(one.opened.length).toBe(1);
  });

  test("gets the answer of its call after a reload took the name of the tool away", async () => {
    const first = await call();
    await reload(renamed);
    const second = await call(answersTo(first));
    const third = await call(answersTo(second));
    expect(third.final.result?.content?.[0]?.text).toBe("answer answer");
    expect(one.opened.length).toBe(1);
    // New calls need the new name.
    expect((await call()).final.error?.message).toContain('Unknown tool "one__book"');
  });

  test("with a server's own state, but under a name that is gone, is not said to have had no effect", async () => {
    one.reply = () => settledExchange({ kind: "inputRequired", questions: [], state: "step 1" });
    const first = await call();
    await reload(renamed);
    const { error } = (await call(answersTo(first))).final;
    expect(error?.message).toContain('Unknown tool "one__book"');
    expect(error?.data).toMatchObject({ outcome: "unknown" });
    expect(one.opened.length).toBe(1);
  });

  test("may not go on when it may no longer use the tool, and is not said to have had no effect", async () => {
    const first = await call();
    policy = (_principal, server, item) =>
      server === "one" && item?.own === "book" ? "deny" : "allow";
    const { error } = (await call(answersTo(first))).final;
    expect(error?.message).toContain('Unknown tool "one__book"');
    expect(error?.data).toMatchObject({ outcome: "unknown" });
    // A call that never began had none.
    expect((await call()).final.error?.data).toMatchObject({ outcome: "not_sent" });
    expect(one.opened.length).toBe(1);
  });

  const lost: Readonly<Record<string, () => Promise<void>>> = {
    "the whole server": () => {
      policy = (_principal, server) => server === "one" ? "deny" : "allow";
      return Promise.resolve();
    },
    "a tool whose name a reload took away": async () => {
      await reload(renamed);
      policy = (_principal, _server, item) => item === undefined ? "allow" : "deny";
    },
  };
  for (const [what, lose] of Object.entries(lost)) {
    test(`may not go on when it may no longer use ${what}, and the server gets the cancellation`, async () => {
      const first = await call();
      await lose();
      const { error } = (await call(answersTo(first))).final;
      expect(error?.data).toMatchObject({ reason: "park_gone", outcome: "unknown" });
      await until("the cancellation", () => one.cancelled.length === 1);
      policy = () => "allow";
      // It is gone for good.
      const again = (await call(answersTo(first))).final;
      expect(again.error?.data).toMatchObject({ outcome: "unknown" });
      expect(one.opened.length).toBe(1);
    });
  }
});
