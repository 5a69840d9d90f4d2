/** The page's MCP client and its live data, without a browser: what they send, and what they make of answers. */
import { describe, expect, test } from "bun:test";
import { ApiError } from "../../../src/page/api.js";
import { startLive } from "../../../src/page/live.js";
import { createMcp, McpError } from "../../../src/page/mcp.js";
import { emptyData } from "../../../src/page/state.js";

type Json = Readonly<Record<string, unknown>>;

/** A client whose requests get these answers, one after the other: objects as JSON, texts as streams. */
function clientWith(...answers: readonly (Json | string)[]) {
  const sent: { path: string; headers: Headers; body: Json }[] = [];
  const mcp = createMcp(
    (path, { headers, body }) => {
      sent.push({ path, headers: new Headers(headers), body: JSON.parse(String(body)) });
      const answer = answers[sent.length - 1] ?? {};
      return Promise.resolve(
        typeof answer === "string"
          ? new Response(answer, { headers: { "content-type": "text/event-stream" } })
          : Response.json({ jsonrpc: "2.0", id: sent.length, ...answer }),
      );
    },
    "my server",
    () => "1.2.3",
  );
  return { mcp, sent };
}

const frames = (...messages: readonly Json[]) =>
  messages.map((message) => `data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`).join("");

describe("the page's MCP client", () => {
  test("says with each request who it is and what it can do", async () => {
    const { mcp, sent } = clientWith({ result: { ok: true } });
    expect(await mcp.request("tools/call", { name: "naïve", arguments: {} })).toEqual({ ok: true });
    const [{ path = "", headers = new Headers(), body = {} } = {}] = sent;
    expect(path).toBe("/admin/servers/my%20server/mcp");
    expect(headers.get("mcp-method")).toBe("tools/call");
    expect(headers.get("mcp-name")).toMatch(/^=\?base64\?.*\?=$/);
    expect(body).toMatchObject({
      method: "tools/call",
      params: {
        name: "naïve",
        _meta: {
          "io.modelcontextprotocol/protocolVersion": headers.get("mcp-protocol-version"),
          "io.modelcontextprotocol/clientInfo": { name: "mcp-wrapper page", version: "1.2.3" },
        },
      },
    });
  });

  test("hands on progress and log notices, and takes the answer to its own request", async () => {
    const stream = frames(
      { method: "notifications/progress", params: { progress: 1, total: 2 } },
      { method: "notifications/message", params: { level: "info", data: "hi" } },
      { id: 99, result: { wrong: true } },
      { id: 1, result: { right: true } },
    );
    const seen: Json[] = [];
    const { mcp } = clientWith(`: open\n\n${stream}`);
    const result = await mcp.request("tools/call", { name: "a" }, {
      onProgress: (progress) => seen.push(progress),
      onLog: (notice) => seen.push(notice),
    });
    expect(result).toEqual({ right: true });
    expect(seen).toEqual([{ progress: 1, total: 2 }, { level: "info", data: "hi" }]);
  });

  test("asks what a call asks, and sends it again with the answers", async () => {
    const question = { method: "elicitation/create", params: { message: "Who?" } };
    const { mcp, sent } = clientWith(
      {
        result: { resultType: "input_required", inputRequests: { q: question }, requestState: "s" },
      },
      { result: { content: [] } },
    );
    const asked: unknown[] = [];
    await mcp.request("tools/call", { name: "a" }, {
      onAsk: (one) => {
        asked.push(one);
        return Promise.resolve({ action: "accept", content: { name: "Ada" } });
      },
    });
    expect(asked).toEqual([question]);
    expect(sent[1]?.body["params"]).toMatchObject({
      name: "a",
      inputResponses: { q: { action: "accept", content: { name: "Ada" } } },
      requestState: "s",
    });
  });

  test("gives up a call that never stops asking", async () => {
    const again = { result: { resultType: "input_required", inputRequests: {} } };
    const { mcp, sent } = clientWith(...Array.from({ length: 100 }, () => again));
    const options = { onAsk: () => Promise.resolve({}) };
    await expect(mcp.request("tools/call", { name: "a" }, options)).rejects.toThrow("asked more");
    expect(sent.length).toBeLessThan(30);
  });

  test("reads all pages of a list, and ends a list that has no end", async () => {
    const { mcp } = clientWith(
      { result: { tools: [{ name: "a" }, "junk"], nextCursor: "2" } },
      { result: { tools: [{ name: "b" }] } },
    );
    expect(await mcp.list("tools/list", "tools")).toEqual([{ name: "a" }, { name: "b" }]);
    const endless = { result: { tools: [{ name: "a" }], nextCursor: "x" } };
    const { mcp: other } = clientWith(...Array.from({ length: 200 }, () => endless));
    expect((await other.list("tools/list", "tools")).length).toBe(50);
  });

  test("says why a call failed, with its data", async () => {
    const error = { code: -32602, message: "Unknown tool", data: { outcome: "not_sent" } };
    const { mcp } = clientWith({ error }, "data: nonsense\n\n");
    const failure = await mcp.request("tools/call", { name: "a" }).catch((thrown) => thrown);
    expect(failure).toBeInstanceOf(McpError);
    expect([failure.code, failure.message, failure.data]).toEqual([
      -32602,
      "Unknown tool",
      error.data,
    ]);
    await expect(mcp.request("ping")).rejects.toThrow("The answer did not come");
  });
});

