/**
 * Stateless clients of several instances: a request may reach any of them, and what only one can
 * serve is served there as long as that one lives.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { settledExchange } from "../../src/gateway/exchange.ts";
import type { Call, JsonObject } from "../../src/model.ts";
import { lastOf } from "../support/own_tables.ts";
import {
  type OneOfSeveral,
  type SeveralGateways,
  shareStores,
} from "../support/several_gateways.ts";
import { ask } from "../support/stateless_client.ts";

let several: SeveralGateways;
let one: OneOfSeveral;
let two: OneOfSeveral;

beforeEach(async () => {
  several = await shareStores();
  one = await several.start("one");
  two = await several.start("two");
});
afterEach(() => several.close());

const said = (text: string) => ({ content: [{ type: "text", text }] });
const params = { name: "say", arguments: {} };

/** The last message of an answer. */
const answerOf = async (
  at: OneOfSeveral,
  method: string,
  given: JsonObject,
  meta: JsonObject = {},
) => await lastOf(await ask(at, method, given, { meta })) as { result?: JsonObject };

describe("a server that asks, with a state of its own, which only its own process knows", () => {
  const meta = { clientCapabilities: { elicitation: {} } };

  async function begin(): Promise<JsonObject> {
    one.server.reply = ({ resume }) =>
      settledExchange(
        resume === undefined
          ? { kind: "inputRequired", questions: [], state: "of one" }
          : { kind: "result", value: said(`${resume.state} at one`) },
      );
    two.server.reply = ({ resume }) =>
      settledExchange({ kind: "result", value: said(`${resume?.state} at two`) });
    const { result } = await answerOf(one, "tools/call", params, meta);
    return { ...params, inputResponses: {}, requestState: result?.["requestState"] };
  }

  test("gets it back, wherever the client returns", async () => {
    const back = await begin();
    expect((await answerOf(two, "tools/call", back, meta)).result)
      .toMatchObject(said("of one at one"));
    expect(two.server.opened).toEqual([]);
  });

  test("is asked at another instance once its own is gone: it may know the state after all", async () => {
    const back = await begin();
    await one.stop();
    expect((await answerOf(two, "tools/call", back, meta)).result)
      .toMatchObject(said("of one at two"));
  });
});

describe("a task", () => {
  const extensions = { "io.modelcontextprotocol/tasks": {} };
  const meta = { clientCapabilities: { extensions } };
  const task = { taskId: "1", status: "working", createdAt: "2026-11-29T00:00:00Z", ttl: null };

  test("is polled where its server runs", async () => {
    const polled: Call[] = [];
    for (const { server } of [one, two]) {
      server.capabilities = { ...server.capabilities, extensions };
      server.reply = (call) => {
        if (call.method === "tools/call") {
          return settledExchange({ kind: "result", value: task, isTask: true });
        }
        polled.push(call);
        return settledExchange({ kind: "result", value: { ...task, status: server.name } });
      };
    }
    const { result } = await answerOf(one, "tools/call", params, meta);
    const { taskId } = result ?? {};
    expect((await answerOf(two, "tasks/get", { taskId }, meta)).result).toMatchObject({ taskId });
    expect(polled.map(({ params: { taskId } }) => taskId)).toEqual(["1"]);
    expect([one, two].map(({ server }) => server.opened.length)).toEqual([2, 0]);
  });
});

describe("a result that was shortened", () => {
  const meta = { clientInfo: { name: "claude-code", version: "2.1.0" } };

  test("is read on where it is kept", async () => {
    one.server.script(() => Promise.resolve(said("All of it. ".repeat(200_000))));
    const answer = JSON.stringify(await answerOf(one, "tools/call", params, meta));
    const uri = /mcp-wrapper-result:[^"\s\\]+/.exec(answer)?.[0] ?? "";
    const { result } = await answerOf(two, "resources/read", { uri }, meta);
    expect(JSON.stringify(result)).toContain("All of it. All of it.");
  });
});
