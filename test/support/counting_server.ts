/**
 * Servers of every kind that count how often they carry out each call: three remote ones, a web API
 * and (counting_child.ts) a program. A call brings along the fault that its answer shall have, so a
 * run is as random as its test wants it, and the same again for the same seed.
 */
import type { ServerResponse } from "node:http";
import type { JsonObject } from "../../src/model.ts";
import {
  type EventStream,
  type Rule,
  type Rules,
  serveUpstream,
  sessionRules,
  statelessRules,
  type Visit,
} from "../fault/hostile_upstream.ts";
import { serveFaults } from "./fault_server.ts";

/** What a call tells the server: who it is, and how it shall end. */
export interface CountedCall {
  readonly call: string;
  readonly fault: string;
}

/** A server's own count. */
export interface Counting {
  /** How often the server carried each call out, by the call's name. */
  readonly executions: ReadonlyMap<string, number>;
  readonly url: string;
  close(): Promise<void>;
}

/** How a call ends: whether the server works on it first, and what it then says. */
interface Fault {
  readonly works: boolean;
  readonly say: (visit: Visit, answer: (result: JsonObject) => void) => void;
}

const done: JsonObject = { content: [{ type: "text", text: "done" }], resultType: "complete" };
const worked = (say: Fault["say"]): Fault => ({ works: true, say });
const refused = (say: Fault["say"]): Fault => ({ works: false, say });
const failure = { code: -32603, message: "It broke" };
const page = { "content-type": "text/html" };
const json = { "content-type": "application/json" };
const forgotten = { code: -32001, message: "Session not found" };

/** Faults of remote MCP servers. A redirect leads back to the server, which would count again. */
const remoteFaults: Readonly<Record<string, Fault>> = {
  none: worked((_, answer) => answer(done)),
  "500 after it": worked((visit) => visit.status(500)),
  "500 with an error after it": worked((visit) => visit.error(500, failure)),
  "502 after it": worked((visit) => visit.status(502)),
  "503 after it": worked((visit) => visit.status(503)),
  "504 after it": worked((visit) => visit.status(504)),
  "404 after it": worked((visit) => visit.status(404)),
  "404 with words after it": worked((visit) => visit.error(404, forgotten)),
  "410 after it": worked((visit) => visit.status(410)),
  "forgets the session after it": worked((visit) => visit.error(400, forgotten)),
  "307 after it": worked((visit) => visit.status(307, { location: visit.path })),
  "308 after it": worked((visit) => visit.status(308, { location: visit.path })),
  "302 after it": worked((visit) => visit.status(302, { location: visit.path })),
  "a page after it": worked((visit) => visit.status(200, page, "<p>done</p>")),
  "broken JSON after it": worked((visit) => visit.status(200, json, '{"jsonrpc":"2.0"')),
  "no content after it": worked((visit) => visit.status(204)),
  "another id after it": worked((visit) => visit.json({ jsonrpc: "2.0", id: 1e9, result: done })),
  "an error after it": worked((visit) => visit.error(200, failure)),
  "an empty result after it": worked((visit) => visit.result({})),
  "a cut stream after it": worked((visit) => visit.stream().cut()),
  "an ended stream after it": worked((visit) => visit.stream().end()),
  "a cut answer after it": worked((visit) => {
    const stream = visit.stream({ ...json, "content-length": "1000" });
    stream.raw('{"jsonrpc":"2.0",');
    stream.cut();
  }),
  "silence after it": worked(() => {}),
  "silence in a stream after it": worked((visit) => void visit.stream()),
  "202 and no more after it": worked((visit) => visit.status(202)),
  "201 after it": worked((visit) =>
    visit.json({ jsonrpc: "2.0", id: visit.message["id"], result: done }, 201)
  ),
  "silence": refused(() => {}),
  "400": refused((visit) => visit.status(400)),
  "403": refused((visit) => visit.status(403)),
  "404": refused((visit) => visit.status(404)),
  "404 with words": refused((visit) => visit.error(404, forgotten)),
  "429": refused((visit) => visit.status(429)),
  "500": refused((visit) => visit.status(500)),
  "503": refused((visit) => visit.status(503)),
  "307": refused((visit) => visit.status(307, { location: visit.path })),
  "invalid params": refused((visit) => visit.error(200, { code: -32602, message: "No" })),
};

/** The HTTP transports. */
export const remoteKinds = ["sessions", "stateless", "line"] as const;

/** Names of the faults that a remote MCP server can have; one without sessions forgets none. */
export const remoteFaultNames = (kind: typeof remoteKinds[number]): readonly string[] =>
  Object.keys(remoteFaults).filter((name) => kind !== "stateless" || !name.includes("session"));

