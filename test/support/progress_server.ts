/**
 * A server by hand, on stdio, whose tool `work` reports progress right before its result: both leave
 * in one write.
 */
import { createInterface } from "node:readline";
import process from "node:process";

type Json = Record<string, unknown>;

const methods: Readonly<Record<string, Json>> = {
  initialize: {
    protocolVersion: "2025-11-25",
    serverInfo: { name: "progress", version: "1" },
    capabilities: { tools: {} },
  },
  "tools/list": { tools: [{ name: "work", inputSchema: { type: "object" } }] },
  "tools/call": { content: [{ type: "text", text: "done" }] },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line) as { id?: number; method: string; params?: Json };
  if (id === undefined) continue;
  const result = methods[method];
  const error = { code: -32601, message: `Unknown method ${method}` };
  const messages: Json[] = [{ jsonrpc: "2.0", id, ...(result ? { result } : { error }) }];
  const { progressToken } = (params?.["_meta"] ?? {}) as Json;
  if (method === "tools/call" && progressToken !== undefined) {
    const progress = { progressToken, progress: 1 };
    messages.unshift({ jsonrpc: "2.0", method: "notifications/progress", params: progress });
  }
  process.stdout.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
}
