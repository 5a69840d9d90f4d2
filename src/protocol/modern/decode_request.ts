/**
 * The method and params of a client's request in 2026-07-28, once absent members are out of them.
 * What comes out is free of wire-only members. Envelope and headers are read before
 * (modern_request.ts).
 */
import * as v from "valibot";
import type { JsonObject, Resume } from "../../model.ts";
import type { Decoded } from "../codec.ts";
import { isSafeText } from "../jsonrpc.ts";
import { problemIn } from "../shared/method_params.ts";
import { modelParams, progressTokenOf } from "../shared/wire_keys.ts";
import { pausable, requests, resumeSchema } from "./methods.ts";

/** A request whose params are cleaned already (message_members.ts). */
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
