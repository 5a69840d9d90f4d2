/** Which event streams give way when all places are taken, and how their clients hear of it. */
import { describe, expect, test } from "bun:test";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import { by, createHeaderAuthenticator } from "../../support/header_authenticator.ts";
import {
  createHarness,
  framesOf,
  type Harness,
  initialize,
  jsonHeaders,
  request,
  slowCall,
} from "../../support/http_harness.ts";
import { envelope, mirror } from "../../support/stateless_client.ts";

const { sseRetryMs, heartbeatMs } = defaultLimits;
const places = { streamsMax: 6, principalStreamsMax: 6 };

/** A client: the headers by which the gateway knows it. */
type Client = Record<string, string>;

const key = (name: string): Client => by(name);
const withKeys = (limits: Partial<Limits> = {}): Harness =>
  createHarness({ limits: { ...places, ...limits }, authenticator: createHeaderAuthenticator() });

/** Opens a session with a standalone stream, beginning with an event id. */
async function stand(harness: Harness, client: Client = {}) {
  const opened = await harness.send("POST", "/mcp", {
    headers: { ...jsonHeaders, ...client },
    body: initialize("2025-11-25"),
  });
  await opened.text();
  const headers = { ...client, "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
  const get = (more: Client = {}) =>
    harness.send("GET", "/mcp", { headers: { accept: "text/event-stream", ...headers, ...more } });
  const post = (body: unknown) =>
    harness.send("POST", "/mcp", { headers: { ...jsonHeaders, ...headers }, body });
  return { get, post, response: await get() };
}

/** Opens a stream of a client without a session. */
function listen(harness: Harness, client: Client = {}): Promise<Response> {
  const params = { notifications: { toolsListChanged: true } };
  return harness.send("POST", "/mcp", {
    headers: { ...mirror("subscriptions/listen", params), ...client },
    body: request("l", "subscriptions/listen", { ...params, _meta: envelope() }),
  });
}

/** Opens streams of a client, one after the other. */
async function standOften(harness: Harness, count: number, client: Client = {}) {
  const streams = [];
  for (let at = 0; at < count; at += 1) streams.push(await stand(harness, client));
  expect(streams.map(({ response }) => response.status)).toEqual(Array(count).fill(200));
  return streams;
}

/** Whether a stream has ended, and after which time its client is to come back. */
async function endOf(response: Response): Promise<string | undefined> {
  const frames = framesOf(response);
  const isOver = async () => (await frames.rest()).findLast(({ retry }) => retry)?.retry;
  const open = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 20));
  return await Promise.race([isOver(), open]);
}

const openStreams = ({ handler }: Harness) => {
  const { standalone, listen } = handler.load().streams;
  return standalone + listen;
};

describe("B15: when all places for event streams are taken", () => {
  test("the oldest of the greediest client ends for one that has none, and says when to come back", async () => {
    const harness = withKeys();
    const [modest] = await standOften(harness, 1, key("modest"));
    const greedy = await standOften(harness, 4, key("greedy"));
    expect((await stand(harness, key("other"))).response.status).toBe(200);
    // The last place was kept for it; for the next one the greediest has to give one up.
    expect((await stand(harness, key("further"))).response.status).toBe(200);
    const ends = await Promise.all(greedy.map(({ response }) => endOf(response)));
    expect(ends).toEqual([String(sseRetryMs), undefined, undefined, undefined]);
    expect(modest && await endOf(modest.response)).toBeUndefined();
    expect(openStreams(harness)).toBe(places.streamsMax);
    expect(harness.records).toContainEqual({
      severity: "INFO",
      message: "No place was free: a client had to give way",
      fields: {
        what: "an event stream; its client was told when to open it again",
        principal: "greedy",
      },
    });
  });

  test("a client takes none of one that has no more than it, and gets 503 with a time", async () => {
    const harness = withKeys();
    const all = [];
    for (const [name, count] of [["a", 2], ["b", 2], ["c", 1]] as const) {
      all.push(...await standOften(harness, count, key(name)));
    }
    for (const name of ["a", "c"]) {
      const { response } = await stand(harness, key(name));
      expect([response.status, response.headers.get("retry-after")])
        .toEqual([503, String(heartbeatMs / 1_000)]);
    }
    const ends = await Promise.all(all.map(({ response }) => endOf(response)));
    expect(ends).toEqual(Array(5).fill(undefined));
    // The place that is kept for a client with none.
    expect((await listen(harness, key("d"))).status).toBe(200);
  });

  test("the only stream of a client stays, also where others have none", async () => {
    const harness = withKeys();
    const all = [];
    for (const name of "abcdef") all.push(...await standOften(harness, 1, key(name)));
    expect((await stand(harness, key("g"))).response.status).toBe(503);
    const ends = await Promise.all(all.map(({ response }) => endOf(response)));
    expect(ends).toEqual(Array(6).fill(undefined));
  });

  test("listen requests give way like the streams of sessions, with their result", async () => {
    const harness = withKeys();
    const greedy = [];
    for (let count = 0; count < 5; count += 1) greedy.push(await listen(harness, key("greedy")));
    await standOften(harness, 2, key("other"));
    const [first, ...others] = greedy;
    const rest = first && await framesOf(first).rest();
    const last = rest?.findLast(({ data }) => data);
    expect(JSON.parse(last?.data ?? "{}")).toMatchObject({ id: "l", result: {} });
    expect(last?.retry).toBe(String(sseRetryMs));
    expect(await Promise.all(others.map(endOf))).toEqual(Array(4).fill(undefined));
  });

  test("a stream on which a call is answered stays until then", async () => {
    const harness = withKeys();
    const { get, post, response } = await stand(harness, key("greedy"));
    await response.body?.cancel();
    const answer = post(slowCall(7, { progressToken: 1 }));
    const call = await harness.gateway.nextCall();
    call.notice("notifications/progress", { progress: 1 });
    const before = framesOf(await answer);
    const { id } = await before.next() ?? {};
    await before.cancel();
    const resumed = framesOf(await get({ "last-event-id": id ?? "" }));
    const [oldest] = await standOften(harness, 4, key("greedy"));
    for (const name of ["a", "b"]) await standOften(harness, 1, key(name));
    expect(oldest && await endOf(oldest.response)).toBe(String(sseRetryMs));
    call.result({ content: [] });
    await harness.passGap();
    const answers = (await resumed.rest()).map(({ data }) => data ? JSON.parse(data) : {});
    expect(answers.at(-1)).toEqual({ jsonrpc: "2.0", id: 7, result: { content: [] } });
  });

  test("on loopback each session is a client, and all listen requests are one", async () => {
    const harness = createHarness({ limits: places });
    const listens = [];
    for (let count = 0; count < 5; count += 1) listens.push(await listen(harness));
    expect((await listen(harness)).status).toBe(503);
    const sessions = await standOften(harness, 4);
    const ends = await Promise.all(listens.map(endOf));
    expect(ends.map((retry) => retry !== undefined)).toEqual([true, true, true, false, false]);
    expect(
      (await Promise.all(sessions.map(({ response }) => endOf(response)))).every((end) =>
        end === undefined
      ),
    ).toBe(true);
  });
});
