/**
 * Real servers behind a profile, used by real clients of each transport and era: they see what the
 * profile offers, under its names, and it works.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientKinds, type RealClient } from "../support/mcp_clients.ts";
import { realServers } from "../support/real_servers.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const path = "/profiles/work/mcp";
const work = {
  servers: {
    files: {
      tools: {
        allow: ["read_text_file", "list_*"],
        deny: ["list_allowed_directories"],
        rename: { read_text_file: "read" },
        describe: { read_text_file: "Reads a note" },
      },
    },
    everything: { tools: ["echo", "trigger-long-running-operation"] },
  },
  prompts: false,
};

let directory: string;
let gateway: SpawnedGateway;

beforeAll(async () => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-profiles-")));
  const { files, everything } = realServers(directory);
  const mcpServers = { files: { ...files, roots: "none" }, everything };
  gateway = await spawnGateway({
    prepare: (folder) =>
      writeFileSync(
        join(folder, "mcp.json"),
        JSON.stringify({ mcpServers, profiles: { work } }),
      ),
  });
}, testMs);

afterAll(async () => {
  await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

const wanted = [
  "files__read",
  "files__list_directory",
  "files__list_directory_with_sizes",
  "everything__echo",
  "everything__trigger-long-running-operation",
];

for (const kind of clientKinds) {
  describe(kind.name, () => {
    let client: RealClient;
    beforeAll(async () => {
      client = await kind.open(gateway.url, path);
    }, testMs);
    afterAll(() => client.close(), testMs);

    test("sees the tools of the profile alone", async () => {
      const tools = await until("the tools of both servers", async () => {
        const names = await client.toolNames();
        return names.length >= wanted.length ? names : undefined;
      });
      expect(tools).toEqual(wanted);
      expect(await client.resourceUris())
        .toContain("demo://resource/static/document/features.md");
    }, testMs);

    test("calls a renamed tool and one with progress, and no hidden one", async () => {
      const note = await client.callTool("files__read", { path: join(directory, "note.txt") });
      expect(note.text).toContain("a note on the disk");
      const work = "everything__trigger-long-running-operation";
      // The server asks for roots 350 ms after it started, and a stateless SDK client reports no
      // progress of the call that it then repeats; so the first call outlasts that.
      await client.callTool(work, { duration: 1, steps: 1 }).catch(() => {});
      const { text, progress } = await client.callTool(work, { duration: 0.2, steps: 2 });
      expect([progress, text.includes("completed")]).toEqual([[1, 2], true]);
      for (const name of ["files__read_text_file", "files__write_file", "everything__get-sum"]) {
        const outcome = await client.callTool(name, { path: join(directory, "x"), content: "x" })
          .then(({ text }) => text, String);
        expect(outcome).toContain(`Unknown tool "${name}"`);
      }
    }, testMs);
  });
}
