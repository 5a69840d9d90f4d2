/** The gateway as a program: how it starts, reloads, stops, and what it says when it cannot. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { defaultTables, openRegistry } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { identity } from "../../src/version.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { canReadProcesses, descendants, isAlive, sendSignal } from "../support/processes.ts";
import { openRawSocket, statusOf } from "../support/raw_socket.ts";
import { programCommand, thisRuntime } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

let folder = "";
let programs: ChildProcess[] = [];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "main-")));
  programs = [];
});
afterEach(() => {
  for (const program of programs) sendSignal(program.pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Program {
  readonly child: ChildProcess;
  /** All that it wrote to both outputs. */
  text(): string;
  /** What it wrote to stdout alone. */
  output(): string;
  readonly code: Promise<number | null>;
}

function start(
  env: Record<string, string> = {},
  program = `src/main/${thisRuntime}.ts`,
  flags: readonly string[] = [],
): Program {
  const { command, args } = programCommand(program, flags, thisRuntime);
  const { PATH = "", HOME = "", DENO_DIR } = process.env;
  const base = {
    ...{ PATH, HOME, NO_COLOR: "1", MCP_PORT: "0", ...(DENO_DIR ? { DENO_DIR } : {}) },
    // Where the files of an account are: no test writes into that of the person who runs it.
    ...{ XDG_CONFIG_HOME: join(folder, "config"), XDG_STATE_HOME: join(folder, "state") },
  };
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...base, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  programs.push(child);
  let text = "";
  let shown = "";
  child.stdout?.on("data", (chunk) => shown += chunk);
  for (const output of [child.stdout, child.stderr]) output?.on("data", (chunk) => text += chunk);
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, text: () => text, output: () => shown, code };
}

async function untilServing(program: Program): Promise<string> {
  return await until("the gateway to serve", () => {
    return /Serving MCP at (http:\S+)\/mcp/.exec(program.text())?.[1];
  }).catch((fault) => {
    throw new Error(`${fault.message}\n${program.text()}`);
  });
}

const startWith = (flags: readonly string[], env: Record<string, string> = {}): Program =>
  start(env, undefined, flags);

/** What a program that cannot start said, and its exit code. */
async function failedStart(env: Record<string, string>): Promise<[number | null, string]> {
  const program = start(env);
  const code = await within("the program to end", program.code);
  return [code, program.text()];
}

function writeServers(servers: Record<string, unknown>): void {
  writeFileSync(join(folder, "mcp.json"), JSON.stringify({ mcpServers: servers }));
}

const noServer = { command: "/bin/cat", args: [] };

test("without configuration it serves, says how to add a server, and stops with 0", async () => {
  const program = start();
  const url = await untilServing(program);
  const advice = `write them into ${join(folder, "config/mcp-wrapper/mcp.json")}`;
  await until("it says how to add a server", () => program.text().includes(advice));
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  sendSignal(program.child.pid, "SIGTERM");
  expect(await within("the gateway to stop", program.code)).toBe(0);
  // Each line is one of the log: no runtime adds a warning of its own.
  expect(program.text().split("\n").filter((line) => !/^(?:20\d\d-|$)/.test(line))).toEqual([]);
  expect(program.output()).toBe("");
  const records = readFileSync(join(folder, "state/mcp-wrapper/logs/server.log"), "utf8")
    .trim().split("\n");
  expect(records.map((line) => JSON.parse(line).message)[0]).toContain("Serving MCP at");
});

test("a malformed environment ends the start with code 2 and a message without a stack", async () => {
  const [code, text] = await failedStart({ LOG_LEVEL: "LOUD" });
  expect(code).toBe(2);
  expect(text.trim()).toMatch(/^Cannot use LOG_LEVEL="LOUD": expected [^\n]+$/);
});

test("--help and --version print their text on stdout, start nothing and exit with 0", async () => {
  for (const [flag, text] of [["--help", "Usage: "], ["--version", identity.version]] as const) {
    const program = startWith([flag], { LOG_LEVEL: "LOUD" });
    expect(await within("the program to end", program.code)).toBe(0);
    expect(program.output()).toContain(text);
    expect(program.text()).toBe(program.output());
    expect(existsSync(join(folder, "data"))).toBe(false);
  }
});

