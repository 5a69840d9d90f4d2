/**
 * A gateway between clients and servers with long texts in many scripts: all of it stays readable.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { hostileCommand } from "../fault/hostile_command.ts";
import { openRpcSession, resumeRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
/** Any cut falls into one of them, whichever bound it has. */
const befores = ["", "x", "xy", "xyz"];
const words = (before: string) => `Error: ${before}${"中😀".repeat(2_000)}`;

describe("long texts of servers", () => {
  let gateway: SpawnedGateway;
  beforeAll(async () => {
    // What stands in its arguments would be hidden from its words.
    const [command, before] = [process.execPath, hostileCommand().args.slice(0, -1)];
    const servers = Object.fromEntries(befores.map((text, at) => [
      `broken${at}`,
      { command, args: [...before, "broken.mjs", text], cwd: "." },
    ]));
    const good = hostileCommand("--split");
    gateway = await spawnGateway({
      servers: { ...servers, good },
      env: { LOG_LEVEL: "DEBUG" },
      prepare(directory) {
        writeFileSync(
          join(directory, "broken.mjs"),
          `import process from "node:process";
           import { writeSync } from "node:fs";
           writeSync(2, "Error: " + (process.argv[2] ?? "") + "中😀".repeat(1_200) + "\\n");
           process.exit(1);`,
        );
      },
    });
  }, testMs);
  afterAll(() => gateway.dispose());

  test("have no half character in answers to clients or in the log", async () => {
    for (const at of befores.keys()) {
      const url = `${gateway.url}/servers/broken${at}/mcp`;
      const answer = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
        },
        body: JSON.stringify({
          jsonrpc: "2.0",
          id: 1,
          method: "initialize",
          params: {
            protocolVersion: "2025-11-25",
            capabilities: {},
            clientInfo: { name: `${befores[at]}${"😀".repeat(200)}`, version: "1" },
          },
        }),
      });
      await answer.body?.cancel();
      const id = answer.headers.get("mcp-session-id") ?? "";
      const session = resumeRpcSession(url, id);
      const text = JSON.stringify(await session.request(2, "tools/call", { name: "work" }));
      await session.end();
      expect(text).toContain("the server said: ");
      expect(text).not.toMatch(/\ufffd|\\ud[89a-f]/i);
    }
    const log = await until("the log has them all", () => {
      const text = readFileSync(join(gateway.directory, "data/logs/server.log"), "utf8");
      return befores.every((_, at) => text.includes(`broken${at}`)) && text.includes("中😀") &&
        text;
    });
    for (const line of log.trim().split("\n")) {
      expect(JSON.stringify(JSON.parse(line))).not.toMatch(/\ufffd|\\ud[89a-f]/i);
    }
    expect(gateway.log()).not.toContain("\ufffd");
  }, testMs);

  test("arrive whole when the server writes them in pieces", async () => {
    const session = await openRpcSession(`${gateway.url}/servers/good/mcp`);
    for (const before of befores) {
      const said = await session.callTool(before.length + 1, "echo", { text: words(before) });
      expect(JSON.parse(said)).toEqual({ text: words(before) });
    }
    await session.end();
  }, testMs);
});
