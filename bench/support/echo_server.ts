/**
 * The smallest MCP server over stdio. `--name=NAME` is in what it echoes. With `--start-ms=N` it
 * takes that long to start.
 */
import process from "node:process";
import { messagesFor } from "./echo_tools.ts";

const option = (name: string) =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1];
const server = option("name") ?? "echo";
const startMs = option("start-ms");
if (startMs !== undefined) await new Promise((resolve) => setTimeout(resolve, Number(startMs)));

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text: string) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  let out = "";
  for (const received of lines) {
    for (const message of messagesFor(server, JSON.parse(received))) {
      out += `${JSON.stringify(message)}\n`;
    }
  }
  // What is answered in one turn leaves in one write.
  if (out !== "") process.stdout.write(out);
});
process.stdin.on("end", () => process.exit(0));