/** A server of the oldest transport with any number of streams: each names its own URL to post to. */
function linesRules(): {
  readonly rules: Rules;
  readonly answer: (visit: Visit, result: JsonObject) => void;
} {
  const streams = new Map<string, EventStream>();
  const answer = (visit: Visit, result: JsonObject): void => {
    visit.status(202);
    streams.get(visit.path)?.result(result, visit.message["id"]);
  };
  const results: Record<string, (visit: Visit) => JsonObject> = {
    initialize: ({ params }) => ({
      protocolVersion: params["protocolVersion"],
      capabilities: { tools: {} },
      serverInfo: { name: "counting", version: "1" },
    }),
    "tools/list": () => ({ tools: [{ name: "work", inputSchema: { type: "object" } }] }),
    other: () => ({}),
  };
  const rules = Object.entries(results).map(([method, result]) => [
    method,
    (visit: Visit) => answer(visit, result(visit)),
  ]);
  return {
    answer,
    rules: {
      ...sessionRules(),
      ...Object.fromEntries(rules),
      GET(visit) {
        const path = `/messages?key=${streams.size + 1}`;
        const stream = visit.stream();
        streams.set(path, stream);
        stream.event({ event: "endpoint", data: path });
      },
    },
  };
}

/** Serves one of them. */
export async function serveCounting(kind: (typeof remoteKinds)[number]): Promise<Counting> {
  const executions = new Map<string, number>();
  const lines = linesRules();
  const { rules } = {
    sessions: { rules: sessionRules() },
    stateless: { rules: statelessRules() },
    line: lines,
  }[kind];
  const call: Rule = (visit) => {
    const { call = "", fault = "" } = visit.params["arguments"] as Partial<CountedCall>;
    const { works, say } = remoteFaults[fault] ?? refused((visit) => visit.status(400));
    if (works) count(executions, call);
    say(visit, (result) => kind === "line" ? lines.answer(visit, result) : visit.result(result));
  };
  const { url, close } = await serveUpstream(Object.assign(rules, { "tools/call": call }));
  return { executions, url, close };
}

function count(executions: Map<string, number>, call: string): void {
  executions.set(call, (executions.get(call) ?? 0) + 1);
}

/** Faults of a web API, by what it says after it did or did not place the order. */
const webFaults: Readonly<
  Record<string, { readonly works: boolean; readonly say: (response: ServerResponse) => void }>
> = {
  none: { works: true, say: (response) => response.writeHead(201, json).end('{"order":1}') },
  "text after it": { works: true, say: (response) => response.writeHead(200).end("order 1") },
  "a page after it": { works: true, say: (response) => response.writeHead(200, page).end("<p>") },
  "broken JSON after it": {
    works: true,
    say: (response) => response.writeHead(200, json).end('{"order":'),
  },
  "no content after it": { works: true, say: (response) => response.writeHead(204).end() },
  "bytes after it": {
    works: true,
    say: (response) =>
      response.writeHead(200, { "content-type": "image/png" }).end(new Uint8Array([137, 80, 255])),
  },
  "a cut answer after it": {
    works: true,
    say: (response) => {
      response.writeHead(200, { ...json, "content-length": "1000" }).write('{"order":');
      setTimeout(() => response.destroy(), 20);
    },
  },
  ...Object.fromEntries(
    [500, 502, 503, 504].map((status) => [
      `${status} after it`,
      { works: true, say: (response: ServerResponse) => response.writeHead(status).end() },
    ]),
  ),
  ...Object.fromEntries(
    [302, 307, 308].map((status) => [
      `${status} after it`,
      {
        works: true,
        say: (response: ServerResponse) =>
          response.writeHead(status, { location: "/orders" }).end(),
      },
    ]),
  ),
  "a break after it": { works: true, say: (response) => void response.destroy() },
  "silence after it": { works: true, say: () => {} },
  ...Object.fromEntries(
    [400, 401, 403, 404, 409, 422, 429].map((status) => [
      `${status}`,
      { works: false, say: (response: ServerResponse) => response.writeHead(status).end() },
    ]),
  ),
  "503": { works: false, say: (response) => response.writeHead(503).end() },
};

/** Names of the faults that a web API can have. */
export const webFaultNames: readonly string[] = Object.keys(webFaults);

/** Serves the API. */
export async function serveCountingApi(): Promise<Counting> {
  const executions = new Map<string, number>();
  const server = await serveFaults((_, response) => {
    const { call, fault } = JSON.parse(server.seen.at(-1)?.body || "{}") as Partial<CountedCall>;
    const { works, say } = webFaults[fault ?? ""] ??
      { works: false, say: (other) => void other.writeHead(400).end() };
    if (works && call !== undefined) count(executions, call);
    say(response);
  });
  return { executions, url: server.origin, close: server.close };
}

/** The recipe of that API. */
export const countingRecipe = (baseUrl: string) => ({
  title: "Orders",
  description: "Places orders.",
  baseUrl,
  endpoints: [{
    name: "work",
    description: "Places an order.",
    method: "POST",
    path: "/orders",
    parameters: {
      call: { in: "body", required: true, schema: { type: "string" } },
      fault: { in: "body", required: true, schema: { type: "string" } },
    },
  }],
});
