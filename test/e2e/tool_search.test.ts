/**
 * Tools that are found by a search, used by both generations of the official SDK as a model would:
 * search, describe, call. The servers are real ones.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientKinds, type RealClient, type Whole } from "../support/mcp_clients.ts";
import { realServers } from "../support/real_servers.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
let directory: string;
let gateway: SpawnedGateway;

beforeAll(async () => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-search-")));
  const { everything, files } = realServers(directory);
  gateway = await spawnGateway({ servers: { everything, files: { ...files, roots: "none" } } });
}, testMs);

afterAll(async () => {
  await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

const hitsOf = ({ structuredContent }: Whole): string[] =>
  (structuredContent as { tools: { name: string }[] }).tools.map(({ name }) => name);
const textOf = ({ content }: Whole): string => (content as { text: string }[])[0]?.text ?? "";

for (const kind of clientKinds) {
  describe(kind.name, () => {
    let client: RealClient;
    const call = (name: string, args: Record<string, unknown>) =>
      client.callTool("call_tool", { name, arguments: args });

    beforeAll(async () => {
      client = await kind.open(gateway.url, "/search/mcp");
    }, testMs);
    afterAll(() => client.close(), testMs);

    test("sees three tools, and the prompts and resources of the servers", async () => {
      expect(await client.toolNames()).toEqual(["search_tools", "describe_tool", "call_tool"]);
      expect(await client.promptNames()).toContain("everything__simple-prompt");
      expect(await client.resourceUris())
        .toContain("demo://resource/static/document/features.md");
    }, testMs);

    test("finds a tool, reads it, and calls it", async () => {
      const query = "read a text file";
      // A search does not wait for ever for servers that start slowly: it is made again.
      const hits = await until("the tools of both servers", async () => {
        const found = hitsOf(await client.callWhole("search_tools", { query }));
        return found[0] === "files__read_text_file" ? found : undefined;
      });
      const name = hits[0] ?? "";
      const definition = JSON.parse(textOf(await client.callWhole("describe_tool", { name })));
      expect(definition).toMatchObject({
        name,
        inputSchema: { properties: { path: { type: "string" } } },
      });
      const path = join(directory, "note.txt");
      // The server's tool has an output schema, of which the client knows nothing here.
      const whole = await client.callWhole("call_tool", { name, arguments: { path } });
      expect(textOf(whole)).toContain("a note on the disk");
      const direct = await client.callTool(name, { path });
      expect(direct.text).toContain("a note on the disk");
    }, testMs);

    test("answers questions during calls, and gets the progress of a long one", async () => {
      const sampling = "everything__trigger-sampling-request";
      // The server lists this one once it knows the client.
      await until("the tool that samples", async () => {
        const query = "trigger sampling request";
        return hitsOf(await client.callWhole("search_tools", { query })).includes(sampling);
      });
      const sampled = await call(sampling, { prompt: "hello" });
      expect(sampled.text).toContain("sampled-answer");
      const elicited = await call("everything__trigger-elicitation-request", {});
      expect(elicited.text).toContain("Ada Lovelace");
      // This server asks for roots soon after its start, which ends a stateless call once; the library
      // reports no progress of the repeated one.
      await until("a call with all of its progress", async () => {
        const operation = { duration: 0.4, steps: 4 };
        const long = await call("everything__trigger-long-running-operation", operation);
        return long.progress.join() === "1,2,3,4";
      });
    }, testMs);

    test("reads why a call made no sense", async () => {
      const whole = await client.callWhole("call_tool", { name: "files__read_textfile" });
      expect(whole.isError).toBe(true);
      expect(textOf(whole)).toContain('Did you mean "files__read_text_file"?');
    }, testMs);
  });
}