test("flags take precedence over the environment and .env", async () => {
  writeFileSync(join(folder, ".env"), "MCP_DATA_DIR=./of-dotenv\n");
  writeFileSync(join(folder, "mine.json"), '{"mcpServers": {}}');
  const flags = ["--port", "0", "--host=127.0.0.1", "--config", "mine.json", "--data=./of-flag"];
  const program = startWith(flags, { MCP_PORT: "LOUD", MCP_HOST: "gateway.local" });
  const url = await untilServing(program);
  expect(new URL(url).hostname).toBe("127.0.0.1");
  expect(program.text()).toContain(`config=${join(folder, "mine.json")}`);
  expect(existsSync(join(folder, "of-flag/mcp-wrapper.db"))).toBe(true);
  expect(existsSync(join(folder, "of-dotenv"))).toBe(false);
});

test("an unknown flag ends the start with code 2, and the message suggests the right one", async () => {
  const program = startWith(["--prot", "9000"]);
  expect(await within("the program to end", program.code)).toBe(2);
  expect(program.text()).toBe(
    "Cannot read the command line: unknown option '--prot'; did you mean --port? " +
      "mcp-wrapper start --help shows its flags\n",
  );
  expect(program.output()).toBe("");
});

test(
  "an address open to other machines causes a warning; probes may use it, but no foreign name",
  async () => {
    const program = start({
      MCP_HOST: "0.0.0.0",
      MCP_ALLOW_UNAUTHENTICATED: "true",
      MCP_OF_ANOTHER_PROGRAM: "1",
    });
    const { port } = new URL(await untilServing(program));
    for (
      const warning of [
        /WARN .*MCP_OF_ANOTHER_PROGRAM/,
        /WARN .*Listening on 0\.0\.0\.0 without authentication/,
      ]
    ) await until(`the warning ${warning}`, () => warning.test(program.text()));
    const own = Object.values(networkInterfaces()).flatMap((rows) => rows ?? [])
      .filter(({ family }) => family === "IPv4").map(({ address }) => address);
    expect(own).toContain("127.0.0.1");
    for (const [host, status] of [...own.map((name) => [name, 200]), ["evil.com", 403]]) {
      const socket = await openRawSocket(Number(port));
      socket.send(`GET /ready HTTP/1.1\r\nHost: ${host}:1234\r\nConnection: close\r\n\r\n`);
      expect([host, statusOf(await socket.waitFor(/\r\n\r\n/))]).toEqual([host, status]);
      socket.destroy();
    }
  },
);

test(".env is read without expansion, and the real environment takes precedence over it", async () => {
  writeFileSync(join(folder, ".env"), "LOG_LEVEL=$HOME\nMCP_DATA_DIR=./elsewhere\n");
  const [code, text] = await failedStart({});
  expect(code).toBe(2);
  expect(text).toContain('LOG_LEVEL="$HOME"');
  const program = start({ LOG_LEVEL: "INFO" });
  await untilServing(program);
  expect(program.text()).toContain(join(folder, "elsewhere"));
});

test("a port or data directory in use ends the start with code 1 and a message", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const address = taken.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  const [code, text] = await failedStart({ MCP_PORT: port });
  taken.close();
  expect(code).toBe(1);
  expect(text.trim()).toMatch(/^Cannot listen on "127\.0\.0\.1:\d+": the address is in use[^\n]+$/);
  const first = start();
  await untilServing(first);
  const [again, sentence] = await failedStart({});
  expect(again).toBe(1);
  expect(sentence.trim()).toMatch(
    /^Cannot open "[^"\n]+": another gateway uses this data directory \(process \d+\); stop [^\n]+$/,
  );
});

