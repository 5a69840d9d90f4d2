/** An MCP program on stdio with one tool, whose description is what a file says when it is listed. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";

const [file = ""] = process.argv.slice(2);

const results: Readonly<Record<string, (params: Record<string, unknown>) => unknown>> = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "changing", version: "1" },
  }),
  "tools/list": () => ({
    tools: [{
      name: "time",
      description: readFileSync(file, "utf8"),
      inputSchema: { type: "object" },
    }],
  }),
  "tools/call": () => ({ content: [{ type: "text", text: "noon" }] }),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params = {} } = JSON.parse(line);
  if (id === undefined) return;
  const make = results[method];
  const answer = make === undefined
    ? { error: { code: -32601, message: "Method not found" } }
    : { result: make(params) };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...answer })}\n`);
});
