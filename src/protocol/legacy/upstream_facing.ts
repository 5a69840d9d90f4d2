/**
 * The handshake era's codec toward upstreams: the messages to them and from them. Not here: ids,
 * timeouts and the order of the handshake (upstream/link).
 */
import { GatewayError, upstreamCodes, type UpstreamErrorBody } from "../../errors.ts";
import type { JsonObject, Question, RequestId } from "../../model.ts";
import type { AskingWords, DecodedNotice, UpstreamDecoded, UpstreamWords } from "../codec.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { cleanParams } from "../message_members.ts";
import { isPlainProgress, isPlainToolResult, progressWithoutToken } from "../plain_messages.ts";
import { problemIn } from "../shared/method_params.ts";
import { decodeQuestion, encodeAnswer } from "../shared/questions.ts";
import { decodeShared } from "../shared/results.ts";
import { modelParams, without, withProgressToken } from "../shared/wire_keys.ts";
import { methodIn, serverNotifications } from "./methods.ts";
import { latestRevision } from "./revisions.ts";

/** The codec for upstreams of 2024-11-05 to 2025-11-25. */
export const legacyUpstreamCodec: UpstreamWords & AskingWords = {
  asks: "request",
  encodeCall: ({ method, params, progressToken }) => ({
    method,
    params: withProgressToken(params, progressToken),
  }),
  decodeResult: (method, result) =>
    method === "tools/call" && isPlainToolResult(result)
      ? { kind: "ok", value: { kind: "result", value: result } }
      : decodeShared(method, withStructuredObject(method, result)),
  decodeError: (error) => new GatewayError("upstream_error", error.message, { upstream: error }),
  questionsIn,
  decodeNotice,
  decodeAsk: decodeQuestion,
  encodeAnswer,
};

/** An upstream may send notifications of the latest revision, whichever one it chose. */
function decodeNotice(method: string, given: JsonObject): UpstreamDecoded<DecodedNotice> {
  if (method === progressMethod && isPlainProgress(given)) {
    const notice = { kind: "notice", method, params: progressWithoutToken(given) } as const;
    return { kind: "ok", value: { notice, request: given.progressToken } };
  }
  const row = methodIn(serverNotifications, method, latestRevision);
  if (row === undefined) return { kind: "unknown" };
  const cleaned = cleanParams(method, given);
  const message = problemIn(row.params, method, cleaned);
  if (message !== undefined) return { kind: "invalid", message };
  const params = modelParams(cleaned);
  if (method !== progressMethod) {
    return { kind: "ok", value: { notice: { kind: "notice", method, params } } };
  }
  const notice = { kind: "notice", method, params: without(params, tokenKeys) } as const;
  // The schema has checked the token.
  return { kind: "ok", value: { notice, request: given.progressToken as RequestId } };
}

/**
 * URL elicitations that a call needs first (2025-11-25), as questions. Their ids stay on this hop.
 */
function questionsIn(error: UpstreamErrorBody | undefined): readonly Question[] | undefined {
  const { code, data } = error ?? {};
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

const progressMethod = "notifications/progress";
const elicitation = "elicitation/create";
const elicitationKeys = new Set(["elicitationId"]);
const tokenKeys = new Set(["progressToken"]);

const calls: ReadonlySet<string> = new Set(["tools/call", "tasks/result"]);

/** Structured content is always an object in this era, so an empty list means an empty object. */
function withStructuredObject(method: string, result: unknown): unknown {
  if (!calls.has(method) || !isJsonObject(result)) return result;
  const { structuredContent } = result;
  return Array.isArray(structuredContent) && structuredContent.length === 0
    ? { ...result, structuredContent: {} }
    : result;
}
