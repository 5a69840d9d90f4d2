/**
 * A server of 2026-07-28 with the Tasks extension, written by hand because SDK 2.4 has no tasks: the
 * tools that the official suite's tasks scenarios call by name. `--http` serves Streamable HTTP on a
 * port of the system's choice, which it prints as one line; without it the server speaks newline
 * JSON-RPC. How messages travel is in fixture_tasks_wire.ts.
 */
import process from "node:process";
import { type Json, textAnswer } from "./fixture_model.ts";
import { Refusal, serve } from "./fixture_tasks_wire.ts";

const extension = "io.modelcontextprotocol/tasks";
const ttlMs = 600_000;

/** One task. `given` are the answers of its client, by key. */
interface Task {
  readonly taskId: string;
  status: "working" | "input_required" | "completed" | "failed" | "cancelled";
  readonly createdAt: string;
  lastUpdatedAt: string;
  readonly questions: Map<string, Json>;
  readonly given: Map<string, Json>;
  outcome?: { readonly result: unknown } | { readonly error: Json };
  /** Goes on once all questions are answered. */
  answered?: () => void;
}

const tasks = new Map<string, Task>();
const terminal: readonly string[] = ["completed", "failed", "cancelled"];

function startTask(work: (task: Task) => void): Json {
  const now = new Date().toISOString();
  const task: Task = {
    taskId: crypto.randomUUID(),
    status: "working",
    createdAt: now,
    lastUpdatedAt: now,
    questions: new Map(),
    given: new Map(),
  };
  tasks.set(task.taskId, task);
  work(task);
  return { ...seedOf(task), resultType: "task" };
}

function settle(task: Task, status: Task["status"], outcome?: Task["outcome"]): void {
  if (terminal.includes(task.status)) return;
  task.status = status;
  task.lastUpdatedAt = new Date().toISOString();
  if (outcome !== undefined) task.outcome = outcome;
}

const seedOf = ({ taskId, status, createdAt, lastUpdatedAt }: Task): Json => ({
  taskId,
  status,
  createdAt,
  lastUpdatedAt,
  ttlMs,
  pollIntervalMs: 100,
});

const detailsOf = (task: Task): Json => ({
  ...seedOf(task),
  ...(task.status === "input_required"
    ? { inputRequests: Object.fromEntries(task.questions) }
    : {}),
  ...(terminal.includes(task.status) ? task.outcome : {}),
});

/** Asks the client these things and goes on with the answers. */
function askIn(task: Task, questions: Record<string, Json>, then: () => void): void {
  for (const [key, question] of Object.entries(questions)) task.questions.set(key, question);
  task.answered = then;
  settle(task, "input_required");
}

const question = (message: string, name: string, type: string): Json => ({
  method: "elicitation/create",
  params: {
    mode: "form",
    message,
    requestedSchema: { type: "object", properties: { [name]: { type } }, required: [name] },
  },
});

const complete = (result: unknown) => (task: Task) => settle(task, "completed", { result });

/** What a tool does; `withTask` is undefined for a client that did not declare the extension. */
type Run = (params: Json, withTask: typeof startTask | undefined) => Json | Promise<Json>;

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const plain = (text: string): Json => ({ ...textAnswer(text), resultType: "complete" });

/** A tool that works for a while, as a task where the client knows tasks. */
const compute: Run = async ({ arguments: given }, withTask) => {
  const { seconds = 1, label = "" } = (given ?? {}) as { seconds?: number; label?: string };
  const answer = plain(`Computed ${label} for ${seconds} s`);
  if (seconds === 0 || withTask === undefined) {
    await wait(seconds * 1_000);
    return answer;
  }
  return withTask((task) => setTimeout(() => complete(answer)(task), seconds * 1_000).unref());
};

/** A tool that the server cannot run in any other way than as a task. */
const onlyAsTask = (work: (task: Task, params: Json) => void): Run => (params, withTask) => {
  if (withTask === undefined) throw missing("This tool runs only as a task");
  return withTask((task) => work(task, params));
};

