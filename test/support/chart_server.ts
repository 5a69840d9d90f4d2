/**
 * A server by hand, on stdio, that behaves as servers made with the SDK of MCP Apps do: it declares
 * extensions, and offers the tool with a page only to clients that declared them. Its tool
 * `declared` says which extensions it got from the client. With the argument `stateless` it speaks
 * 2026-07-28 alone, else the handshake alone; with `dark` it declares other settings.
 */
import { createInterface } from "node:readline";
import process from "node:process";

type Json = Record<string, unknown>;

const isStateless = process.argv.includes("stateless");
const prefix = "io.modelcontextprotocol/";
const apps = `${prefix}ui`;
const color = "example.com/color";
const capabilities = {
  tools: {},
  extensions: {
    [apps]: { themes: [process.argv.includes("dark") ? "dark" : "light"] },
    [`${prefix}tasks`]: {},
    [color]: { depth: 8 },
  },
};
const results = isStateless ? { resultType: "complete" } : {};
let heard: unknown;

/** The extensions of the client of a request, by either era's rule. */
function extensionsOf({ _meta }: Json): Json {
  const declared = isStateless ? (_meta as Json)[`${prefix}clientCapabilities`] : heard;
  return ((declared as Json)["extensions"] ?? {}) as Json;
}

const tool = (name: string, more: Json = {}) => ({
  name,
  inputSchema: { type: "object" },
  ...more,
});
const page = { _meta: { ui: { resourceUri: "ui://chart/app.html" } } };

const methods: Readonly<Record<string, (params: Json) => Json>> = {
  ...(isStateless
    ? {
      "server/discover": () => ({ ...results, supportedVersions: ["2026-07-28"], capabilities }),
    }
    : {
      initialize: (params: Json) => {
        heard = params["capabilities"];
        const serverInfo = { name: "chart", version: "1" };
        return { protocolVersion: "2025-11-25", serverInfo, capabilities };
      },
    }),
  "tools/list": (params) => {
    const extensions = extensionsOf(params);
    return {
      ...results,
      ...(isStateless ? { ttlMs: 60_000, cacheScope: "private" } : {}),
      tools: [
        extensions[apps] === undefined ? tool("chart_as_text") : tool("chart", page),
        ...(extensions[color] === undefined ? [] : [tool("color")]),
        tool("declared"),
      ],
    };
  },
  "tools/call": (params) => {
    const text = JSON.stringify({ pid: process.pid, extensions: extensionsOf(params) });
    return { ...results, content: [{ type: "text", text }] };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line) as { id?: number; method: string; params?: Json };
  if (id === undefined) continue;
  const answer = methods[method];
  const reply = answer === undefined
    ? { error: { code: -32601, message: `Unknown method ${method}` } }
    : { result: answer(params ?? {}) };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...reply })}\n`);
}
