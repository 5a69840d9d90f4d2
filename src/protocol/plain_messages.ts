/**
 * The usual messages of servers, told by a few looks at their members: what the checks and
 * corrections of every message would pass unchanged. Most messages are like this, so that most cost
 * no second object; all others go the full way (message_members.ts, sound_results.ts, jsonrpc.ts).
 */
import { defaultLimits } from "../limits.ts";
import type { JsonObject, RequestId } from "../model.ts";
import { isJsonObject } from "./jsonrpc.ts";

/** An answer with a result. */
export interface PlainAnswer extends JsonObject {
  readonly id: number;
  readonly result: JsonObject;
}

/** Whether a parsed line is an answer with a result, under an id like ours; nothing else. */
export function isPlainAnswer(value: unknown): value is PlainAnswer {
  return isJsonObject(value) && value.jsonrpc === "2.0" && Number.isSafeInteger(value.id) &&
    value.method === undefined && value.error === undefined && isJsonObject(value.result);
}

/** Whether the result of a tool's call holds only texts, structured content and flags. */
export function isPlainToolResult(result: unknown): result is JsonObject {
  if (!isJsonObject(result) || !Array.isArray(result.content)) return false;
  for (const name in result) {
    const isPlain = plainMembers[name];
    if (isPlain === undefined || !isPlain(result[name])) return false;
  }
  return true;
}

/** Of a tool's result, without prototype: any other member goes the full way. */
const plainMembers: Readonly<Record<string, ((member: unknown) => boolean) | undefined>> = Object
  .assign(Object.create(null), {
    content: (member: unknown) => (member as unknown[]).every(isPlainText),
    isError: (member: unknown) => typeof member === "boolean",
    structuredContent: isJsonObject,
    resultType: (member: unknown) => member === "complete",
  });

/** A block of text without options. */
function isPlainText(block: unknown): boolean {
  if (!isJsonObject(block) || block.type !== "text" || typeof block.text !== "string") return false;
  for (const name in block) if (name !== "type" && name !== "text") return false;
  return true;
}

/** Params of a progress notification. */
export interface PlainProgress extends JsonObject {
  readonly progressToken: RequestId;
}

/** Whether params are those of progress, with usual members alone. */
export function isPlainProgress(params: JsonObject): params is PlainProgress {
  if (typeof params.progress !== "number") return false;
  const { progressToken: token } = params;
  const isToken = typeof token === "string"
    ? token.length <= defaultLimits.requestIdCharsMax
    : Number.isSafeInteger(token);
  if (!isToken) return false;
  for (const name in params) {
    if (name === "progressToken" || name === "progress") continue;
    const usual = name === "total" ? "number" : name === "message" ? "string" : undefined;
    if (usual === undefined || typeof params[name] !== usual) return false;
  }
  return true;
}

/** Such params as the model has them: without the token, which belongs to one hop. */
export function progressWithoutToken(params: PlainProgress): JsonObject {
  const progress: JsonObject = {};
  // Its names are known, `__proto__` is not among them.
  for (const name in params) if (name !== "progressToken") progress[name] = params[name];
  return progress;
}