const answerIn = (task: Task, key: string): string =>
  JSON.stringify((task.given.get(key) as { content?: unknown } | undefined)?.content ?? null);

const runs: Readonly<Record<string, Run>> = {
  greet: ({ arguments: given }) => plain(`Hello, ${(given as Json | undefined)?.["name"]}!`),
  slow_compute: compute,
  failing_job: onlyAsTask((task) =>
    void setTimeout(() => complete({ ...textAnswer("It failed"), isError: true })(task), 300)
  ),
  protocol_error_job: onlyAsTask((task) =>
    void setTimeout(
      () => settle(task, "failed", { error: { code: -32603, message: "The job crashed" } }),
      300,
    )
  ),
  confirm_delete: onlyAsTask((task) => {
    const asked = { confirm: question("Delete it?", "confirm", "boolean") };
    askIn(task, asked, () => complete(plain(`Confirmed: ${answerIn(task, "confirm")}`))(task));
  }),
  multi_input: onlyAsTask((task) => {
    const asked = {
      first: question("Your name?", "name", "string"),
      second: question("The other name?", "name", "string"),
    };
    askIn(task, asked, () => complete(plain("Both are answered"))(task));
  }),
  test_tool_with_task(params, withTask) {
    const { user_name: answer } = (params["inputResponses"] ?? {}) as Record<string, Json>;
    if (answer === undefined) {
      const asked = { user_name: question("Your name?", "name", "string") };
      return { resultType: "input_required", inputRequests: asked, requestState: "first" };
    }
    const name = (answer["content"] as Json | undefined)?.["name"];
    return onlyAsTask((task) => complete(plain(`Hello, ${name}!`))(task))(params, withTask);
  },
};

const missing = (message: string) =>
  new Refusal(-32021, message, { requiredCapabilities: { extensions: { [extension]: {} } } });

function declares(params: Json): boolean {
  const meta = params["_meta"] as Json | undefined;
  const key = "io.modelcontextprotocol/clientCapabilities";
  const declared = meta?.[key] as { extensions?: Json } | undefined;
  return declared?.extensions?.[extension] !== undefined;
}

/** The task that a request names. */
function taskOf(params: Json): Task {
  if (!declares(params)) throw missing("Tasks are for clients that declare them");
  const task = tasks.get(String(params["taskId"]));
  if (task === undefined) throw new Refusal(-32602, `No task ${params["taskId"]}`);
  return task;
}

function update(params: Json): Json {
  const task = taskOf(params);
  for (const [key, answer] of Object.entries((params["inputResponses"] ?? {}) as Json)) {
    if (!task.questions.delete(key)) continue;
    task.given.set(key, answer as Json);
  }
  if (task.status === "input_required" && task.questions.size === 0) {
    settle(task, "working");
    task.answered?.();
  }
  return {};
}

const cached = { ttlMs: 0, cacheScope: "private" };

await serve({
  "server/discover": () => ({
    supportedVersions: ["2026-07-28"],
    capabilities: { tools: {}, extensions: { [extension]: {} } },
    ...cached,
  }),
  "tools/list": () => ({
    tools: Object.keys(runs).map((name) => ({
      name,
      description: `The tool ${name} of the tasks scenarios`,
      inputSchema: { type: "object" },
    })),
    ...cached,
  }),
  "tools/call"(params) {
    const run = runs[String(params["name"])];
    if (run === undefined) throw new Refusal(-32602, `No tool ${params["name"]}`);
    return run(params, declares(params) ? startTask : undefined);
  },
  "tasks/get": (params) => detailsOf(taskOf(params)),
  "tasks/update": update,
  "tasks/cancel"(params) {
    settle(taskOf(params), "cancelled");
    return {};
  },
}, process.argv.includes("--http"));
