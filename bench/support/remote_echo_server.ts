/**
 * The smallest MCP server over Streamable HTTP, with a session for each client. `--name=NAME` is in
 * what it echoes. Prints its port. It ends with its stdin, that is with the program that started
 * it.
 */
import process from "node:process";
import { messagesFor } from "./echo_tools.ts";
import { listen } from "./listen.ts";

const server = process.argv.find((argument) => argument.startsWith("--name="))?.split("=")[1] ??
  "echo";
const json = { "content-type": "application/json" };

await listen(async (request) => {
  if (request.method === "DELETE") return new Response(null, { status: 200 });
  if (request.method !== "POST") return new Response(null, { status: 405 });
  const message = JSON.parse(await request.text());
  const response = messagesFor(server, message).at(-1);
  if (response === undefined) return new Response(null, { status: 202 });
  const headers = message.method === "initialize"
    ? { ...json, "mcp-session-id": crypto.randomUUID() }
    : json;
  return new Response(JSON.stringify(response), { headers });
});
process.stdin.on("end", () => process.exit(0)).resume();
