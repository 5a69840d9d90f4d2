/**
 * The lines of the log about clients that connect, call and leave.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostileCommand } from "../fault/hostile_command.ts";
import { type ClientKind, clientKinds, type RealClient } from "../support/mcp_clients.ts";
import { openRawSocket } from "../support/raw_socket.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const kinds = clientKinds.filter(({ name }) => !name.startsWith("mcp-remote"));
const secret = "a-secret-of-the-server";

interface LogRecord {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** All records of a gateway that are on disk. */
function recordsOf(gateway: SpawnedGateway): LogRecord[] {
  const text = readFileSync(join(gateway.directory, "data/logs/server.log"), "utf8");
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

let marks = 0;

/** The records up to now, for whatever comes later stands behind one that only this client brings. */
async function untilNow(gateway: SpawnedGateway): Promise<LogRecord[]> {
  const clientInfo = { name: `mark-${++marks}`, version: "0" };
  const response = await fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo },
    }),
  });
  await response.body?.cancel();
  const isMark = ({ client }: LogRecord) => client === `${clientInfo.name} 0`;
  return await until("the log is written", () => {
    const records = recordsOf(gateway);
    const at = records.findIndex(isMark);
    return at >= 0 && records.slice(0, at);
  });
}

/** The lines about clients and calls that `work` brings, in order. */
async function linesOf(gateway: SpawnedGateway, work: () => Promise<unknown>) {
  const before = (await untilNow(gateway)).length + 1;
  await work();
  return (await untilNow(gateway)).slice(before)
    .filter(({ message }) => message === "Client connected" || message === "Call failed");
}

