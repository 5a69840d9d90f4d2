/**
 * The stateless era's codec toward upstreams: each request with its envelope, results by their
 * kind, notices with the request that they belong to, and errors with their meaning for the
 * gateway. Lists are cleaned as in the handshake era. Follows basic/index, versioning,
 * patterns/mrtr and server/discover of 2026-07-28.
 */
import { errorTable } from "../../error_table.ts";
import { GatewayError, type UpstreamErrorBody, withOutcome } from "../../errors.ts";
import type {
  Correction,
  Description,
  Freshness,
  InputRequired,
  JsonObject,
  RequestId,
  Result,
  Resume,
} from "../../model.ts";
import type {
  DecodedNotice,
  Identity,
  OutgoingCall,
  ResultAskingWords,
  UpstreamDecoded,
  UpstreamWords,
} from "../codec.ts";
import { cleanCapabilities, cleanInfo } from "../declared_members.ts";
import { toDescription } from "../description.ts";
import { isAbsent, isJsonObject } from "../jsonrpc.ts";
import { isPlainProgress, isPlainToolResult, progressWithoutToken } from "../plain_messages.ts";
import { problemIn } from "../shared/method_params.ts";
import { decodeQuestions } from "../shared/questions.ts";
import { decodeShared, invalidResult } from "../shared/results.ts";
import { modelParams, without } from "../shared/wire_keys.ts";
import { cleanAnswer, cleanParams, cleanResult } from "../message_members.ts";
import { isNamed } from "../names.ts";
import { envelopeKeys } from "./envelope.ts";
import { notifications, pausable } from "./methods.ts";
import { modernRevision } from "./revision.ts";
import { decodeCreatedTask, decodeTaskAnswer, isTaskRequest } from "./task_messages.ts";
import { problemOf } from "./tool_headers.ts";

/** Makes the codec for upstreams of 2026-07-28; the gateway names itself by `identity`. */
export function createModernUpstreamCodec(identity: Identity): UpstreamWords & ResultAskingWords {
  return {
    asks: "result",
    encodeCall: (call) => encodeCall(call, identity),
    decodeResult,
    decodeError,
    decodeNotice,
  };
}

function encodeCall(
  { method, params, progressToken, clientContext, resume }: OutgoingCall,
  identity: Identity,
) {
  const meta = isJsonObject(params._meta) ? params._meta : {};
  const hasAnswers = resume !== undefined && Object.keys(resume.answers).length > 0;
  return {
    method,
    params: {
      ...(method === "tools/call" ? without(params, taskKeys) : params),
      ...(hasAnswers ? { inputResponses: cleanAnswers(resume.answers) } : {}),
      ...(resume?.state === undefined ? {} : { requestState: resume.state }),
      _meta: {
        ...meta,
        ...(progressToken === undefined ? {} : { progressToken }),
        [envelopeKeys.revision]: modernRevision,
        [envelopeKeys.clientInfo]: clientContext.clientTitle === undefined
          ? { ...identity }
          : { ...identity, title: clientContext.clientTitle },
        [envelopeKeys.capabilities]: clientContext.capabilities,
        ...(clientContext.logLevel === undefined
          ? {}
          : { [envelopeKeys.logLevel]: clientContext.logLevel }),
      },
    },
  };
}

/** Each answer to a question of a server, by its key. */
function cleanAnswers(answers: Resume["answers"]): JsonObject {
  const clean = Object.entries(answers).map(([key, answer]) => [key, cleanAnswer(answer)]);
  return Object.fromEntries(clean) as JsonObject;
}

function decodeResult(method: string, given: unknown): UpstreamDecoded<Result | InputRequired> {
  if (method === "tools/call" && isPlainToolResult(given)) {
    return { kind: "ok", value: { kind: "result", value: given, freshness: undefined } };
  }
  const { resultType } = isJsonObject(given) ? given : {};
  if (resultType === "input_required") {
    return decodePause(method, cleanResult(method, given as JsonObject));
  }
  if (method === "tools/call" && resultType === "task") {
    return decodeCreatedTask(method, given as JsonObject);
  }
  if (isTaskRequest(method)) return decodeTaskAnswer(method, given);
  if (!isAbsent(resultType) && resultType !== "complete") {
    return invalidResult(method, `its resultType is ${JSON.stringify(resultType)}`);
  }
  const decoded = decodeShared(method, given);
  if (decoded.kind !== "ok") return decoded;
  const { value } = decoded.value;
  if (!isNamed(method)) {
    // The result of a foreign method reaches its client as it is, except for this member of
    // 2026-07-28.
    return { kind: "ok", value: { kind: "result", value: without(value, kindKeys) } };
  }
  const result: Result = { ...decoded.value, freshness: freshnessOf(value) };
  return { kind: "ok", value: method === "tools/list" ? withUsableTools(result) : result };
}

