/**
 * The method and params of a client's request in 2026-07-28, from cleaned params. The result has no
 * wire-only members. Not here: envelope and headers (modern_request.ts).
 */
import * as v from "valibot";
import type { JsonObject, Resume } from "../../model.ts";
import type { Decoded } from "../codec.ts";
import { isSafeText } from "../jsonrpc.ts";
import { problemIn } from "../shared/method_params.ts";
import { isPlainRequest } from "../shared/plain_requests.ts";
import { cleanAnswer } from "../message_members.ts";
import { modelParams, progressTokenOf } from "../shared/wire_keys.ts";
import { pausable, requests, resumeSchema } from "./methods.ts";

/** Decodes a request whose params are already cleaned (message_members.ts). */
export function decodeCleaned(method: string, params: JsonObject): Decoded {
  const schema = requests.get(method);
  if (schema === undefined) return { kind: "unknown" };
  const isResumable = pausable.has(method) &&
    (params.inputResponses !== undefined || params.requestState !== undefined);
  const message =
    (isPlainRequest(method, params) ? undefined : problemIn(schema, method, params)) ??
      (isResumable ? problemIn(resumeSchema, method, params) : undefined);
  if (message !== undefined) return { kind: "invalid", message };
  return {
    kind: "ok",
    method,
    params: method === "tasks/update" ? withAnswers(params) : modelParams(params),
    progressToken: progressTokenOf(params),
    resume: isResumable ? resumeOf(params) : undefined,
  };
}

function resumeOf(params: JsonObject): Resume {
  const { inputResponses, requestState } = v.parse(resumeSchema, params);
  return { answers: safeAnswers(inputResponses), state: requestState };
}

function safeAnswers(given: Resume["answers"] = {}): Record<string, JsonObject> {
  return Object.fromEntries(Object.entries(given).filter(([key]) => isSafeText(key)));
}

/** The answers for a task, which are params of their own request. */
function withAnswers(params: JsonObject): JsonObject {
  const { inputResponses } = v.parse(resumeSchema, params);
  const clean = Object.entries(safeAnswers(inputResponses))
    .map(([key, answer]) => [key, cleanAnswer(answer)]);
  return { ...modelParams(params), inputResponses: Object.fromEntries(clean) };
}
