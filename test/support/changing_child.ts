/**
 * An MCP program over stdio whose tools a test may change at any time: it reads them from a file
 * (argv) whenever it is asked. The tool `announce` says that they changed. It needs no dependency.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { type ChangingState, listedTools } from "./changing_state.ts";

const [file = ""] = process.argv.slice(2);
const state = (): ChangingState => JSON.parse(readFileSync(file, "utf8"));
const say = (message: object): void => {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
};
// A process of an older version goes on as it is.
const { version } = state();
let capabilities: Readonly<Record<string, unknown>> = {};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === "initialize") {
    capabilities = params.capabilities;
    const { protocolVersion } = params;
    const serverInfo = { name: "changing", version };
    const declared = { tools: { listChanged: true } };
    return say({ id, result: { protocolVersion, serverInfo, capabilities: declared } });
  }
  if (method === "tools/list") {
    return say({ id, result: { tools: listedTools(state(), capabilities) } });
  }
  if (method !== "tools/call") {
    return id === undefined ? undefined : say({ id, error: { code: -32601, message: "Unknown" } });
  }
  if (params.name === "announce") say({ method: "notifications/tools/list_changed" });
  say({ id, result: { content: [{ type: "text", text: `called ${params.name}` }] } });
});