function withUsableTools(result: Result): Result {
  const tools = (Array.isArray(result.value.tools) ? result.value.tools : []).filter(isJsonObject);
  const faulty: Correction[] = [];
  const usable = tools.filter(({ name, inputSchema }) => {
    const problem = problemOf(inputSchema);
    if (problem !== undefined) faulty.push({ item: String(name), reason: `left out: ${problem}` });
    return problem === undefined;
  });
  const corrections = [...result.corrections ?? [], ...faulty];
  return { ...result, value: { ...result.value, tools: usable }, corrections };
}

function freshnessOf({ ttlMs, cacheScope }: JsonObject): Freshness | undefined {
  if (!Number.isSafeInteger(ttlMs) || Number(ttlMs) < 0) return undefined;
  return { ttlMs: Number(ttlMs), isShared: cacheScope === "public" };
}

function decodePause(
  method: string,
  { inputRequests = {}, requestState }: JsonObject,
): UpstreamDecoded<InputRequired> {
  if (!pausable.has(method)) return invalidResult(method, "it may not ask for input");
  if (requestState !== undefined && typeof requestState !== "string") {
    return invalidResult(method, '"requestState" must be a string');
  }
  const decoded = decodeQuestions(method, inputRequests);
  if (decoded.kind !== "ok") return decoded;
  const questions = decoded.value;
  if (questions.length === 0 && requestState === undefined) {
    return invalidResult(method, "it asks for input but does not say which");
  }
  return { kind: "ok", value: { kind: "inputRequired", questions, state: requestState } };
}

/** The gateway's error for an upstream's error: some codes have a meaning only on this hop. */
function decodeError(error: UpstreamErrorBody): GatewayError {
  const { code, message, data } = error;
  if (code === errorTable.header_mismatch.rpc) {
    return withOutcome(new GatewayError("header_mismatch", message, { cause: error }), "refused");
  }
  if (code === errorTable.capability_missing.rpc) {
    const required = isJsonObject(data) ? data.requiredCapabilities : undefined;
    const names = isJsonObject(required) ? Object.keys(required) : [];
    return new GatewayError(
      "capability_missing",
      `The server needs what the client did not declare: ${names.join(", ") || message}`,
      {
        data: {
          requiredCapabilities: isJsonObject(required) ? required : {},
          outcome: "refused",
        },
      },
    );
  }
  return new GatewayError("upstream_error", message, { upstream: error });
}

function decodeNotice(method: string, given: JsonObject): UpstreamDecoded<DecodedNotice> {
  if (method === progressMethod && isPlainProgress(given)) {
    const notice = { kind: "notice", method, params: progressWithoutToken(given) } as const;
    return { kind: "ok", value: { notice, request: given.progressToken } };
  }
  const schema = notifications.get(method);
  if (schema === undefined) return { kind: "unknown" };
  const params = cleanParams(method, given);
  const message = problemIn(schema, method, params);
  if (message !== undefined) return { kind: "invalid", message };
  const meta = isJsonObject(params._meta) ? params._meta : {};
  const request = params.progressToken ?? meta[envelopeKeys.subscription];
  const notice = {
    kind: "notice",
    method,
    params: modelParams(without(params, tokenKeys)),
  } as const;
  return { kind: "ok", value: { notice, request: request as RequestId | undefined } };
}

const progressMethod = "notifications/progress";
const tokenKeys = new Set(["progressToken"]);
const kindKeys = new Set(["resultType"]);
/** Tasks of the handshake era: without this member the server runs a plain call. */
const taskKeys = new Set(["task"]);

/** An upstream's answer to `server/discover`. */
export interface Discovery {
  readonly description: Description;
  /** The revisions that it serves. */
  readonly supported: readonly string[];
}

/** The result of `server/discover`. */
export function decodeDiscover(value: unknown): UpstreamDecoded<Discovery> {
  if (!isJsonObject(value)) return invalidResult("server/discover", "the result must be an object");
  const { supportedVersions, capabilities, instructions, _meta } = value;
  if (!isTexts(supportedVersions) || !supportedVersions.includes(modernRevision)) {
    const named = JSON.stringify(supportedVersions) ?? "nothing";
    return invalidResult("server/discover", `it serves ${named}; ${modernRevision} is needed`);
  }
  const declared = cleanCapabilities(capabilities);
  if (declared === undefined) {
    return invalidResult("server/discover", '"capabilities" must be an object');
  }
  const serverInfo = isJsonObject(_meta) ? _meta[envelopeKeys.serverInfo] : undefined;
  return {
    kind: "ok",
    value: {
      supported: supportedVersions,
      description: toDescription(declared, cleanInfo(serverInfo), instructions),
    },
  };
}

/** The revisions that a server names when it refuses the gateway's; undefined for other errors. */
export function supportedIn({ code, data }: UpstreamErrorBody): readonly string[] | undefined {
  if (code !== errorTable.version_unsupported.rpc || !isJsonObject(data)) return undefined;
  return isTexts(data.supported) ? data.supported : undefined;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
