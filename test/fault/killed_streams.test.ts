/**
 * `kill -9` of the real gateway while a call streams its progress: a client that resumes the stream
 * after the restart gets what was stored, and then an end that says that the outcome is unknown.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readEvents } from "../support/event_reader.ts";
import { openRpcSession, resumeRpcSession, type RpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";
import { hostileCommand } from "./hostile_command.ts";

let gateway: SpawnedGateway;
let url: string;
beforeAll(async () => {
  gateway = await spawnGateway({ servers: { kid: hostileCommand() } });
  url = `${gateway.url}/mcp`;
});
afterAll(() => gateway.dispose());

const headersOf = ({ id }: RpcSession) => ({
  "content-type": "application/json",
  "mcp-session-id": id,
  "mcp-protocol-version": "2025-11-25",
});

/** Calls a tool that reports progress; the stream is open, and its head has been read. */
async function openCall(session: RpcSession, id: string | number, steps: number, ms: number) {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headersOf(session), accept: "application/json, text/event-stream" },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: {
        name: "progress",
        arguments: { steps, ms, label: `call ${id}` },
        _meta: { progressToken: `token ${id}` },
      },
    }),
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  return readEvents(response);
}

function resume(session: RpcSession, lastEventId: string | undefined): Promise<Response> {
  const { "content-type": _, ...headers } = headersOf(session);
  return fetch(url, {
    headers: { ...headers, accept: "text/event-stream", "last-event-id": lastEventId ?? "" },
  });
}

describe("a call whose gateway is killed with SIGKILL", () => {
  test("G4 is replayed from disk, and ends with the outcome unknown", async () => {
    const session = await openRpcSession(url);
    const calls = await Promise.all(
      ["a", 2, "日本"].map(async (id) => ({ id, stream: await openCall(session, id, 1_000, 10) })),
    );
    await until("progress", () => calls.every(({ stream }) => stream.events.length >= 50));
    await gateway.kill9();
    await Promise.all(calls.map(({ stream }) => within("the break", stream.ended)));
    await gateway.restart();
    for (const { id, stream } of calls) {
      // From the tenth on, as if a proxy had lost what followed.
      const { id: seen } = stream.events[9] ?? {};
      const resumed = readEvents(await resume(session, seen));
      expect(await within("the end", resumed.ended)).toBe(true);
      const steps = resumed.events.flatMap(({ message }) => message.params?.["progress"] ?? []);
      // Of fifty that the client saw, a batch may not have reached the disk.
      expect(steps.slice(0, 10)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
      const last = resumed.events.at(-1)?.message;
      expect([last?.id, last?.error?.code, last?.error?.data?.["outcome"]])
        .toEqual([id, -32603, "unknown"]);
      // The newest id that the client saw may be newer than the disk.
      const newest = readEvents(await resume(session, stream.lastId));
      expect(await within("the end", newest.ended)).toBe(true);
      expect(newest.events.at(-1)?.message.error?.data?.["outcome"]).toBe("unknown");
    }
    // The session goes on.
    expect(await resumeRpcSession(url, session.id).callTool(9, "nonce", { nonce: "n" })).toBe("n");
  });

  test("G4 has its answer if that was stored while its client was away", async () => {
    const session = await openRpcSession(url);
    const away = new AbortController();
    const response = await fetch(url, {
      method: "POST",
      headers: { ...headersOf(session), accept: "application/json, text/event-stream" },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: {
          name: "progress",
          arguments: { steps: 40, ms: 10 },
          _meta: { progressToken: 1 },
        },
      }),
      signal: away.signal,
    });
    const stream = readEvents(response);
    await until("progress", () => stream.events.length > 2);
    away.abort();
    await stream.ended;
    // The server has answered when it takes the next call, of the same session.
    await session.callTool(2, "progress", { steps: 60, ms: 10 });
    await gateway.kill9();
    await gateway.restart();
    const resumed = readEvents(await resume(session, stream.lastId));
    expect(await within("the end", resumed.ended)).toBe(true);
    const last = resumed.events.at(-1)?.message;
    expect([last?.id, last?.error, last?.result !== undefined]).toEqual([1, undefined, true]);
  });
});
