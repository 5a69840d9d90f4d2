/**
 * Real servers behind one URL, used by real clients, as on a user's first day. Every client sends
 * every kind of message.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientKinds, type RealClient } from "../support/mcp_clients.ts";
import { python, realServers } from "../support/real_servers.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
let directory: string;
let gateway: SpawnedGateway;

beforeAll(async () => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-files-")));
  // A client's roots would replace the directories that the server is configured with.
  const { files, ...others } = realServers(directory);
  gateway = await spawnGateway({ servers: { ...others, files: { ...files, roots: "none" } } });
  if (python === undefined) console.log("No Python with mcp-server-time: its tests are skipped");
}, testMs);

afterAll(async () => {
  await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

for (const kind of clientKinds) {
  describe(kind.name, () => {
    let client: RealClient;

    beforeAll(async () => {
      client = await kind.open(gateway.url);
    }, testMs);
    afterAll(() => client.close(), testMs);

    test("connects to the gateway", () => {
      expect(client.serverName).toBe("mcp-wrapper");
    });

    test("sees the tools, prompts and resources of every server at one URL", async () => {
      // A list does not wait for ever for servers that start slowly: it is asked for again.
      const wanted = ["everything__echo", "files__read_text_file", "memory__read_graph"];
      const tools = await until("the tools of every server", async () => {
        const names = await client.toolNames();
        return wanted.every((name) => names.includes(name)) ? names : undefined;
      });
      expect(new Set(tools).size).toBe(tools.length);
      expect(await client.promptNames()).toContain("everything__simple-prompt");
      const uris = await client.resourceUris();
      expect(uris).toContain("demo://resource/static/document/features.md");
      expect(uris).toContain("memory://knowledge-graph");
    }, testMs);

    test("calls tools of several servers", async () => {
      const sum = await client.callTool("everything__get-sum", { a: 19, b: 23 });
      expect(sum.text).toContain("42");
      const note = await client.callTool("files__read_text_file", {
        path: join(directory, "note.txt"),
      });
      expect(note.text).toContain("a note on the disk");
      const graph = await client.callTool("memory__read_graph");
      expect(graph.text).toContain("entities");
    }, testMs);

    test.skipIf(python === undefined)("calls a tool of a Python server", async () => {
      const time = await client.callTool("time__get_current_time", { timezone: "Etc/UTC" });
      expect(time.text).toContain("Etc/UTC");
    }, testMs);

    test("reads resources, listed and by template", async () => {
      const listed = await client.readResource("demo://resource/static/document/features.md");
      expect(listed.length).toBeGreaterThan(100);
      expect(await client.readResource("demo://resource/dynamic/text/7")).toContain("7");
    }, testMs);

    test("gets prompts", async () => {
      const prompt = await client.getPrompt("everything__args-prompt", { city: "Lisbon" });
      expect(prompt).toContain("Lisbon");
    }, testMs);

    test("P10 receives the progress of a long call, then its answer", async () => {
      const operation = { duration: 0.4, steps: 4 };
      const { text, progress } = await client.callTool(
        "everything__trigger-long-running-operation",
        operation,
      );
      expect(progress).toEqual([1, 2, 3, 4]);
      expect(text).toContain("completed");
    }, testMs);

    test("answers a sampling request", async () => {
      const { text } = await client.callTool("everything__trigger-sampling-request", {
        prompt: "hello",
      });
      expect(text).toContain("sampled-answer");
      expect(client.asked).toContain("sampling/createMessage");
    }, testMs);

    test("answers a request for its roots", async () => {
      // Only the client knows this one; a process that a principal's clients share asks once.
      const { text } = await client.callTool("everything__get-roots-list");
      expect(text).toContain("file:///tmp");
    }, testMs);

    test("answers an elicitation request", async () => {
      const { text } = await client.callTool("everything__trigger-elicitation-request");
      expect(text).toContain("Ada Lovelace");
      expect(client.asked).toContain("elicitation/create");
    }, testMs);
  });
}
