/**
 * Programs with valid messages in unusual framings, behind the real gateway: unambiguous output is
 * accepted, output that is no message is reported at once, and other output does no harm.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { oddCommand } from "../fault/hostile_command.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { startMsMax, testMsMax } from "../support/wait.ts";

/** Ways that are understood. */
const taken = [
  "text-ids",
  "text-tokens",
  "bom",
  "bom-each",
  "noise",
  "headers",
  "utf16-banner",
  "logs-requests",
  "complains",
];
/** Framings that are not understood, and the error that clients get. */
const named: Readonly<Record<string, RegExp>> = {
  framed: /"Content-Length" header/,
  "framed-typed": /"Content-Length" header/,
  pretty: /over many lines/,
  "pretty-batch": /over many lines/,
  "one-line": /several messages on one line/,
  "another-version": /"jsonrpc" must be "2.0"/,
  spread: /over many lines/,
  utf16: /UTF-16/,
  utf16be: /UTF-16/,
  events: /event stream/,
  html: /HTML page/,
  sequence: /JSON text sequence/,
  "always-0": /never made, under id 0/,
  "always-null": /never made, under id null/,
  refuse: /no licence/,
};
const silent = ["no-newline", "noise-silent"];

let gateway: SpawnedGateway;
beforeAll(async () => {
  const command = (how: string) => [how, oddCommand(how)] as const;
  // A start that had to wait for its limit would fail the test's own.
  const patient = (how: string) =>
    [how, { ...oddCommand(how), startTimeoutMs: testMsMax }] as const;
  const hasty = (how: string) =>
    [how, {
      ...oddCommand(how),
      args: [...oddCommand(how).args, "token-of-the-operator"],
      startTimeoutMs: 2_000,
    }] as const;
  gateway = await spawnGateway({
    servers: Object.fromEntries<unknown>([
      ...[...taken, "plain", "always-1"].map(command),
      ...Object.keys(named).map(patient),
      ...silent.map(hasty),
    ]),
    env: { MCP_TRY_SERVERS: "false" },
  });
}, startMsMax);
afterAll(() => gateway.dispose(), startMsMax);

const open = (how: string) => openRpcSession(`${gateway.url}/servers/${how}/mcp`);

describe("a program with an unusual but clear output works", () => {
  for (const how of taken) {
    test(`(${how})`, async () => {
      const session = await open(how);
      expect(await session.callTool(1, "run", { progress: 2 })).toBe("finished");
      expect(await session.callTool(2, "state")).toContain('"tools/call"');
      await session.end();
    });
  }
});

describe("a program that writes anything but messages fails at once, with the reason", () => {
  for (const [how, why] of Object.entries(named)) {
    test(`(${how})`, async () => {
      const session = await open(how);
      const { error } = await session.request(1, "tools/call", { name: "run" });
      expect(error?.data).toMatchObject({ reason: "upstream_unavailable", outcome: "not_sent" });
      expect(error?.message).toMatch(why);
      expect(error?.message).not.toContain("took effect");
      await session.end();
    });
  }

  test("a program that uses one id in all answers fails, with the reason (always-1)", async () => {
    const session = await open("always-1");
    const { error } = await session.request(1, "tools/call", { name: "run" });
    expect(error?.message).toMatch(/every request under id 1/);
    await session.end();
  });

  for (const how of silent) {
    test(`the error for a program that did not answer quotes its output, without secrets (${how})`, async () => {
      const session = await open(how);
      const { error } = await session.request(1, "tools/call", { name: "run" });
      expect(error?.message).toMatch(/wrote lines on stdout that are not JSON-RPC messages/);
      expect(error?.message).toMatch(/the server said: "/);
      expect(error?.message).not.toContain("token-of-the-operator");
      await session.end();
    });
  }
});

describe("a running program", () => {
  test("an error without an id fails the only call, at once and in the server's words", async () => {
    const session = await open("plain");
    const { error } = await session.request(1, "tools/call", { name: "null" });
    expect(error).toMatchObject({ code: -32700, message: "cannot read that" });
    expect(await session.callTool(2, "run")).toBe("finished");
    await session.end();
  });

  test("an answer over many lines fails its call at once, and no other", async () => {
    const session = await open("plain");
    const { error } = await session.request(1, "tools/call", { name: "pretty" });
    expect(error?.data?.["reason"]).toBe("bad_upstream_response");
    expect(error?.message).toMatch(/over many lines/);
    expect(await session.callTool(2, "run")).toBe("finished");
    await session.end();
  });

  test("errors in answer to notifications fail no call", async () => {
    const session = await open("complains");
    const hung = session.request(1, "tools/call", { name: "run", arguments: { progress: 1 } });
    expect((await hung).result).toBeDefined();
    expect(await session.callTool(2, "run")).toBe("finished");
    await session.end();
  });
});