test("an unusable data directory ends the start with code 1, and the message names it", async () => {
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "keyless", "secret.key"), { recursive: true });
  mkdirSync(join(folder, "no-file", "mcp-wrapper.db"), { recursive: true });
  for (const name of ["file", "file/below", "keyless", "no-file"]) {
    const [code, text] = await failedStart({ MCP_DATA_DIR: join(folder, name) });
    expect(code).toBe(1);
    expect(text).toContain(`Cannot use the data directory "${join(folder, name)}": `);
    expect(text).toMatch(/; fix it or choose another by MCP_DATA_DIR\n$/);
    expect(text.trim().split("\n").length).toBe(1);
  }
});

test("an edit of the file, or SIGHUP, reloads it; a broken file changes nothing", async () => {
  writeServers({ one: noServer });
  const program = start();
  const url = await untilServing(program);
  const readAgain = (count: number) =>
    until("the file to be read again", () => program.text().includes(`again servers=${count}`));
  writeServers({ one: noServer, two: noServer });
  await readAgain(2);
  writeFileSync(join(folder, "mcp.json"), "{ broken");
  await until("the fault to be told", () => program.text().includes("the running one stays"));
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  writeServers({ one: noServer, two: noServer, three: noServer });
  await readAgain(3);
  const before = program.text().length;
  sendSignal(program.child.pid, "SIGHUP");
  await until("another reading", () => program.text().slice(before).includes("again servers=3"));
  expect(program.text()).not.toContain("restart the gateway");
});

test("how clients authenticate stays as it was at the start, and an edit of it is reported", async () => {
  writeServers({ one: noServer });
  const program = start();
  const url = await untilServing(program);
  const file = { mcpServers: { one: noServer }, auth: { key: {} } };
  writeFileSync(join(folder, "mcp.json"), JSON.stringify(file));
  await until("the advice", () => /"auth" of .* has changed: restart/.test(program.text()));
  // Still without a key.
  expect(await listTools(`${url}/mcp`)).not.toContain("key is required");
});

test("added servers take the place of the built-in ones, and their files are watched", async () => {
  const data = { dataDirectory: join(folder, "data") };
  const { config } = await readConfig({
    kinds: defaultTables.kinds,
    env: {},
    cwd: folder,
    readText: () => Promise.resolve(undefined),
  });
  const registry = await openRegistry({
    config: { ...config, ...data },
    runtime: await createTestRuntime(),
    reading: { path: join(folder, "mcp.json"), env: {} },
  });
  const document = (title: string) =>
    writeFileSync(
      join(folder, "api.json"),
      JSON.stringify({
        openapi: "3.1.0",
        info: { title, version: "1" },
        servers: [{ url: "http://127.0.0.1:9" }],
        paths: { "/x": { get: { operationId: `get${title}`, responses: {} } } },
      }),
    );
  document("Old");
  await registry.put("api", { openapi: "./api.json" });
  await registry.close();
  const program = start();
  const url = await untilServing(program);
  const tools = () => listTools(`${url}/mcp`);
  await until("the old tools", async () => (await tools()).includes("getOld"));
  expect(program.text()).toContain("servers=1");
  expect(program.text()).not.toContain("No server is configured");
  document("New");
  await until("the new tools", async () => (await tools()).includes("getNew"));
  writeServers({ file: noServer });
  await until("the file to be read", () => program.text().includes("again servers=1"));
  expect((await fetch(`${url}/servers/api/mcp`)).status).not.toBe(404);
});

