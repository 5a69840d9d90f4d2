/**
 * A server by hand, on stdio, that shows a title, icons and a website. Its tool `who` says which
 * client it heard of, `fail` fails with the text that it is given. With the argument `stateless` it speaks 2026-07-28 alone, else the
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
    tools: ["who", "fail"].map((name) => ({ name, inputSchema: { type: "object" } })),
  }),
  "tools/call": ({ name, arguments: args, _meta }) => {
    const who = JSON.stringify(isStateless ? (_meta as Json)[`${prefix}clientInfo`] : heard);
    const text = name === "fail" ? (args as Json)["text"] : who;
    return {
      ...(isStateless ? { resultType: "complete" } : {}),
      ...(name === "fail" ? { isError: true } : {}),
      content: [{ type: "text", text }],
    };
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
