/** A program that pings at its handshake, and whose tool says whether the ping was answered. */
import process from "node:process";
import { createInterface } from "node:readline";

const send = (message: object) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
let isAnswered = false;

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line);
  const answer = (result: object) => send({ id, result });
  switch (method) {
    case undefined:
      isAnswered = true;
      return;
    case "initialize":
      return answer({
        protocolVersion: "2025-06-18",
        capabilities: { tools: {} },
        serverInfo: { name: "pings", version: "1" },
      });
    case "notifications/initialized":
      return send({ id: "p", method: "ping" });
    case "tools/list":
      return answer({ tools: [{ name: "ping", inputSchema: { type: "object" } }] });
    case "tools/call":
      return answer({ content: [{ type: "text", text: `answered: ${isAnswered}` }] });
    default:
      return;
  }
});
