/** The gateway by hand: two scripts with plain curl, and the commands that README shows. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docPages } from "../support/doc_pages.ts";
import { realServers } from "../support/real_servers.ts";
import { projectDirectory, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { startMsMax, testMsMax, until } from "../support/wait.ts";

const hasCurl = spawnSync("curl", ["--version"], { stdio: "ignore" }).status === 0;
const testMs = testMsMax;
let directory: string;
let gateway: SpawnedGateway;

beforeAll(async () => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-files-")));
  const { files, memory } = realServers(directory);
  gateway = await spawnGateway({
    servers: {
      memory: { ...memory, env: { ...memory?.env, API_TOKEN: "${CURL_SECRET}" } },
      files: { ...files, args: [directory, realpathSync(tmpdir())] },
    },
    env: { CURL_SECRET: "not-for-logs" },
  });
}, testMs);

afterAll(async () => {
  await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

/** Runs a program and resolves with what it wrote; its exit code is the caller's business. */
function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: startMsMax }, (_error, stdout) => resolve(stdout));
  });
}

const curl = (...args: string[]) => output("curl", ["--silent", "--show-error", ...args]);

/** The head and the body of what `curl --include` wrote. */
function parts(text: string): { status: number; head: string; body: string } {
  const end = text.indexOf("\r\n\r\n");
  const head = text.slice(0, end);
  return { status: Number(/^HTTP\/\S+ (\d+)/.exec(head)?.[1]), head, body: text.slice(end + 4) };
}

const jsonBody = (message: Record<string, unknown>) => [
  ...["--header", "Content-Type: application/json", "--header", "Accept: */*"],
  ...["--data", JSON.stringify({ jsonrpc: "2.0", ...message })],
];

const hello = {
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-03-26",
    capabilities: {},
    clientInfo: { name: "curl", version: "1" },
  },
};

async function startSession(): Promise<{ id: string; body: string }> {
  const { status, head, body } = parts(
    await curl("--include", `${gateway.url}/mcp`, ...jsonBody(hello)),
  );
  expect(status).toBe(200);
  return { id: /^mcp-session-id: (\S+)/im.exec(head)?.[1] ?? "", body };
}

function openStream(session: string): { child: ChildProcess; text(): string } {
  const child = spawn("curl", [
    ...["--silent", "--no-buffer", "--max-time", "60"],
    ...["--header", "Accept: text/event-stream", "--header", `Mcp-Session-Id: ${session}`],
    `${gateway.url}/mcp`,
  ], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk) => text += chunk);
  return { child, text: () => text };
}

test.skipIf(!hasCurl)("P14 health, initialize and session with plain curl", async () => {
  const health = parts(await curl("--include", `${gateway.url}/health`));
  expect(health.status).toBe(200);
  expect(JSON.parse(health.body)).toMatchObject({ status: "healthy" });

  const { id, body } = await startSession();
  expect(id).toMatch(/^[\x21-\x7e]{16,}$/);
  expect(JSON.parse(body)).toMatchObject({
    id: 1,
    result: { protocolVersion: "2025-03-26", serverInfo: { name: "mcp-wrapper" } },
  });
  const withId = ["--header", `Mcp-Session-Id: ${id}`];
  const note = await curl(
    "--include",
    `${gateway.url}/mcp`,
    ...withId,
    ...jsonBody({
      method: "notifications/initialized",
    }),
  );
  expect(parts(note)).toMatchObject({ status: 202, body: "" });
  const list = await curl(
    `${gateway.url}/mcp`,
    ...withId,
    ...jsonBody({
      id: 2,
      method: "tools/list",
    }),
  );
  expect(list).toContain("memory__read_graph");
  const noSession = await curl(
    "--include",
    `${gateway.url}/mcp`,
    ...jsonBody({
      id: 3,
      method: "tools/list",
    }),
  );
  expect(parts(noSession).status).toBe(400);
}, testMs);

