/**
 * The handshake era's codec toward upstreams: what they are sent and what may come from them.
 * Lenient where a server's slip does no harm (a null cursor, a list item without a name), strict
 * where a wrong shape would break the reader behind it. Ids, timeouts and the order of the
 * handshake belong to the connection.
 */
import { GatewayError, upstreamCodes, type UpstreamErrorBody } from "../../errors.ts";
import {
  type JsonObject,
  type ListKind,
  listKinds,
  type Question,
  type RequestId,
  type Result,
} from "../../model.ts";
import type { UpstreamDecoded, UpstreamFacingCodec } from "../codec.ts";
import { isAbsent, isJsonObject } from "../jsonrpc.ts";
import { cleanAnswer, cleanParams, cleanResult } from "../message_members.ts";
import { correctItems } from "../shared/list_items.ts";
import { latestRevision } from "./revisions.ts";
import {
  methodIn,
  type MethodTable,
  problemOf,
  serverNotifications,
  serverRequests,
} from "./methods.ts";
import { modelParams, plainResult, without, withProgressToken } from "../shared/wire_keys.ts";

/** How upstreams of 2024-11-05 to 2025-11-25 are spoken to. */
export const legacyUpstreamCodec: UpstreamFacingCodec = {
  encodeCall: ({ method, params, progressToken }) => ({
    method,
    params: withProgressToken(params, progressToken),
  }),
  decodeResult: (method, result) => decodeShared(method, withStructuredObject(method, result)),
  decodeError: (error) => new GatewayError("upstream_error", error.message, { upstream: error }),
  questionsIn,
  decodeNotice(method, params) {
    const checked = check(serverNotifications, method, params);
    if (checked.kind !== "ok") return checked;
    if (method !== "notifications/progress") {
      return { kind: "ok", value: { notice: { kind: "notice", method, params: checked.value } } };
    }
    const notice = { kind: "notice", method, params: without(checked.value, tokenKeys) } as const;
    // The schema has made sure of the token.
    return { kind: "ok", value: { notice, request: params.progressToken as RequestId } };
  },
  decodeAsk(method, params) {
    // `ping` is a request of servers too, but the connection answers it.
    if (method === "ping") return { kind: "unknown" };
    const checked = check(serverRequests, method, params);
    return checked.kind === "ok"
      ? { kind: "ok", value: { method, params: checked.value } }
      : checked;
  },
  encodeAnswer(_method, answer) {
    if (answer.kind === "answer") return { result: plainResult(cleanAnswer(answer.value)) };
    const { code, message, data } = answer;
    return { error: data === undefined ? { code, message } : { code, message, data } };
  },
};

/** URL elicitations that a call needs first (2025-11-25), as questions; their ids are this hop's. */
function questionsIn({ code, data }: UpstreamErrorBody): readonly Question[] | undefined {
  const entries = code === upstreamCodes.urlElicitationRequired && isJsonObject(data)
    ? data.elicitations
    : [];
  const asked = Array.isArray(entries) ? entries.filter(isJsonObject) : [];
  if (asked.length === 0) return undefined;
  return asked.map((entry, at) => ({
    key: `url-${at + 1}`,
    method: elicitation,
    params: { ...without(cleanParams(elicitation, entry), elicitationKeys), mode: "url" },
  }));
}

const elicitation = "elicitation/create";
const elicitationKeys = new Set(["elicitationId"]);
const tokenKeys = new Set(["progressToken"]);

/** Whatever revision the upstream chose, it may use what the latest has. */
function check(
  methods: MethodTable,
  method: string,
  given: JsonObject,
): UpstreamDecoded<JsonObject> {
  const row = methodIn(methods, method, latestRevision);
  if (row === undefined) return { kind: "unknown" };
  const params = cleanParams(method, given);
  const message = problemOf(row, method, params);
  return message === undefined
    ? { kind: "ok", value: modelParams(params) }
    : { kind: "invalid", message };
}

/** The member that must be an array, for results that have one. */
const arrays: ReadonlyMap<string, string> = new Map([
  ["resources/read", "contents"],
  ["prompts/get", "messages"],
]);

const lists = new Map(
  (Object.keys(listKinds) as ListKind[]).map((kind) => [listKinds[kind].method as string, kind]),
);

const calls: ReadonlySet<string> = new Set(["tools/call", "tasks/result"]);

/** Structured content is always an object in this era, so that an empty list is an empty object. */
function withStructuredObject(method: string, result: unknown): unknown {
  if (!calls.has(method) || !isJsonObject(result)) return result;
  const { structuredContent } = result;
  return Array.isArray(structuredContent) && structuredContent.length === 0
    ? { ...result, structuredContent: {} }
    : result;
}

/** A result in what both eras have in common. */
export function decodeShared(method: string, result: unknown): UpstreamDecoded<Result> {
  if (!isJsonObject(result)) return invalid(method, "the result must be an object");
  const value = cleanResult(method, result);
  const list = lists.get(method);
  if (list !== undefined) return decodeList(list, value);
  const decoded = decodeAnswer(method, value);
  return decoded.kind === "ok"
    ? { kind: "ok", value: { kind: "result", value: decoded.value } }
    : decoded;
}

/** What answers a request that is not for a list. */
function decodeAnswer(method: string, value: JsonObject): UpstreamDecoded<JsonObject> {
  const key = arrays.get(method);
  if (key !== undefined && !Array.isArray(value[key])) {
    return invalid(method, `"${key}" must be an array`);
  }
  if (method === "tools/call") {
    // Run as a task: the rest comes later.
    if (isJsonObject(value.task)) return { kind: "ok", value };
    return decodeToolResult(method, value);
  }
  if (method === "completion/complete") {
    const { completion } = value;
    if (!isJsonObject(completion) || !Array.isArray(completion.values)) {
      return invalid(method, '"completion.values" must be an array');
    }
  }
  return { kind: "ok", value };
}

/**
 * Some servers leave `content` out beside structured content; clients do not expect that. Those of
 * 2024-10-07 have `toolResult` in its place. A result that has nothing at all is no success.
 */
function decodeToolResult(method: string, value: JsonObject): UpstreamDecoded<JsonObject> {
  const { toolResult, isError, structuredContent, content = contentOf(toolResult) } = value;
  if (content === undefined && isAbsent(structuredContent) && isError !== true) {
    return invalid(method, '"content" is missing');
  }
  const blocks = content ?? [];
  if (!Array.isArray(blocks)) return invalid(method, '"content" must be an array');
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

/** A list without the items that cannot be called, and with the others corrected. */
function decodeList(kind: ListKind, value: JsonObject): UpstreamDecoded<Result> {
  const { method, key } = listKinds[kind];
  const given = value[key] ?? [];
  if (!Array.isArray(given)) return invalid(method, `"${key}" must be an array`);
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

function invalid(method: string, problem: string): UpstreamDecoded<never> {
  return { kind: "invalid", message: `Cannot take the server's ${method} result: ${problem}` };
}
