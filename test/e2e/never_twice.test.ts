/**
 * A stateless client calls a handshake-era server that asks during the call. Whatever the client
 * returns with, the tool runs once. The server counts its executions in a file.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { envelope, mirror } from "../support/stateless_client.ts";
import { linesOf } from "../support/visit.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const path = "/servers/old/mcp";
const servers = {
  old: programCommand("test/conformance/fixture_stdio.ts", ["--era", "legacy"]),
  other: programCommand("test/conformance/fixture_stdio.ts", ["--era", "legacy"]),
};

interface Json {
  [key: string]: Json | string | number | undefined;
}
type Send = (url: string, init: RequestInit) => Promise<Response>;

/** One call of the tool that counts; `more` is what a client brings along when it comes back. */
async function call(send: Send, url: string, file: string, more: Json = {}, tool?: string) {
  const params = { name: tool ?? "witness_execution", arguments: { file }, ...more };
  const meta = envelope({ clientCapabilities: { elicitation: {} } });
  const response = await send(url, {
    method: "POST",
    headers: mirror("tools/call", params),
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 0,
      method: "tools/call",
      params: { ...params, _meta: meta },
    }),
  });
  const text = await response.text();
  const data = text.startsWith("{") ? text : /^data: (.*"id":0.*)$/m.exec(text)?.[1] ?? "";
  return JSON.parse(data) as {
    result?: { resultType: string; inputRequests: Json; requestState: string };
    error?: { code: number; message: string };
  };
}

/** Calls the tool, and what its question must be answered with. */
async function ask(send: Send, url: string, file: string) {
  const { result } = await call(send, url, file);
  expect(result?.resultType).toBe("input_required");
  expect(linesOf(file)).toEqual(["executed"]);
  const keys = Object.keys(result?.inputRequests ?? {});
  const answer = { action: "accept", content: { name: "Ada" } } as unknown as Json;
  return {
    inputResponses: Object.fromEntries(keys.map((key) => [key, answer])),
    requestState: result?.requestState ?? "",
  };
}

let directory: string;
let gateway: SpawnedGateway;
let count = 0;
const newFile = () => join(directory, `executions-${count += 1}`);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-once-"));
  gateway = await spawnGateway({ servers });
}, testMs);

afterAll(async () => {
  await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

/** A character of the base64 alphabet that is another one. */
const turned = (text: string, at: number) =>
  text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);

type Return = Awaited<ReturnType<typeof ask>>;

/** What a client may come back with that it should not. */
const wrongReturns: readonly {
  readonly name: string;
  readonly come: (good: Return, file: string) => ReturnType<typeof call>;
}[] = [
  {
    name: "a state that was tampered with",
    come: ({ requestState, inputResponses }, file) =>
      call(fetch, gateway.url + path, file, {
        inputResponses,
        requestState: turned(requestState, Math.floor(requestState.length / 2)),
      }),
  },
  {
    name: "a forged state",
    come: ({ inputResponses }, file) =>
      call(fetch, gateway.url + path, file, { inputResponses, requestState: "made-up" }),
  },
  {
    name: "other arguments",
    come: (good, file) => call(fetch, gateway.url + path, `${file}-of-another-call`, good),
  },
  {
    name: "the name of another tool",
    come: (good, file) => call(fetch, gateway.url + path, file, good, "witness_cancellation"),
  },
  {
    name: "its state at another server",
    come: (good, file) => call(fetch, `${gateway.url}/servers/other/mcp`, file, good),
  },
];

describe("a client that returns with an answer", () => {
  for (const { name, come } of wrongReturns) {
    test(`with ${name} is refused; the call still waits for the right return`, async () => {
      const file = newFile();
      const good = await ask(fetch, gateway.url + path, file);
      const { error } = await come(good, file);
      expect(error?.code).toBe(-32602);
      expect(linesOf(file)).toEqual(["executed"]);
      expect(linesOf(`${file}-of-another-call`)).toEqual([]);
      const { result } = await call(fetch, gateway.url + path, file, good);
      expect(result?.resultType).toBe("complete");
      expect(linesOf(file)).toEqual(["executed", 'answered {"name":"Ada"}']);
    }, testMs);
  }

  test("twice is served once", async () => {
    const file = newFile();
    const good = await ask(fetch, gateway.url + path, file);
    const both = await Promise.all([1, 2].map(() => call(fetch, gateway.url + path, file, good)));
    expect(both.filter(({ error }) => error === undefined).length).toBe(1);
    expect(both.find(({ error }) => error !== undefined)?.error?.message).toContain("gone");
    expect(linesOf(file)).toEqual(["executed", 'answered {"name":"Ada"}']);
  }, testMs);

  for (const end of ["stop", "kill9"] as const) {
    test(`after the gateway was restarted (${end}) fails because the call is gone`, async () => {
      const file = newFile();
      const good = await ask(fetch, gateway.url + path, file);
      await gateway[end]();
      await gateway.restart();
      const { error } = await call(fetch, gateway.url + path, file, good);
      expect(error?.code).toBe(-32603);
      expect(error?.message).toContain("gone");
      expect(linesOf(file).filter((line) => line === "executed")).toEqual(["executed"]);
      expect(linesOf(file).some((line) => line.startsWith("answered"))).toBe(false);
    }, testMs);
  }

  test("too late gets an error that says so, and the server gets the cancellation", async () => {
    const { config } = await readConfig({
      kinds: upstreamKinds,
      env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
      cwd: directory,
      readText: (file) =>
        file.endsWith("mcp.json")
          ? Promise.resolve(JSON.stringify({ mcpServers: servers }))
          : readFile(file, "utf8"),
    });
    // Long enough for a call, and the shortest time that a person at the client may have.
    const handle = await createGateway({
      config,
      runtime: await createTestRuntime(),
      limits: { parkMs: 1_000 },
    });
    const send: Send = (url, init) => {
      const request = new Request(url, init);
      request.headers.set("host", new URL(url).host);
      return handle.fetch(request);
    };
    const file = newFile();
    try {
      const url = `http://127.0.0.1:${config.port}${path}`;
      const good = await ask(send, url, file);
      await until("the server to be told", () => linesOf(file).includes("given up"));
      const { error } = await call(send, url, file, good);
      expect(error?.code).toBe(-32602);
      expect(error?.message).toContain("expired");
      expect(linesOf(file)).toEqual(["executed", "given up"]);
    } finally {
      handle.drain();
      await handle.close();
    }
  }, testMs);
});
