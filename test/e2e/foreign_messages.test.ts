/**
 * Messages that the protocol does not name pass through the gateway unchanged, between a client and
 * a server that know them: notifications of servers, methods of clients, content that no client's
 * validator accepts. A message without a known receiver is dropped.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { oddCommand } from "../fault/hostile_command.ts";
import { serveUpstream, sessionRules, statelessRules } from "../fault/hostile_upstream.ts";
import { clientKinds } from "../support/mcp_clients.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { mirror, modern } from "../support/stateless_client.ts";
import { startMsMax, until } from "../support/wait.ts";

type Json = Record<string, unknown>;
type Remote = Awaited<ReturnType<typeof serveUpstream>>;

let gateway: SpawnedGateway;
let remotes: { readonly handshake: Remote; readonly stateless: Remote };
beforeAll(async () => {
  const foreign = (extra: Json) => ({
    "vendor/echo": (visit: { params: Json; result(value: Json): void }) =>
      visit.result({ params: visit.params, ...extra }),
    "vendor/fail": (visit: { error(status: number, error: Json): void }) =>
      visit.error(200, { code: -1234, message: "no vendor/fail", data: { own: true } }),
  });
  remotes = {
    handshake: await serveUpstream({
      ...sessionRules(),
      ...foreign({ ttlMs: 5 }),
      "tools/call"(visit) {
        const stream = visit.stream();
        stream.event({ data: { jsonrpc: "2.0", method: "vendor/event", params: { part: 1 } } });
        stream.event({
          data: { jsonrpc: "2.0", id: String(visit.message["id"]), result: { content: [] } },
        });
        stream.end();
      },
    }),
    stateless: await serveUpstream({ ...statelessRules(), ...foreign({ resultType: "complete" }) }),
  };
  gateway = await spawnGateway({
    servers: {
      odd: oddCommand(),
      shared: { ...oddCommand(), isolation: "shared" },
      filtered: { ...oddCommand(), tools: { deny: ["null"] } },
      handshake: { url: remotes.handshake.url },
      stateless: { url: remotes.stateless.url },
      brief: { ...oddCommand(), callTimeoutMs: 1_000 },
    },
    env: { MCP_TRY_SERVERS: "false" },
  });
}, startMsMax);
afterAll(async () => {
  await gateway.dispose();
  await Promise.all(Object.values(remotes).map((remote) => remote.close()));
}, startMsMax);

const headers = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};
const messagesIn = (text: string): Json[] =>
  (text.startsWith("{") ? [text] : text.match(/(?<=^data: )\{.*$/gm) ?? [])
    .map((line) => JSON.parse(line) as Json);

/** A client of a handshake revision, by hand: all that came in a request's own answer. */
async function openHandshake(path: string) {
  const url = gateway.url + path;
  const post = (body: Json, more: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(url, {
      method: "POST",
      headers: { ...headers, ...more },
      body: JSON.stringify({ jsonrpc: "2.0", ...body }),
      ...(signal === undefined ? {} : { signal }),
    });
  const clientInfo = { name: "by-hand", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const opened = await post({ id: 0, method: "initialize", params });
  await opened.text();
  const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
  await (await post({ method: "notifications/initialized" }, session)).text();
  return {
    post: (body: Json) => post(body, session),
    request: async (id: unknown, method: string, params: Json = {}) =>
      messagesIn(await (await post({ id, method, params }, session)).text()),
    /** Reads the session's own stream until a text has come. */
    async listenFor(wanted: string) {
      const stop = new AbortController();
      const response = await fetch(url, {
        headers: { ...session, accept: "text/event-stream" },
        signal: stop.signal,
      });
      let text = "";
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      while (reader !== undefined && !text.includes(wanted)) {
        const { done, value } = await reader.read();
        if (done) break;
        text += decoder.decode(value, { stream: true });
      }
      stop.abort();
      return messagesIn(text);
    },
    end: async () => void await (await fetch(url, { method: "DELETE", headers: session })).text(),
  };
}

const prefix = "io.modelcontextprotocol/";
/** A client of the stateless revision, by hand. */
const askStateless = async (path: string, method: string, params: Json = {}) => {
  const meta = {
    [`${prefix}protocolVersion`]: modern,
    [`${prefix}clientCapabilities`]: {},
    [`${prefix}clientInfo`]: { name: "by-hand", version: "1" },
  };
  const given = (params["_meta"] ?? {}) as Json;
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { ...mirror(method, params), ...headers },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: "s",
      method,
      params: { ...params, _meta: { ...given, ...meta } },
    }),
  });
  return { status: response.status, messages: messagesIn(await response.text()) };
};

