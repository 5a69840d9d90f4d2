/**
 * Recognizes the usual messages of servers by their members. The full checks and corrections
 * (message_members.ts, sound_results.ts, jsonrpc.ts) would leave these messages unchanged, so they
 * are skipped, and no second object is made. All other messages take the full way.
 */
import { defaultLimits } from "../limits.ts";
import type { JsonObject, RequestId } from "../model.ts";
import { isJsonObject } from "./jsonrpc.ts";

/** An answer with a result. */
export interface PlainAnswer extends JsonObject {
  readonly id: number;
  readonly result: JsonObject;
}

/** Whether a parsed line is an answer with a result and an integer id, as the gateway uses them. */
export function isPlainAnswer(value: unknown): value is PlainAnswer {
  return isJsonObject(value) && value.jsonrpc === "2.0" && Number.isSafeInteger(value.id) &&
    value.method === undefined && value.error === undefined && isJsonObject(value.result);
}

/** Whether the result of a tool call holds only texts, structured content and flags. */
export function isPlainToolResult(result: unknown): result is JsonObject {
  if (!isJsonObject(result) || !Array.isArray(result.content)) return false;
  for (const name in result) {
    const isPlain = plainMembers[name];
    if (isPlain === undefined || !isPlain(result[name])) return false;
  }
  return true;
}

/** The members of a plain tool result. No prototype, so `constructor` is not one of them. */
const plainMembers: Readonly<Record<string, ((member: unknown) => boolean) | undefined>> = Object
  .assign(Object.create(null), {
    content: (member: unknown) => (member as unknown[]).every(isPlainText),
    isError: (member: unknown) => typeof member === "boolean",
    structuredContent: isJsonObject,
    resultType: (member: unknown) => member === "complete",
  });

/** Whether a content block is a text without annotations or other members. */
function isPlainText(block: unknown): boolean {
  if (!isJsonObject(block) || block.type !== "text" || typeof block.text !== "string") return false;
  for (const name in block) if (name !== "type" && name !== "text") return false;
  return true;
}

/** Params of a progress notification. */
export interface PlainProgress extends JsonObject {
  readonly progressToken: RequestId;
}

/** Whether params are those of a progress notification and have only the usual members. */
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

/** The params without the token, which belongs to one hop and is no part of the model. */
export function progressWithoutToken(params: PlainProgress): JsonObject {
  const progress: JsonObject = {};
  // `isPlainProgress` has checked the names, so none is `__proto__`.
  for (const name in params) if (name !== "progressToken") progress[name] = params[name];
  return progress;
}
