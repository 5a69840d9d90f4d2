/**
 * A server written by hand, on stdio, with a tool that runs only as a task (`long`) and one that
 * never does (`short`). `long` asks nothing, takes 30 ms and reports how often it was run.
 */
import { createInterface } from "node:readline";
import process from "node:process";

type Json = Record<string, unknown>;

const tasks = new Map<string, Json>();
let runs = 0;
const moment = new Date(0).toISOString();

const send = (message: Json) => process.stdout.write(`${JSON.stringify(message)}\n`);
const text = (value: string) => ({ content: [{ type: "text", text: value }] });
const taskOf = (id: unknown) => tasks.get(String(id));

const methods: Readonly<Record<string, (params: Json) => Json | Promise<Json> | undefined>> = {
  initialize: () => ({
    protocolVersion: "2025-11-25",
    serverInfo: { name: "tasks", version: "1" },
    capabilities: {
      tools: {},
      tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
    },
  }),
  "tools/list": () => ({
    tools: [
      {
        name: "long",
        inputSchema: { type: "object" },
        execution: { taskSupport: "required" },
      },
      { name: "short", inputSchema: { type: "object" } },
    ],
  }),
  "tools/call": ({ name, task }) => {
    if (name === "short") return text("short");
    if (task === undefined) return undefined;
    const taskId = `task-${++runs}`;
    const state = {
      taskId,
      status: "working",
      createdAt: moment,
      lastUpdatedAt: moment,
      ttl: null,
    };
    tasks.set(taskId, state);
    setTimeout(() => {
      if (state.status === "working") state.status = "completed";
      send({ jsonrpc: "2.0", method: "notifications/tasks/status", params: state });
    }, 30);
    return { task: { ...state } };
  },
  "tasks/get": ({ taskId }) => taskOf(taskId),
  "tasks/list": () => ({ tasks: [...tasks.values()] }),
  "tasks/cancel": ({ taskId }) => {
    const state = taskOf(taskId);
    if (state !== undefined) state["status"] = "cancelled";
    return state;
  },
  "tasks/result": ({ taskId }) =>
    new Promise((resolve) => {
      const look = () => {
        if (taskOf(taskId)?.["status"] === "working") return void setTimeout(look, 5);
        const _meta = { "io.modelcontextprotocol/related-task": { taskId } };
        resolve({ ...text(`run ${runs}`), _meta });
      };
      look();
    }),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, method, params } = JSON.parse(line) as { id?: number; method: string; params?: Json };
  if (id === undefined) return;
  const result = await methods[method]?.(params ?? {});
  if (result === undefined) {
    send({ jsonrpc: "2.0", id, error: { code: -32601, message: `No ${method} like that` } });
    return;
  }
  send({ jsonrpc: "2.0", id, result });
});