const event = (part: number) => ({
  jsonrpc: "2.0",
  method: "vendor/event",
  params: { part, task: "kept", text: "t" },
});
const run = { name: "run", arguments: { events: 3, text: "t" } };

describe("a server's notification that the protocol does not name", () => {
  test("comes in the stream of the only open call, as it was sent, before the answer", async () => {
    for (const path of ["/servers/odd/mcp", "/servers/shared/mcp"]) {
      const session = await openHandshake(path);
      const messages = await session.request(1, "tools/call", run);
      expect(messages.slice(0, -1)).toEqual([event(1), event(2), event(3)]);
      expect(messages.at(-1)).toMatchObject({ id: 1, result: { content: [{ text: "finished" }] } });
      await session.end();
    }
  });

  test("comes to stateless clients, too", async () => {
    const { messages } = await askStateless("/servers/odd/mcp", "tools/call", run);
    expect(messages.slice(0, -1)).toEqual([event(1), event(2), event(3)]);
    expect(messages.at(-1)).toMatchObject({ id: "s", result: { resultType: "complete" } });
  });

  test("comes whatever its name, unless another revision of the protocol has that name", async () => {
    const session = await openHandshake("/servers/odd/mcp");
    const methodsOf = async (method: string) => {
      const call = { name: "run", arguments: { events: 1, method } };
      return (await session.request(method, "tools/call", call)).map((one) => one["method"]);
    };
    for (const method of ["vendor/event", "notifications/vendor/x", "constructor", "x"]) {
      expect(await methodsOf(method)).toEqual([method, undefined]);
    }
    for (
      const method of ["notifications/initialized", "notifications/subscriptions/acknowledged"]
    ) {
      expect(await methodsOf(method)).toEqual([undefined]);
    }
    await session.end();
  });

  test("comes to the session if no call is open, and to no session on a shared program", async () => {
    const late = { name: "run", arguments: { events: 1, text: "after the call", late: true } };
    const own = await openHandshake("/servers/odd/mcp");
    await own.request(1, "tools/call", late);
    const heard = await own.listenFor("after the call");
    expect(heard.filter(({ method }) => method === "vendor/event").length).toBe(1);
    await own.end();

    const shared = await openHandshake("/servers/shared/mcp");
    await shared.request(1, "tools/call", late);
    await until("it is dropped", () => gateway.log().includes("nothing waits for this notice"));
    await shared.end();
  });

  test("comes to the session once if several calls are open", async () => {
    const session = await openHandshake("/servers/odd/mcp");
    const hung = session.request("h", "vendor/hang");
    const state = async () =>
      JSON.stringify(await session.request("state", "tools/call", { name: "state" }));
    await until("it has come", async () => (await state()).includes("vendor/hang"));
    const call = { name: "run", arguments: { events: 2, text: "of several" } };
    expect(await session.request(1, "tools/call", call)).toMatchObject([{ id: 1 }]);
    const last = '"part":2';
    const heard = await session.listenFor(last);
    expect(heard.filter(({ method }) => method === "vendor/event").map(({ params }) => params))
      .toMatchObject([{ part: 1 }, { part: 2 }]);
    await session.end();
    await hung;
  });

  test("from a remote server comes in its call's stream", async () => {
    const session = await openHandshake("/servers/handshake/mcp");
    const messages = await session.request(1, "tools/call", { name: "work" });
    expect(messages).toMatchObject([{ method: "vendor/event", params: { part: 1 } }, { id: 1 }]);
    await session.end();
  });

  test("does not disturb a real client", async () => {
    for (const kind of clientKinds) {
      const client = await kind.open(gateway.url, "/servers/odd/mcp");
      expect((await client.callTool("run", { events: 2 })).text).toBe("finished");
      await client.close();
    }
  }, startMsMax);
});

