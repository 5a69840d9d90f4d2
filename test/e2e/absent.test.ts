/**
 * Programs that write `null`, or `[]` for an empty object, for absent values. The official clients
 * of both eras can read such a server, and the gateway serves such a client like any other.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { clientKinds } from "../support/mcp_clients.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

type Json = Record<string, unknown>;

const servers = {
  nulls: programCommand("test/support/absent_server.ts"),
  lists: programCommand("test/support/absent_server.ts", ["[]"]),
};
const names = Object.keys(servers);
let gateway: SpawnedGateway;

beforeAll(async () => {
  gateway = await spawnGateway({ servers });
});
afterAll(() => gateway?.dispose());

for (const kind of clientKinds.filter(({ name }) => !name.startsWith("mcp-remote"))) {
  describe(kind.name, () => {
    for (const server of names) {
      test(`reads everything from the server ${server}`, async () => {
        const client = await kind.open(gateway.url, `/servers/${server}/mcp`);
        expect(await client.toolNames()).toEqual(["find", "say", "progress", "ask", "pinged"]);
        expect(await client.promptNames()).toEqual(["greet"]);
        expect(await client.resourceUris()).toEqual([]);
        expect(await client.templateUris()).toEqual([]);
        expect(await client.callWhole("find")).toMatchObject({
          content: [],
          structuredContent: { found: null },
        });
        expect((await client.callTool("say")).text).toBe("{}");
        expect(await client.callTool("progress")).toEqual({ text: "worked", progress: [1] });
        expect(JSON.parse((await client.callTool("ask")).text)).toMatchObject({ action: "accept" });
        expect(JSON.parse(await client.getPrompt("greet")))
          .toMatchObject([{ content: { type: "text", text: "hi" } }]);
        expect(await client.readResource("careless://a")).toBe("read");
        expect(await client.complete("greet", "a", "")).toEqual([]);
        await client.close();
      });
    }
  });
}

test("the tools of all servers are listed behind one URL", async () => {
  for (const kind of clientKinds.filter(({ name }) => !name.startsWith("mcp-remote"))) {
    const client = await kind.open(gateway.url);
    const tools = await client.toolNames();
    await client.close();
    for (const server of names) expect(tools).toContain(`${server}__find`);
  }
});

async function post(message: Json, headers: Record<string, string>): Promise<Response> {
  return await fetch(`${gateway.url}/servers/nulls/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: "2.0", ...message }),
  });
}

/** The one answer in a response. */
async function resultOf(response: Response): Promise<Json> {
  const body = await response.text();
  const frames = body.split("\n").filter((line) => line.startsWith("data: {"));
  const message = JSON.parse(frames.at(-1)?.slice(6) ?? body) as Json;
  expect([response.status, message["error"]]).toEqual([200, undefined]);
  return message["result"] as Json;
}

describe("a client that writes absent members", () => {
  for (const nothing of [null, []]) {
    const written = JSON.stringify(nothing);
    const said = (args: unknown) => ({ content: [{ type: "text", text: JSON.stringify(args) }] });

    test(`as ${written} is served in a session`, async () => {
      const info = { name: "careless", version: null, title: null };
      const opened = await post({
        id: 1,
        method: "initialize",
        params: { protocolVersion: "2025-11-25", capabilities: nothing, clientInfo: info },
      }, {});
      const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
      await resultOf(opened);
      const told = await post({ method: "notifications/initialized", params: nothing }, session);
      expect(told.status).toBe(202);
      const ask = (method: string, params: unknown) =>
        post({ id: 2, method, params, result: null, error: nothing }, session).then(resultOf);
      expect(await ask("ping", nothing)).toEqual({});
      expect(await ask("tools/list", nothing)).toMatchObject({
        tools: [{ name: "find" }, {}, {}, {}, {}],
      });
      expect(await ask("tools/list", { cursor: null, _meta: nothing })).toMatchObject({
        tools: [{}, {}, {}, {}, {}],
      });
      const call = { name: "say", arguments: nothing, task: null, _meta: { progressToken: null } };
      const expected = nothing === null ? "none" : {};
      expect(await ask("tools/call", call)).toMatchObject(said(expected));
      // What is inside of arguments is the user's.
      const inner = { ...call, arguments: { a: null, b: [] } };
      expect(await ask("tools/call", inner)).toMatchObject(said({ a: null, b: [] }));
      expect(await ask("tools/call", { name: "pinged", arguments: nothing })).toMatchObject(
        said({}),
      );
    });

    test(`as ${written} is served without a session`, async () => {
      const key = (name: string) => `io.modelcontextprotocol/${name}`;
      const ask = (method: string, params: Json) => {
        const _meta = {
          [key("protocolVersion")]: "2026-07-28",
          [key("clientCapabilities")]: nothing,
          [key("clientInfo")]: nothing,
          [key("logLevel")]: null,
          progressToken: null,
        };
        return post({ id: 2, method, params: { ...params, _meta } }, {
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": method,
          ...(params["name"] === undefined ? {} : { "mcp-name": String(params["name"]) }),
        }).then(resultOf);
      };
      expect(await ask("tools/list", { cursor: null })).toMatchObject({
        tools: [{}, {}, {}, {}, {}],
      });
      const call = { name: "say", inputResponses: nothing, requestState: null };
      const expected = nothing === null ? "none" : {};
      expect(await ask("tools/call", { ...call, arguments: nothing })).toMatchObject(
        said(expected),
      );
      expect(await ask("tools/call", { ...call, arguments: { a: null } })).toMatchObject(
        said({ a: null }),
      );
    });
  }
});
