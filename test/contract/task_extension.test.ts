/**
 * The Tasks extension (SEP-2663) through the gateway: a client that declares it runs tools as tasks
 * and reaches its own tasks alone; for every other client the gateway runs the task to its end.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  answerOf,
  startWithAccess,
} from "../support/access_gateway.ts";
import { ask } from "../support/stateless_client.ts";
import {
  asking,
  completed,
  type ScriptedTasks,
  startScriptedTasks,
} from "../support/scripted_tasks.ts";
import { until, within } from "../support/wait.ts";

const extension = "io.modelcontextprotocol/tasks";
const knowing = { extensions: { [extension]: {} }, elicitation: {} };
const people = {
  ann: { id: "user:ann" },
  bob: { id: "user:bob" },
  anyone: { id: "anonymous" },
};
const all = [{ what: "allow" }];

let one: ScriptedTasks;
let two: ScriptedTasks;
let own: AccessGateway;

beforeEach(async () => {
  [one, two] = await Promise.all([startScriptedTasks(), startScriptedTasks()]);
  const servers = { one: { url: one.url }, two: { url: two.url }, plain: { echo: true } };
  own = await startWithAccess({ servers, access: all, people });
});

afterEach(async () => {
  await own.close();
  await Promise.all([one.close(), two.close()]);
});

/** A task that asks for directories, and perhaps for more. */
const forRoots = (more: JsonObject = {}) => ({
  status: "input_required",
  inputRequests: { where: { method: "roots/list" }, ...more },
});

/** A request of a client that declares the extension, or other capabilities. */
const request = (
  person: string,
  method: string,
  params: JsonObject,
  path = "/mcp",
  clientCapabilities: JsonObject = knowing,
): Promise<AccessAnswer> => own.ask(person, method, params, { path, meta: { clientCapabilities } });

async function start(person: string, name: string, path = "/mcp"): Promise<string> {
  const { result } = await request(person, "tools/call", { name, arguments: {} }, path);
  expect(result).toMatchObject({ resultType: "task", status: "working", ttlMs: 60_000 });
  return String(result?.["taskId"]);
}

const about = ["tasks/get", "tasks/update", "tasks/cancel"];
const paramsOf = (method: string, taskId: string): JsonObject =>
  method === "tasks/update" ? { taskId, inputResponses: {} } : { taskId };

describe("a client that knows tasks", () => {
  test("polls its task and gets the result; equal ids of two servers are two tasks", async () => {
    const ids = [await start("ann", "one__long"), await start("ann", "two__long")];
    [one.state, two.state] = [completed("first"), completed("second")];
    const results = await Promise.all(
      ids.map((taskId) => request("ann", "tasks/get", { taskId })),
    );
    expect(results.map(({ result }) => result)).toMatchObject(
      ["first", "second"].map((text, at) => ({
        resultType: "complete",
        taskId: ids[at],
        status: "completed",
        result: { content: [{ text }] },
      })),
    );
    expect(one.requests.at(-1)).toEqual({ method: "tasks/get", params: { taskId: "task-1" } });
  });

  test("answers a question of its task, and cancels it", async () => {
    const taskId = await start("ann", "long", "/servers/one/mcp");
    one.state = asking("sure");
    one.afterUpdate = completed("done");
    const asked = await request("ann", "tasks/get", { taskId }, "/servers/one/mcp");
    expect(Object.keys(asked.result?.["inputRequests"] as JsonObject)).toEqual(["sure"]);
    const inputResponses = { sure: { action: "accept", content: {} } };
    const { result } = await request("ann", "tasks/update", { taskId, inputResponses });
    expect(Object.keys(result ?? {}).sort()).toEqual(["_meta", "resultType"]);
    expect(one.requests.at(-1)?.params).toEqual({ taskId: "task-1", inputResponses });
    expect((await request("ann", "tasks/get", { taskId })).result?.["status"]).toBe("completed");
    expect((await request("ann", "tasks/cancel", { taskId })).result?.["resultType"])
      .toBe("complete");
    expect(one.requests.at(-1)).toEqual({ method: "tasks/cancel", params: { taskId: "task-1" } });
  });

  test("is asked for nothing that it did not declare", async () => {
    const taskId = await start("ann", "one__long");
    one.state = asking("sure");
    const bare = { extensions: knowing.extensions };
    const { error } = await request("ann", "tasks/get", { taskId }, "/mcp", bare);
    expect(error).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { elicitation: {} } },
    });
  });

  test("is not asked for more than a server may ask at once", async () => {
    const taskId = await start("ann", "one__long");
    const { inputRequests: { sure } } = asking("sure") as unknown as {
      inputRequests: { sure: JsonObject };
    };
    for (const [count, code] of [[64, undefined], [65, -32603]] as const) {
      const asked = Array.from({ length: count }, (_, at) => [`q${at}`, sure]);
      one.state = { status: "input_required", inputRequests: Object.fromEntries(asked) };
      const { error } = await request("ann", "tasks/get", { taskId });
      expect([count, error?.code]).toEqual([count, code]);
    }
  });

  test("is not asked for directories where the operator decides on them", async () => {
    const servers = {
      one: { url: one.url, roots: "none" },
      two: { url: two.url, roots: ["/srv/data"] },
    };
    await own.close();
    own = await startWithAccess({ servers, access: all, people });
    [one.state, two.state] = [forRoots(), forRoots()];
    const get = async (name: string, capabilities: JsonObject) => {
      const taskId = await start("ann", name);
      return await request("ann", "tasks/get", { taskId }, "/mcp", capabilities);
    };
    for (const capabilities of [knowing, { ...knowing, roots: {} }]) {
      expect((await get("one__long", capabilities)).error?.message).toContain("directories");
      const { result } = await get("two__long", capabilities);
      expect([result?.["status"], result?.["inputRequests"]]).toEqual(["working", undefined]);
    }
    expect(two.requests.filter(({ method }) => method === "tasks/update").at(-1)?.params)
      .toEqual({
        taskId: "task-1",
        inputResponses: { where: { roots: [{ uri: "file:///srv/data" }] } },
      });
  });

  test("gets the state of the task that it asked for, whichever its server names", async () => {
    const taskId = await start("ann", "one__long");
    one.state = { ...completed("done"), taskId: "of-another" };
    const { result } = await request("ann", "tasks/get", { taskId });
    expect(result?.["taskId"]).toBe(taskId);
    expect(JSON.stringify(result)).not.toContain("of-another");
  });

  test("learns that its server forgot a task, and that a state makes no sense", async () => {
    const taskId = await start("ann", "one__long");
    one.state = { code: -32602, message: "Task has expired" };
    const { error } = await request("ann", "tasks/get", { taskId });
    expect(error).toMatchObject({ code: -32602, message: "Task has expired" });
    for (const status of ["completed", "failed", "input_required", "no such status"]) {
      one.state = { status };
      expect((await request("ann", "tasks/get", { taskId })).error?.code).toBe(-32603);
    }
  });

  test("without credentials has the right by the id, which nothing guesses", async () => {
    const taskId = await start("anyone", "one__long");
    expect(taskId.length).toBeGreaterThan(40);
    expect((await request("anyone", "tasks/get", { taskId })).result?.["status"]).toBe("working");
    expect((await request("anyone", "tasks/get", { taskId: "task-1" })).error?.code).toBe(-32602);
  });
});

