/**
 * P18 from outside: whatever bytes arrive and whatever clients and servers do, the process goes on,
 * other clients are not affected, and no internal text reaches a client.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { hostileCommand } from "../fault/hostile_command.ts";
import { openRawSocket, rawStatus } from "../support/raw_socket.ts";
import { openRpcSession, type RpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;
let gateway: SpawnedGateway;
let canary: RpcSession;

beforeAll(async () => {
  gateway = await spawnGateway({
    servers: {
      good: hostileCommand(),
      crashing: { ...hostileCommand(), callTimeoutMs: 3_000 },
      absent: { command: "a-program-that-does-not-exist" },
      mute: { ...hostileCommand("--init=never"), startTimeoutMs: 1_000 },
      loud: hostileCommand("--banner", "--split", "--crlf"),
      // A mistake of the operator, which the log names; the other servers are served.
      wrong: { command: 5 },
    },
  });
  canary = await openRpcSession(`${gateway.url}/mcp`);
}, testMs);
afterAll(() => gateway.dispose(), testMs);

/** The same process, still serving its session. */
async function expectAlive(pid: number): Promise<void> {
  expect(await canary.callTool("alive", "good__nonce", { nonce: "alive" })).toBe("alive");
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
  expect(gateway.pid).toBe(pid);
  expect(gateway.log()).not.toContain("Caught an unexpected fault");
}

const head = (path: string, more: string) => `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${more}`;
const json = (body: string) =>
  head(
    "/mcp",
    `Content-Type: application/json\r\nAccept: */*\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );

test(
  "P18 bytes that are no HTTP, no JSON or no JSON-RPC are refused and harm nothing",
  async () => {
    const { pid } = gateway;
    const refused: readonly string[] = [
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "GET\r\n\r\n",
      "POST /mcp HTTP/1.1\r\nHost: a b/c\r\n\r\n",
      head("/mcp", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      head("/mcp", "Content-Length: -1\r\n\r\n"),
      head("/mcp", "Content-Type: application/json\r\nContent-Length: 5000000000\r\n\r\n{"),
      json("{"),
      json("[]"),
      json("null"),
      json('"\xff"'),
      json(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":${"[".repeat(5_000)}`),
      json('{"jsonrpc":"2.0","id":{},"method":"initialize"}'),
      json('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":7}}'),
    ];
    for (const bytes of refused) {
      const status = await rawStatus(gateway.port, bytes);
      // A closed connection without an answer is a refusal as well.
      const shown = bytes.slice(0, 60);
      const accepted = status !== undefined && status < 400;
      expect({ shown, status, accepted: accepted && !bytes.includes('"id":1') })
        .toEqual({ shown, status, accepted: false });
    }
    await expectAlive(pid);
  },
  testMs,
);

test("P18 clients that disconnect at any moment leave nothing broken", async () => {
  const { pid } = gateway;
  const call = JSON.stringify({
    jsonrpc: "2.0",
    id: "gone",
    method: "tools/call",
    params: { name: "good__slow", arguments: { ms: 300 } },
  });
  const session = `Mcp-Session-Id: ${canary.id}\r\n`;
  const cut = [
    json("{").slice(0, 40),
    json('{"jsonrpc":"2.0"').slice(0, -5),
    head(
      "/mcp",
      `${session}Content-Type: application/json\r\nContent-Length: ${call.length}\r\n\r\n${call}`,
    ),
    `GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n${session}\r\n`,
    "GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
  ];
  for (let round = 0; round < 5; round++) {
    for (const bytes of cut) {
      const socket = await openRawSocket(gateway.port);
      socket.send(bytes);
      if (/^GET/.test(bytes)) await socket.waitFor(/\r\n\r\n/);
      socket.destroy();
    }
  }
  await expectAlive(pid);
}, testMs);

test(
  "P18 servers that crash, hang, flood or do not exist affect no other, and have a reason",
  async () => {
    const { pid } = gateway;
    const reasonOf = async (id: number, name: string, args = {}) =>
      (await canary.request(id, "tools/call", { name, arguments: args })).error?.data?.["reason"];
    expect(await reasonOf(1, "crashing__crash", { how: "SIGKILL" })).toBe("upstream_exited");
    expect(await canary.callTool(2, "crashing__nonce", { nonce: "again" })).toBe("again");
    expect(await reasonOf(3, "crashing__hang")).toBe("upstream_timeout");
    expect(await canary.callTool(4, "loud__nonce", { nonce: "in spite of it" }))
      .toBe("in spite of it");
    const list = await canary.request(5, "tools/list");
    const names = (list.result?.["tools"] as { name: string }[]).map(({ name }) => name);
    expect(names).toContain("good__echo");
    expect(names.filter((name) => /^(?:absent|mute|wrong)__/.test(name))).toEqual([]);
    await expectAlive(pid);
  },
  testMs,
);

test("P18 no answer contains internals: no stack, no path, no command", async () => {
  const answers = await Promise.all([
    canary.request(1, "tools/call", { name: "absent__anything" }),
    canary.request(2, "tools/call", { name: "mute__anything" }),
    canary.request(3, "no/such_method"),
    canary.request(4, "resources/read", { uri: "file:///etc/passwd" }),
    openRpcSession(`${gateway.url}/servers/absent/mcp`).catch(String),
  ]);
  const text = JSON.stringify(answers);
  expect(text).not.toContain(gateway.directory);
  expect(text).not.toMatch(/node_modules|\bat \S+ \(|\.ts:\d+|hostile_child/);
  const health = await (await fetch(`${gateway.url}/health`)).text();
  expect(health).not.toMatch(/a-program-that-does-not-exist|hostile_child/);
}, testMs);
