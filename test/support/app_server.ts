/**
 * A server of MCP Apps by hand, on stdio. `--name=NAME` is what its texts say; all of them have one
 * page, `ui://app/page.html`, as two servers from one template do. `--stateless`: it speaks
 * 2026-07-28 alone, else the handshake alone. `--unlisted`: its page is in no list, and its own
 * alone. `--plain`: the same tools without a page. `--hangs`: it never lists anything.
 *
 * Tools: `show` has the page, and its result names the page and links to another one, which is in no
 * list; `poll` is for pages alone, `advise` for the model alone; `NAME-only` says nothing of pages.
 */
import { createInterface } from "node:readline";
import process from "node:process";

type Json = Record<string, unknown>;

const has = (option: string) => process.argv.includes(`--${option}`);
const name = process.argv.find((one) => one.startsWith("--name="))?.slice("--name=".length) ?? "";
const isStateless = has("stateless");
const prefix = "io.modelcontextprotocol/";
const page = has("unlisted") ? `ui://${name}/page.html` : "ui://app/page.html";
const linked = "ui://app/linked.html";
const mimeType = "text/html;profile=mcp-app";
const ui = { csp: { connectDomains: ["https://example.com"] }, prefersBorder: true };
const capabilities = has("plain") ? { tools: {} } : { tools: {}, resources: {} };
const serverInfo = { name, version: "1" };

const named = { ui: { resourceUri: page }, "ui/resourceUri": page, "openai/outputTemplate": page };
const schema = { inputSchema: { type: "object" } };
const tools = [
  { name: "show", ...schema, ...(has("plain") ? {} : { _meta: { ...named, other: page } }) },
  { name: "poll", ...schema, _meta: { ui: { visibility: ["app"] } } },
  { name: "advise", ...schema, _meta: { ui: { visibility: ["model"] } } },
  { name: `${name}-only`, ...schema },
];
const resources = has("unlisted") ? [] : [{ uri: page, name: "page", mimeType, _meta: { ui } }];

const cached = isStateless ? { ttlMs: 60_000, cacheScope: "private" } : {};
const own: Readonly<Record<string, (params: Json) => Json>> = isStateless
  ? {
    "server/discover": () => ({
      supportedVersions: ["2026-07-28"],
      capabilities,
      _meta: { [`${prefix}serverInfo`]: serverInfo },
    }),
  }
  : { initialize: () => ({ protocolVersion: "2025-11-25", serverInfo, capabilities }) };

const methods: Readonly<Record<string, (params: Json) => Json>> = {
  ...own,
  "tools/list": () => ({ tools, ...cached }),
  "resources/list": () => ({ resources, ...cached }),
  "resources/templates/list": () => ({ resourceTemplates: [], ...cached }),
  "resources/read": ({ uri }) => ({
    contents: [{ uri, mimeType, text: `${uri} of ${name}`, _meta: { ui } }],
    ...cached,
  }),
  "tools/call": ({ name: tool }) => ({
    content: [
      { type: "text", text: `${tool} of ${name}` },
      ...(tool === "show"
        ? [{ type: "resource_link", uri: linked, name: "linked", mimeType }]
        : []),
    ],
    ...(tool === "show" ? { _meta: named } : {}),
  }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line) as { id?: number; method: string; params?: Json };
  if (id === undefined || (has("hangs") && method.endsWith("/list"))) continue;
  const answer = methods[method];
  const reply = answer === undefined
    ? { error: { code: -32601, message: `Unknown method ${method}` } }
    : { result: { ...(isStateless && { resultType: "complete" }), ...answer(params ?? {}) } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...reply })}\n`);
}