describe("live data", () => {
  /** An API whose answers a test gives one by one, and whose stream it plays. */
  function played(answers: Readonly<Record<string, unknown>>) {
    const failed: unknown[] = [];
    let listener: Parameters<Parameters<typeof startLive>[0]["follow"]>[0] | undefined;
    const api = {
      hasToken: () => true,
      forget: () => {},
      signIn: () => Promise.resolve(),
      send: () => Promise.reject(new Error("not used")),
      call: (_method: string, path: string) => {
        const answer = answers[path];
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      follow: (given: typeof listener) => {
        listener = given;
        return () => {};
      },
    };
    const live = startLive(api, emptyData(), () => {}, (problem: unknown) => failed.push(problem));
    if (listener === undefined) throw new Error("The stream is not followed");
    return { live, failed, listener };
  }

  const whole = {
    "/admin/status": { version: "1", servers: [{ name: "a", state: "idle" }] },
    "/admin/sessions": { sessions: [] },
    "/admin/calls": { calls: [{ call: 1 }], showsArguments: true },
    "/admin/log": { records: [{ message: "one" }] },
    "/admin/tools/changes": { changes: [] },
    "/admin/profiles": new ApiError(404, "No such route"),
  };
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

  test("is fetched when the stream opens, with what the stream brings meanwhile", async () => {
    const { live, listener, failed } = played(whole);
    listener.onOpen();
    listener.onEvent({ type: "call", call: { call: 1, outcome: "ok" } } as never);
    listener.onEvent({ type: "call", call: { call: 2 } } as never);
    listener.onEvent({ type: "log", record: { message: "two" } } as never);
    await settled();
    expect(live.data).toMatchObject({
      connection: "live",
      showsArguments: true,
      calls: [{ call: 1, outcome: "ok" }, { call: 2 }],
      log: [{ message: "one" }, { message: "two" }],
      servers: [{ name: "a" }],
      profiles: null,
    });
    expect(failed).toEqual([]);
  });

  test("says that it is lost, and starts afresh when the stream is back", async () => {
    const { live, listener } = played(whole);
    listener.onOpen();
    listener.onEvent({ type: "call", call: { call: 7 } } as never);
    await settled();
    listener.onLost(500);
    expect(live.data.connection).toBe("lost");
    listener.onOpen();
    await settled();
    expect(live.data).toMatchObject({ connection: "live", calls: [{ call: 1 }] });
  });

  test("names what could not be fetched, except that the token is no longer good", async () => {
    const refused = new ApiError(401, "no");
    const broken = new ApiError(500, "The store cannot be read");
    const { listener, failed } = played({
      ...whole,
      "/admin/sessions": broken,
      "/admin/log": refused,
    });
    listener.onOpen();
    await settled();
    expect(failed).toEqual([broken]);
  });
});
