/**
 * The messages of the Tasks extension on both sides: a tool's call that its server runs as a task,
 * and the answers about that task. Servers' mistakes that do no harm are corrected; an answer about
 * a task that lacks what its status promises is refused. Follows the extension
 * `io.modelcontextprotocol/tasks` (SEP-2663). Not here: whose a task is (gateway/sealed_tasks.ts).
 */
import * as v from "valibot";
import { defaultLimits } from "../../limits.ts";
import type { JsonObject, Result } from "../../model.ts";
import type { UpstreamDecoded } from "../codec.ts";
import { isJsonObject, isSafeText } from "../jsonrpc.ts";
import { cleanResult } from "../message_members.ts";
import { request } from "../shared/method_params.ts";
import { decodeQuestions } from "../shared/questions.ts";
import { decodeShared, invalidResult } from "../shared/results.ts";
import { foreignParams, without } from "../shared/wire_keys.ts";
import { boundedSafeText } from "../bounds.ts";

const { nameCharsMax, taskIdCharsMax } = defaultLimits;
const taskId = boundedSafeText(taskIdCharsMax);

/** The answers of a client, each to one question of a task. */
const inputResponses = v.custom<Record<string, JsonObject>>(
  (value) => isJsonObject(value) && Object.values(value).every(isJsonObject),
  "must be an object of objects",
);

/** Requests of clients about a task. */
export const taskRequests = {
  "tasks/get": request({ taskId }),
  "tasks/update": request({ taskId, inputResponses }),
  "tasks/cancel": request({ taskId }),
} as const;

/** Whether a request is about a task. */
export function isTaskRequest(method: string): boolean {
  return Object.hasOwn(taskRequests, method);
}

/** A task that was asked for, as its client gets it. */
export function encodeTask(value: JsonObject): JsonObject {
  return without(foreignParams(value), hopKeys);
}

/** Members of other results; the text of the extension forbids `requestState` in a task's. */
const hopKeys = new Set(["resultType", "requestState", "cacheScope"]);

/** The result of a tool's call that runs as a task. */
export function decodeCreatedTask(method: string, given: JsonObject): UpstreamDecoded<Result> {
  const task = seedOf(method, cleanResult(method, given));
  if (task.kind !== "ok") return task;
  const { _meta, ...seed } = task.value;
  const value = isJsonObject(_meta) ? { ...seed, _meta } : seed;
  return { kind: "ok", value: { kind: "result", value, isTask: true } };
}

/** The answer to a request about a task; of acknowledgements only `_meta` is kept. */
export function decodeTaskAnswer(method: string, given: unknown): UpstreamDecoded<Result> {
  if (!isJsonObject(given)) return invalidResult(method, "the result must be an object");
  const result = cleanResult(method, given);
  if (method !== "tasks/get") {
    const value: JsonObject = isJsonObject(result._meta) ? { _meta: result._meta } : {};
    return { kind: "ok", value: { kind: "result", value } };
  }
  const seed = seedOf(method, result);
  if (seed.kind !== "ok") return seed;
  const details = detailsOf[seed.value.status as Status](method, result);
  return details.kind === "ok"
    ? { kind: "ok", value: { kind: "result", value: { ...seed.value, ...details.value } } }
    : details;
}

/** What every task has, with numbers that clients accept. */
function seedOf(method: string, given: JsonObject): UpstreamDecoded<JsonObject> {
  const { taskId, status, statusMessage, ttlMs, pollIntervalMs, _meta } = given;
  if (typeof taskId !== "string" || !isSafeText(taskId) || taskId.length > nameCharsMax) {
    const problem = `"taskId" must be a plain text of at most ${nameCharsMax} characters`;
    return invalidResult(method, problem);
  }
  if (typeof status !== "string" || !Object.hasOwn(detailsOf, status)) {
    return invalidResult(method, `a task has no status ${JSON.stringify(status)}`);
  }
  const createdAt = given.createdAt ?? given.lastUpdatedAt;
  const lastUpdatedAt = given.lastUpdatedAt ?? createdAt;
  if (typeof createdAt !== "string" || typeof lastUpdatedAt !== "string") {
    return invalidResult(method, '"createdAt" must be a string');
  }
  return {
    kind: "ok",
    value: {
      taskId,
      status,
      createdAt,
      lastUpdatedAt,
      ttlMs: isCount(ttlMs) ? ttlMs : null,
      ...(typeof statusMessage === "string" ? { statusMessage } : {}),
      ...(isCount(pollIntervalMs) && pollIntervalMs > 0 ? { pollIntervalMs } : {}),
      ...(_meta === undefined ? {} : { _meta }),
    },
  };
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

type Details = (method: string, result: JsonObject) => UpstreamDecoded<JsonObject>;
type Status = keyof typeof detailsOf;

const none: Details = () => ({ kind: "ok", value: {} });

/** What a task of each status says beside. */
const detailsOf = {
  working: none,
  cancelled: none,
  input_required: questionsIn,
  completed: resultIn,
  failed(method: string, { error }: JsonObject): UpstreamDecoded<JsonObject> {
    const isError = isJsonObject(error) && Number.isSafeInteger(error.code) &&
      typeof error.message === "string";
    return isError
      ? { kind: "ok", value: { error } }
      : invalidResult(method, 'a failed task must have an "error" with a code and a message');
  },
} as const satisfies Record<string, Details>;

/** Only tools run as tasks, so a task's result is a tool's. */
function resultIn(method: string, { result }: JsonObject): UpstreamDecoded<JsonObject> {
  if (!isJsonObject(result)) return invalidResult(method, 'a completed task must have a "result"');
  const decoded = decodeShared("tools/call", result);
  if (decoded.kind !== "ok") return decoded;
  return { kind: "ok", value: { result: foreignParams(decoded.value.value) } };
}

function questionsIn(method: string, { inputRequests }: JsonObject): UpstreamDecoded<JsonObject> {
  const decoded = decodeQuestions(method, inputRequests);
  if (decoded.kind !== "ok") return decoded;
  const asked = decoded.value.map(({ key, ...question }) => [key, question]);
  return { kind: "ok", value: { inputRequests: Object.fromEntries(asked) } };
}
