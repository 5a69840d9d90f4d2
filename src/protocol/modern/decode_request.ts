/**
 * The method and params of a client's request in 2026-07-28, from cleaned params. The result has no
 * wire-only members. Not here: envelope and headers (modern_request.ts).
 */
import * as v from "valibot";
import type { JsonObject, Resume } from "../../model.ts";
import type { Decoded } from "../codec.ts";
import { isSafeText } from "../jsonrpc.ts";
import { problemIn } from "../shared/method_params.ts";
import { modelParams, progressTokenOf } from "../shared/wire_keys.ts";
import { pausable, requests, resumeSchema } from "./methods.ts";

/** Decodes a request whose params are already cleaned (message_members.ts). */
export function decodeCleaned(method: string, params: JsonObject): Decoded {
  const schema = requests.get(method);
  if (schema === undefined) return { kind: "unknown" };
  const isPausable = pausable.has(method);
  const message = problemIn(schema, method, params) ??
    (isPausable ? problemIn(resumeSchema, method, params) : undefined);
  if (message !== undefined) return { kind: "invalid", message };
  return {
    kind: "ok",
    method,
    params: modelParams(params),
    progressToken: progressTokenOf(params),
    resume: isPausable ? resumeOf(params) : undefined,
  };
}

function resumeOf(params: JsonObject): Resume | undefined {
  const { inputResponses, requestState } = v.parse(resumeSchema, params);
  if (inputResponses === undefined && requestState === undefined) return undefined;
  const answers = Object.entries(inputResponses ?? {}).filter(([key]) => isSafeText(key));
  return { answers: Object.fromEntries(answers), state: requestState };
}
