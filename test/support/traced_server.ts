/**
 * The server of traced_tools.ts on stdio. Arguments: its name, the collector's URL (or `none`), and
 * `stateless` if it speaks 2026-07-28.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { answerTraced } from "./traced_tools.ts";

const [name = "", collector = "none", era] = process.argv.slice(2);
const options = {
  name,
  collector: collector === "none" ? undefined : collector,
  isStateless: era === "stateless",
};

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await answerTraced(options, JSON.parse(line));
  if (answer !== undefined) process.stdout.write(`${JSON.stringify(answer)}\n`);
}
