/**
 * An MCP program over stdio that writes down each call that it carries out (argv: the file), and
 * whose answer has the fault that the call asks for, after `ms`. It needs no dependency.
 */
import { appendFileSync, writeSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

const [file = ""] = process.argv.slice(2);
const say = (value: unknown): void => {
  writeSync(1, `${typeof value === "string" ? value : JSON.stringify(value)}\n`);
};
const kill = () => process.kill(process.pid, "SIGKILL");
const done = { content: [{ type: "text", text: "done" }] };
const answer = (id: unknown, result: unknown) => say({ jsonrpc: "2.0", id, result });
const fail = (id: unknown, code: number) =>
  say({ jsonrpc: "2.0", id, error: { code, message: "It broke" } });

/** What the program says of a call, after it carried the call out. */
const after: Record<string, (id: unknown) => void> = {
  "none": (id) => answer(id, done),
  "its id as text after it": (id) => answer(String(id), done),
  "a kill after it": kill,
  "half an answer after it": () => {
    writeSync(1, '{"jsonrpc":"2.0","id"');
    kill();
  },
  "an exit after it": () => process.exit(0),
  "garbage after it": () => say("<p>done</p>"),
  "silence after it": () => {},
  "another id after it": () => answer(1e9, done),
  "an error after it": (id) => fail(id, -32603),
  "an error without an id after it": () => fail(null, -32603),
  "an empty result after it": (id) => answer(id, {}),
  "no object after it": (id) => answer(id, "done"),
  "a long line after it": (id) =>
    answer(id, { content: [{ type: "text", text: "x".repeat(2e5) }] }),
};

/** What it says of a call that it does not carry out. */
const instead: Record<string, (id: unknown) => void> = {
  "silence": () => {},
  "a kill": kill,
  "invalid params": (id) => fail(id, -32602),
  "an error": (id) => fail(id, -32603),
};

/** Names of the faults that the program can have. */
export const childFaultNames: readonly string[] = [...Object.keys(after), ...Object.keys(instead)];

const hello = { capabilities: { tools: {} }, serverInfo: { name: "counting", version: "1" } };

const inputSchema = {
  type: "object",
  properties: { place: { type: "string", "x-mcp-header": "Place" } },
};

const serve = () =>
  createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, method, params } = JSON.parse(line);
    if (method === "initialize") {
      return answer(id, { protocolVersion: params.protocolVersion, ...hello });
    }
    if (method === "tools/list") {
      return answer(id, { tools: [{ name: "work", inputSchema }] });
    }
    if (method !== "tools/call") return id === undefined ? undefined : fail(id, -32601);
    const { call, fault, ms } = params.arguments;
    const { progressToken } = params._meta ?? {};
    if (progressToken !== undefined) {
      say({
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken, progress: 1 },
      });
    }
    const saying = after[fault];
    if (saying === undefined) return instead[fault]?.(id);
    appendFileSync(file, `${call}\n`);
    if (ms === undefined) saying(id);
    else setTimeout(() => saying(id), ms);
  });

if (import.meta.main) serve();