async function withClient<T>(
  gateway: SpawnedGateway,
  kind: ClientKind,
  work: (client: RealClient) => Promise<T>,
  path?: string,
): Promise<T> {
  const client = await kind.open(gateway.url, path);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

describe("the log", () => {
  let gateway: SpawnedGateway;
  beforeAll(async () => {
    const witness = programCommand("test/support/witness_server.ts");
    const env = { API_TOKEN: secret };
    gateway = await spawnGateway({ servers: { one: { ...witness, env }, two: witness } });
    // Their first start is not what is looked at.
    await withClient(gateway, kinds[0] as ClientKind, (client) => client.toolNames());
  }, testMs);
  afterAll(() => gateway.dispose(), testMs);

  const sessions = kinds.filter(({ name }) => !/automatic|pinned/.test(name));
  for (const kind of sessions) {
    test(
      `names a client that opens a session, and no successful call: ${kind.name}`,
      async () => {
        const lines = await linesOf(gateway, () =>
          withClient(gateway, kind, async (client) => {
            await client.toolNames();
            await client.callTool("one__who");
          }));
        expect(lines).toMatchObject([{
          level: "INFO",
          message: "Client connected",
          client: "end-to-end 1.0.0",
          revision: expect.stringMatching(/^2025/),
          surface: "/mcp",
        }]);
      },
      testMs,
    );
  }

  test("names a stateless client once, however often and wherever it calls", async () => {
    const stateless = kinds.filter(({ name }) => /automatic|pinned/.test(name));
    const lines = await linesOf(gateway, async () => {
      for (const kind of [...stateless, ...stateless]) {
        await withClient(gateway, kind, (client) => client.callTool("one__who"));
        await withClient(gateway, kind, (client) => client.callTool("who"), "/servers/two/mcp");
      }
    });
    expect(lines).toMatchObject([{
      level: "INFO",
      message: "Client connected",
      client: "end-to-end 1.0.0",
      revision: "2026-07-28",
    }]);
  }, testMs);

  for (const kind of kinds) {
    test(`has one line for a call that fails: ${kind.name}`, async () => {
      const text = `\n Cannot read ${secret}\u0007: no such thing \nat line 7`;
      const lines = await linesOf(gateway, () =>
        withClient(gateway, kind, async (client) => {
          await client.callTool("one__fail", { text });
          await client.callTool("one__fail", { text: "é😀".repeat(500) });
          await client.callTool("fail", { text: "again" }).catch(() => {});
        }));
      const failed = lines.filter(({ message }) => message === "Call failed");
      const line = { level: "INFO", client: "end-to-end 1.0.0", method: "tools/call" };
      expect(failed).toMatchObject([
        {
          ...line,
          server: "one",
          tool: "fail",
          reason: "Cannot read [redacted] : no such thing",
          code: "tool_error",
        },
        { ...line, reason: expect.stringMatching(/^(é😀){99}.?…$/u) },
        { ...line, tool: "fail", reason: expect.stringContaining('Unknown tool "fail"') },
      ]);
      expect(lines.filter(({ server }) => server === undefined).length)
        .toBe(lines.length - 2);
    }, testMs);
  }
});

describe("a client that leaves causes no error in the log", () => {
  let gateway: SpawnedGateway;
  const folder = mkdtempSync(join(tmpdir(), "log-lines-"));
  const countFile = join(folder, "calls");
  writeFileSync(countFile, "");
  beforeAll(async () => {
    const server = hostileCommand(`--count-file=${countFile}`);
    gateway = await spawnGateway({
      servers: { one: server, shared: { ...server, isolation: "shared" } },
    });
  }, testMs);
  afterAll(async () => {
    await gateway.dispose();
    rmSync(folder, { recursive: true });
  }, testMs);

  const isAlarm = ({ level }: LogRecord) => level === "WARN" || level === "ERROR";
  const alarms = async () => (await untilNow(gateway)).filter(isAlarm);
  /** Calls that servers have begun, in all. */
  const begun = () => readFileSync(countFile, "utf8").split("\n").length - 1;
  const untilBegun = (count: number) => until(`${count} calls under way`, () => begun() >= count);

  for (const kind of kinds) {
    test(`in the middle of a call that its server answers anyway: ${kind.name}`, async () => {
      for (const server of ["one", "shared"]) {
        await withClient(gateway, kind, async (client) => {
          const before = begun();
          const leaving = new AbortController();
          const late = { how: "late", ms: 200 };
          const left = client.callTool(`${server}__bad`, late, leaving.signal).catch(() => "left");
          await untilBegun(before + 1);
          leaving.abort();
          expect(await left).toBe("left");
          // The late answer has come before this one.
          const after = await client.callTool(`${server}__bad`, { how: "late", ms: 300 });
          expect(after.text).toBe("good");
        });
      }
      expect(await alarms()).toEqual([]);
    }, testMs);

    test(`with calls and a question open: ${kind.name}`, async () => {
      const client = await kind.open(gateway.url);
      const before = begun();
      const open = [
        client.callTool("one__slow", { ms: 5_000 }),
        client.callTool("one__progress", { steps: 50, ms: 20 }),
        client.callTool("shared__slow", { ms: 500 }),
        client.callTool("one__ask", { method: "elicitation/create", params: { late: 1 } }),
      ];
      for (const call of open) call.catch(() => {});
      await untilBegun(before + open.length);
      await client.close();
      await Promise.allSettled(open);
      expect(await alarms()).toEqual([]);
    }, testMs);

    test(`as soon as it has connected: ${kind.name}`, async () => {
      const client = await kind.open(gateway.url);
      const tools = client.toolNames().catch(() => {});
      await client.close();
      await tools;
      expect(await alarms()).toEqual([]);
    }, testMs);
  }

  test("by cutting its connection, whatever was under way on it", async () => {
    const head = (method: string, path: string, more: string[] = []) =>
      [
        `${method} ${path} HTTP/1.1`,
        "Host: localhost",
        "Accept: application/json, text/event-stream",
      ]
        .concat(more, "", "").join("\r\n");
    const body = (message: unknown) => {
      const text = JSON.stringify({ jsonrpc: "2.0", id: 1, ...message as object });
      return { type: "Content-Type: application/json", text };
    };
    const hello = body({
      method: "initialize",
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "raw", version: "0" },
      },
    });
    const cut = async (bytes: string, wanted?: RegExp | number) => {
      const socket = await openRawSocket(gateway.port);
      socket.send(bytes);
      if (typeof wanted === "number") await untilBegun(wanted);
      else if (wanted !== undefined) await socket.waitFor(wanted);
      socket.destroy();
      return socket.received();
    };
    const post = (path: string, { type, text }: { type: string; text: string }, more: string[]) =>
      head("POST", path, [type, `Content-Length: ${text.length}`, ...more]) + text;
    // In the middle of its head, its body, its handshake, its stream and its call.
    await cut("POST /mcp HTTP/1.1\r\nHost: loc");
    await cut(head("POST", "/mcp", [hello.type, "Content-Length: 900"]) + "{");
    await cut(head("POST", "/mcp", [hello.type, "Transfer-Encoding: chunked"]) + '5\r\n{"a":');
    await cut(post("/mcp", hello, []));
    const opened = await cut(post("/mcp", hello, []), /mcp-session-id: [0-9a-f-]{36}/i);
    const id = /mcp-session-id: ([0-9a-f-]{36})/i.exec(opened)?.[1] ?? "";
    const own = [`Mcp-Session-Id: ${id}`];
    await cut(head("GET", "/mcp", own), /connection_established/);
    await cut(head("GET", "/sse"), /endpoint/);
    const call = (id: number, name: string, args: unknown) =>
      body({
        id,
        method: "tools/call",
        params: { name, arguments: args, _meta: { progressToken: 1 } },
      });
    await cut(post("/mcp", call(1, "one__progress", { steps: 20, ms: 20 }), own), /notifications/);
    await cut(post("/mcp", call(2, "shared__slow", { ms: 200 }), own), begun() + 1);
    // It ends before this one.
    const after = await withClient(
      gateway,
      kinds[0] as ClientKind,
      (client) => client.callTool("shared__slow", { ms: 300 }),
    );
    expect(after.text).toBe("done");
    expect(await alarms()).toEqual([]);
  }, testMs);

  test("when the gateway stops under it", async () => {
    const clients = await Promise.all(kinds.map(({ open }) => open(gateway.url)));
    const before = begun();
    for (const client of clients) client.callTool("one__slow", { ms: 300 }).catch(() => {});
    await untilBegun(before + clients.length);
    expect(await gateway.stop()).toBe(0);
    expect(recordsOf(gateway).filter(isAlarm)).toEqual([]);
    await Promise.allSettled(clients.map((client) => client.close()));
  }, testMs);
});
