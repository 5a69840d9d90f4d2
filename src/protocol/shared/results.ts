/**
 * Results of servers, as far as both eras share them: lenient if a server's mistake does no harm (a
 * list item without a name), strict if a wrong shape would break the client. Each era reads the
 * kind and freshness of a result itself.
 */
import { type JsonObject, type ListKind, listKinds, type Result } from "../../model.ts";
import type { UpstreamDecoded } from "../codec.ts";
import { isAbsent, isJsonObject } from "../jsonrpc.ts";
import { cleanResult } from "../message_members.ts";
import { correctItems, skillProblem } from "./list_items.ts";
import { without } from "./wire_keys.ts";

/** The member that must be an array, for results that have one. */
const arrays: ReadonlyMap<string, string> = new Map([
  ["resources/read", "contents"],
  ["prompts/get", "messages"],
]);

/** What the items of a result are, by its method. */
const lists = new Map<string, ListKind>([
  ...(Object.keys(listKinds) as ListKind[]).map((kind) =>
    [listKinds[kind].method as string, kind] as const
  ),
  ["resources/directory/read", "resources"],
]);

/** Decodes a result as far as both eras share it. */
export function decodeShared(method: string, result: unknown): UpstreamDecoded<Result> {
  if (!isJsonObject(result)) return invalidResult(method, "the result must be an object");
  const value = cleanResult(method, result);
  const list = lists.get(method);
  if (list !== undefined) return decodeList(method, list, value);
  const decoded = decodeAnswer(method, value);
  return decoded.kind === "ok"
    ? { kind: "ok", value: { kind: "result", value: decoded.value } }
    : decoded;
}

/** The result of a request that is not for a list. */
function decodeAnswer(method: string, value: JsonObject): UpstreamDecoded<JsonObject> {
  const key = arrays.get(method);
  if (key !== undefined && !Array.isArray(value[key])) {
    return invalidResult(method, `"${key}" must be an array`);
  }
  if (method === "tools/call") {
    // The call runs as a task; its result comes later.
    if (isJsonObject(value.task)) return { kind: "ok", value };
    return decodeToolResult(method, value);
  }
  if (method === "skills/get") {
    const problem = skillProblem(value.skill);
    if (problem !== undefined) return invalidResult(method, `of "skill", ${problem}`);
  }
  if (method === "completion/complete") {
    const { completion } = value;
    if (!isJsonObject(completion) || !Array.isArray(completion.values)) {
      return invalidResult(method, '"completion.values" must be an array');
    }
  }
  return { kind: "ok", value };
}

/**
 * Some servers omit `content` next to structured content, which clients do not expect. Servers of
 * 2024-10-07 have `toolResult` instead. A result with nothing in it is no success.
 */
function decodeToolResult(method: string, value: JsonObject): UpstreamDecoded<JsonObject> {
  const { toolResult, isError, structuredContent, content = contentOf(toolResult) } = value;
  if (content === undefined && isAbsent(structuredContent) && isError !== true) {
    return invalidResult(method, '"content" is missing');
  }
  const blocks = content ?? [];
  if (!Array.isArray(blocks)) return invalidResult(method, '"content" must be an array');
  if (toolResult === undefined && blocks === value.content) return { kind: "ok", value };
  const result = toolResult === undefined ? value : without(value, toolResultKeys);
  return { kind: "ok", value: { ...result, content: blocks } };
}

const toolResultKeys = new Set(["toolResult"]);

/** An older server's result as content: its text, or else its JSON. */
function contentOf(toolResult: unknown): JsonObject[] | undefined {
  if (isAbsent(toolResult)) return undefined;
  const text = typeof toolResult === "string" ? toolResult : JSON.stringify(toolResult);
  return [{ type: "text", text }];
}

/** A list of corrected items, without those that have no name or URI. */
function decodeList(method: string, kind: ListKind, value: JsonObject): UpstreamDecoded<Result> {
  const { key } = listKinds[kind];
  const given = value[key] ?? [];
  if (!Array.isArray(given)) return invalidResult(method, `"${key}" must be an array`);
  const { items, corrections } = correctItems(kind, given);
  return {
    kind: "ok",
    value: {
      kind: "result",
      value: { ...value, [key]: items },
      ...(corrections.length === 0 ? {} : { corrections }),
    },
  };
}

/** A result that the gateway cannot take, and why. */
export function invalidResult(method: string, problem: string): UpstreamDecoded<never> {
  return { kind: "invalid", message: `Cannot take the server's ${method} result: ${problem}` };
}
