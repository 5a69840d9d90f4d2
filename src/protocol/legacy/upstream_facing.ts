/**
 * The handshake era's codec toward upstreams: the messages to them and from them. Not here: ids,
 * timeouts and the order of the handshake (upstream/link).
 */
import { GatewayError, upstreamCodes, type UpstreamErrorBody } from "../../errors.ts";
import type { JsonObject, Question, RequestId } from "../../model.ts";
import type { AskingWords, DecodedNotice, UpstreamDecoded, UpstreamWords } from "../codec.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { cleanParams } from "../message_members.ts";
import { isUsualProgress, problemIn } from "../shared/method_params.ts";
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
  decodeResult: (method, result) => decodeShared(method, withStructuredObject(method, result)),
  decodeError: (error) => new GatewayError("upstream_error", error.message, { upstream: error }),
  questionsIn,
  decodeNotice,
  decodeAsk: decodeQuestion,
  encodeAnswer,
};

/** An upstream may send notifications of the latest revision, whichever one it chose. */
function decodeNotice(method: string, given: JsonObject): UpstreamDecoded<DecodedNotice> {
  const row = methodIn(serverNotifications, method, latestRevision);
  if (row === undefined) return { kind: "unknown" };
  const cleaned = cleanParams(method, given);
  const isUsual = method === progress && isUsualProgress(cleaned);
  const message = isUsual ? undefined : problemIn(row.params, method, cleaned);
  if (message !== undefined) return { kind: "invalid", message };
  const params = modelParams(cleaned);
  if (method !== progress) {
    return { kind: "ok", value: { notice: { kind: "notice", method, params } } };
  }
  const { progressToken, ...others } = params;
  const notice = { kind: "notice", method, params: others } as const;
  // The schema has checked the token.
  return { kind: "ok", value: { notice, request: progressToken as RequestId } };
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

const elicitation = "elicitation/create";
const elicitationKeys = new Set(["elicitationId"]);
const progress = "notifications/progress";

const calls: ReadonlySet<string> = new Set(["tools/call", "tasks/result"]);

/** Structured content is always an object in this era, so an empty list means an empty object. */
function withStructuredObject(method: string, result: unknown): unknown {
  if (!calls.has(method) || !isJsonObject(result)) return result;
  const { structuredContent } = result;
  return Array.isArray(structuredContent) && structuredContent.length === 0
    ? { ...result, structuredContent: {} }
    : result;
}
