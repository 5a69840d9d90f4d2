/**
 * The smallest MCP server over stdio: it answers at once, so that what is measured is the way to it.
 * With `--start-ms=N` it takes so long to start.
 */
import process from "node:process";

const start = process.argv.find((argument) => argument.startsWith("--start-ms="))?.split("=")[1];
if (start !== undefined) await new Promise((resolve) => setTimeout(resolve, Number(start)));

const tool = { name: "echo", description: "Echoes", inputSchema: { type: "object" } };

function answer(method: string, params: Record<string, unknown>): unknown {
  if (method === "initialize") {
    return {
      protocolVersion: params["protocolVersion"],
      capabilities: { tools: {} },
      serverInfo: { name: "echo", version: "1" },
    };
  }
  if (method === "tools/list") return { tools: [tool] };
  return { content: [{ type: "text", text: JSON.stringify(params["arguments"]) }] };
}

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text: string) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  let out = "";
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) continue;
    out += JSON.stringify({ jsonrpc: "2.0", id, result: answer(method, params ?? {}) }) + "\n";
  }
  if (out !== "") process.stdout.write(out);
});
process.stdin.on("end", () => process.exit(0));