describe("a task does not exist", () => {
  test("for another principal, nor for an id that was changed", async () => {
    const taskId = await start("ann", "one__long");
    const count = one.requests.length;
    for (const method of about) {
      const foreign = await request("bob", method, paramsOf(method, taskId));
      const unknown = await request("bob", method, paramsOf(method, "task-1"));
      expect(foreign.error?.code).toBe(-32602);
      expect(foreign.error).toEqual(unknown.error);
      const changed = `${taskId.slice(0, -2)}xx`;
      expect((await request("ann", method, paramsOf(method, changed))).error?.code).toBe(-32602);
    }
    expect(one.requests.length).toBe(count);
  });

  test("at the surface of another server", async () => {
    const taskId = await start("ann", "one__long");
    for (const method of about) {
      const { error } = await request("ann", method, paramsOf(method, taskId), "/servers/two/mcp");
      expect(error?.code).toBe(-32602);
    }
    expect(two.requests).toEqual([]);
  });

  test("once its principal lost the right to its tool, or the tool was withheld", async () => {
    const taskId = await start("ann", "one__long");
    await own.setAccess([{ tools: "long", what: "deny" }, { what: "allow" }]);
    for (const method of about) {
      const { error } = await request("ann", method, paramsOf(method, taskId));
      expect(error?.code).toBe(-32602);
    }
    await own.setAccess(all);
    expect((await request("ann", "tasks/get", { taskId })).error).toBeUndefined();
  });

  test("for a client that does not declare the extension, which the error names", async () => {
    const taskId = await start("ann", "one__long");
    for (const path of ["/mcp", "/servers/one/mcp"]) {
      for (const method of about) {
        const answer = await request("ann", method, paramsOf(method, taskId), path, {});
        expect(answer.status).toBe(400);
        expect(answer.error).toMatchObject({
          code: -32021,
          data: { requiredCapabilities: { extensions: { [extension]: {} } } },
        });
      }
    }
    const notifications = { taskIds: [taskId] };
    const listening = await request("ann", "subscriptions/listen", { notifications }, "/mcp", {});
    expect([listening.status, listening.error?.code]).toEqual([400, -32021]);
  });

  test("where no server has tasks: then the method does not, either", async () => {
    for (const method of about) {
      const answer = await request("ann", method, paramsOf(method, "x"), "/servers/plain/mcp");
      expect([answer.status, answer.error?.code]).toEqual([404, -32601]);
    }
  });

  test("where the header names another one", async () => {
    const taskId = await start("ann", "one__long");
    const meta = { clientCapabilities: knowing };
    for (const header of ["task-1", undefined]) {
      const headers = { "mcp-name": header };
      const answer = await own.ask("ann", "tasks/get", { taskId }, { meta, headers });
      expect([answer.status, answer.error?.code]).toEqual([400, -32020]);
    }
  });
});

