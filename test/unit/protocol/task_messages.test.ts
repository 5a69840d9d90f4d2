/** Tasks of the Tasks extension as servers write them, and as clients get them. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/model.ts";
import { createModernCodec } from "../../../src/protocol/modern/era_codec.ts";

const { client, upstream } = createModernCodec({ name: "test", version: "1" });
const to = { revision: "2026-07-28", capabilities: {} };
const moment = "2026-11-28T12:00:00Z";
const seed = { taskId: "1", status: "working", createdAt: moment, lastUpdatedAt: moment };

/** A server's result as a client gets it, without `_meta`; text: why it is refused. */
function passed(method: string, given: JsonObject): unknown {
  const decoded = upstream.decodeResult(method, given);
  if (decoded.kind !== "ok") return decoded.kind === "invalid" ? decoded.message : decoded.kind;
  if (decoded.value.kind !== "result") return decoded.value.kind;
  const { _meta, ...rest } = client.encodeResult(method, decoded.value, to);
  return rest;
}

describe("a call that runs as a task", () => {
  test("reaches the client with its times, and nothing of other results", () => {
    const whole = { ...seed, ttlMs: 5_000, pollIntervalMs: 100, statusMessage: "begun" };
    const more = { requestState: "x", result: {}, inputRequests: {}, content: [], ttl: 5 };
    const task = { resultType: "task", ...whole };
    expect(passed("tools/call", { ...task, ...more })).toEqual(task);
  });

  test("has numbers and times that clients accept", () => {
    const odd = [0, -1, 1.5, "5", null, undefined, 1e300];
    for (const pollIntervalMs of odd) {
      const task = { resultType: "task", ...seed, ttlMs: null };
      expect(passed("tools/call", { ...task, pollIntervalMs })).toEqual(task);
    }
    for (const ttlMs of [-1, 1.5, "5", undefined]) {
      expect(passed("tools/call", { resultType: "task", ...seed, ttlMs })).toMatchObject({
        ttlMs: null,
      });
    }
    const { lastUpdatedAt: _, ...young } = seed;
    expect(passed("tools/call", { resultType: "task", ...young })).toMatchObject(seed);
  });

  test("is refused without a plain id, a known status or a time", () => {
    const wrong: JsonObject[] = [
      { taskId: undefined },
      { taskId: 5 },
      { taskId: "a\u0000" },
      { taskId: "x".repeat(1_025) },
      { status: "done" },
      { status: "constructor" },
      { createdAt: undefined, lastUpdatedAt: undefined },
    ];
    for (const one of wrong) {
      expect(passed("tools/call", { resultType: "task", ...seed, ...one }))
        .toMatch(/^Cannot take the server's tools\/call result: /);
    }
  });

  test("is none of a prompt's or a resource's", () => {
    for (const method of ["prompts/get", "resources/read", "tools/list"]) {
      expect(passed(method, { resultType: "task", ...seed })).toMatch(/its resultType is "task"/);
    }
  });
});

describe("an answer about a task", () => {
  const base = { ...seed, ttlMs: null };

  test("has what belongs to its status, and that alone", () => {
    const error = { code: -32603, message: "no" };
    const result = { content: [{ type: "text", text: "a" }], isError: true };
    const params = { message: "?", mode: "form" };
    const inputRequests = { k: { method: "elicitation/create", params } };
    const parts: Record<string, JsonObject> = {
      working: {},
      cancelled: {},
      completed: { result },
      failed: { error },
      input_required: { inputRequests },
    };
    for (const [status, part] of Object.entries(parts)) {
      const given = { ...base, status, error, result, inputRequests, requestState: "x" };
      expect(passed("tasks/get", given))
        .toEqual({ resultType: "complete", ...base, status, ...part });
    }
  });

  test("is refused when that is missing, or no client could answer it", () => {
    const wrong: JsonObject[] = [
      { status: "completed" },
      { status: "completed", result: { content: 5 } },
      { status: "failed", error: "no" },
      { status: "failed", error: { code: "x", message: "y" } },
      { status: "input_required" },
      { status: "input_required", inputRequests: { k: { method: "tools/call" } } },
      { status: "input_required", inputRequests: { k: 5 } },
    ];
    for (const one of wrong) {
      expect(passed("tasks/get", { ...base, ...one }))
        .toMatch(/^Cannot take the server's (tasks\/get|tools\/call) result: /);
    }
  });

  test("that acknowledges holds nothing else", () => {
    for (const method of ["tasks/update", "tasks/cancel"]) {
      expect(passed(method, { ...base, result: {} })).toEqual({ resultType: "complete" });
      expect(passed(method, {})).toEqual({ resultType: "complete" });
    }
  });
});

test("a client's request about a task names it, and brings answers by their keys", () => {
  const decode = (method: string, params: JsonObject) => {
    const decoded = client.decodeRequest(method, params, "2026-07-28");
    return decoded.kind === "ok" ? decoded.params : decoded.kind;
  };
  const inputResponses = { k: { action: "accept", content: { a: 1 } } };
  expect(decode("tasks/update", { taskId: "1", inputResponses, task: {}, requestState: "x" }))
    .toEqual({ taskId: "1", inputResponses });
  expect(decode("tasks/get", { taskId: "1" })).toEqual({ taskId: "1" });
  const wrong: [string, JsonObject][] = [
    ["tasks/get", {}],
    ["tasks/cancel", { taskId: "a\u0000" }],
    ["tasks/get", { taskId: "x".repeat(10_000) }],
    ["tasks/update", { taskId: "1" }],
    ["tasks/update", { taskId: "1", inputResponses: { k: 5 } }],
  ];
  for (const [method, params] of wrong) expect(decode(method, params)).toBe("invalid");
});
