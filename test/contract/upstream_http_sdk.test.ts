/**
 * The official SDKs' own servers behind the gateway's remote client: both generations, each over the
 * transports it has, with progress, log lines, questions and a lost session.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import {
  WebStandardStreamableHTTPServerTransport as StreamableTransport,
} from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { createHandshakeFixture } from "../conformance/fixture_handshake.ts";
import { createModernFixture } from "../conformance/fixture_modern.ts";
import { remoteConfig, stateless } from "../support/http_upstream.ts";
import { serveFetch } from "../support/serve_fetch.ts";
import {
  callerOf,
  callTool,
  createTestDeps,
  drain,
  textOf,
  toolCall,
} from "../support/upstream_deps.ts";

const capabilities = { sampling: {}, elicitation: {} };
const caller = callerOf("a", { capabilities });
const closing: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function connect(url: string): Promise<Upstream> {
  const upstream = createUpstream(remoteConfig(url), await createTestDeps());
  closing.push(() => upstream.close());
  return upstream;
}

async function serve(handle: (request: Request) => Promise<Response>): Promise<string> {
  const { port, close } = await serveFetch(handle);
  closing.push(close);
  return `http://127.0.0.1:${port}/mcp`;
}

/** SDK 1.x over Streamable HTTP; `forget` makes it forget its sessions. */
async function serveSessions(enableJsonResponse: boolean) {
  const known = new Map<string, StreamableTransport>();
  const url = await serve(async (request) => {
    const id = request.headers.get("mcp-session-id");
    const found = id === null ? undefined : known.get(id);
    if (found !== undefined) return await found.handleRequest(request);
    if (id !== null) return new Response(null, { status: 404 });
    const transport = new StreamableTransport({
      enableJsonResponse,
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (made) => void known.set(made, transport),
      onsessionclosed: (ended) => void known.delete(ended),
    });
    await createHandshakeFixture().connect(transport);
    return await transport.handleRequest(request);
  });
  return { url, known };
}

/** SDK 1.x over HTTP+SSE. */
async function serveLine(): Promise<string> {
  const lines = new Map<string, SSEServerTransport>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    const line = lines.get(searchParams.get("sessionId") ?? "");
    if (request.method === "GET" && pathname === "/mcp") {
      const transport = new SSEServerTransport("/messages", response);
      lines.set(transport.sessionId, transport);
      void createHandshakeFixture().connect(transport);
    } else if (line !== undefined) void line.handlePostMessage(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    })
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

async function useEverything(upstream: Upstream, mayAsk = true): Promise<void> {
  const tools = await upstream.list("tools", caller);
  expect(tools.map(({ name }) => name)).toContain("test_simple_text");
  expect(await callTool(upstream, "test_simple_text", {}, caller)).toContain("simple text");
  const read = await drain(upstream.open({
    method: "resources/read",
    params: { uri: "test://static-text" },
    wantsProgress: false,
    caller,
  }));
  expect(read.end.kind).toBe("result");
  if (!mayAsk) return;
  const progress = await drain(
    upstream.open({ ...toolCall("test_tool_with_progress", {}, caller), wantsProgress: true }),
  );
  expect(progress.notices.length >= 3).toBe(true);
  const asked = await drain(
    upstream.open(toolCall("test_sampling", { prompt: "hi" }, caller)),
    () => ({
      kind: "answer",
      value: { role: "assistant", model: "m", content: { type: "text", text: "sampled" } },
    }),
  );
  expect(asked.asks.map(({ method }) => method)).toEqual(["sampling/createMessage"]);
  expect(textOf(asked.end)).toContain("sampled");
}

describe("servers of the first SDK generation", () => {
  test("over Streamable HTTP, answering in events", async () => {
    const { url, known } = await serveSessions(false);
    const upstream = await connect(url);
    await useEverything(upstream);
    expect(known.size).toBe(1);
    // It forgets the session, as after a restart: one call fails, and the next has another session.
    known.clear();
    const lost = await drain(upstream.open(toolCall("test_simple_text")));
    expect(lost.end.kind === "failure" && lost.end.error.outcome).toBe("unknown");
    await useEverything(upstream);
    expect(known.size).toBe(1);
    await upstream.close();
    expect(known.size).toBe(0);
  });

  test("over Streamable HTTP, answering in bodies", async () => {
    const { url } = await serveSessions(true);
    await useEverything(await connect(url), false);
  });

  test("over the oldest transport, which the gateway detects", async () => {
    await useEverything(await connect(await serveLine()));
  });
});

describe("servers of the second SDK generation", () => {
  test("of the newer era only, for clients of either", async () => {
    const handler = createMcpHandler(() => createModernFixture(), { legacy: "reject" });
    const upstream = await connect(await serve((request) => handler.fetch(request)));
    const modern = stateless({ capabilities });
    for (const one of [caller, modern]) {
      expect(await callTool(upstream, "test_simple_text", {}, one)).toContain("simple text");
    }
    const call = toolCall("test_input_required_result_elicitation", {}, modern);
    const { end } = await drain(upstream.open(call));
    if (end.kind !== "inputRequired") throw new Error(`It was not asked: ${JSON.stringify(end)}`);
    const answers = Object.fromEntries(
      end.questions.map(({ key }): [string, JsonObject] => [
        key,
        { action: "accept", content: { name: "Ann" } },
      ]),
    );
    const resumed = await drain(upstream.open({ ...call, resume: { answers, state: end.state } }));
    expect(textOf(resumed.end)).toContain("Ann");
  });
});
