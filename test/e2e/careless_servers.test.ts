/**
 * If a server lists items that no client can read, only those items are lost.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { JsonObject } from "../../src/model.ts";
import { clientKinds } from "../support/mcp_clients.ts";
import { oddSchemas } from "../support/odd_schemas.ts";
import { pythonKinds, pythonWithClient } from "../support/python_client.ts";
import { openRpcSession, type RpcSession } from "../support/rpc_session.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { startMsMax } from "../support/wait.ts";

let gateway: SpawnedGateway;
let session: RpcSession;

beforeAll(async () => {
  const careless = (what: string) => programCommand("test/support/careless_server.ts", [what]);
  gateway = await spawnGateway({
    servers: {
      outputs: careless("outputs"),
      inputs: careless("inputs"),
      items: careless("items"),
      fine: careless("fine"),
    },
  });
  session = await openRpcSession(`${gateway.url}/mcp`);
  await session.request("list", "tools/list");
}, startMsMax);
afterAll(async () => {
  await session.end();
  await gateway.dispose();
}, startMsMax);

const odd = Object.entries(oddSchemas).map(([name, row], at) => ({ ...row, name, tool: `t${at}` }));
const usable = [
  "twice",
  "no_input",
  "input_null",
  "input_list",
  "input_string",
  "output_list",
  "execution_null",
  "execution_odd",
  "title_number",
  "hints_text",
  "icons_odd",
];

/** One tool as the gateway lists it. */
async function listed(name: string): Promise<JsonObject> {
  const { result } = await session.request(name, "tools/list");
  return (result?.["tools"] as JsonObject[]).find((tool) => tool["name"] === name) ?? {};
}

describe("a client reads the lists of all servers:", () => {
  for (const { name, open } of clientKinds.slice(0, 4)) {
    test(name, async () => {
      const client = await open(gateway.url);
      try {
        expect((await client.toolNames()).sort()).toEqual([
          ...odd.map(({ tool }) => `outputs__${tool}`),
          ...odd.map(({ tool }) => `inputs__${tool}`),
          ...usable.map((tool) => `items__${tool}`),
          "fine__fine",
        ].sort());
        expect((await client.promptNames()).sort()).toEqual([
          "fine__fine",
          "items__arguments_null",
          "items__arguments_odd",
          "items__title_list",
        ]);
        expect((await client.resourceUris()).sort())
          .toEqual(["a://fine", "a://fraction", "a://no-name", "a://odd", "a://twice"]);
        expect((await client.templateUris()).sort())
          .toEqual(["a://fine/{x}", "a://{b", "a://{}{?*}"]);
        const lost = odd.filter(({ fate }) => fate === "lost").slice(0, 3);
        for (const { tool } of lost) {
          const { structuredContent } = await client.callWhole(`outputs__${tool}`);
          expect(structuredContent).toEqual({ a: { done: true } });
        }
      } finally {
        await client.close();
      }
    }, startMsMax);
  }

  for (const { mode } of pythonKinds) {
    test.skipIf(pythonWithClient === undefined)(`the Python SDK, mode ${mode}`, async () => {
      const lost = odd.find(({ fate }) => fate === "lost");
      const program = `
import asyncio, json
from mcp import Client
async def main():
    async with Client("${gateway.url}/mcp", mode="${mode}") as client:
        tools = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts
        resources = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        result = await client.call_tool("outputs__${lost?.tool}", {})
        counts = [len(items) for items in (tools, prompts, resources, templates)]
        print(json.dumps([counts, result.structured_content]))
asyncio.run(main())
`;
      const python = pythonWithClient ?? "python3";
      const run = promisify(execFile)(python, ["-c", program], { timeout: startMsMax });
      const tools = 2 * odd.length + usable.length + 1;
      expect(JSON.parse((await run).stdout)).toEqual([[tools, 4, 5, 3], { a: { done: true } }]);
    }, startMsMax);
  }
});

test("the log names server, item and reason of what was left out, once for all clients", () => {
  const lines = gateway.log().split("\n").filter((line) => line.includes(" Corrected "));
  for (const { tool, name } of odd.filter(({ fate }) => fate === "lost")) {
    const about = lines.filter((line) =>
      line.includes('WARN  upstream.outputs Corrected tools/list of server "outputs": ') &&
      line.includes(`"${tool}"`)
    );
    expect([name, about.length]).toEqual([name, 1]);
    expect(about[0]).toContain("left out its output schema, which cannot be compiled: ");
  }
  const all = lines.join("\n");
  for (
    const words of [
      '"items": "item 1": left out: it is null',
      '"twice": left out: another one has the same name',
      '"execution_null": left out "execution", which is null',
      '"hints_text": left out "annotations.readOnlyHint", which is "true"',
      'Corrected prompts/list of server "items": "item 3": left out: its "name" is 5',
      'Corrected resources/list of server "items": "a://fraction": left out "size", which is 1.5',
      'Corrected resources/templates/list of server "items": "item 3": left out',
    ]
  ) expect(all).toContain(words);
  expect(all).not.toContain('of server "fine"');
  expect(new Set(lines.map((line) => line.replace(/^\S+ /, ""))).size).toBe(lines.length);
});

test("a tool whose input schema cannot be compiled says so to the model and can be called", async () => {
  const { tool, schema } = odd.find(({ name }) => name === "a type that does not exist") ?? odd[0]!;
  const { description, inputSchema } = await listed(`inputs__${tool}`);
  expect(inputSchema).toEqual({ type: "object" });
  expect(description).toContain("the gateway replaced this tool's input schema");
  expect(description).toContain(JSON.stringify(schema));
  const args = { a: "anything" };
  expect(await session.callTool("call", `inputs__${tool}`, args)).toBe("done");
});

test("an item that is listed twice keeps its first entry", async () => {
  expect(await listed("items__twice")).toMatchObject({ title: "first" });
  expect(await listed("items__icons_odd")).toMatchObject({
    icons: [{ src: "https://a.example/i.png" }, { src: "https://a.example/i.png" }],
  });
});
