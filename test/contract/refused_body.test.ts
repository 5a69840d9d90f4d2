/**
 * A client that sends its whole body before it reads, as `fetch` of Node and `urllib` of Python do,
 * can read why it was refused: on every listener, on every route, for every refusal.
 */
import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { bytesPerMegabyte } from "../../src/limits.ts";
import type { Listener, Runtime } from "../../src/runtime/runtime.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createHarness, jsonHeaders } from "../support/http_harness.ts";
import { openRawSocket, statusOf } from "../support/raw_socket.ts";
import { within } from "../support/wait.ts";

const runtime: Runtime = await createTestRuntime();
const limits = { bodyBytesMax: bytesPerMegabyte, listenerBodyBytesMax: 64 * bytesPerMegabyte };

interface SentRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly isChunked?: boolean;
}

/** Writes the whole request, and only then reads; rejects when the connection breaks meanwhile. */
function sendThenRead({ port }: Listener, request: SentRequest): Promise<string> {
  const { path, headers, bytes, isChunked = false } = request;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes}`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost:8999\r\n${lines}${length}\r\n\r\n`;
    socket.on("error", reject);
    socket.pause();
    socket.write(head);
    if (isChunked) socket.write(`${bytes.toString(16)}\r\n`);
    socket.write(new Uint8Array(bytes).fill(32));
    socket.write(isChunked ? "\r\n0\r\n\r\n" : "", (fault) => {
      if (fault) return reject(fault);
      socket.once("data", (chunk) => {
        socket.destroy();
        resolve(String(chunk));
      });
      socket.resume();
    });
  });
}

const refusals: readonly (readonly [number, string, Record<string, string>])[] = [
  [413, "/mcp", jsonHeaders],
  [413, "/servers/files/mcp", jsonHeaders],
  [413, "/messages?sessionId=x", jsonHeaders],
  [404, "/nowhere", jsonHeaders],
  [405, "/health", jsonHeaders],
  [406, "/mcp", { ...jsonHeaders, accept: "text/html" }],
  [415, "/mcp", { ...jsonHeaders, "content-type": "text/plain" }],
  [403, "/mcp", { ...jsonHeaders, origin: "http://evil.com" }],
];

for (const kind of ["fast", "hardened"] as const) {
  describe(`listener ${kind}`, () => {
    const listen = (fetch: Parameters<Runtime["serve"]>[0]["fetch"]) =>
      runtime.serve({ hostname: "127.0.0.1", port: 0, listener: kind, fetch });

    for (const isChunked of [false, true]) {
      const announced = isChunked ? "without an announced length" : "with an announced length";
      test(
        `A2 a client that sends 8 MiB too many ${announced} reads why it was refused`,
        async () => {
          const { handler, records } = createHarness({ limits });
          const listener = await listen(handler.fetch);
          for (const [status, path, headers] of refusals) {
            const request = { path, headers, bytes: 8 * bytesPerMegabyte, isChunked };
            const answer = await within(path, sendThenRead(listener, request), 20_000);
            expect([path, statusOf(answer)]).toEqual([path, status]);
            expect((await fetch(`http://127.0.0.1:${listener.port}/ready`)).status).toBe(403);
          }
          const warnings = records.filter(({ severity }) => severity === "WARN");
          expect(warnings.map(({ message }) => message)).toEqual(
            Array(3).fill(
              "Refused a request body larger than 1 MiB; MCP_BODY_MAX_MB sets the limit",
            ),
          );
          await listener.close(1_000);
        },
        120_000,
      );
    }

    test("A2 a body announced with 5 GB is refused without waiting for it", async () => {
      const { handler } = createHarness({ limits });
      const listener = await listen(handler.fetch);
      const socket = await openRawSocket(listener.port);
      // The harness's clock stands still: a gateway that waited would wait for ever.
      socket.send(
        "POST /mcp HTTP/1.1\r\nHost: localhost:8999\r\nContent-Type: application/json\r\n",
      );
      socket.send("Content-Length: 5000000000\r\n\r\n[");
      expect(statusOf(await socket.waitFor(/\r\n\r\n/, 20_000))).toBe(413);
      socket.destroy();
      await listener.close(1_000);
    });
  });
}
