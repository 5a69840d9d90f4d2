/**
 * A small MCP program on stdio for tests of the command line: it echoes, fails, reports progress,
 * asks its client for a name, waits, and writes to stderr. Its first argument is what it calls itself.
 */
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";

type Json = Record<string, unknown>;

const [title = "handy"] = process.argv.slice(2);
const say = (message: Json) =>
  void process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const text = (value: string, isError = false): Json => ({
  content: [{ type: "text", text: value }],
  isError,
});
const properties = (...names: string[]) => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
  required: names,
});

const tools = [
  { name: "echo", description: "Says it again. And more.", inputSchema: properties("text") },
  { name: "fail", description: "Always fails.", inputSchema: properties() },
  { name: "steps", description: "Works in steps.", inputSchema: properties() },
  { name: "greet", description: "Asks for a name.", inputSchema: properties() },
  { name: "picture", description: "Draws.", inputSchema: properties() },
  { name: "wait", description: "Never ends.", inputSchema: properties("file") },
];

let answered: ((value: Json) => void) | undefined;

/** Asks the client; undefined if it cannot be asked. */
function ask(): Promise<Json | undefined> {
  if (!canAsk) return Promise.resolve(undefined);
  const requestedSchema = {
    type: "object",
    properties: {
      name: { type: "string", title: "Your name", minLength: 2 },
      size: { type: "string", enum: ["small", "large"], default: "small" },
    },
    required: ["name"],
  };
  say({
    id: "question",
    method: "elicitation/create",
    params: { message: "Who are you?", requestedSchema },
  });
  return new Promise((resolve) => answered = resolve);
}

async function work({ name, arguments: args, _meta }: Json): Promise<Json> {
  if (name === "echo") {
    const said = (args as Json)["text"];
    if (typeof said !== "string") throw new Error("text is missing");
    return text(said);
  }
  if (name === "fail") return text("It went wrong", true);
  if (name === "picture") {
    return { content: [{ type: "image", mimeType: "image/png", data: "AAAA" }] };
  }
  if (name === "steps") {
    const { progressToken } = (_meta ?? {}) as Json;
    for (const progress of [1, 2, 3]) {
      const params = { progressToken, progress, total: 3, message: `step ${progress}` };
      if (progressToken !== undefined) say({ method: "notifications/progress", params });
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    return text("all steps");
  }
  if (name === "wait") {
    waitsIn = String((args as Json)["file"]);
    appendFileSync(waitsIn, "begun ");
    return new Promise(() => {});
  }
  if (name !== "greet") throw new Error(`Unknown tool: ${name}`);
  const answer = await ask();
  if (answer === undefined) return text("no person to ask", true);
  return text(JSON.stringify(answer));
}

let canAsk = false;
/** The file in which the call of `wait` notes its begin and that it was cancelled. */
let waitsIn: string | undefined;

const methods: Readonly<Record<string, (params: Json) => Json | Promise<Json>>> = {
  initialize({ protocolVersion, capabilities }) {
    canAsk = (capabilities as Json)["elicitation"] !== undefined;
    process.stderr.write(`${title} says hello\n`);
    return {
      protocolVersion,
      serverInfo: { name: title, version: "1.2.3" },
      capabilities: { tools: {}, prompts: {} },
    };
  },
  "tools/list": () => ({ tools }),
  "prompts/list": () => ({ prompts: [{ name: "one" }] }),
  "tools/call": work,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, result } = JSON.parse(line);
  if (method === undefined) {
    answered?.(result ?? {});
    continue;
  }
  if (method === "notifications/cancelled" && waitsIn !== undefined) {
    appendFileSync(waitsIn, "cancelled ");
  }
  if (id === undefined) continue;
  const found = methods[method];
  if (found === undefined) say({ id, error: { code: -32601, message: `Unknown ${method}` } });
  else {
    const reply = (value: Json) => say({ id, result: value });
    const refuse = ({ message }: Error) => say({ id, error: { code: -32602, message } });
    void Promise.resolve(found(params ?? {})).then(reply, refuse);
  }
}
