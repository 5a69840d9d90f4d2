/**
 * Questions of servers to clients (roots, sampling, elicitation) and their answers. They are the
 * same whether an era carries them as requests of the server or inside a result.
 */
import type * as v from "valibot";
import type { Answer, JsonObject } from "../../model.ts";
import type { EncodedAnswer, UpstreamDecoded, WireMessage } from "../codec.ts";
import { cleanAnswer, cleanParams } from "../message_members.ts";
import { problemIn, sharedQuestions } from "./method_params.ts";
import { modelParams, plainResult } from "./wire_keys.ts";

const schemas: ReadonlyMap<string, v.GenericSchema> = new Map(Object.entries(sharedQuestions));

/** A question to the client; `unknown` for other methods. */
export function decodeQuestion(method: string, given: JsonObject): UpstreamDecoded<WireMessage> {
  const schema = schemas.get(method);
  if (schema === undefined) return { kind: "unknown" };
  const params = cleanParams(method, given);
  const message = problemIn(schema, method, params);
  return message === undefined
    ? { kind: "ok", value: { method, params: modelParams(params) } }
    : { kind: "invalid", message };
}

/** A client's answer as the reply to the server's request. */
export function encodeAnswer(answer: Answer): EncodedAnswer {
  if (answer.kind === "answer") return { result: plainResult(cleanAnswer(answer.value)) };
  const { code, message, data } = answer;
  return { error: data === undefined ? { code, message } : { code, message, data } };
}
