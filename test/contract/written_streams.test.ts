/**
 * Event streams at the hardened listener, which may take their frames as they are written and
 * release their sockets from `node:http`: what the clients see is the same on all runtimes.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import type { FetchContext, Listener } from "../../src/runtime/runtime.ts";
import { FrameStream } from "../../src/sse/frame_stream.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { until } from "../support/wait.ts";

const limits = { streamBytesMax: 8_000_000 };
const runtime = await createTestRuntime();
let listener: Listener;
let streams: FrameStream[] = [];

function answer(request: Request, context: FetchContext = {}): Promise<Response> {
  if (!request.url.endsWith("/stream")) return Promise.resolve(new Response("other"));
  const stream = new FrameStream(limits);
  streams.push(stream);
  stream.write({ comment: "first" });
  const headers = { "content-type": "text/event-stream" };
  if (context.write === undefined) {
    return Promise.resolve(new Response(stream.readable, { headers }));
  }
  context.write(stream);
  return Promise.resolve(new Response(null, { headers }));
}

beforeEach(async () => {
  streams = [];
  listener = await runtime.serve({
    hostname: "127.0.0.1",
    port: 0,
    listener: "hardened",
    fetch: answer,
  });
});
afterEach(() => listener.close(0));

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** A client that sends this, and everything it has read. */
function open(text: string): { socket: Socket; read(): string; isClosed(): boolean } {
  const socket = connect(listener.port, "127.0.0.1");
  let [read, isClosed] = ["", false];
  socket.on("error", () => {});
  socket.on("close", () => isClosed = true);
  socket.on("data", (chunk) => read += String(chunk));
  socket.write(text);
  return { socket, read: () => read, isClosed: () => isClosed };
}

const heard = (client: { read(): string }, text: string) =>
  until(`the client to read ${text}`, () => client.read().includes(text));

describe("an event stream", () => {
  test("arrives whole and in order, and ends", async () => {
    const response = await fetch(`http://127.0.0.1:${listener.port}/stream`);
    const [stream] = streams;
    let expected = ": first\n\n";
    for (let count = 0; count < 50; count += 1) {
      const data = `${count}`.padStart(count % 10 === 0 ? 100_000 : 10);
      expect(stream?.write({ data })).toBe(true);
      expected += `data: ${data}\n\n`;
      if (count % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    stream?.end();
    expect(await response.text() === expected).toBe(true);
    expect(await stream?.closed).toBe("ended");
    expect(stream?.queuedBytes()).toBe(0);
  });

  test("that carries a frame of megabytes gives it whole", async () => {
    const response = await fetch(`http://127.0.0.1:${listener.port}/stream`);
    const data = "x".repeat(3_000_000);
    streams[0]?.write({ data });
    streams[0]?.end();
    expect((await response.text()).length).toBe(`: first\n\ndata: ${data}\n\n`.length);
  });

  test("is over as soon as its client leaves", async () => {
    const client = open(get("/stream"));
    await heard(client, ": first");
    client.socket.destroy();
    expect(await streams[0]?.closed).toBe("cancelled");
  });

  test("is over when its client ends its own side", async () => {
    const client = open(get("/stream"));
    await heard(client, ": first");
    client.socket.end();
    expect(await streams[0]?.closed).toBe("cancelled");
    await until("the connection to close", client.isClosed);
  });

  test("counts what its client has not read", async () => {
    const client = open(get("/stream"));
    await heard(client, ": first");
    client.socket.pause();
    const bytes = new Uint8Array(256 * 1024).fill(120);
    while (streams[0]?.write(bytes));
    expect(streams[0]?.queuedBytes() ?? 0).toBe(0);
    expect(await streams[0]?.closed).toBe("overflow");
    client.socket.destroy();
  });

  test("is cut when the listener closes and its time is over", async () => {
    const client = open(get("/stream"));
    await heard(client, ": first");
    await listener.close(20);
    await until("the connection to close", client.isClosed);
    expect(await streams[0]?.closed).toBe("cancelled");
  });

  test("ends within the time that a closing listener has", async () => {
    const client = open(get("/stream"));
    await heard(client, ": first");
    const closed = listener.close(60_000);
    streams[0]?.write({ data: "last" });
    streams[0]?.end();
    await closed;
    await heard(client, "data: last");
  });

  test("comes after the answer to the request before it on the connection", async () => {
    const client = open(get("/other") + get("/stream"));
    await heard(client, ": first");
    expect(client.read().indexOf("other")).toBeLessThan(client.read().indexOf(": first"));
    streams[0]?.write({ data: "second" });
    await heard(client, "data: second");
    client.socket.destroy();
    expect(await streams[0]?.closed).toBe("cancelled");
  });
});
