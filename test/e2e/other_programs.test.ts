/**
 * A gateway that starts with the file of another program: its tools and its log.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostileCommand } from "../fault/hostile_command.ts";
import { type HostileUpstream, serveUpstream, sessionRules } from "../fault/hostile_upstream.ts";
import { clientKinds } from "../support/mcp_clients.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;

/** As Windows writes a text. */
function toUtf16(text: string): Uint8Array {
  const units = Uint16Array.from(`\ufeff${text}`, (character) => character.charCodeAt(0));
  return new Uint8Array(units.buffer);
}

describe("the file of another program", () => {
  let gateway: SpawnedGateway;
  let remote: HostileUpstream;
  beforeAll(async () => {
    remote = await serveUpstream(sessionRules());
    const program = hostileCommand();
    const file = {
      mcpServers: {
        copilot: { type: "local", ...program, tools: ["*"], source: "user" },
        some: { type: "local", ...program, tools: ["echo", "state"], timeout: 60 },
        cherry: { ...program, isActive: true, disabledTools: ["crash"], alwaysAllow: ["echo"] },
        off: { ...program, isActive: false },
        excel: { url: remote.url, env: { EXCEL_FILES_PATH: "${NOT_SET}" }, timeout: 5 },
        bare: { ...program, env: { GREETING: "$NOT_SET" } },
      },
      globalShortcut: "Ctrl+Space",
      projects: {},
    };
    gateway = await spawnGateway({
      prepare: (directory) =>
        writeFileSync(join(directory, "mcp.json"), toUtf16(JSON.stringify(file))),
    });
  }, testMs);
  afterAll(async () => {
    await gateway.dispose();
    await remote.close();
  });

  for (const kind of clientKinds.filter(({ name }) => !name.startsWith("mcp-remote"))) {
    test(`offers the tools that its program offers, and no others: ${kind.name}`, async () => {
      const client = await kind.open(gateway.url);
      const names = await client.toolNames();
      const of = (server: string) =>
        names.filter((name) => name.startsWith(`${server}__`)).map((name) =>
          name.slice(server.length + 2)
        );
      expect(of("copilot")).toContain("crash");
      expect(of("some").sort()).toEqual(["echo", "state"]);
      expect(of("cherry")).toContain("echo");
      expect(of("cherry")).not.toContain("crash");
      expect(of("off")).toEqual([]);
      expect(of("excel")).toEqual(["work"]);
      const refusal = await client.callTool("some__count", {}).catch(String);
      expect(JSON.stringify(refusal)).toContain("some__count");
      expect(JSON.stringify(await client.callTool("some__echo", { a: "word" }))).toContain("word");
      await client.close();

      const alone = await kind.open(gateway.url, "/servers/some/mcp");
      expect((await alone.toolNames()).sort()).toEqual(["echo", "state"]);
      expect(JSON.stringify(await alone.callTool("count", {}).catch(String))).toContain("count");
      await alone.close();
    }, testMs);
  }

  test("has one line in the log for each kind of ignored key", () => {
    const lines = gateway.log().split("\n").filter((line) => line.includes("Ignored"));
    expect(lines.map((line) => /INFO .*?(Ignored .*?) in mcp\.json/.exec(line)?.[1])).toEqual([
      'Ignored "alwaysAllow" of "cherry"',
      'Ignored "timeout" of "some", "excel"',
      'Ignored "env" of "excel"',
      'Ignored "source" of "copilot"',
      'Ignored "projects"',
      'Ignored "globalShortcut"',
    ]);
    expect(lines.find((line) => line.includes('"timeout"'))).toContain("callTimeoutMs");
  });

  test("causes a warning for a variable without braces, which stays as it is", async () => {
    const warnings = gateway.log().split("\n").filter((line) => line.includes(" WARN "));
    expect(warnings.filter((line) => line.includes("without braces")).length).toBe(1);
    expect(warnings.join("\n")).toContain("mcpServers.bare.env.GREETING of mcp.json");
    expect(warnings.join("\n")).toContain("${NOT_SET}");
    const session = await openRpcSession(`${gateway.url}/servers/bare/mcp`);
    const state = JSON.parse(await session.callTool(1, "state"));
    expect(state.env.GREETING).toBe("$NOT_SET");
    await session.end();
  }, testMs);
});
