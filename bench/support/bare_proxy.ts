/**
 * The reference for the gateway: an HTTP endpoint that only rewrites ids to its servers and back
 * (no session, no check, no timeout). A call with a progress token is answered by a stream of
 * events; notices without a token go to every GET stream, encoded once. Its argument is JSON,
 * `{"name": ["command", "argument", …]}`: with several servers a tool is named `name__tool`. Prints
 * its port.
 */
import { spawn } from "node:child_process";
import process from "node:process";

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** A message is passed on unchanged; only these members are read. */
interface Message {
  readonly id?: unknown;
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

/** A server's process. */
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

function start([command = "", ...args]: readonly string[]): Server {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  let outgoing = "";
  let rest = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) receive(JSON.parse(line));
  });
  return {
    /** Writes of one turn of the event loop leave together, as in the gateway. */
    send(message) {
      if (outgoing === "") {
        queueMicrotask(() => {
          child.stdin.write(outgoing);
          outgoing = "";
        });
      }
      outgoing += `${JSON.stringify(message)}\n`;
    },
  };
}

const commands = JSON.parse(process.argv[2] ?? "{}") as Record<string, string[]>;
const servers = new Map(Object.entries(commands).map(([name, command]) => [name, start(command)]));
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

async function handle(request: Request): Promise<Response> {
  if (request.method === "GET") return openStream();
  if (request.method !== "POST") return new Response(null, { status: 405 });
  const { server, message } = route(JSON.parse(await request.text()));
  if (message.id === undefined) {
    server?.send(message);
    return new Response(null, { status: 202 });
  }
  if (message.params?._meta?.progressToken !== undefined) return streamCall(server, message);
  const id = ++lastId;
  const text = await new Promise<string>((resolve) => {
    calls.set(id, { id: message.id, progressToken: undefined, notice: () => {}, end: resolve });
    server?.send({ ...message, id });
  });
  return new Response(text, { headers: { "content-type": "application/json" } });
}

const port = "Deno" in globalThis
  ? await new Promise<number>((resolve) => {
    Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: (address) => resolve(address.port),
    }, handle);
  })
  : Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: handle }).port;
console.log(`PORT ${port}`);
