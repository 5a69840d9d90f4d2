/**
 * A server by hand, on stdio, that writes what it does not have: as `null`, or (argument `[]`) as PHP
 * writes an empty object. It speaks both eras, counts its pages by number, and says what it was sent.
 */
import { createInterface } from "node:readline";
import process from "node:process";

type Json = Record<string, unknown>;

/** An object that is absent. */
const nothing: unknown = process.argv[2] === "[]" ? [] : null;
const tool = (name: string) => ({
  name,
  title: null,
  description: null,
  inputSchema: { type: "object", properties: nothing, required: null },
  outputSchema: nothing,
  annotations: nothing,
  execution: nothing,
  icons: null,
  _meta: nothing,
});
const capabilities = {
  tools: [tool("find")],
  prompts: [],
  resources: { subscribe: null, listChanged: null },
  completions: [],
  logging: null,
  experimental: nothing,
};
const serverInfo = { name: "careless", version: "1", title: null, icons: null };
const block = (text: string) => ({ type: "text", text, annotations: nothing, _meta: nothing });

const send = (message: Json) => process.stdout.write(`${JSON.stringify(message)}\n`);
const answers = new Map<string, (answer: unknown) => void>();
const ask = (method: string, params: unknown): Promise<unknown> => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const id = `q${answers.size}`;
  answers.set(id, resolve);
  send({ jsonrpc: "2.0", id, method, params });
  return promise;
};
const form = {
  message: "Go on?",
  mode: null,
  requestedSchema: { type: "object", properties: nothing, required: null },
  _meta: nothing,
};

const tools: Readonly<Record<string, (params: Json, era: "session" | "stateless") => unknown>> = {
  find: () => ({
    content: null,
    structuredContent: { found: null },
    isError: null,
    _meta: nothing,
  }),
  say: (params) => ({
    content: [block(JSON.stringify(params["arguments"] ?? "none")), null],
    structuredContent: null,
    isError: null,
  }),
  progress: ({ _meta }) => {
    const progressToken = (_meta as Json | undefined)?.["progressToken"];
    const params = { progressToken, progress: 1, total: null, message: null, _meta: nothing };
    send({ jsonrpc: "2.0", method: "notifications/progress", params });
    return { content: [block("worked")] };
  },
  ask: async (params, era) => {
    if (era === "session") {
      return { content: [block(JSON.stringify(await ask("elicitation/create", form)))] };
    }
    const given = params["inputResponses"] as Json | undefined;
    return given === undefined
      ? {
        resultType: "input_required",
        inputRequests: { go: { method: "elicitation/create", params: form } },
        requestState: null,
      }
      : { content: [block(JSON.stringify(given["go"]))], resultType: null };
  },
  pinged: async () => ({ content: [block(JSON.stringify(await ask("ping", nothing)))] }),
};

const methods: Readonly<Record<string, (params: Json) => unknown>> = {
  initialize: () => ({
    protocolVersion: "2025-11-25",
    capabilities,
    serverInfo,
    instructions: null,
  }),
  "server/discover": () => ({
    supportedVersions: ["2026-07-28"],
    capabilities,
    instructions: null,
    resultType: null,
    ttlMs: null,
    cacheScope: null,
    _meta: { "io.modelcontextprotocol/serverInfo": serverInfo },
  }),
  "tools/list": ({ cursor }) => {
    const names = Object.keys(tools);
    const at = typeof cursor === "number" ? cursor : 0;
    const next = at + 2;
    return {
      tools: names.slice(at, next).map(tool),
      nextCursor: next < names.length ? next : "",
      _meta: nothing,
    };
  },
  "tools/call": (params) => {
    const meta = (params["_meta"] ?? {}) as Json;
    const era = "io.modelcontextprotocol/protocolVersion" in meta ? "stateless" : "session";
    return tools[String(params["name"])]?.(params, era);
  },
  "prompts/list": () => ({
    prompts: [{ name: "greet", title: null, description: null, arguments: null, icons: null }],
    nextCursor: null,
  }),
  "prompts/get": () => ({ description: null, messages: [{ role: "user", content: block("hi") }] }),
  "resources/list": () => ({ resources: null }),
  "resources/templates/list": () => ({ resourceTemplates: null }),
  "resources/read": ({ uri }) => ({
    contents: [{ uri, mimeType: null, text: "read", blob: null, _meta: nothing }],
  }),
  "completion/complete": () => ({ completion: { values: null, total: null, hasMore: null } }),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const message = JSON.parse(line) as Json & { params?: Json };
  const { id, method } = message;
  if (method === undefined) return void answers.get(String(id))?.(message["result"]);
  if (id === undefined) return;
  const result = await methods[String(method)]?.(message.params ?? {});
  if (result !== undefined) return void send({ jsonrpc: "2.0", id, result, error: nothing });
  const error = { code: -32601, message: "Method not found", data: null };
  send({ jsonrpc: "2.0", id, result: nothing, error });
});
