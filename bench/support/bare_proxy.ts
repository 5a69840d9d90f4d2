/**
 * The reference for the gateway: an HTTP endpoint that only rewrites ids to its servers and back
 * (no session, no check, no timeout). A call with a progress token is answered by a stream of
 * events; notices without a token go to every GET stream, encoded once. `/sse` and `/messages` are
 * the same for clients of HTTP+SSE. Its argument is JSON, `{"name": ["command", "argument", …]}`,
 * or a URL in place of the command: with several servers a tool is named `name__tool`, and
 * `tools/list` asks all. Prints its port.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { listen } from "./listen.ts";

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** A message is passed on unchanged; only these members are read. */
interface Message {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly result?: unknown;
  readonly params?: {
    readonly name?: unknown;
    readonly progressToken?: unknown;
    readonly _meta?: { readonly progressToken?: unknown };
  };
}

/** One running call: the client's id and token, and where its messages go. */
interface OpenCall {
  readonly id: unknown;
  readonly progressToken: unknown;
  notice(text: string): void;
  end(text: string): void;
}

/** A server: its process, or its URL. */
interface Server {
  send(message: unknown): void;
}

const encoder = new TextEncoder();
const toFrame = (text: string) => encoder.encode(`event: message\ndata: ${text}\n\n`);
const calls = new Map<unknown, OpenCall>();
const streams = new Set<Controller>();
let lastId = 0;

function receive(message: Message): void {
  if (message.id !== undefined) {
    const call = calls.get(message.id);
    calls.delete(message.id);
    call?.end(JSON.stringify({ ...message, id: call.id }));
    return;
  }
  const token = message.params?.progressToken;
  if (token === undefined) {
    const bytes = toFrame(JSON.stringify(message));
    for (const stream of streams) stream.enqueue(bytes);
    return;
  }
  const call = calls.get(token);
  const params = { ...message.params, progressToken: call?.progressToken };
  call?.notice(JSON.stringify({ ...message, params }));
}

const json = { "content-type": "application/json" };

function remote(url: string): Server {
  const headers = { ...json, accept: "application/json, text/event-stream" };
  return {
    async send(message) {
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(message) });
      const text = await response.text();
      if (text !== "") receive(JSON.parse(text));
    },
  };
}

function child([command = "", ...args]: readonly string[]): Server {
  const { stdin, stdout } = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  let outgoing = "";
  let rest = "";
  stdout.setEncoding("utf8");
  stdout.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) receive(JSON.parse(line));
  });
  return {
    /** Writes of one turn of the event loop leave together, as in the gateway. */
    send(message) {
      if (outgoing === "") {
        queueMicrotask(() => {
          stdin.write(outgoing);
          outgoing = "";
        });
      }
      outgoing += `${JSON.stringify(message)}\n`;
    },
  };
}

const configured = JSON.parse(process.argv[2] ?? "{}") as Record<string, string[] | string>;
const servers = new Map(
  Object.entries(configured).map(([name, where]) =>
    [name, typeof where === "string" ? remote(where) : child(where)] as const
  ),
);
const [first] = servers.values();
const prefixed = servers.size > 1;

function route(message: Message): { server: Server | undefined; message: Message } {
  const name = message.params?.name;
  if (!prefixed || typeof name !== "string") return { server: first, message };
  const at = name.indexOf("__");
  const params = { ...message.params, name: name.slice(at + 2) };
  return { server: servers.get(name.slice(0, at)), message: { ...message, params } };
}

function openStream(): Response {
  let opened: Controller;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      opened = controller;
      // The head leaves with the first bytes.
      controller.enqueue(encoder.encode(": open\n\n"));
      streams.add(controller);
    },
    cancel: () => void streams.delete(opened),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Answers with a stream: each progress notice as a frame, the response as the last one. */
function streamCall(server: Server | undefined, message: Message): Response {
  const id = ++lastId;
  const progressToken = message.params?._meta?.progressToken;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      calls.set(id, {
        id: message.id,
        progressToken,
        notice: (text) => controller.enqueue(toFrame(text)),
        end(text) {
          controller.enqueue(toFrame(text));
          controller.close();
        },
      });
    },
  });
  const _meta = { ...message.params?._meta, progressToken: id };
  server?.send({ ...message, id, params: { ...message.params, _meta } });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Sends a request to a server; resolves with the text of its response, with the client's id. */
function ask(server: Server | undefined, message: Message): Promise<string> {
  const id = ++lastId;
  return new Promise((resolve) => {
    calls.set(id, { id: message.id, progressToken: undefined, notice: () => {}, end: resolve });
    server?.send({ ...message, id });
  });
}

/** The tools of all servers in one list, by their prefixed names. */
async function mergedList(message: Message): Promise<string> {
  const lists = await Promise.all([...servers].map(async ([prefix, server]) => {
    const { result } = JSON.parse(await ask(server, message)) as {
      result: { tools: { name: string }[] };
    };
    return result.tools.map((tool) => ({ ...tool, name: `${prefix}__${tool.name}` }));
  }));
  return JSON.stringify({ jsonrpc: "2.0", id: message.id, result: { tools: lists.flat() } });
}

const answer = ({ server, message }: ReturnType<typeof route>): Promise<string> =>
  prefixed && message.method === "tools/list" ? mergedList(message) : ask(server, message);

/** The streams of HTTP+SSE by the number in their URL for POSTs. */
const sseStreams = new Map<string, Controller>();
let lastStream = 0;

function openSse(): Response {
  const id = String(++lastStream);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      sseStreams.set(id, controller);
      controller.enqueue(encoder.encode(`event: endpoint\ndata: /messages?sessionId=${id}\n\n`));
    },
    cancel: () => void sseStreams.delete(id),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** The answer of a POST to `/messages` goes to the stream. */
function takeForStream(url: URL, routed: ReturnType<typeof route>): Response {
  const stream = sseStreams.get(url.searchParams.get("sessionId") ?? "");
  if (routed.message.id === undefined) routed.server?.send(routed.message);
  else answer(routed).then((text) => stream?.enqueue(toFrame(text)));
  return new Response(null, { status: 202 });
}

const streamPaths = /\/(?:sse|messages)\b/;

await listen(async (request) => {
  const isSse = streamPaths.test(request.url);
  if (request.method === "GET") return isSse ? openSse() : openStream();
  if (request.method !== "POST") return new Response(null, { status: 405 });
  const routed = route(JSON.parse(await request.text()));
  if (isSse) return takeForStream(new URL(request.url), routed);
  const { server, message } = routed;
  if (message.id === undefined) {
    server?.send(message);
    return new Response(null, { status: 202 });
  }
  if (message.params?._meta?.progressToken !== undefined) return streamCall(server, message);
  return new Response(await answer(routed), { headers: json });
});