describe("a client's method that the protocol does not name", () => {
  const params = { a: [1], task: "kept", requestState: 7, _meta: { "vendor/key": 1 } };

  test("reaches the only server of its surface, from clients of either era", async () => {
    for (const server of ["odd", "handshake", "stateless"]) {
      const path = `/servers/${server}/mcp`;
      const session = await openHandshake(path);
      const [answer] = await session.request(1, "vendor/echo", params);
      expect(answer?.["result"]).toMatchObject({ params });
      expect(await session.request(2, "vendor/fail")).toMatchObject([
        { error: { code: -1234, message: "no vendor/fail", data: { own: true } } },
      ]);
      await session.end();
      const { messages: [other] } = await askStateless(path, "vendor/echo", params);
      expect(other?.["result"]).toMatchObject({ params, resultType: "complete" });
    }
  });

  test("its result keeps members that another revision gives a meaning", async () => {
    const session = await openHandshake("/servers/odd/mcp");
    const [answer] = await session.request(1, "vendor/echo", {});
    expect(answer?.["result"]).toEqual({ params: {}, ttlMs: 5 });
    await session.end();
    const other = await openHandshake("/servers/stateless/mcp");
    const [modernAnswer] = await other.request(1, "vendor/echo", {});
    expect(Object.keys(modernAnswer?.["result"] as Json)).toEqual(["params"]);
    await other.end();
  });

  test("is unknown on the surface of all servers, and if tools are withheld", async () => {
    for (const path of ["/mcp", "/servers/filtered/mcp"]) {
      const session = await openHandshake(path);
      expect(await session.request(1, "vendor/echo")).toMatchObject([{ error: { code: -32601 } }]);
      await session.end();
      const { status, messages } = await askStateless(path, "vendor/echo");
      expect([status, messages]).toMatchObject([404, [{ error: { code: -32601 } }]]);
    }
    expect(gateway.log()).toMatch(/Call failed .*method=vendor\/echo/);
  });

  test("is unknown if a revision or JSON-RPC reserves the name, and never reaches the server", async () => {
    const session = await openHandshake("/servers/odd/mcp");
    const names = [
      "sampling/createMessage",
      "elicitation/create",
      "roots/list",
      "server/discover",
      "subscriptions/listen",
      "notifications/tools/list_changed",
      "notifications/vendor/x",
      "tasks/other",
      "rpc.discover",
    ];
    for (const name of names) {
      expect(await session.request(name, name)).toMatchObject([{ error: { code: -32601 } }]);
    }
    const [state] = await session.request(1, "tools/call", { name: "state" });
    const came = JSON.stringify(state);
    for (const name of names) expect(came).not.toContain(`\\"${name}\\"`);
    for (const name of ["tasks/result", "initialize", "ping", "logging/setLevel"]) {
      expect((await askStateless("/servers/odd/mcp", name)).status).toBe(404);
    }
    await session.end();
  });

  test("can be cancelled, times out and is audited like any call", async () => {
    const session = await openHandshake("/servers/odd/mcp");
    const hung = session.request("h", "vendor/hang");
    const state = async (id: number) =>
      JSON.stringify(await session.request(id, "tools/call", { name: "state" }));
    await until("it has come", async () => (await state(1)).includes("vendor/hang"));
    await session.post({ method: "notifications/cancelled", params: { requestId: "h" } });
    await until("the server gets it", async () => (await state(2)).includes("cancelled"));
    expect(await hung).toEqual([]);
    await session.end();

    const brief = await openHandshake("/servers/brief/mcp");
    expect(await brief.request(1, "vendor/hang")).toMatchObject([
      { error: { code: -32603, data: { reason: "upstream_timeout" } } },
    ]);
    expect(gateway.log()).toMatch(/Call failed .*upstream_timeout.*vendor\/hang/);
    await brief.end();
  });

  test("works for a real client", async () => {
    const client = new ClientOne({ name: "e2e", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/servers/odd/mcp`));
    await client.connect(transport as Transport);
    const result = await client.request({ method: "vendor/echo", params: { a: 1 } }, ResultSchema);
    expect(result).toMatchObject({ params: { a: 1 } });
    await client.close();
  });

  test("as a notification is accepted and dropped", async () => {
    const session = await openHandshake("/servers/odd/mcp");
    for (const method of ["vendor/note", "notifications/vendor"]) {
      expect((await session.post({ method, params: { a: 1 } })).status).toBe(202);
    }
    const [state] = await session.request(1, "tools/call", { name: "state" });
    expect(JSON.stringify(state)).not.toContain("vendor");
    await session.end();
  });
});

describe("content that no client's validator accepts", () => {
  const content = [
    { type: "text", text: "sound" },
    { type: "vendor", x: 1 },
    { type: "text" },
    "plain",
    null,
    { type: "image", data: "AAAA" },
    { type: "image", data: "!", mimeType: "image/png" },
    { type: "image", data: "_-AA", mimeType: "image/png" },
    { type: "resource_link", uri: "a://b" },
    { type: "resource", resource: { uri: "a://b" } },
    { type: "text", text: "options", annotations: null, _meta: null },
    { type: "text", text: "audience", annotations: { audience: ["none"] } },
  ];
  for (const kind of clientKinds) {
    test(`affects only its own block (${kind.name})`, async () => {
      const client = await kind.open(gateway.url, "/servers/odd/mcp");
      const whole = await client.callWhole("blocks", { content });
      const blocks = whole.content as Json[];
      expect(blocks.length).toBe(content.length - 1);
      expect(blocks[0]).toEqual({ type: "text", text: "sound" });
      expect(blocks[1]).toEqual({ type: "text", text: '{"type":"vendor","x":1}' });
      await client.close();
    }, startMsMax);
  }
});
