/**
 * A server by hand of the handshake's era, on stdio, that asks its client within calls and writes down
 * what happens to each order (argv: the file): `ran`, `done` or `given up`, and `crossed` if an answer
 * is for another order. The tool `order` takes `{order, questions, ms}`: how many questions it asks,
 * and how long it works before each step. Like every server of its era on stdio, it cannot say which
 * call a question belongs to. The tool `wait` answers when `wake` is called. It also has a tool `echo`,
 * a prompt and a resource.
 */
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";

type Json = Record<string, unknown>;
type Method = (id: unknown, params: Json) => void;

const [file = ""] = process.argv.slice(2);
const say = (message: Json) =>
  void process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const note = (line: string) => appendFileSync(file, `${line}\n`);
const text = (id: unknown, value: string) =>
  say({ id, result: { content: [{ type: "text", text: value }] } });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const asked = new Map<unknown, (answer: Json) => void>();
const givenUp = new Set<unknown>();
const waiting: unknown[] = [];
let questionCount = 0;

function ask(order: string): Promise<Json> {
  const id = `question ${questionCount += 1}`;
  const requestedSchema = {
    type: "object",
    properties: { order: { type: "string" } },
    required: ["order"],
  };
  say({ id, method: "elicitation/create", params: { message: order, requestedSchema } });
  return new Promise((resolve) => asked.set(id, resolve));
}

/** Carries out one order. */
async function carryOut(id: unknown, { order, questions, ms }: Json): Promise<void> {
  const name = String(order);
  note(`ran ${name}`);
  for (let count = 0; count < Number(questions ?? 0); count += 1) {
    await sleep(Number(ms ?? 0));
    if (givenUp.has(id)) break;
    const { action, content } = await ask(name);
    const said = (content as Json | undefined)?.["order"];
    if (action === "accept" && said !== name) note(`crossed ${name} got ${said}`);
  }
  await sleep(Number(ms ?? 0));
  note(`${givenUp.has(id) ? "given up" : "done"} ${name}`);
  text(id, name);
}

const tools: Readonly<Record<string, Method>> = {
  echo: (id, args) => text(id, String(args["text"])),
  order: (id, args) => void carryOut(id, args),
  wait: (id) => void waiting.push(id),
  wake(id) {
    for (const one of waiting.splice(0)) text(one, "awake");
    text(id, "woken");
  },
};

const lists: Readonly<Record<string, Json>> = {
  "tools/list": {
    tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" } })),
  },
  "prompts/list": { prompts: [{ name: "greet" }] },
  "resources/list": { resources: [{ uri: "note://one", name: "one" }] },
  "resources/templates/list": { resourceTemplates: [] },
};

const methods: Readonly<Record<string, Method>> = {
  initialize: (id, { protocolVersion }) =>
    say({
      id,
      result: {
        protocolVersion,
        capabilities: { tools: {}, prompts: {}, resources: {} },
        serverInfo: { name: "asking", version: "1" },
      },
    }),
  ping: (id) => say({ id, result: {} }),
  "tools/call": (id, { name, arguments: args }) => tools[String(name)]?.(id, (args ?? {}) as Json),
  "prompts/get": (id) =>
    say({
      id,
      result: { messages: [{ role: "user", content: { type: "text", text: "Hello" } }] },
    }),
  "resources/read": (id, { uri }) => say({ id, result: { contents: [{ uri, text: "a note" }] } }),
  "notifications/cancelled": (_, { requestId }) => void givenUp.add(requestId),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, result } = JSON.parse(line) as Json & { method?: string };
  if (method === undefined) {
    asked.get(id)?.((result ?? { action: "cancel" }) as Json);
    asked.delete(id);
    continue;
  }
  const list = lists[method];
  const run = methods[method];
  if (list !== undefined) say({ id, result: list });
  else if (run !== undefined) run(id, (params ?? {}) as Json);
  else if (id !== undefined) say({ id, error: { code: -32601, message: `No ${method}` } });
}