test(
  "a server that leads back to the gateway fails with a message, whatever its name",
  async () => {
    writeServers({});
    const program = start();
    const url = await untilServing(program);
    // A way to it that no configuration shows, as a reverse proxy is one.
    const proxy = createServer((socket) => {
      const inner = connect(Number(new URL(url).port), "127.0.0.1");
      for (const [from, to] of [[socket, inner], [inner, socket]] as const) {
        from.on("error", () => to.destroy());
        from.pipe(to);
      }
    }).listen(0, "127.0.0.1");
    try {
      await new Promise((resolve) => proxy.once("listening", resolve));
      const address = proxy.address();
      const port = typeof address === "object" ? address?.port : undefined;
      writeServers({
        own: { url: `${url}/mcp` },
        remote: { command: "npx", args: ["-y", "mcp-remote", `${url}/mcp`] },
        proxied: { url: `http://127.0.0.1:${port}/mcp` },
      });
      await until("the file to be read", () => program.text().includes("again servers=3"));
      for (const name of ["own.url", "remote.args[2]"]) {
        expect(program.text()).toContain(
          `mcpServers.${name} in mcp.json: leads back to this gateway`,
        );
      }
      for (const name of ["own", "remote", "proxied"]) {
        expect(await listTools(`${url}/servers/${name}/mcp`)).toContain(
          "leads back to this gateway",
        );
      }
      expect(await listTools(`${url}/mcp`)).toContain('"tools":[]');
    } finally {
      proxy.close();
    }
  },
);

/** The answer to a client without a session. */
async function listTools(url: string): Promise<string> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/list",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta } }),
  });
  return await answer.text();
}

/** A request whose body never comes: it keeps a stopping gateway waiting until it is broken off. */
async function openRequest(url: string): Promise<() => void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  const head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
    "Accept: application/json, text/event-stream\r\nContent-Length: 100\r\n\r\n{";
  await new Promise((resolve) => socket.write(head, resolve));
  // A second request that is answered shows that the first one was taken.
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  return () => socket.destroy();
}

test("G7 a second signal ends a waiting gateway at once", async () => {
  const program = start();
  const url = await untilServing(program);
  await openRequest(url);
  sendSignal(program.child.pid, "SIGINT");
  await until("the gateway to be stopping", () => program.text().includes("Stopping"));
  let code: number | null | undefined;
  void program.code.then((ended) => code = ended);
  await until("the gateway to end", () => {
    sendSignal(program.child.pid, "SIGINT");
    return code !== undefined;
  });
  expect(code).toBe(1);
});

test("one Ctrl-C lets running calls finish, even if a script runner sends it a second time", async () => {
  const program = start();
  const url = await untilServing(program);
  const finish = await openRequest(url);
  for (let copies = 0; copies < 3; copies += 1) sendSignal(program.child.pid, "SIGINT");
  await until("the gateway to be stopping", () => program.text().includes("Stopping"));
  finish();
  expect(await within("the gateway to stop", program.code)).toBe(0);
});

test("where colours are forced, the log has its own and none of the runtime's", async () => {
  const program = start({ NO_COLOR: "", FORCE_COLOR: "1" });
  await untilServing(program);
  const line = program.text().split("\n").find((text) => text.includes("Serving MCP"));
  expect(line?.startsWith("\u001b[2m20")).toBe(true);
  // Bun would show a whole line in red.
  expect(line).not.toContain("\u001b[31m");
});

test("P18 an unhandled rejection or exception is logged, and the gateway goes on", async () => {
  const program = start({}, "test/support/main_with_faults.ts");
  const url = await untilServing(program);
  sendSignal(program.child.pid, "SIGUSR1");
  await until(
    "both faults to be told",
    () =>
      ["an unhandled rejection of the test", "an uncaught exception of the test"].every((text) =>
        program.text().includes(text)
      ),
  );
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  sendSignal(program.child.pid, "SIGTERM");
  expect(await within("the gateway to stop", program.code)).toBe(0);
});

test("P18 a corrupt database ends it with a clear last line and a non-zero code", async () => {
  const program = start({}, "test/support/main_with_faults.ts");
  await untilServing(program);
  sendSignal(program.child.pid, "SIGUSR2");
  expect(await within("the gateway to end", program.code)).toBe(1);
  expect(program.text().trim().split("\n").at(-1)).toContain("The database is corrupt");
});

test.skipIf(!canReadProcesses)("no process is left after SIGTERM or kill -9", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const program = start();
    await untilServing(program);
    const family = descendants(program.child.pid ?? 0);
    expect(family.length).toBeGreaterThan(0);
    sendSignal(program.child.pid, signal);
    await within("the gateway to end", program.code);
    await until("its processes to be gone", () => !family.some(isAlive));
  }
});
