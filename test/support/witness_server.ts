/**
 * A server by hand, on stdio, that shows a title, icons and a website, and whose tool `who` says
 * which client it heard of. With the argument `stateless` it speaks 2026-07-28 alone, else the
 * handshake alone.
 */
import { createInterface } from "node:readline";
import process from "node:process";

type Json = Record<string, unknown>;

const isStateless = process.argv.includes("stateless");
const prefix = "io.modelcontextprotocol/";
const serverInfo = {
  name: "witness",
  version: "7",
  title: "The Witness",
  websiteUrl: "https://example.com/witness",
  icons: [
    { src: "https://example.com/witness.png", mimeType: "image/png", sizes: ["48x48"] },
    { src: "javascript:alert(1)" },
  ],
};
const capabilities = { tools: {} };
let heard: unknown;

const own: Readonly<Record<string, (params: Json) => Json>> = isStateless
  ? {
    "server/discover": () => ({
      resultType: "complete",
      supportedVersions: ["2026-07-28"],
      capabilities,
      _meta: { [`${prefix}serverInfo`]: serverInfo },
    }),
  }
  : {
    initialize: ({ clientInfo }) => {
      heard = clientInfo;
      return { protocolVersion: "2025-11-25", serverInfo, capabilities };
    },
  };

const methods: Readonly<Record<string, (params: Json) => Json>> = {
  ...own,
  "tools/list": () => ({
    ...(isStateless ? { resultType: "complete", ttlMs: 60_000, cacheScope: "private" } : {}),
    tools: [{ name: "who", inputSchema: { type: "object" } }],
  }),
  "tools/call": ({ _meta }) => ({
    ...(isStateless ? { resultType: "complete" } : {}),
    content: [{
      type: "text",
      text: JSON.stringify(isStateless ? (_meta as Json)[`${prefix}clientInfo`] : heard),
    }],
  }),
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
