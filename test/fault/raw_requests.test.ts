/**
 * Requests that no HTTP library would make, byte by byte, on both listeners: those whose end two
 * readers could see in different places (case B1), and heads that are too large, too long or not
 * well-formed (B2). None is served, none becomes two requests, and other clients do not notice.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openRawSocket } from "../support/raw_socket.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;
/** A refused connection is closed at once; this only bounds a broken run. */
const closeMsMax = 10_000;
const body = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "raw", version: "1" },
  },
});
const length = `Content-Length: ${body.length}`;
const chunked = "Transfer-Encoding: chunked";
const inChunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
/** A request in the place where a second reader could see the next one. */
const hidden = "GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** A POST that would be served if its head were right; `lines` are more lines of its head. */
const post = (lines: readonly string[], content: string, version = "1.1"): string =>
  [
    `POST /mcp HTTP/${version}`,
    "Host: localhost",
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    ...lines,
    "",
    content,
  ].join("\r\n");

/** Requests whose length can be read in two ways, each with another one behind or inside it. */
const unclear: Readonly<Record<string, string>> = {
  "a length and chunks": post([length, chunked], inChunks + hidden),
  "chunks and a length": post([chunked, length], inChunks + hidden),
  "a length of nothing, and chunks": post(["Content-Length: 0", chunked], inChunks + hidden),
  "two lengths": post([length, "Content-Length: 0"], body + hidden),
  "two lengths in one line": post([`${length}, 0`], body + hidden),
  "a length with a sign": post([`Content-Length: +${body.length}`], body + hidden),
  "a negative length": post(["Content-Length: -1"], body + hidden),
  "a length in hexadecimal": post([`Content-Length: 0x${body.length.toString(16)}`], body + hidden),
  "a length with a space in it": post([`Content-Length: ${body.length} 0`], body + hidden),
  "a length with an exponent": post(["Content-Length: 1e2"], body + hidden),
  "a length beyond every number": post([`Content-Length: ${"9".repeat(40)}`], body + hidden),
  "an unknown coding": post(["Transfer-Encoding: xchunked"], inChunks + hidden),
  "chunks that are not the last coding": post(
    ["Transfer-Encoding: chunked, identity"],
    inChunks + hidden,
  ),
  "chunks in two lines": post([chunked, "Transfer-Encoding: identity"], inChunks + hidden),
  "a coding with a control character": post(["Transfer-Encoding: \x0bchunked"], inChunks + hidden),
  "a space before the colon of the coding": post(
    ["Transfer-Encoding : chunked"],
    inChunks + hidden,
  ),
  "a space before the colon of the length": post(
    [`Content-Length : ${body.length}`],
    body + hidden,
  ),
  "a folded line": post(["Transfer-Encoding:", " chunked"], inChunks + hidden),
  "a length hidden by NUL": post([`${length}\0`], body + hidden),
  "a chunk with a length in another form": post(
    [chunked],
    `0x${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${hidden}`,
  ),
  "a chunk with a negative length": post([chunked], `-1\r\n${body}\r\n0\r\n\r\n${hidden}`),
  "a chunk that is longer than it says": post(
    [chunked],
    `${(body.length - 2).toString(16)}\r\n${body}\r\n0\r\n\r\n${hidden}`,
  ),
  "a chunk of an unreadable length": post([chunked], `zz\r\n${body}\r\n0\r\n\r\n${hidden}`),
  "a chunk of an endless length": post([chunked], `${"f".repeat(40)}\r\n${body}\r\n${hidden}`),
};

const get = (...lines: readonly string[]): string =>
  ["GET /ready HTTP/1.1", "Host: localhost", ...lines, "", ""].join("\r\n");

/** Heads that are refused. */
const badHeads: Readonly<Record<string, string>> = {
  "10,000 headers": get(...Array.from({ length: 10_000 }, (_, at) => `X-${at}: 1`)),
  "a header of a megabyte": get(`X-Long: ${"x".repeat(1_000_000)}`),
  "cookies of 200 KB": get(`Cookie: a=${"x".repeat(200_000)}`),
  "a target of 200 KB": `GET /${"x".repeat(200_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  "NUL in a value": get("X-Odd: a\0b"),
  "NUL in a name": get("X-\0Odd: a"),
  "a line without a colon": get("X-Odd"),
  "a space in a name": get("X Odd: 1"),
  "an empty name": get(": 1"),
};

for (const listener of ["fast", "hardened"] as const) {
  describe(`the listener "${listener}"`, () => {
    let gateway: SpawnedGateway;
    beforeAll(async () => {
      gateway = await spawnGateway({ servers: {}, env: { MCP_LISTENER: listener } });
    }, testMs);
    afterAll(() => gateway?.dispose(), testMs);

    /** All that came before the gateway closed the connection. */
    async function answerTo(bytes: string): Promise<string> {
      const socket = await openRawSocket(gateway.port);
      try {
        socket.send(bytes);
        return await socket.closed(closeMsMax);
      } finally {
        socket.destroy();
      }
    }
    const statuses = (text: string) =>
      [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));

    /** Each of these is refused, alone, and the connection closed; what is right is still served. */
    async function expectRefused(requests: Readonly<Record<string, string>>): Promise<void> {
      for (const [name, bytes] of Object.entries(requests)) {
        const found = statuses(await answerTo(bytes));
        // A connection that closes without an answer is a refusal, too.
        const isRefused = found.length <= 1 && found.every((status) => status >= 400);
        expect([name, found, isRefused]).toEqual([name, found, true]);
      }
      const last = "Connection: close";
      expect(statuses(await answerTo(post([length, last], body)))).toEqual([200]);
      expect(statuses(await answerTo(post([chunked, last], inChunks)))).toEqual([200]);
      await openRpcSession(`${gateway.url}/mcp`);
    }

    test("B1: makes no second request of one whose length is not clear", async () => {
      await expectRefused(unclear);
    }, testMs);

    test("B2: refuses heads that are too large or malformed", async () => {
      await expectRefused(badHeads);
    }, testMs);
  });
}