describe("a client that knows no tasks", () => {
  const call = { name: "one__long", arguments: {} };
  const methods = () => one.requests.map(({ method }) => method);

  test("with a session gets the result of a tool that runs only as one", async () => {
    const session = await own.connect("ann", { path: "/servers/one/mcp" });
    expect(JSON.stringify(session.opened.result)).not.toContain(extension);
    one.state = completed("done");
    const { result } = await session.request("tools/call", { name: "long", arguments: {} });
    expect(result).toEqual({ content: [{ type: "text", text: "done" }] });
    expect(methods()).toEqual(["tools/call", "tools/call", "tasks/get"]);
    expect((await session.request("tasks/update", { taskId: "task-1", inputResponses: {} })).error)
      .toMatchObject({ code: -32601 });
  });

  test("without a session gets it at the gateway's own URL, and the refusal at the server's", async () => {
    one.state = completed("done");
    const { result } = await request("ann", "tools/call", call, "/mcp", {});
    expect(result).toMatchObject({ resultType: "complete", content: [{ text: "done" }] });
    const path = "/servers/one/mcp";
    const { status, error } = await request("ann", "tools/call", { name: "long" }, path, {});
    expect([status, error?.code]).toEqual([400, -32021]);
  });

  test("with a session is asked what the task asks while its call runs", async () => {
    const session = await own.connect("ann", { capabilities: { elicitation: {} } });
    one.state = asking("sure");
    one.afterUpdate = completed("done");
    const message = { jsonrpc: "2.0", id: 7, method: "tools/call", params: call };
    const response = await session.post(message);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const readUntil = async (part: string) => {
      while (!text.includes(part)) {
        const { done, value } = await within(part, reader?.read() ?? Promise.reject(new Error()));
        if (done) throw new Error(text);
        text += value;
      }
    };
    await readUntil('"elicitation/create"');
    const id = JSON.parse(/(?<=^data: )\{.*elicitation.*$/m.exec(text)?.[0] ?? "{}").id;
    await session.post({ jsonrpc: "2.0", id, result: { action: "accept", content: { a: 1 } } });
    await readUntil('"done"');
    expect(one.requests.find(({ method }) => method === "tasks/update")?.params).toEqual({
      taskId: "task-1",
      inputResponses: { sure: { action: "accept", content: { a: 1 } } },
    });
  });

  test("is asked what the task asks, and comes back with the answer", async () => {
    one.state = asking("sure");
    one.afterUpdate = completed("done");
    const asks = { elicitation: {} };
    const { result } = await request("ann", "tools/call", call, "/mcp", asks);
    expect(result).toMatchObject({ resultType: "input_required", inputRequests: { sure: {} } });
    const back = {
      ...call,
      inputResponses: { sure: { action: "accept", content: {} } },
      requestState: result?.["requestState"],
    };
    const foreign = await request("bob", "tools/call", back, "/mcp", asks);
    expect(foreign.error?.code).toBe(-32602);
    expect((await request("ann", "tools/call", back, "/mcp", asks)).result)
      .toMatchObject({ resultType: "complete", content: [{ text: "done" }] });
    expect(methods().filter((method) => method === "tools/call").length).toBe(2);
  });

  test("gets the failure of its task as that of its call", async () => {
    one.state = { status: "failed", error: { code: -32603, message: "The job crashed" } };
    expect((await request("ann", "tools/call", call, "/mcp", {})).error)
      .toMatchObject({ code: -32603, message: "The job crashed" });
    one.state = { status: "cancelled", statusMessage: "the disk is full" };
    expect(JSON.stringify((await request("ann", "tools/call", call, "/mcp", {})).result))
      .toContain("The server cancelled the call: the disk is full");
    one.state = { code: -32602, message: "Task has expired" };
    expect((await request("ann", "tools/call", call, "/mcp", {})).error).toMatchObject({
      code: -32603,
      message: expect.stringContaining("lost the task of this call: Task has expired"),
    });
  });

  test("that leaves cancels its task", async () => {
    const leaving = new AbortController();
    const sender = {
      send: (
        verb: string,
        path: string,
        init: { headers?: Record<string, string>; body?: unknown } = {},
      ) =>
        own.gateway.fetch(
          new Request(`http://localhost:8999${path}`, {
            method: verb,
            headers: { host: "localhost:8999", "x-person": "ann", ...init.headers },
            body: JSON.stringify(init.body),
            signal: leaving.signal,
          }),
        ),
    };
    const answer = ask(sender, "tools/call", call).then(answerOf).catch(() => {});
    await until("the task is looked at", () => methods().includes("tasks/get"));
    leaving.abort();
    await until("the task is cancelled", () => methods().includes("tasks/cancel"));
    await answer;
  });
});
