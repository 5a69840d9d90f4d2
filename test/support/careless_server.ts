/**
 * A server whose lists hold one mistake of each kind, as a program: `outputs` and `inputs` have a tool
 * for each odd schema, `items` has items of wrong shapes, and `fine` makes no mistake.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { oddSchemas } from "./odd_schemas.ts";

const schemas = Object.values(oddSchemas).map(({ schema }) => schema);
const inputSchema = { type: "object" };
const icon = { src: "https://a.example/i.png" };

/** What each kind of server lists. */
const offers: Record<string, Record<string, readonly unknown[]>> = {
  outputs: {
    tools: schemas.map((outputSchema, at) => ({ name: `t${at}`, inputSchema, outputSchema })),
  },
  inputs: {
    tools: schemas.map((schema, at) => ({ name: `t${at}`, inputSchema: schema })),
  },
  items: {
    tools: [
      null,
      "tool",
      [],
      {},
      { name: null, inputSchema },
      { name: "", inputSchema },
      { name: "control\u0007", inputSchema },
      { name: "x".repeat(5_000), inputSchema },
      { name: "twice", inputSchema, title: "first" },
      { name: "twice", inputSchema, title: "second" },
      { name: "no_input" },
      { name: "input_null", inputSchema: null },
      { name: "input_list", inputSchema: [] },
      { name: "input_string", inputSchema: { type: "string" } },
      { name: "output_list", inputSchema, outputSchema: [] },
      { name: "execution_null", inputSchema, execution: null },
      { name: "execution_odd", inputSchema, execution: { taskSupport: "sometimes" } },
      { name: "title_number", inputSchema, title: 5, description: ["a"], _meta: [] },
      { name: "hints_text", inputSchema, annotations: { readOnlyHint: "true", title: {} } },
      { name: "icons_odd", inputSchema, icons: [icon, { src: 5 }, null, { ...icon, sizes: "48" }] },
    ],
    prompts: [
      { name: "arguments_null", arguments: null },
      { name: "arguments_odd", arguments: [{ name: "a", required: "yes" }, {}, "b", null] },
      { name: 5 },
      { name: "title_list", title: [], description: 5, icons: {}, _meta: "x" },
    ],
    resources: [
      { uri: "a://no-name" },
      { name: "no uri" },
      { uri: "a://odd", name: 5, size: "12", mimeType: [], annotations: { priority: 7 } },
      { uri: "a://fraction", name: "f", size: 1.5, annotations: [] },
      { uri: "a://twice", name: "first" },
      { uri: "a://twice", name: "second" },
    ],
    resourceTemplates: [
      { uriTemplate: "a://{b", name: "not closed" },
      { uriTemplate: "a://{}{?*}", name: null, annotations: { audience: ["robot"] } },
      { uriTemplate: 5, name: "x" },
    ],
  },
  fine: {
    tools: [{ name: "fine", inputSchema }],
    prompts: [{ name: "fine" }],
    resources: [{ uri: "a://fine", name: "fine" }],
    resourceTemplates: [{ uriTemplate: "a://fine/{x}", name: "fine" }],
  },
};

const offer = offers[process.argv[2] ?? ""] ?? {};
const lists: Readonly<Record<string, string>> = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
  "resources/templates/list": "resourceTemplates",
};

function answer(method: string): object | undefined {
  if (method === "initialize") {
    return {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {}, prompts: {}, resources: {} },
      serverInfo: { name: "careless", version: "1" },
    };
  }
  if (method === "tools/call") {
    return { content: [{ type: "text", text: "done" }], structuredContent: { a: { done: true } } };
  }
  const key = lists[method];
  return key === undefined ? undefined : { [key]: offer[key] ?? [] };
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  const result = answer(method);
  const error = { code: -32601, message: "unknown" };
  const reply = { jsonrpc: "2.0", id, ...(result === undefined ? { error } : { result }) };
  process.stdout.write(JSON.stringify(reply) + "\n");
});
