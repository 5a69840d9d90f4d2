/**
 * The seconds between the stop signal and the end, as clients see them: the port stays open, the
 * gateway says that it stops, and running calls can finish. On both listeners.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { framesOf, initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { answersTo, createStatelessCaller, everything } from "../support/stateless_caller.ts";
import { envelope, mirror } from "../support/stateless_client.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const gateways: SpawnedGateway[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
}, testMs);

type Json = Record<string, unknown>;

async function start(listener: string): Promise<SpawnedGateway> {
  const servers = { kid: hostileCommand() };
  const gateway = await spawnGateway({ servers, env: { MCP_LISTENER: listener } });
  gateways.push(gateway);
  return gateway;
}

/** A session by hand; each request on a connection of its own. */
async function openSession(url: string, capabilities: JsonObject = { elicitation: {} }) {
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/mcp`, {
      method: "POST",
      headers: { ...jsonHeaders, connection: "close", ...headers },
      body: JSON.stringify(body),
    });
  const response = await post(initialize("2025-11-25", capabilities));
  await response.text();
  const own = { "mcp-session-id": response.headers.get("mcp-session-id") ?? "" };
  const to = (method: string, more: Record<string, string> = {}) =>
    fetch(`${url}/mcp`, { method, headers: { ...own, ...more, connection: "close" } });
  return { post: (body: unknown) => post(body, own), to };
}

const callOf = (id: number, name: string, args: Json) =>
  request(id, "tools/call", { name, arguments: args });
const question = {
  method: "elicitation/create",
  params: { message: "Which?", requestedSchema: { type: "object", properties: {} } },
};

/** What a server may ask, and what the clients here answer. */
const questions = [
  { ...question, answer: { action: "decline" } },
  {
    method: "sampling/createMessage",
    params: { messages: [], maxTokens: 1 },
    answer: { role: "assistant", content: { type: "text", text: "hi" }, model: "m" },
  },
  { method: "roots/list", params: {}, answer: { roots: [] } },
];

/** An open question of a call; resolves with what its server got for an answer. */
type Answering = () => Promise<unknown>;

const gotBy = (result: unknown): unknown =>
  JSON.parse((result as { content: { text: string }[] }).content[0]?.text ?? "{}").result;

/** Calls with questions in sessions of Streamable HTTP: each answer is a POST of its own. */
function askedInSessions(url: string): Promise<Answering[]> {
  return Promise.all(questions.map(async ({ answer, ...asking }) => {
    const session = await openSession(url, everything);
    const frames = framesOf(await session.post(callOf(1, "ask", asking)));
    const asked = await frames.message();
    expect(asked["method"]).toBe(asking.method);
    return async () => {
      const given = await session.post({ jsonrpc: "2.0", id: asked["id"], result: answer });
      expect(given.status).toBe(202);
      return gotBy((await frames.message())["result"]);
    };
  }));
}

/** The same over HTTP+SSE, whose one stream has the questions and the results. */
async function askedOnLine(url: string): Promise<Answering[]> {
  const frames = framesOf(
    await fetch(`${url}/sse`, {
      headers: { accept: "text/event-stream", connection: "close" },
    }),
  );
  const path = (await frames.next())?.data;
  const post = async (body: unknown) => {
    const headers = { ...jsonHeaders, connection: "close" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    expect((await fetch(`${url}${path}`, init)).status).toBe(202);
  };
  await post(initialize("2025-11-25", everything));
  await frames.message();
  const answering: Answering[] = [];
  for (const [id, { answer, ...asking }] of questions.entries()) {
    await post(callOf(id, "ask", asking));
    const asked = await frames.message();
    expect(asked["method"]).toBe(asking.method);
    answering.push(async () => {
      await post({ jsonrpc: "2.0", id: asked["id"], result: answer });
      return gotBy((await frames.message())["result"]);
    });
  }
  return answering;
}

/** The same of a stateless client, which calls again with its answer. */
function askedWithoutSession(url: string): Promise<Answering[]> {
  const caller = createStatelessCaller(
    (path, init) => fetch(`${url}${path}`, init),
    "/mcp",
    everything,
  );
  return Promise.all(questions.map(async ({ answer, ...asking }) => {
    const first = await caller.call("ask", asking);
    expect(first.result?.resultType).toBe("input_required");
    return async () => gotBy((await caller.call("ask", asking, answersTo(first, answer))).result);
  }));
}

async function refusalOf(response: Response) {
  const { error } = await response.json() as { error: { data: Json } };
  return {
    status: response.status,
    reason: error.data["reason"],
    wait: Number(response.headers.get("retry-after")),
  };
}

for (const listener of ["fast", "hardened"]) {
  describe(`a gateway that stops, behind the ${listener} listener`, () => {
    test("says so, takes no new work, and lets clients finish their running calls", async () => {
      const gateway = await start(listener);
      const { url } = gateway;
      const [calling, leaving] = [await openSession(url), await openSession(url)];
      const stream = framesOf(await calling.to("GET", { accept: "text/event-stream" }));
      const answer = framesOf(await calling.post(callOf(1, "ask", question)));
      const asked = await answer.message();
      expect(asked["method"]).toBe("elicitation/create");

      const ended = gateway.stop();
      const ready = await until("the gateway to stop", async () => {
        const response = await fetch(`${url}/ready`);
        return response.status === 503 && response;
      });
      expect(await ready.json()).toEqual({ status: "draining" });
      const health = await fetch(`${url}/health`);
      expect(health.status).toBe(503);
      expect(await health.json()).toMatchObject({ status: "unhealthy", reason: "draining" });

      const refused = { status: 503, reason: "draining", wait: 1 };
      const hello = fetch(`${url}/mcp`, {
        method: "POST",
        headers: jsonHeaders,
        body: JSON.stringify(initialize("2025-11-25")),
      });
      expect(await refusalOf(await hello)).toEqual(refused);
      expect(await refusalOf(await calling.post(callOf(2, "echo", {})))).toEqual(refused);
      const params = { name: "echo", arguments: {} };
      const stateless = fetch(`${url}/mcp`, {
        method: "POST",
        headers: mirror("tools/call", params),
        body: JSON.stringify(request(1, "tools/call", { ...params, _meta: envelope() })),
      });
      expect(await refusalOf(await stateless)).toEqual(refused);

      const rest = await stream.rest();
      expect(rest.filter(({ retry }) => Number(retry) > 0).length).toBeGreaterThan(0);
      expect((await leaving.to("DELETE")).status).toBe(204);
      const given = await calling.post({
        jsonrpc: "2.0",
        id: asked["id"],
        result: { action: "decline" },
      });
      expect(given.status).toBe(202);
      expect(await answer.message()).toMatchObject({ id: 1, result: {} });
      expect(await ended).toBe(0);
      await expect(fetch(`${url}/ready`)).rejects.toThrow();
    }, testMs);

    test(
      "G7: takes the answers to all open questions, with a session or without",
      async () => {
        const gateway = await start(listener);
        const { url } = gateway;
        const ways = [askedInSessions, askedOnLine, askedWithoutSession];
        const answering = (await Promise.all(ways.map((way) => way(url)))).flat();
        const ended = gateway.stop();
        await until(
          "the gateway to stop",
          async () => (await fetch(`${url}/ready`)).status === 503,
        );
        const got = [];
        for (const answer of answering) {
          got.push(await answer());
        }
        const answers = questions.map(({ answer }) => answer);
        expect(got).toEqual(ways.flatMap(() => answers));
        expect(await ended).toBe(0);
      },
      testMs,
    );

    test("with nothing under way ends at once", async () => {
      const gateway = await start(listener);
      await openSession(gateway.url);
      const begunAt = performance.now();
      expect(await gateway.stop()).toBe(0);
      // Less than a call may take to finish: nothing was waited for.
      expect(performance.now() - begunAt).toBeLessThan(8_000);
    }, testMs);
  });
}

describe("a gateway that stops while a call hangs", () => {
  test("answers the calls that take too long, and ends their streams with a hint", async () => {
    const gateway = await start("fast");
    const session = await openSession(gateway.url);
    const standing = framesOf(await session.to("GET", { accept: "text/event-stream" }));
    const call = session.post(callOf(1, "hang", {})).then(framesOf);
    const params = { notifications: { toolsListChanged: true } };
    const listen = framesOf(
      await fetch(`${gateway.url}/mcp`, {
        method: "POST",
        headers: mirror("subscriptions/listen", params),
        body: JSON.stringify(
          request("l", "subscriptions/listen", { ...params, _meta: envelope() }),
        ),
      }),
    );
    await listen.message();
    const frames = await call;
    const ended = gateway.stop();
    for (const stream of [standing, listen]) {
      const rest = await stream.rest();
      expect(rest.some(({ retry }) => Number(retry) > 0)).toBe(true);
    }
    const last = await frames.rest();
    const answer = JSON.parse(last.findLast(({ data }) => data)?.data ?? "{}");
    expect(answer).toMatchObject({ id: 1, error: { data: { reason: "draining" } } });
    // The first frame of a stream of this revision has one, too.
    expect(last.filter(({ retry }) => Number(retry) > 0).length).toBe(2);
    expect(await ended).toBe(0);
  }, testMs);
});
