/**
 * Questions of servers to clients (roots, sampling, elicitation) and their answers. They are the
 * same whether an era carries them as requests of the server or inside a result.
 */
import type * as v from "valibot";
import { defaultLimits } from "../../limits.ts";
import type { Answer, JsonObject, Question } from "../../model.ts";
import type { EncodedAnswer, UpstreamDecoded, WireMessage } from "../codec.ts";
import { isJsonObject, isSafeText } from "../jsonrpc.ts";
import { cleanAnswer, cleanParams } from "../message_members.ts";
import { problemIn, sharedQuestions } from "./method_params.ts";
import { invalidResult } from "./results.ts";
import { modelParams, plainResult } from "./wire_keys.ts";

const { asksMax } = defaultLimits;

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

/**
 * The questions in a result or in a task's state, by key. As many as a server may have open at once,
 * since a client is asked all of them.
 */
export function decodeQuestions(method: string, asked: unknown): UpstreamDecoded<Question[]> {
  if (!isJsonObject(asked)) return invalidResult(method, '"inputRequests" must be an object');
  const entries = Object.entries(asked);
  if (entries.length > asksMax) {
    return invalidResult(method, `it asks for more than ${asksMax} inputs at once`);
  }
  const questions: Question[] = [];
  for (const [key, one] of entries) {
    if (!isSafeText(key) || !isJsonObject(one) || typeof one.method !== "string") {
      return invalidResult(method, `"inputRequests" has no request at ${JSON.stringify(key)}`);
    }
    const { params = {} } = one;
    const known = isJsonObject(params) ? decodeQuestion(one.method, params) : undefined;
    if (known?.kind !== "ok") {
      const asks = `it asks for ${JSON.stringify(one.method)}, which no client can answer`;
      return invalidResult(method, asks);
    }
    questions.push({ key, ...known.value });
  }
  return { kind: "ok", value: questions };
}

/** A client's answer as the reply to the server's request. */
export function encodeAnswer(answer: Answer): EncodedAnswer {
  if (answer.kind === "answer") return { result: plainResult(cleanAnswer(answer.value)) };
  const { code, message, data } = answer;
  return { error: data === undefined ? { code, message } : { code, message, data } };
}