test.skipIf(!hasCurl)("P14 a stream next to requests with plain curl", async () => {
  const { id } = await startSession();
  const stream = openStream(id);
  try {
    await until(
      "data: and connection_established",
      () => /^data: /m.test(stream.text()) && stream.text().includes("connection_established"),
    );
    const list = await curl(
      ...[`${gateway.url}/mcp`, "--header", `Mcp-Session-Id: ${id}`],
      ...jsonBody({ id: 2, method: "tools/list" }),
    );
    expect(list).toContain("files__read_text_file");
    expect(stream.child.exitCode).toBe(null);
    for (const line of stream.text().split("\n").filter((one) => one.startsWith("data: "))) {
      JSON.parse(line.slice("data: ".length));
    }
  } finally {
    stream.child.kill();
  }
}, testMs);

test.skipIf(!hasCurl)("P12 the curl commands of docs/clients.md work as written", async () => {
  const page = readFileSync(join(projectDirectory, "docs/clients.md"), "utf8");
  const chapter = /^## By hand, with curl\n([\s\S]*?)^## /m.exec(page)?.[1] ?? "";
  const blocks = [...chapter.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((found) => found[1] ?? "");
  expect(blocks.length).toBeGreaterThanOrEqual(3);
  const stream = join(directory, "stream.txt");
  let session = "";
  const said: string[] = [];
  for (const block of blocks) {
    const script = block.replaceAll("localhost:8999", `127.0.0.1:${gateway.port}`)
      .replaceAll("paste-the-id-here", session)
      // A person leaves the stream with Ctrl-C, once it has begun.
      .replace(
        /^curl -N (.*)$/gm,
        (_, rest) =>
          `curl -N --silent ${rest} > '${stream}' &\n` +
          `until grep -qs connection_established '${stream}'; do sleep 0.1; done\n` +
          `kill $!; cat '${stream}'`,
      );
    const text = await output("bash", ["-c", `SESSION='${session}'\n${script}`]);
    session ||= /^mcp-session-id: (\S+)/im.exec(text)?.[1] ?? "";
    said.push(text);
  }
  expect(session).not.toBe("");
  const all = said.join("\n");
  expect(all).toContain('"protocolVersion"');
  expect(all).toContain("files__list_directory");
  expect(all).toContain("mcp-wrapper-files-");
  expect(all).toContain("connection_established");
  expect(all).not.toMatch(/"error"\s*:/);
  expect(parts(said.at(-1)?.slice(said.at(-1)?.indexOf("HTTP/") ?? 0) ?? "").status).toBe(204);
}, testMs);

test("P12 the documentation and .env.example name the same variables", () => {
  const pages = ["README.md", ...docPages];
  const text = pages.map((path) => readFileSync(join(projectDirectory, path), "utf8")).join("\n");
  const example = readFileSync(join(projectDirectory, ".env.example"), "utf8");
  const known = new Set([...example.matchAll(/^#?\s*([A-Z][A-Z_]+)=/gm)].map((found) => found[1]));
  const named = [...text.matchAll(/\b(?:MCP_[A-Z_]+|LOG_LEVEL|DEBUG_MODE)\b/g)]
    .map(([name]) => name);
  expect(named.filter((name) => !known.has(name) && !name.startsWith("MCP_TEST_"))).toEqual([]);
});

test("P15 the console and logs/server.log tell what happened, with time, level and source", () => {
  const file = readFileSync(join(gateway.directory, "data", "logs", "server.log"), "utf8");
  const records = file.trimEnd().split("\n").map((line) =>
    JSON.parse(line) as Record<string, unknown>
  );
  expect(records.length).toBeGreaterThan(0);
  for (const record of records) {
    expect(Object.keys(record)).toEqual(expect.arrayContaining(["time", "level", "source"]));
  }
  const serving = records.find(({ message }) => String(message).startsWith("Serving MCP at"));
  expect(serving).toBeDefined();
  expect(gateway.log()).toContain(String(serving?.["message"]));
  expect(file + gateway.log()).not.toContain("not-for-logs");
});
