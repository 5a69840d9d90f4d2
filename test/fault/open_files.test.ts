/** Case G8: a gateway that has no file descriptor left says so, keeps what it has, and heals. */
import { afterEach, describe, expect, test } from "bun:test";
import process from "node:process";
import { initialize } from "../support/http_harness.ts";
import { openRawSocket, type RawSocket } from "../support/raw_socket.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

/** What is left to the gateway, and how many clients connect. */
const filesMax = 140;
const crowd = 200;

let gateway: SpawnedGateway | undefined;
const sockets: RawSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway?.dispose();
});

/** One connection that stays open; requests on it, one after the other. */
async function connect(port: number) {
  const socket = await openRawSocket(port);
  sockets.push(socket);
  let read = 0;
  return async (method: string, path: string, message?: unknown, session?: string) => {
    const body = message === undefined ? "" : JSON.stringify(message);
    socket.send([
      `${method} ${path} HTTP/1.1`,
      `host: 127.0.0.1:${port}`,
      "accept: application/json, text/event-stream",
      "content-type: application/json",
      `content-length: ${body.length}`,
      ...(session === undefined ? [] : [`mcp-session-id: ${session}`]),
      "",
      body,
    ].join("\r\n"));
    let answer: RegExpExecArray | undefined;
    await until(`an answer to ${method} ${path}`, () => {
      const text = socket.received().slice(read);
      const head = /^HTTP\/1\.1 (\d+)[^]*?\r\n\r\n/.exec(text);
      const length = Number(/^content-length: (\d+)/im.exec(head?.[0] ?? "")?.[1] ?? "NaN");
      const isWhole = head !== null &&
        (Number.isNaN(length)
          ? text.endsWith("\r\n0\r\n\r\n") || head[1] === "202"
          : text.length >= head[0].length + length);
      if (isWhole) answer = head;
      return isWhole;
    });
    const text = socket.received().slice(read);
    read += text.length;
    return {
      status: Number(answer?.[1]),
      session: /^mcp-session-id: (\S+)/im.exec(answer?.[0] ?? "")?.[1],
      text: text.slice(answer?.[0].length ?? 0),
    };
  };
}

const isPossible = process.platform !== "win32";

describe.skipIf(!isPossible)("G8: a gateway without a file descriptor", () => {
  test("says so in /health and the log, serves the connections that it has, and heals", async () => {
    gateway = await spawnGateway({
      servers: { handy: programCommand("test/support/handy_child.ts", ["Handy"]) },
      launcher: ["sh", "-c", `ulimit -n ${filesMax}; exec "$@"`, "sh"],
    });
    const { port } = gateway;
    const ask = await connect(port);
    const kept = (await ask("POST", "/mcp", initialize("2025-11-25"))).session;
    expect((await ask("GET", "/health")).text).toContain('"status":"healthy"');

    // A runtime may cut connections that it cannot accept.
    const all = await Promise.allSettled(Array.from({ length: crowd }, () => openRawSocket(port)));
    const many = all.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    sockets.push(...many);
    let health = "";
    await until("the shortage in /health", async () => {
      health = (await ask("GET", "/health")).text;
      return health.includes("too many files are open");
    });
    expect(health).toContain('"status":"degraded"');
    expect(gateway.log()).toContain("Too many files are open");
    // Sessions go on and begin; only a program cannot be started.
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    expect((await ask("POST", "/mcp", ping, kept)).status).toBe(200);
    const opened = await ask("POST", "/mcp", initialize("2025-11-25"));
    expect([opened.status, opened.session !== undefined]).toEqual([200, true]);
    const params = { name: "echo", arguments: { text: "here" } };
    const call = { jsonrpc: "2.0", id: 2, method: "tools/call", params };
    const failed = await ask("POST", "/mcp", call, opened.session);
    expect(failed.text).not.toContain('"text":"here"');
    expect(failed.text).toMatch(/"isError":true|"error":/);

    for (const socket of many) socket.destroy();
    await until("the end of the shortage", async () => {
      const answer = await ask("GET", "/health");
      return !answer.text.includes("too many files");
    });
    await until("a new connection", async () => {
      const again = await connect(port).catch(() => undefined);
      return (await again?.("POST", "/mcp", ping, kept))?.status === 200;
    });
    await until("the server of the session", async () => {
      const answer = await ask("POST", "/mcp", call, opened.session);
      return answer.text.includes('"text":"here"');
    });
  });
});
