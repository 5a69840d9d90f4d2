/**
 * A server of 2026-07-28 over HTTP whose tasks a test scripts: each tool runs only as a task, with an
 * id that the test chooses, and says of it what the test wants next. All requests are kept.
 */
import { answerHttp, Refusal } from "../conformance/fixture_tasks_wire.ts";
import type { Json } from "../conformance/fixture_model.ts";
import { serveFetch } from "./serve_fetch.ts";

const extension = "io.modelcontextprotocol/tasks";

/** What a task's state adds to its id and times. */
export type TaskState = Json & { readonly status: string };

/** The server. */
export interface ScriptedTasks {
  readonly url: string;
  /** The requests about tools and tasks, by method and params without `_meta`. */
  readonly requests: { readonly method: string; readonly params: Json }[];
  /** The id that the next task gets. */
  nextId: string;
  /** What is said of tasks: by id, or else of all. An error's code refuses. */
  state: TaskState | { readonly code: number; readonly message: string };
  /** What a task becomes once its questions are answered. */
  afterUpdate: TaskState | undefined;
  close(): Promise<void>;
}

const moment = "2026-11-28T12:00:00Z";
const times = { createdAt: moment, lastUpdatedAt: moment, ttlMs: 60_000, pollIntervalMs: 100 };
const cached = { ttlMs: 0, cacheScope: "private" };

function missing(): Refusal {
  const data = { requiredCapabilities: { extensions: { [extension]: {} } } };
  return new Refusal(-32021, "Only as a task", data);
}

function declares({ _meta }: Json): boolean {
  const key = "io.modelcontextprotocol/clientCapabilities";
  const declared = (_meta as Json | undefined)?.[key] as { extensions?: Json } | undefined;
  return declared?.extensions?.[extension] !== undefined;
}

/** The state of a task that has its result. */
export const completed = (text: string): TaskState => ({
  status: "completed",
  result: { content: [{ type: "text", text }] },
});

/** The state of a task that asks its client a question of a form. */
export const asking = (key: string): TaskState => ({
  status: "input_required",
  inputRequests: {
    [key]: {
      method: "elicitation/create",
      params: {
        mode: "form",
        message: "Go on?",
        requestedSchema: { type: "object", properties: {} },
      },
    },
  },
});

/** Starts one; its tools are `long` and `other`. */
export async function startScriptedTasks(): Promise<ScriptedTasks> {
  const note = (method: string, { _meta, ...params }: Json) => {
    scripted.requests.push({ method, params });
  };
  const about = (method: string, answer: (params: Json) => Json) => (params: Json) => {
    note(method, params);
    if (!declares(params)) throw missing();
    return answer(params);
  };
  const stateOf = ({ taskId }: Json): Json => {
    const { state } = scripted;
    if ("code" in state) throw new Refusal(state.code as number, String(state.message));
    return { taskId, ...times, ...state };
  };
  const methods = {
    "server/discover": () => ({
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: {}, extensions: { [extension]: {} } },
      ...cached,
    }),
    "tools/list": () => ({
      tools: ["long", "other"].map((name) => ({ name, inputSchema: { type: "object" } })),
      ...cached,
    }),
    "tools/call": about("tools/call", () => ({
      resultType: "task",
      taskId: scripted.nextId,
      status: "working",
      ...times,
    })),
    "tasks/get": about("tasks/get", stateOf),
    "tasks/update": about("tasks/update", () => {
      scripted.state = scripted.afterUpdate ?? scripted.state;
      return {};
    }),
    "tasks/cancel": about("tasks/cancel", () => ({})),
  };
  const served = await serveFetch((request) => answerHttp(methods, request));
  const scripted: ScriptedTasks = {
    url: `http://127.0.0.1:${served.port}/mcp`,
    requests: [],
    nextId: "task-1",
    state: { status: "working" },
    afterUpdate: undefined,
    close: served.close,
  };
  return scripted;
}
