/**
 * A remote server that returns ids as text, or none at all, or begins with a byte order mark: in a
 * body, in events, over the oldest transport, and in the stateless era.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import {
  echo,
  lineRules,
  type Rule,
  type Rules,
  sessionRules,
  statelessRules,
  type Visit,
} from "../fault/hostile_upstream.ts";
import { createRemotes, stateless } from "../support/http_upstream.ts";
import { callerOf, callTool, drain, failTool, textOf, toolCall } from "../support/upstream_deps.ts";

const remotes = createRemotes();
const { open } = remotes;
afterEach(remotes.closeAll);

/** The same visit, whose results come under another id. */
const under = (toId: (id: unknown) => unknown) => (rule: Rule): Rule => (visit: Visit) =>
  rule({
    ...visit,
    message: { ...visit.message, id: toId(visit.message["id"]) },
    result: (value: JsonObject, headers?: Record<string, string>) =>
      visit.json({ jsonrpc: "2.0", id: toId(visit.message["id"]), result: value }, 200, headers),
  });
const mapped = (rules: Rules, change: (rule: Rule) => Rule): Rules => {
  const named = Object.entries(rules).map(([name, rule]) =>
    [name, /^[a-z]+\//.test(name) || name === "initialize" ? change(rule) : rule] as const
  );
  return Object.fromEntries(named);
};
const asText = under(String);

describe("ids that come back as text", () => {
  test("are accepted in bodies, in both eras, for the first message, too", async () => {
    const handshake = await open(mapped(sessionRules(), asText));
    expect(await callTool(handshake.upstream, "echo", { a: 1 })).toBe('{"a":1}');
    const modern = await open(mapped(statelessRules(), asText));
    const { end } = await drain(modern.upstream.open(toolCall("echo", { a: 2 }, stateless())));
    expect(textOf(end)).toBe('{"a":2}');
  });

  test("are accepted in events, with progress tokens as text", async () => {
    const { upstream } = await open({
      ...sessionRules(),
      "tools/call"(visit) {
        const stream = visit.stream();
        const meta = visit.params["_meta"] as JsonObject;
        const params = { progressToken: String(meta["progressToken"]), progress: 1 };
        stream.event({ data: { jsonrpc: "2.0", method: "notifications/progress", params } });
        stream.result(echo(visit), String(visit.message["id"]));
        stream.end();
      },
    });
    const { notices, end } = await drain(
      upstream.open(toolCall("echo", { a: 1 }, callerOf("a"), true)),
    );
    expect(notices.length).toBe(1);
    expect(textOf(end)).toBe('{"a":1}');
  });

  test("are accepted over the oldest transport", async () => {
    const rules = lineRules();
    const { upstream } = await open(mapped(rules, asText), { transport: "sse" });
    expect(await callTool(upstream, "echo", { a: 1 })).toBe('{"a":1}');
  });
});

describe("an error without an id", () => {
  const error = { code: -32000, message: "not today" };
  for (const id of [null, undefined, "server-error", 0]) {
    test(`fails the request that it answers (${JSON.stringify(id)})`, async () => {
      const { upstream } = await open({
        ...sessionRules(),
        "tools/call": (visit) => visit.json({ jsonrpc: "2.0", id, error }),
      });
      expect(await failTool(upstream, "echo")).toMatchObject(error);
    });
  }

  test("on the one stream of the oldest transport fails the only open call", async () => {
    const rules = lineRules();
    const { upstream } = await open({
      ...rules,
      "tools/call"(visit) {
        visit.status(202);
        rules.line().event({ data: { jsonrpc: "2.0", id: null, error } });
      },
    }, { transport: "sse" });
    expect(await failTool(upstream, "echo")).toMatchObject(error);
  });
});

test("a result under another id fails the request in whose stream it comes, at once", async () => {
  const { upstream } = await open({
    ...sessionRules(),
    // The stream stays open: nothing else would end the call before its limit.
    "tools/call": (visit) => visit.stream().result(echo(visit), 0),
  });
  const { message, data } = await failTool(upstream, "echo");
  expect(data).toMatchObject({ reason: "bad_upstream_response" });
  expect(message).toContain("under id 0");
});

test("a first message that is answered under another id fails the start at once", async () => {
  const wrong = under(() => 0);
  for (
    const [rules, more] of [[sessionRules(), {}], [lineRules(), { transport: "sse" }]] as const
  ) {
    const { upstream } = await open(mapped(rules, wrong), more);
    expect((await failTool(upstream, "echo")).message).toContain("under id 0");
  }
});

test("a byte order mark before a body or in an event is skipped", async () => {
  const body = (visit: Visit) =>
    visit.status(
      200,
      { "content-type": "application/json" },
      `\ufeff${JSON.stringify({ jsonrpc: "2.0", id: visit.message["id"], result: echo(visit) })}`,
    );
  const events = (visit: Visit) => {
    const stream = visit.stream();
    const answer = { jsonrpc: "2.0", id: visit.message["id"], result: echo(visit) };
    stream.raw(`\ufeffdata: \ufeff${JSON.stringify(answer)}\n\n`);
    stream.end();
  };
  for (const rule of [body, events]) {
    const { upstream } = await open({ ...sessionRules(), "tools/call": rule });
    expect(await callTool(upstream, "echo", { a: 1 })).toBe('{"a":1}');
  }
});
